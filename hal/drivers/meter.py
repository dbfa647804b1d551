"""Any electricity meter by its register map (`meter`).

A reading is made of a few bounded block reads. `read_part` does one per call, so that a bus shared
with a safety device is never held longer than one small request. Not-a-number, infinity and the
meter's own "not available" become missing. Whether the values are plausible (word order, jumps,
frozen registers) is judged above, where the history is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from hal.drivers.options import Number, Option
from hal.drivers.registers import read_block, read_identity
from hal.errors import DeviceError
from hal.interfaces import ModbusLink, Words
from hal.register_map import PHASE_SEQUENCE, Register, RegisterMap
from hal.values import DeviceIdentity, MeterReading

PHASES = ("l1", "l2", "l3")
OPTIONS: Mapping[str, Option] = {"max_registers": Number(None, 2, 125, whole=True)}


class RegisterMeter:
    """Satisfies `hal.interfaces.Meter`."""

    def __init__(
        self,
        link: ModbusLink,
        registers: RegisterMap,
        *,
        name: str,
        max_registers: int | None = None,
    ) -> None:
        """`max_registers` bounds one request; default: that of the map.

        Raises ConfigurationError when one value alone is longer.
        """
        self._name = name
        self._link = link
        self._map = registers
        self._blocks = registers.blocks("reading", max_registers)
        self._next = 0
        self._values: dict[str, float] = {}
        self._taken_s = math.inf

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> MeterReading:
        """One whole reading, from its first block on. Raises DeviceError."""
        self._restart()
        while True:
            reading = self.read_part()
            if reading is not None:
                return reading

    def read_part(self) -> MeterReading | None:
        """One transaction; the reading when it completed one. Raises DeviceError.

        An error discards the part read so far: a reading is never mixed from before and after it.
        Its instant is that of its oldest block.
        """
        block = self._blocks[self._next]
        try:
            words = read_block(self._link, block)
        except DeviceError:
            self._restart()
            raise
        self._taken_s = min(self._taken_s, words.taken_s)
        for register in block.registers:
            self._values[register.name] = register.decode(block.words(register, words.values))
        self._next += 1
        if self._next < len(self._blocks):
            return None
        sequence = self._map.reading.get(PHASE_SEQUENCE)
        wrong = sequence.wrong if sequence is not None else ()
        reading = _reading(self._values, self._taken_s, wrong)
        self._restart()
        return reading

    def identify(self) -> DeviceIdentity:
        """What the meter says of itself. Raises DeviceError; BadReply for another meter."""
        answers = read_identity(self._link, self._map)
        return DeviceIdentity(
            vendor=self._map.vendor,
            model=_text(answers.get("model")) or self._map.model or self._map.name,
            serial=_text(answers.get("serial")),
            firmware=_text(answers.get("firmware")),
        )

    def _restart(self) -> None:
        self._next = 0
        self._values = {}
        self._taken_s = math.inf


def _reading(
    values: Mapping[str, float], taken_s: float, wrong_sequences: tuple[int, ...]
) -> MeterReading:
    sequence = values.get(PHASE_SEQUENCE, math.nan)
    present = {name: value for name, value in values.items() if math.isfinite(value)}
    return MeterReading(
        taken_s=taken_s,
        energy_import_wh=present.get("energy_import"),
        energy_export_wh=present.get("energy_export"),
        voltage_v=_phases("voltage", values, present),
        current_a=_phases("current", values, present),
        power_w=present.get("power"),
        power_phase_w=_phases("power", values, present),
        reactive_power_var=present.get("reactive_power"),
        power_factor=present.get("power_factor"),
        frequency_hz=present.get("frequency"),
        phase_sequence_ok=None if math.isnan(sequence) else sequence not in wrong_sequences,
    )


def _phases(
    quantity: str, values: Mapping[str, float], present: Mapping[str, float]
) -> tuple[float, ...]:
    """The phases that the map has, in order; none when one of them is missing.

    A shorter tuple would shift L3 into the place of L2.
    """
    names = [f"{quantity}_{phase}" for phase in PHASES if f"{quantity}_{phase}" in values]
    if any(name not in present for name in names):
        return ()
    return tuple(present[name] for name in names)


def _text(answer: tuple[Register, Words] | None) -> str:
    if answer is None:
        return ""
    register, words = answer
    if register.type == "text":
        return register.text(words.values)
    value = register.decode(words.values)
    return "" if math.isnan(value) else f"{value:g}" if value % 1 else str(int(value))
