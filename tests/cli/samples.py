"""Answers of an agent that the tests of commands share."""

from __future__ import annotations

from chargepoint.ipc.messages import EvseSnapshot
from chargepoint.ipc.service import (
    CsmsStatus,
    EvseStatus,
    LedgerStatus,
    StationStatus,
)
from hal.values import MeterReading


def status(*evses: EvseSnapshot, meter: MeterReading | None = None) -> StationStatus:
    return StationStatus(
        station="CP-1",
        version="1.0",
        uptime_s=100.0,
        clock="ntp",
        csms=CsmsStatus(
            configured=False,
            url="",
            state="off",
            version="",
            since_s=0.0,
            last_error="",
            next_attempt_s=None,
        ),
        ledger=LedgerStatus(waiting=0, quarantined=0, oldest_waiting_s=None, acknowledged=0),
        evses=tuple(
            EvseStatus(
                evse=evse.evse,
                state="Available",
                fault=None,
                control=evse,
                meter=meter,
                transaction=None,
            )
            for evse in evses
        ),
    )
