"""Register maps: what stands at which Modbus address of a device, in which type and unit.

A map is a TOML file in `hal/devices` (or anywhere, given as a path) with a `[device]` table and the
groups `[identity]`, `[reading]` and `[command]`, one register per line:

    voltage_l1 = { table = "input", address = 0x0000, type = "f32", unit = "V" }

Addresses are zero-based protocol addresses, as on the wire. Everything is checked when the map is
loaded: types, units, the dimension that a name needs (power in W, never in Wh), overlaps. What a
driver does with the registers is not decided here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from hal.errors import ConfigurationError
from hal.map_file import MapFile, MapTable, Unit, parse_unit

Table = Literal["input", "holding", "coil", "discrete"]

TABLES = ("input", "holding", "coil", "discrete")
GROUPS = ("identity", "reading", "command")
KINDS = ("pilot-board", "meter")
TEXT_MAX = 32
PHASE_SEQUENCE = "phase_sequence"
"""Reading of a meter that names the order of the phases; no two makers code it alike."""
MAX_REGISTERS_DEFAULT = 10
"""Registers in one request unless the map says otherwise: what every meter we know accepts."""

# fmt: off
#        type   registers, struct code
TYPES = {
    "u16": (1, "H"), "s16": (1, "h"),
    "u32": (2, "I"), "s32": (2, "i"), "f32": (2, "f"),
    "u64": (4, "Q"), "s64": (4, "q"), "f64": (4, "d"),
}
#        name of a reading  dimension that its unit must have
METER_DIMENSIONS = {
    "energy_import":  "energy",         "energy_export": "energy",
    "power":          "power",          "reactive_power": "reactive power",
    "power_factor":   "number",         "frequency":     "frequency",
    "phase_sequence": "number",
    **{f"voltage_l{phase}": "voltage" for phase in (1, 2, 3)},
    **{f"current_l{phase}": "current" for phase in (1, 2, 3)},
    **{f"power_l{phase}":   "power"   for phase in (1, 2, 3)},
}
BOARD_DIMENSIONS = {
    "status":     "number",  "pilot_high": "voltage",    "pilot_low":   "voltage",
    "duty":       "ratio",   "proximity":  "resistance", "temperature": "temperature",
    "sample":     "number",  "faults":     "number",
}
# fmt: on
DIMENSIONS: Mapping[str, Mapping[str, str]] = {
    "meter": METER_DIMENSIONS,
    "pilot-board": BOARD_DIMENSIONS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One quantity at one address."""

    name: str
    table: Table
    address: int
    type: str = "u16"
    """One of TYPES, `text`, or `bit` in the coil and discrete tables."""
    words: Literal["big", "little"] = "big"
    """Order of the 16-bit words; bytes inside a word are always high first."""
    unit: str = ""
    scale: Unit = field(default_factory=Unit)
    bits: Mapping[str, int] = field(default_factory=dict)
    """Names of single bits of a u16, by number."""
    expect: int | None = None
    """Raw value by which the device is recognised."""
    missing: tuple[int, ...] = ()
    """Raw values that mean "not available"."""
    wrong: tuple[int, ...] = ()
    """Raw values of a `phase_sequence` that mean "not clockwise"."""
    length: int = 1
    """Registers of a text."""

    @property
    def count(self) -> int:
        """Addresses that it covers: 16-bit registers, or 1 for a bit."""
        return TYPES[self.type][0] if self.type in TYPES else self.length

    @property
    def factor(self) -> float:
        """SI value of one raw step."""
        return float(self.scale.factor)

    def raw(self, words: Sequence[int]) -> int | float:
        """The number that `words` hold, before scaling. Raises ValueError for a wrong count."""
        if len(words) != self.count:
            raise ValueError(f"{self.name}: {len(words)} registers, expected {self.count}")
        if self.type not in TYPES or self.type == "u16":
            return words[0]
        ordered = words if self.words == "big" else tuple(reversed(words))
        number: int | float
        (number,) = struct.unpack(
            f">{TYPES[self.type][1]}", struct.pack(f">{self.count}H", *ordered)
        )
        return number

    def decode(self, words: Sequence[int]) -> float:
        """The value in SI units of `hal.values`; nan when the device has none.

        Raises ValueError for a wrong number of words.
        """
        raw = self.raw(words)
        if not math.isfinite(raw) or raw in self.missing:
            return math.nan
        return raw * self.scale.factor.numerator / self.scale.factor.denominator

    def encode(self, value: float, *, down: bool = False) -> tuple[int, ...]:
        """Registers for `value` in SI units, rounded to the nearest step, or always `down`.

        Raises ValueError for what the type cannot hold.
        """
        if self.type not in TYPES:
            raise ValueError(f"{self.name}: a {self.type} cannot be written as registers")
        scaled = value * self.scale.factor.denominator / self.scale.factor.numerator
        code = TYPES[self.type][1]
        number: int | float = scaled
        if code not in "fd":
            # The millionth of a step undoes binary fractions: 0.29 is 2900 steps, not 2899.
            number = math.floor(scaled + 1e-6) if down else round(scaled)
        try:
            packed = struct.pack(f">{code}", number)
        except (struct.error, OverflowError) as error:
            raise ValueError(
                f"{self.name}: {value} does not fit {self.type} {self.unit}"
            ) from error
        words = struct.unpack(f">{self.count}H", packed)
        return words if self.words == "big" else tuple(reversed(words))

    def flags(self, word: int) -> Mapping[str, bool]:
        """The named bits of `word`."""
        return {name: bool(word >> bit & 1) for name, bit in self.bits.items()}

    def text(self, words: Sequence[int]) -> str:
        """Printable ASCII text of `words`, two characters each, without padding."""
        data = struct.pack(f">{len(words)}H", *words)
        return "".join(chr(byte) for byte in data if 32 <= byte < 127).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Adjacent registers that are read in one request."""

    table: Table
    address: int
    count: int
    registers: tuple[Register, ...]

    def words(self, register: Register, values: Sequence[int]) -> Sequence[int]:
        """The part of the block's `values` that belongs to `register`."""
        start = register.address - self.address
        return values[start : start + register.count]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMap:
    """One device type, from one file."""

    name: str
    kind: str
    source: str
    """Document that the addresses come from."""
    vendor: str = ""
    model: str = ""
    file: str = ""
    max_registers: int = MAX_REGISTERS_DEFAULT
    identity: Mapping[str, Register] = field(default_factory=dict)
    reading: Mapping[str, Register] = field(default_factory=dict)
    command: Mapping[str, Register] = field(default_factory=dict)

    def blocks(self, group: str, max_registers: int | None = None) -> tuple[Block, ...]:
        """Few bounded reads that cover `group`, in address order; no undefined address is read.

        Raises ConfigurationError when one register alone is longer than `max_registers` (default:
        that of the map).
        """
        limit = max_registers or self.max_registers
        registers: Mapping[str, Register] = {
            "identity": self.identity,
            "reading": self.reading,
            "command": self.command,
        }[group]
        for register in registers.values():
            if register.count > limit:
                raise ConfigurationError(
                    f"{self.file}: {group}.{register.name}: found {register.count} registers, "
                    f"expected at most {limit} (max_registers)"
                )
        ordered = sorted(registers.values(), key=lambda one: (TABLES.index(one.table), one.address))
        return tuple(_block(run) for run in _runs(ordered, limit))


@cache
def load(name_or_path: str) -> RegisterMap:
    """The map `hal/devices/<name>.toml`, or the one in the file of this path; kept in memory.

    Raises ConfigurationError that names file, key, what was found and what was expected.
    """
    folder = files("hal") / "devices"
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        try:
            return parse(path.read_text(encoding="utf-8"), file=path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{name_or_path}: register map cannot be read: {error}"
            ) from error
    file = folder / f"{name_or_path}.toml"
    if not file.is_file():
        known = ", ".join(known_maps())
        raise ConfigurationError(f"map: found `{name_or_path}`, expected a path or one of {known}")
    return parse(file.read_text(encoding="utf-8"), file=file.name)


def known_maps() -> tuple[str, ...]:
    """Names of the maps that come with this package, sorted."""
    folder = files("hal") / "devices"
    names = (file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(sorted(name.removesuffix(".toml") for name in names))


def parse(text: str, *, file: str) -> RegisterMap:
    """The map written in `text`; `file` is named in errors. Raises ConfigurationError."""
    document = MapFile(text, file=file)
    device = document.table("device")
    kind = device.choice("kind", KINDS)
    words = device.choice("words", ("big", "little"), "big")
    groups = {
        group: {
            name: _register(name, document.table(group, name), words)
            for name in document.names(group)
        }
        for group in GROUPS
    }
    for group, registers in groups.items():
        _check_overlaps(document, group, registers)
    _check_dimensions(document, kind, groups["reading"])
    found = RegisterMap(
        name=device.text("name"),
        kind=kind,
        source=device.text("source"),
        vendor=device.text("vendor", ""),
        model=device.text("model", ""),
        file=file,
        max_registers=device.integer("max_registers", 1, 125, MAX_REGISTERS_DEFAULT),
        **groups,
    )
    device.text("line", "")
    device.finish()
    document.finish(("device", *GROUPS))
    return found


def _register(name: str, table: MapTable, words: str) -> Register:
    place = table.choice("table", TABLES)
    bit = place in ("coil", "discrete")
    kind = "bit" if bit else table.choice("type", (*TYPES, "text"), "u16")
    unit = table.text("unit", "")
    found = Register(
        name=name,
        table=place,  # type: ignore[arg-type]  # checked against TABLES above
        address=table.integer("address", 0, 0xFFFF),
        type=kind,
        words=table.choice("words", ("big", "little"), words),  # type: ignore[arg-type]
        unit=unit,
        scale=parse_unit(unit, table),
        bits=table.bits("bits") if kind == "u16" else {},
        expect=table.optional_integer("expect"),
        missing=table.integers("missing"),
        wrong=table.integers("wrong") if name == PHASE_SEQUENCE else (),
        length=table.integer("length", 1, TEXT_MAX) if kind == "text" else 1,
    )
    table.finish()
    return found


def _check_overlaps(document: MapFile, group: str, registers: Mapping[str, Register]) -> None:
    taken: dict[tuple[str, int], str] = {}
    for name, register in registers.items():
        for address in range(register.address, register.address + register.count):
            other = taken.setdefault((register.table, address), name)
            if other != name:
                raise document.wrong(
                    f"{group}.{name}.address",
                    f"address {address} that belongs to `{other}`",
                    "registers that do not overlap",
                )


def _check_dimensions(document: MapFile, kind: str, reading: Mapping[str, Register]) -> None:
    allowed = DIMENSIONS.get(kind)
    if allowed is None:
        return
    for name, register in reading.items():
        if name not in allowed:
            raise document.wrong(f"reading.{name}", f"`{name}`", f"one of {', '.join(allowed)}")
        if register.scale.dimension != allowed[name]:
            raise document.wrong(
                f"reading.{name}.unit",
                f"`{register.unit}` ({register.scale.dimension})",
                f"a unit of {allowed[name]}",
            )
    sequence = reading.get(PHASE_SEQUENCE)
    if sequence is not None and not sequence.wrong:
        raise document.wrong(
            f"reading.{PHASE_SEQUENCE}.wrong", "nothing", "the raw values that are not clockwise"
        )


def _runs(ordered: Sequence[Register], limit: int) -> Iterator[list[Register]]:
    run: list[Register] = []
    for register in ordered:
        fits = bool(run) and (
            register.table == run[0].table
            and register.address == run[-1].address + run[-1].count
            and register.address + register.count - run[0].address <= limit
        )
        if run and not fits:
            yield run
            run = []
        run.append(register)
    if run:
        yield run


def _block(run: Sequence[Register]) -> Block:
    last = run[-1]
    first = run[0]
    return Block(
        table=first.table,
        address=first.address,
        count=last.address + last.count - first.address,
        registers=tuple(run),
    )
