"""What the safety program tells its own log: the facts that a person would ask about later.

Levels (`Observed`, `Measured`, `Health`) are not logged, they would drown the story.
"""

from __future__ import annotations

from chargepoint import log
from chargepoint.ipc import messages as m

_log = log.get("control")


def note(fact: m.Fact) -> None:
    """Log `fact` if it belongs to the story of a session or of a fault."""
    match fact:
        case m.PilotChanged(evse=evse, pilot=pilot, before=before):
            was = before.value if before is not None else None
            _log.debug("pilot.changed", evse=evse, pilot=pilot.value, before=was)
        case m.ContactorClosed(evse=evse, operations=operations):
            _log.info("contactor.closed", evse=evse, operations=operations)
        case m.ContactorOpened(evse=evse, cause=cause, under_load=under_load):
            _log.info("contactor.opened", evse=evse, cause=cause.value, under_load=under_load)
        case m.HazardRaised(evse=evse, hazard=hazard, detail=detail):
            _log.error("hazard.raised", evse=evse, hazard=hazard, detail=detail)
        case m.HazardCleared(evse=evse, hazard=hazard):
            _log.info("hazard.cleared", evse=evse, hazard=hazard)
        case m.RcdTested(evse=evse, passed=passed, detail=detail):
            tell = _log.info if passed else _log.error
            tell("rcd.tested", evse=evse, passed=passed, detail=detail)
        case m.LeaseExpired(evse=evse, lease=lease):
            _log.warning("lease.expired", evse=evse, lease=lease)
        case m.DeviceLost(device=device, detail=detail):
            _log.warning("device.lost", device=device, error=detail)
        case m.DeviceBack(device=device, lost_s=lost_s):
            _log.info("device.back", device=device, lost_s=round(lost_s, 1))
        case _:
            return
