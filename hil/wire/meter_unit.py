"""Any electricity meter that has a register map, as a Modbus unit.

Gaps inside its map read 0, as on the real ones; addresses outside are refused with exception 2.
Writes are refused: the energy register of a meter is never reset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hal.register_map import RegisterMap
from hil.plant.meter import EnergyMeter
from hil.wire.memory import ReadOnlyCoils, placed, slice_of
from hil.wire.modbus import ILLEGAL_ADDRESS, Refusal, Table


class MeterUnit(ReadOnlyCoils):
    """Any meter that has a register map."""

    def __init__(self, meter: EnergyMeter, registers: RegisterMap, serial: int) -> None:
        self._meter = meter
        self._map = registers
        self._serial = serial
        spans: dict[str, tuple[int, int]] = {}
        for register in registers.reading.values():
            low, high = spans.get(register.table, (0xFFFF, 0))
            last = register.address + register.count
            spans[register.table] = (min(low, register.address), max(high, last))
        self._spans = spans

    def hear(self, now_s: float) -> None:
        """A meter has no watchdog."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        words = placed(self._map.reading, table, self._values())
        words |= placed(self._map.identity, table, {"serial": self._serial})
        low, high = self._spans.get(table, (0, 0))
        if low <= address and address + count <= high:
            return [words.get(one, 0) for one in range(address, address + count)]
        return slice_of(words, address, count)

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        raise Refusal(ILLEGAL_ADDRESS)

    def energy_shown_wh(self) -> float:
        """The energy register as a reader of the wire gets it, with its own resolution."""
        register = self._map.reading.get("energy_import")
        energy_wh = self._meter.values.energy_import_wh
        return energy_wh if register is None else register.decode(register.encode(energy_wh))

    def _values(self) -> Mapping[str, float]:
        shown = self._meter.values
        named: dict[str, float] = {
            "energy_import": shown.energy_import_wh,
            "energy_export": 0.0,
            "power": shown.power_w,
            "reactive_power": 0.0,
            "power_factor": 1.0,
            "frequency": shown.frequency_hz,
            "phase_sequence": self._sequence(shown.clockwise),
        }
        for number in range(len(shown.voltage_v)):
            phase = f"l{number + 1}"
            named[f"voltage_{phase}"] = shown.voltage_v[number]
            named[f"current_{phase}"] = shown.current_a[number]
            named[f"power_{phase}"] = shown.power_phase_w[number]
        return named

    def _sequence(self, clockwise: bool) -> float:
        """The raw value for this rotation where the map knows one."""
        register = self._map.reading.get("phase_sequence")
        wrong = register.wrong if register is not None else ()
        if not clockwise and wrong:
            return float(wrong[0])
        return next(float(one) for one in range(len(wrong) + 1) if one not in wrong)
