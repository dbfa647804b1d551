"""The station itself: safety inputs, temperature, residual-current monitor, board and readings."""

from __future__ import annotations

from chargepoint.evse.observation import BoardLevel, Observation, reported
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said
from chargepoint.ipc.messages import Said

# --- Inputs ---------------------------------------------------------------------------------------


def emergency_stopped(o: Observation, _: EvseSettings) -> Said | None:
    pressed = o.newest is not None and o.newest.emergency_stopped
    return said("active", input="emergency-stop input") if pressed else None


def rcd_tripped(o: Observation, _: EvseSettings) -> Said | None:
    tripped = o.newest is not None and o.newest.rcd_tripped and not o.rcd_testing
    return said("active", input="residual-current input") if tripped else None


def rcd_test_failed(o: Observation, _: EvseSettings) -> Said | None:
    return o.rcd_failure


def pe_lost(o: Observation, _: EvseSettings) -> Said | None:
    lost = o.newest is not None and o.newest.pe_lost
    return said("active", input="earth monitor") if lost else None


def tilted(o: Observation, _: EvseSettings) -> Said | None:
    active = o.newest is not None and o.newest.tilted
    return said("active", input="tilt contact") if active else None


def door_open(o: Observation, _: EvseSettings) -> Said | None:
    active = o.newest is not None and o.newest.door_open
    return said("door_contact") if active else None


def breaker_tripped(o: Observation, _: EvseSettings) -> Said | None:
    return _by_board(o, "breaker_tripped")


def water_detected(o: Observation, _: EvseSettings) -> Said | None:
    return _by_board(o, "water_detected")


def _by_board(o: Observation, fault: str) -> Said | None:
    return said("by_board") if fault in reported(o) else None


# --- Temperature ----------------------------------------------------------------------------------


def temperature_raised(o: Observation, settings: EvseSettings) -> Said | None:
    return _hot(o, settings, "temperature_raised", settings.temperature_warn_c)


def temperature_high(o: Observation, settings: EvseSettings) -> Said | None:
    if not o.derating or o.reading is None or o.reading.temperature_c is None:
        return None
    return said(
        "derated",
        temperature_c=o.reading.temperature_c,
        limit_c=settings.temperature_derate_c,
        step=o.derating,
    )


def over_temperature(o: Observation, settings: EvseSettings) -> Said | None:
    return _hot(o, settings, "over_temperature", settings.temperature_pause_c)


def overheated(o: Observation, settings: EvseSettings) -> Said | None:
    return _hot(o, settings, "overheated", settings.temperature_open_c)


def temperature_sensor_lost(o: Observation, _: EvseSettings) -> Said | None:
    missing_s = o.temperature_missing_s
    return said("no_temperature", missing_s=missing_s) if missing_s >= SENSOR_MISSING_S else None


SENSOR_MISSING_S = 10.0
"""A fitted sensor may be silent for this long (our choice)."""


def _hot(o: Observation, settings: EvseSettings, hazard: str, limit_c: float) -> Said | None:
    """Above `limit_c`, or, once it was, not yet below it by the hysteresis."""
    temperature_c = o.reading.temperature_c if o.reading is not None else None
    if hazard in o.active:
        limit_c -= settings.temperature_hysteresis_c
    if temperature_c is None or temperature_c < limit_c:
        return None
    return said("hot", temperature_c=temperature_c, limit_c=limit_c)


# --- Board and readings ---------------------------------------------------------------------------


def reading_stale(o: Observation, settings: EvseSettings) -> Said | None:
    if o.board is not BoardLevel.HEARD:
        return None
    if o.reading_age_s > settings.stale_after_s:
        return said("no_reading", limit_s=settings.stale_after_s)
    if o.sample_age_s > settings.stale_after_s:
        return said("same_sample", limit_s=settings.stale_after_s)
    return None


def board_lost(o: Observation, _: EvseSettings) -> Said | None:
    return said("no_answer") if o.board is BoardLevel.LOST else None


def board_refused(o: Observation, _: EvseSettings) -> Said | None:
    return said("identity") if o.board is BoardLevel.REFUSED else None


def watchdog_tripped(o: Observation, settings: EvseSettings) -> Said | None:
    # The flag stays until a close command has reached the board, so it says nothing before.
    if o.closed_s is None or o.reading is None or not o.reading.watchdog_expired:
        return None
    if o.reading.taken_s - o.closed_s < settings.close_feedback_s:
        return None
    return said("watchdog")
