"""Security events of the station itself (white paper, section 3.6), as records of the outbox."""

from __future__ import annotations

from chargepoint.station.desk import Desk
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import SecurityEventHappened

INFO_MAX = 255


class SecurityEvents:
    """Critical events: stored before anything else happens, sent when the CSMS can be reached."""

    def __init__(self, desk: Desk, outbox: Outbox) -> None:
        self._desk = desk
        self._outbox = outbox

    def happened(self, kind: str, info: str = "") -> None:
        """`kind` is a name from the OCPP security event list."""
        record = SecurityEventHappened(
            sequence=self._outbox.next_sequence(),
            kind=kind,
            stamp=self._desk.stamp(),
            info=info[:INFO_MAX],
        )
        self._outbox.append(record, durable=True)
