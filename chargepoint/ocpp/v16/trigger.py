"""TriggerMessage: what the CSMS wants to hear again (OCPP 1.6, section 5.17; rules M1 to M6).

Decides the answer and what has to follow it; the adapter answers first and sends afterwards.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from chargepoint.ocpp.frames import Payload


class Wanted(Enum):
    """A message that can be triggered."""

    BOOT = "BootNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    STATUS = "StatusNotification"


class Trigger(msgspec.Struct, frozen=True):
    """`connector` None: all of them, or it does not matter."""

    wanted: Wanted
    connector: int | None


_WITH_CONNECTOR = {Wanted.METER_VALUES, Wanted.STATUS}


def trigger(request: Payload, connectors: int) -> Trigger | str:
    """What to send after the answer `Accepted`, or another status."""
    try:
        wanted = Wanted(request["requestedMessage"])
    except ValueError:
        return "NotImplemented"  # the statuses of firmware and diagnostics, which we do not have
    if wanted not in _WITH_CONNECTOR:
        return Trigger(wanted, None)
    connector = request.get("connectorId")
    if connector is not None and not 0 <= connector <= connectors:
        return "Rejected"
    return Trigger(wanted, connector)
