"""Temperature inside the enclosure: ambient, heat of the current, hot spots, and a held value."""

from __future__ import annotations

import math

AMBIENT_C = 22.0
RISE_AT_32_A_C = 25.0
"""Final rise over ambient with 32 A in every phase."""
TIME_CONSTANT_S = 600.0
HELD_MIN_C = -40.0
HELD_MAX_C = 150.0
# fmt: off
HOT_SPOTS_C = {  #  fault: temperature at the sensor, each a step above a limit of the station
    "temperature_raised": 62.0,
    "temperature_high":   66.0,
    "over_temperature":   72.0,
    "overheated":         78.0,
}
# fmt: on


class Enclosure:
    """First-order model; the sensor sits at the terminals."""

    def __init__(self) -> None:
        self.hot_spots: set[str] = set()
        """Those of HOT_SPOTS_C that are there; the hottest counts."""
        self.held_c: float | None = None
        """Held at this by a person, whatever flows."""
        self.sensor_lost = False
        self._inside_c = AMBIENT_C

    @property
    def temperature_c(self) -> float:
        """What is true, whether or not the sensor shows it."""
        if self.held_c is not None:
            return self.held_c
        return max(self._inside_c, *(HOT_SPOTS_C[one] for one in self.hot_spots), AMBIENT_C)

    @property
    def shown_c(self) -> float:
        """What the board gets; NaN with a lost sensor."""
        return math.nan if self.sensor_lost else self.temperature_c

    def step(self, dt_s: float, current_a: tuple[float, ...]) -> None:
        heat = sum(one * one for one in current_a) / (3 * 32.0 * 32.0)
        final_c = AMBIENT_C + RISE_AT_32_A_C * heat
        share = 1.0 - math.exp(-dt_s / TIME_CONSTANT_S)
        self._inside_c += (final_c - self._inside_c) * share
