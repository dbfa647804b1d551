"""The control-pilot and proximity circuits: from resistors and duty to the levels at the EVSE.

IEC 61851-1 Annex A: the EVSE drives ±12 V through 1 kΩ; the vehicle loads the positive half-wave
through a diode and one of three resistances. Everything here is a function of its arguments.
"""

from __future__ import annotations

from enum import Enum

from hal.values import PilotLevels, PilotMode, PilotState

SUPPLY_V = 12.0
SOURCE_OHM = 1000.0
DIODE_V = 0.7
"""Forward voltage of the vehicle's diode; 0.55 to 0.85 V in practice."""

CONNECTED_OHM = 2740.0
"""Resistance of a vehicle with S2 open (state B)."""
READY_OHM = 882.0
"""2.74 kΩ parallel to 1.30 kΩ (state C)."""
VENTILATION_OHM = 246.0
"""2.74 kΩ parallel to 270 Ω (state D)."""

LEAKAGE_V = -5.0
"""Positive level with a generator that is broken: inside no band, whatever is plugged in."""

# fmt: off
PROXIMITY_OHM = {  #  IEC 61851-1, coding of Type 2 cables
    13: 1500.0,
    20:  680.0,
    32:  220.0,
    63:  100.0,
}
# fmt: on
PROXIMITY_OPEN_OHM = 65_535.0
"""What a board shows with no plug: its register saturates."""
PROXIMITY_BROKEN_OHM = 30.0
"""Below 60 Ω: a crushed cable or a bridge of dirt."""

CURRENT_MIN_A = 6.0


class Diode(Enum):
    """What stands in the vehicle's pilot line."""

    FITTED = "fitted"
    MISSING = "missing"
    """A bare resistance: a puddle, a finger, or a shorted diode. Both half-waves are loaded."""
    OPEN = "open"
    """A burnt diode: the vehicle cannot be seen at all."""


class Short(Enum):
    """Faults of the pilot line itself."""

    NONE = "none"
    EARTH = "earth"
    """Pilot shorted to protective earth."""
    GENERATOR = "generator"
    """The generator's positive rail has collapsed to a level that no state has."""


def mode_of(duty_ratio: float) -> PilotMode:
    """What a duty means: 0 is -12 V, 1 is +12 V, everything between oscillates."""
    if duty_ratio <= 0.0:
        return PilotMode.FAULT
    return PilotMode.STEADY if duty_ratio >= 1.0 else PilotMode.OFFER


def levels(
    duty_ratio: float,
    load_ohm: float | None,
    diode: Diode = Diode.FITTED,
    short: Short = Short.NONE,
) -> PilotLevels:
    """Levels at the EVSE output; `load_ohm` is the vehicle's resistance, None with no vehicle.

    With the oscillator off both levels are the steady one.
    """
    high_v = _loaded(SUPPLY_V, load_ohm, diode)
    low_v = _loaded(-SUPPLY_V, load_ohm, diode)
    if short is Short.EARTH:
        high_v = low_v = 0.0
    elif short is Short.GENERATOR:
        high_v = LEAKAGE_V
    match mode_of(duty_ratio):
        case PilotMode.OFFER:
            return PilotLevels(high_v=high_v, low_v=low_v)
        case PilotMode.STEADY:
            return PilotLevels(high_v=high_v, low_v=high_v)
        case PilotMode.FAULT:
            return PilotLevels(high_v=low_v, low_v=low_v)


def _loaded(source_v: float, load_ohm: float | None, diode: Diode) -> float:
    if load_ohm is None or diode is Diode.OPEN:
        return source_v
    divider = load_ohm / (load_ohm + SOURCE_OHM)
    if diode is Diode.MISSING:
        return source_v * divider
    return source_v if source_v <= DIODE_V else DIODE_V + (source_v - DIODE_V) * divider


def state_of(found: PilotLevels) -> PilotState:
    """The state whose nominal level is nearest; F for a level between the bands."""
    high_v = found.high_v
    if high_v < -11.0:
        return PilotState.F
    if high_v < -1.0:
        return PilotState.F
    for floor_v, state in (
        (10.5, PilotState.A),
        (7.5, PilotState.B),
        (4.5, PilotState.C),
        (2.0, PilotState.D),
    ):
        if high_v >= floor_v:
            return state
    return PilotState.E


def current_from_duty(duty_ratio: float) -> float:
    """Current that a vehicle may take at this duty; 0: charging not allowed.

    IEC 61851-1, Annex A, interpretation by the vehicle. 5 % (digital communication) counts as 0:
    the simulated vehicle does not speak ISO 15118.
    """
    percent = duty_ratio * 100.0
    if percent < 8.0 or percent > 97.0:
        return 0.0
    if percent < 10.0:
        return CURRENT_MIN_A
    if percent <= 85.0:
        return percent * 0.6
    return min((percent - 64.0) * 2.5, 80.0)
