"""Pilot, proximity, lock and current: what the vehicle and its cable can do wrong."""

from __future__ import annotations

from chargepoint.evse.observation import Observation
from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said
from chargepoint.ipc.messages import Said
from hal.values import PilotState


def pilot_shorted(o: Observation, _: EvseSettings) -> Said | None:
    return _pilot(o) if o.pilot is o.pilot_raw is PilotState.E else None


def pilot_out_of_range(o: Observation, _: EvseSettings) -> Said | None:
    out = o.pilot is o.pilot_raw is PilotState.F
    return _pilot(o) if out and not o.fault_shown else None


def diode_missing(o: Observation, _: EvseSettings) -> Said | None:
    return _pilot(o) if o.diode is Diode.FAILED else None


def ventilation_missing(o: Observation, settings: EvseSettings) -> Said | None:
    missing = o.pilot is PilotState.D and not settings.ventilated
    return said("ventilation") if missing else None


def simplified_pilot(o: Observation, settings: EvseSettings) -> Said | None:
    refused = o.simplified and settings.simplified_pilot_refused
    return said("simplified") if refused else None


def proximity_invalid(o: Observation, _: EvseSettings) -> Said | None:
    if not (o.proximity_used and o.connected) or o.cable_coded_a:
        return None
    return said("proximity_empty" if o.cable_coded_a == 0 else "proximity")


def cable_cut(o: Observation, _: EvseSettings) -> Said | None:
    locked = o.lock_commanded and o.reading is not None and o.reading.locked is True
    gone = o.proximity_used and o.cable_coded_a == 0 and o.pilot is PilotState.A
    return said("cable_gone") if locked and gone else None


def connector_not_locked(o: Observation, settings: EvseSettings) -> Said | None:
    if not o.lock_failed or o.closed_s is not None:
        return None
    return said("not_locked", attempts=settings.lock_attempts)


def lock_opened(o: Observation, _: EvseSettings) -> Said | None:
    if o.closed_s is None or o.reading is None or not o.lock_commanded:
        return None
    return said("lock_open") if o.reading.locked is False else None


def lock_stuck(o: Observation, settings: EvseSettings) -> Said | None:
    return said("still_locked", attempts=settings.lock_attempts) if o.lock_stuck else None


def over_current(o: Observation, _: EvseSettings) -> Said | None:
    limit_a = over_current_limit_a(o.offered_a)
    if o.current_max_a is None or o.current_max_a <= limit_a:
        return None
    return said("current_high", current_a=o.current_max_a, limit_a=limit_a, offered_a=o.offered_a)


def over_current_limit_a(offered_a: float) -> float:
    """Phase current above which the vehicle takes more than it was offered."""
    return (offered_a + 0.5) * 1.1


def _pilot(o: Observation) -> Said:
    if o.reading is None or isinstance(o.reading.pilot, PilotState):
        return said("pilot_state", state=o.pilot.value if o.pilot else "unknown")
    levels = o.reading.pilot
    return said("pilot_levels", high_v=levels.high_v, low_v=levels.low_v)
