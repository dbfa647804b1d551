"""Operative or not, as the CSMS wants it (section 7.1), kept in space `availability`.

A change for an EVSE with a transaction waits for its end; meanwhile no new one may start. EVSE 0 is
the whole station: a change of it is one of every EVSE too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from chargepoint.station.desk import Desk
from chargepoint.station.effects import Verdict

SPACE = "availability"
STATION = 0


class Availability:
    """What the CSMS asked for last, for the station and each EVSE."""

    def __init__(self, desk: Desk, evses: Iterable[int], kept: Mapping[str, str]) -> None:
        self._desk = desk
        self._operative = {STATION: True} | dict.fromkeys(evses, True)
        for key, text in kept.items():
            if int(key) in self._operative:
                self._operative[int(key)] = bool(msgspec.json.decode(text))

    def operative(self, evse: int) -> bool:
        """Whether a transaction may start there: neither it nor the station is inoperative."""
        return self._operative[STATION] and self._operative[evse]

    def change(self, evse: int, operative: bool, busy: Iterable[int]) -> Verdict:
        """Take a request; `busy`: EVSEs with a transaction, which finish it first."""
        if evse not in self._operative:
            return Verdict.REJECTED
        concerned = list(self._operative) if evse == STATION else [evse]
        for each in concerned:
            if self._operative[each] is not operative:
                self._operative[each] = operative
                self._desk.put(SPACE, str(each), operative, durable=True)
        waits = not operative and not set(busy).isdisjoint(concerned)
        return Verdict.SCHEDULED if waits else Verdict.ACCEPTED
