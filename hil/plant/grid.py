"""The supply: three phase voltages that may sag, be unequal, or be gone."""

from __future__ import annotations

from dataclasses import dataclass

NOMINAL_V = 230.0
VOLTAGE_MAX_V = 300.0
FREQUENCY_HZ = 50.0


@dataclass(slots=True)
class Grid:
    """What stands at the terminals of the station."""

    on: bool = True
    nominal_v: tuple[float, float, float] = (NOMINAL_V, NOMINAL_V, NOMINAL_V)
    """Phase to neutral L1, L2, L3 while the supply is on."""

    @property
    def voltage_v(self) -> tuple[float, float, float]:
        return self.nominal_v if self.on else (0.0, 0.0, 0.0)

    @property
    def frequency_hz(self) -> float:
        return FREQUENCY_HZ if self.on else 0.0
