"""Registers as a technician names and sees them: addresses, types, names of the device's map."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Literal

import click
import msgspec

from chargepoint.config import Device
from hal.errors import ConfigurationError
from hal.register_map import TYPES, Register, RegisterMap, Table, load

FORMATS = ("u16", "s16", "u32", "s32", "u64", "s64", "float", "double", "hex", "bits", "text")
OF_TYPE = {"float": "f32", "double": "f64"}
"""Formats whose type has another name in register maps."""

READ_FUNCTION: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
REGISTERS_MAX = 125
BITS_MAX = 2000
ADDRESS_MAX = 0xFFFF


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to read in one request, and how to show it."""

    table: Table
    address: int
    count: int
    """Registers or bits."""
    form: str
    words: Literal["big", "little"] = "big"
    register: Register | None = None
    """Of the map; it knows its own type and unit."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One value with its place."""

    table: str
    address: int
    name: str
    raw: tuple[int, ...]
    value: int | float | str | None
    """None: the device says "not available"."""
    unit: str = ""
    bits: dict[str, bool] = {}


def asked_at(place: str, table: Table, form: str, words: Literal["big", "little"] = "big") -> Asked:
    """`ADDRESS` or `ADDRESS:COUNT`, decimal or 0x…; COUNT values. Raises click.UsageError."""
    first, _, number = place.partition(":")
    try:
        address, count = int(first, 0), int(number, 0) if number else 1
    except ValueError:
        raise click.UsageError(
            f"ADDRESS: found `{place}`, expected ADDRESS or ADDRESS:COUNT, decimal or 0x…"
        ) from None
    bit = table in ("coil", "discrete")
    if bit and form != "u16":
        raise click.UsageError(f"--as: found {form}, expected nothing: a {table} is one bit")
    size = count * (1 if bit else _registers(form))
    size_max = BITS_MAX if bit else REGISTERS_MAX
    if address < 0 or size < 1 or address + size > ADDRESS_MAX + 1:
        raise click.UsageError(f"ADDRESS: found `{place}`, expected addresses from 0 to 65535")
    if size > size_max:
        raise click.UsageError(f"COUNT: found {size} addresses, expected at most {size_max}")
    return Asked(table=table, address=address, count=size, form=form, words=words)


def map_of(device: Device | None) -> RegisterMap | None:
    """The register map of a device; None where there is none."""
    if device is None or not device.map:
        return None
    try:
        return load(device.map)
    except ConfigurationError:
        return None


def registers_of(found: RegisterMap | None) -> dict[str, Register]:
    """All registers of a map by name; a name that stands in two groups is told apart as
    `group.name`."""
    named: dict[str, Register] = {}
    if found is None:
        return named
    for group, registers in (
        ("reading", found.reading),
        ("identity", found.identity),
        ("command", found.command),
    ):
        for name, register in registers.items():
            named[name if name not in named else f"{group}.{name}"] = register
    return named


def asked_by_name(device: Device | None, name: str) -> Asked:
    """The register `name` of the device's map. Raises click.UsageError."""
    registers = registers_of(map_of(device))
    if device is None or not registers:
        whose = "no device of the configuration" if device is None else f"{device.name}"
        raise click.UsageError(f"--name: {whose} has a register map; give an ADDRESS")
    if name not in registers:
        raise click.UsageError(f"--name: found `{name}`, expected one of {', '.join(registers)}")
    return asked_of(registers[name])


def asked_of(register: Register) -> Asked:
    return Asked(
        table=register.table,
        address=register.address,
        count=register.count,
        form=register.type,
        register=register,
    )


def shown(asked: Asked, values: Sequence[int], device: Device | None = None) -> list[Shown]:
    """The values of an answer, one by one, named where the device's map names them."""
    if asked.register is not None:
        return [of_register(asked.register, values)]
    names = {
        (register.table, register.address): name
        for name, register in registers_of(map_of(device)).items()
    }
    size = 1 if asked.table in ("coil", "discrete") else _registers(asked.form)
    if asked.form == "text":
        size = asked.count
    return [
        Shown(
            table=asked.table,
            address=asked.address + at,
            name=names.get((asked.table, asked.address + at), ""),
            raw=tuple(values[at : at + size]),
            value=_value(asked, values[at : at + size]),
        )
        for at in range(0, asked.count, size)
    ]


def of_register(register: Register, values: Sequence[int]) -> Shown:
    """One register of a map, in its unit as the map gives it."""
    value: int | float | str | None
    if register.type == "text":
        value = register.text(values)
    else:
        decoded = register.decode(values)
        value = None if decoded != decoded else decoded
    return Shown(
        table=register.table,
        address=register.address,
        name=register.name,
        raw=tuple(values),
        value=value,
        unit=SI_UNIT.get(register.scale.dimension, ""),
        bits=dict(register.flags(values[0])) if register.bits else {},
    )


SI_UNIT = {
    "voltage": "V",
    "current": "A",
    "power": "W",
    "reactive power": "var",
    "energy": "Wh",
    "frequency": "Hz",
    "resistance": "ohm",
    "temperature": "°C",
    "time": "s",
}
"""What `Register.decode` gives for each dimension."""


def line(value: Shown) -> str:
    """One value for a person."""
    raw = " ".join(f"{word:04X}" for word in value.raw[:8])
    text = _text(value.value)
    on = ", ".join(name for name, is_on in value.bits.items() if is_on)
    flags = f"  ({on or 'none set'})" if value.bits else ""
    unit = f" {value.unit}" if value.unit else ""
    return f"{value.table:<8} {value.address:>5}  {value.name:<20} {text}{unit}{flags}  [{raw}]"


def encoded(text: str, form: str, words: Literal["big", "little"]) -> tuple[int, ...]:
    """The registers for one value that a person wrote. Raises click.UsageError."""
    kind = OF_TYPE.get(form, form)
    kind = "u16" if kind == "hex" else kind
    if kind not in TYPES:
        raise click.UsageError(f"--as: found {form}, which cannot be written")
    try:
        number: int | float = float(text) if kind in ("f32", "f64") else int(text, 0)
        packed = struct.pack(f">{TYPES[kind][1]}", number)
    except (ValueError, OverflowError, struct.error):
        raise click.UsageError(f"VALUE: found `{text}`, expected a {form}") from None
    registers = struct.unpack(f">{TYPES[kind][0]}H", packed)
    return registers if words == "big" else tuple(reversed(registers))


def _text(value: int | float | str | None) -> str:
    if value is None:
        return "not available"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _registers(form: str) -> int:
    kind = OF_TYPE.get(form, form)
    return TYPES[kind][0] if kind in TYPES else 1


def _value(asked: Asked, values: Sequence[int]) -> Any:
    if asked.table in ("coil", "discrete"):
        return values[0]
    if asked.form == "hex":
        return f"0x{values[0]:04X}"
    if asked.form == "bits":
        return f"{values[0]:016b}"
    kind = OF_TYPE.get(asked.form, asked.form)
    register = Register(
        name="", table=asked.table, address=asked.address, type=kind, words=asked.words
    )
    if kind == "text":
        return register.text(values)
    raw = register.raw(values)
    return raw if raw == raw else None
