"""Temperature inside the enclosure: ambient, heat of the current, and a hot spot as a fault."""

from __future__ import annotations

import math

AMBIENT_C = 22.0
RISE_AT_32_A_C = 25.0
"""Final rise over ambient with 32 A in every phase."""
TIME_CONSTANT_S = 600.0
HOT_SPOT_C = 90.0


class Enclosure:
    """First-order model; the sensor sits at the terminals."""

    def __init__(self) -> None:
        self.hot_spot = False
        self._inside_c = AMBIENT_C

    @property
    def temperature_c(self) -> float:
        return max(self._inside_c, HOT_SPOT_C) if self.hot_spot else self._inside_c

    def step(self, dt_s: float, current_a: tuple[float, ...]) -> None:
        heat = sum(one * one for one in current_a) / (3 * 32.0 * 32.0)
        final_c = AMBIENT_C + RISE_AT_32_A_C * heat
        share = 1.0 - math.exp(-dt_s / TIME_CONSTANT_S)
        self._inside_c += (final_c - self._inside_c) * share
