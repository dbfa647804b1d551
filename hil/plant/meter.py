"""An electricity meter: energy integrates in its register and is never reset.

Which address holds what is the business of the wire; here are the quantities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

JUMP_WH = 50_000.0
"""What a jumping register gains at once: more than any fuse allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterValues:
    """What the meter shows."""

    energy_import_wh: float
    voltage_v: tuple[float, ...]
    current_a: tuple[float, ...]
    power_phase_w: tuple[float, ...]
    frequency_hz: float
    clockwise: bool = True
    """Rotation of the phases."""

    @property
    def power_w(self) -> float:
        return sum(self.power_phase_w)


class EnergyMeter:
    """Sees what it is wired to: the feed, or the outlet behind the contactor."""

    def __init__(self, phases: int, energy_import_wh: float) -> None:
        self.phases = phases
        self._values = MeterValues(
            energy_import_wh=energy_import_wh,
            voltage_v=(0.0,) * phases,
            current_a=(0.0,) * phases,
            power_phase_w=(0.0,) * phases,
            frequency_hz=0.0,
        )
        self._shown: MeterValues | None = None

    @property
    def values(self) -> MeterValues:
        """What the registers hold: the frozen ones while frozen."""
        return self._shown or self._values

    @property
    def now(self) -> MeterValues:
        """What is true, also while the registers are frozen."""
        return self._values

    def step(
        self,
        dt_s: float,
        voltage_v: tuple[float, ...],
        current_a: tuple[float, ...],
        frequency_hz: float,
        clockwise: bool = True,
    ) -> float:
        """Count for `dt_s`; the energy of this step in Wh."""
        voltage_v = voltage_v[: self.phases]
        current_a = (current_a + (0.0,) * self.phases)[: self.phases]
        power_w = tuple(v * a for v, a in zip(voltage_v, current_a, strict=True))
        energy_wh = sum(power_w) * dt_s / 3600.0
        self._values = MeterValues(
            energy_import_wh=self._values.energy_import_wh + energy_wh,
            voltage_v=voltage_v,
            current_a=current_a,
            power_phase_w=power_w,
            frequency_hz=frequency_hz,
            clockwise=clockwise,
        )
        return energy_wh

    def freeze(self, frozen: bool) -> None:
        """Let the registers stand still while the meter goes on counting inside."""
        self._shown = self._values if frozen else None

    def jump(self) -> None:
        """Let the energy register leap, once."""
        leapt_wh = self._values.energy_import_wh + JUMP_WH
        self._values = replace(self._values, energy_import_wh=leapt_wh)
