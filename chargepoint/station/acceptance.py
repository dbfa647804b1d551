"""Whether the CSMS has ever accepted this station (B6): before that nothing may start, if wanted.

Known over restarts by one key in space `acceptance`; local authorization holds from then on also
without a connection.
"""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.station.desk import Desk

SPACE = "acceptance"
KEY = "accepted"


class Acceptance:
    """`needed`: a station that waits for its CSMS; else it may always charge."""

    def __init__(self, desk: Desk, needed: bool, kept: Mapping[str, str]) -> None:
        self._desk = desk
        self._needed = needed
        self._known = KEY in kept

    @property
    def open(self) -> bool:
        """Transactions may start."""
        return self._known or not self._needed

    def accepted(self) -> None:
        """The CSMS has accepted us."""
        if not self._known:
            self._known = True
            self._desk.put(SPACE, KEY, True, durable=True)
