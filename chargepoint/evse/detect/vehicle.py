"""Pilot, proximity, lock and current: what the vehicle and its cable can do wrong."""

from __future__ import annotations

from chargepoint.evse.observation import Observation
from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from hal.values import PilotState


def pilot_shorted(o: Observation, _: EvseSettings) -> str | None:
    return _pilot_text(o) if o.pilot is o.pilot_raw is PilotState.E else None


def pilot_out_of_range(o: Observation, _: EvseSettings) -> str | None:
    out = o.pilot is o.pilot_raw is PilotState.F
    return _pilot_text(o) if out and not o.fault_shown else None


def diode_missing(o: Observation, _: EvseSettings) -> str | None:
    return _pilot_text(o) if o.diode is Diode.FAILED else None


def ventilation_missing(o: Observation, settings: EvseSettings) -> str | None:
    missing = o.pilot is PilotState.D and not settings.ventilated
    return "state D, no ventilation" if missing else None


def simplified_pilot(o: Observation, settings: EvseSettings) -> str | None:
    refused = o.simplified and settings.simplified_pilot_refused
    return "state C since it was plugged in, never B" if refused else None


def proximity_invalid(o: Observation, _: EvseSettings) -> str | None:
    if not (o.proximity_used and o.connected) or o.cable_coded_a:
        return None
    return "vehicle connected, " + ("no cable" if o.cable_coded_a == 0 else "no valid coding")


def cable_cut(o: Observation, _: EvseSettings) -> str | None:
    locked = o.lock_commanded and o.reading is not None and o.reading.locked is True
    gone = o.proximity_used and o.cable_coded_a == 0 and o.pilot is PilotState.A
    return "no vehicle and no cable, but the lock is engaged" if locked and gone else None


def connector_not_locked(o: Observation, settings: EvseSettings) -> str | None:
    if not o.lock_failed or o.closed_s is not None:
        return None
    return f"not locked after {settings.lock_attempts} attempts"


def lock_opened(o: Observation, _: EvseSettings) -> str | None:
    if o.closed_s is None or o.reading is None or not o.lock_commanded:
        return None
    return "lock open with the contactor closed" if o.reading.locked is False else None


def lock_stuck(o: Observation, settings: EvseSettings) -> str | None:
    return f"still locked after {settings.lock_attempts} attempts" if o.lock_stuck else None


def over_current(o: Observation, _: EvseSettings) -> str | None:
    limit_a = over_current_limit_a(o.offered_a)
    if o.current_max_a is None or o.current_max_a <= limit_a:
        return None
    return f"{o.current_max_a:.1f} A, limit {limit_a:.1f} A for {o.offered_a:.1f} A offered"


def over_current_limit_a(offered_a: float) -> float:
    """Phase current above which the vehicle takes more than it was offered."""
    return (offered_a + 0.5) * 1.1


def _pilot_text(o: Observation) -> str:
    if o.reading is None or isinstance(o.reading.pilot, PilotState):
        return f"state {o.pilot.value if o.pilot else 'unknown'}"
    levels = o.reading.pilot
    return f"high {levels.high_v:.1f} V, low {levels.low_v:.1f} V"
