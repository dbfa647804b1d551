"""The supply: three phase voltages that may sag, be unequal, or be gone, and the feed of an outlet.

The grid is one for all; a `Feed` is what of it arrives at one EVSE, with that EVSE's own faults.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

NOMINAL_V = 230.0
VOLTAGE_MAX_V = 300.0
FREQUENCY_HZ = 50.0
FREQUENCY_MIN_HZ = 40.0
FREQUENCY_MAX_HZ = 70.0

HIGH_RATIO = 1.2
"""With `over_voltage` every phase is this much of what it was: 276 V."""
LOW_RATIO = 0.7
"""With `under_voltage`: 161 V."""
SLOW_HZ = 46.0
"""With `frequency_out_of_range`."""
FEED_FAULTS = (
    "over_voltage",
    "under_voltage",
    "frequency_out_of_range",
    "phase_missing",
    "phase_rotation_wrong",
)

Volts = tuple[float, float, float]


@dataclass(slots=True)
class Grid:
    """What stands at the terminals of the station."""

    on: bool = True
    nominal_v: Volts = (NOMINAL_V, NOMINAL_V, NOMINAL_V)
    """Phase to neutral L1, L2, L3 while the supply is on."""
    nominal_hz: float = FREQUENCY_HZ
    clockwise: bool = True
    """L1, L2, L3 follow each other; False: two of them are exchanged."""

    @property
    def voltage_v(self) -> Volts:
        return self.nominal_v if self.on else (0.0, 0.0, 0.0)

    @property
    def frequency_hz(self) -> float:
        return self.nominal_hz if self.on else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What arrives at one EVSE."""

    voltage_v: Volts
    frequency_hz: float
    clockwise: bool


def feed(grid: Grid, faults: Collection[str], phases: int) -> Feed:
    """The grid as an outlet of `phases` phases gets it with these of FEED_FAULTS.

    The phase that goes missing is L2 of three, L1 of one.
    """
    ratio = HIGH_RATIO if "over_voltage" in faults else 1.0
    ratio *= LOW_RATIO if "under_voltage" in faults else 1.0
    voltage_v = [one * ratio for one in grid.voltage_v]
    if "phase_missing" in faults:
        voltage_v[min(1, phases - 1)] = 0.0
    slow = "frequency_out_of_range" in faults and grid.on
    return Feed(
        voltage_v=(voltage_v[0], voltage_v[1], voltage_v[2]),
        frequency_hz=SLOW_HZ if slow else grid.frequency_hz,
        clockwise=grid.clockwise != ("phase_rotation_wrong" in faults),
    )
