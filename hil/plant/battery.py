"""A traction battery that fills: constant power, then a taper, then full."""

from __future__ import annotations

TAPER_RATIO = 0.8
"""State of charge from which the battery takes less and less."""
FULL_RATIO = 0.995
POWER_LAST_RATIO = 0.05
"""What it still takes when nearly full, as a share of its full power."""
EFFICIENCY_RATIO = 0.92
"""From the socket into the battery, on-board charger included."""


class Battery:
    """Energy content; the charger's power limit follows from it."""

    def __init__(self, capacity_wh: float, charge_ratio: float) -> None:
        self.capacity_wh = capacity_wh
        self.content_wh = capacity_wh * charge_ratio

    @property
    def charge_ratio(self) -> float:
        return self.content_wh / self.capacity_wh

    @property
    def full(self) -> bool:
        return self.charge_ratio >= FULL_RATIO

    @property
    def taper_ratio(self) -> float:
        """Share of the charger's full power that the battery takes now; 0 when full."""
        ratio = self.charge_ratio
        if ratio >= FULL_RATIO:
            return 0.0
        if ratio <= TAPER_RATIO:
            return 1.0
        left = (FULL_RATIO - ratio) / (FULL_RATIO - TAPER_RATIO)
        return POWER_LAST_RATIO + (1.0 - POWER_LAST_RATIO) * left

    def take(self, energy_wh: float) -> None:
        """Store what arrived at the inlet, less the losses."""
        stored = self.content_wh + energy_wh * EFFICIENCY_RATIO
        self.content_wh = min(stored, self.capacity_wh)
