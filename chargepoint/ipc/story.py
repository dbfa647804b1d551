"""The facts of a safety program that a person would ask about later, as lines of a log.

The safety program writes them into its own log; the agent, which cannot read that one everywhere,
keeps the same lines of what it hears. Levels (`Observed`, `Measured`, `Health`) are none of them:
they would drown the story.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from chargepoint.ipc import messages as m


class Noted(msgspec.Struct, frozen=True):
    """One line."""

    level: Literal["debug", "info", "warning", "error"]
    name: str
    fields: dict[str, Any]


def noted(fact: m.Fact) -> Noted | None:
    """What the log says of `fact`; None: nothing."""
    fields: dict[str, Any]
    match fact:
        case m.PilotChanged(evse=evse, pilot=pilot, before=before):
            was = before.value if before is not None else None
            fields = {"evse": evse, "pilot": pilot.value, "before": was}
            return Noted("debug", "pilot.changed", fields)
        case m.ContactorClosed(evse=evse, operations=operations):
            return Noted("info", "contactor.closed", {"evse": evse, "operations": operations})
        case m.ContactorOpened(evse=evse, cause=cause, under_load=under_load):
            fields = {"evse": evse, "cause": cause.value, "under_load": under_load}
            return Noted("info", "contactor.opened", fields)
        case m.HazardRaised(evse=evse, hazard=hazard, detail=detail):
            fields = {"evse": evse, "hazard": hazard, "detail": detail}
            return Noted("error", "hazard.raised", fields)
        case m.HazardCleared(evse=evse, hazard=hazard):
            return Noted("info", "hazard.cleared", {"evse": evse, "hazard": hazard})
        case m.RcdTested(evse=evse, passed=passed, detail=detail):
            fields = {"evse": evse, "passed": passed, "detail": detail}
            return Noted("info" if passed else "error", "rcd.tested", fields)
        case m.LeaseExpired(evse=evse, lease=lease):
            return Noted("warning", "lease.expired", {"evse": evse, "lease": lease})
        case m.DeviceLost(device=device, detail=detail):
            return Noted("warning", "device.lost", {"device": device, "error": detail})
        case m.DeviceBack(device=device, lost_s=lost_s):
            fields = {"device": device, "lost_s": round(lost_s, 1)}
            return Noted("info", "device.back", fields)
        case _:
            return None
