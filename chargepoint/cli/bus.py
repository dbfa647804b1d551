"""`chargepoint bus`: what is on the buses, how they do, and single registers of their devices.

While the station runs everything goes through it, in the time that safety leaves; with the station
stopped the port is opened here (`cli.bus_access`).
"""

from __future__ import annotations

from typing import Literal

import click
import msgspec

from chargepoint.cli.bus_access import BusAccess, NotDone, modbus_bus, opened, unit_of
from chargepoint.cli.bus_scan import scan
from chargepoint.cli.bus_survey import list_buses, monitor, stats
from chargepoint.cli.bus_values import (
    FORMATS,
    READ_FUNCTION,
    Asked,
    asked_at,
    asked_by_name,
    encoded,
    line,
    map_of,
    registers_of,
    shown,
)
from chargepoint.cli.station import config_option, fail, json_option, loaded, print_json
from chargepoint.config import Bus, Device
from hal.register_map import Register, Table

Words = Literal["big", "little"]
WRITE_REGISTER, WRITE_COIL, WRITE_COILS, WRITE_REGISTERS = 6, 5, 15, 16

words_option = click.option(
    "--words",
    type=click.Choice(("big", "little")),
    default="big",
    help="Order of the 16-bit words of longer values; most devices: big (high word first).",
)
format_option = click.option(
    "--as", "form", type=click.Choice(FORMATS), default="u16", show_default=True, help="Type."
)


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a write came to."""

    bus: str
    unit: int
    device: str
    table: str
    address: int
    values: tuple[int, ...]


@click.group("bus")
def bus() -> None:
    """The buses: list, scan, stats, monitor, and read or write single registers.

    Addresses are the zero-based protocol addresses, decimal or 0x…: what a manual calls input
    register 30001 is input 0, holding register 40001 is holding 0.
    """


for command in (list_buses, scan, stats, monitor):
    bus.add_command(command)


@bus.command("read")
@click.argument("name", metavar="BUS")
@click.argument("unit_text", metavar="UNIT")
@click.argument("place", metavar="[ADDRESS[:COUNT]]", required=False)
@click.option(
    "--table",
    type=click.Choice(tuple(READ_FUNCTION)),
    default="holding",
    show_default=True,
    help="Which of the four tables.",
)
@format_option
@words_option
@click.option(
    "--name",
    "registers",
    multiple=True,
    metavar="REGISTER",
    help="A register of the device's map instead of an ADDRESS; may be repeated.",
)
@config_option
@json_option
def read(
    name: str,
    unit_text: str,
    place: str | None,
    table: Table,
    form: str,
    words: Words,
    registers: tuple[str, ...],
    config_path: str,
    as_json: bool,
) -> None:
    """Read COUNT values at ADDRESS of a device: UNIT is its number or its configured name.

    Works while the station runs and charges; nothing is changed by it.
    """
    config = loaded(config_path)
    where = modbus_bus(config, name)
    unit, device = unit_of(config, where, unit_text)
    if (place is None) == (not registers):
        raise click.UsageError("give either an ADDRESS or --name")
    if place is not None:
        wanted = [asked_at(place, table, form, words)]
    else:
        wanted = [asked_by_name(device, register) for register in registers]
    try:
        with opened(config, where) as access:
            _say_way(access, as_json)
            found = [
                value
                for asked in wanted
                for value in shown(asked, _read(access, unit, asked), device)
            ]
    except NotDone as error:
        fail(f"{name}: unit {unit}: {error}")
    if as_json:
        print_json(found)
        return
    for value in found:
        click.echo(line(value))


@bus.command("write", context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="BUS")
@click.argument("unit_text", metavar="UNIT")
@click.argument("arguments", metavar="[ADDRESS] VALUE...", nargs=-1, required=True)
@click.option("--coil", is_flag=True, help="Write coils (0 or 1) instead of holding registers.")
@format_option
@words_option
@click.option(
    "--name",
    "register_name",
    metavar="REGISTER",
    help="A register of the device's map instead of an ADDRESS; VALUE in its unit.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@json_option
def write(
    name: str,
    unit_text: str,
    arguments: tuple[str, ...],
    coil: bool,
    form: str,
    words: Words,
    register_name: str | None,
    yes: bool,
    config_path: str,
    as_json: bool,
) -> None:
    """Write VALUEs from ADDRESS on. Asks before; refused for a board while a vehicle is connected.

    What a driver sets too (a board's pilot, contactor, watchdog) it sets again within a moment.
    Every write is kept in the audit log.
    """
    config = loaded(config_path)
    where = modbus_bus(config, name)
    unit, device = unit_of(config, where, unit_text)
    table: Table
    if register_name is not None:
        table, address, values = _by_name(device, register_name, arguments)
    else:
        table, address, values = _by_address(arguments, coil, form, words)
    if not yes:
        click.echo(_warning(where, unit, device, table, address, values), err=True)
        click.confirm("Write this?", abort=True, err=True)
    try:
        with opened(config, where) as access:
            _say_way(access, as_json)
            access.transact(unit, _function(table, len(values)), address, len(values), values)
    except NotDone as error:
        fail(f"{name}: unit {unit}: {error}")
    if as_json:
        done = Written(
            bus=name,
            unit=unit,
            device="" if device is None else device.name,
            table=table,
            address=address,
            values=values,
        )
        print_json(done)
        return
    click.echo(f"{_who(where, unit, device)}: {table} {address} written: {_list(values)}")


# --- Reading and writing --------------------------------------------------------------------------


def _read(access: BusAccess, unit: int, asked: Asked) -> tuple[int, ...]:
    values = access.transact(unit, READ_FUNCTION[asked.table], asked.address, asked.count)
    if len(values) < asked.count:
        raise NotDone(f"{len(values)} values came, expected {asked.count}", there=True)
    return values


def _by_name(
    device: Device | None, name: str, arguments: tuple[str, ...]
) -> tuple[Table, int, tuple[int, ...]]:
    register = asked_by_name(device, name).register
    assert register is not None
    if register.table not in ("holding", "coil"):
        raise click.UsageError(f"--name: {name} is an {register.table} register, read only")
    if len(arguments) != 1:
        raise click.UsageError(f"VALUE: found {len(arguments)} values, expected one for {name}")
    return register.table, register.address, _in_unit(register, arguments[0])


def _in_unit(register: Register, text: str) -> tuple[int, ...]:
    if register.table == "coil":
        return (_bit(text),)
    try:
        return register.encode(float(text))
    except ValueError as error:
        raise click.UsageError(f"VALUE: found `{text}`, expected a number ({error})") from None


def _by_address(
    arguments: tuple[str, ...], coil: bool, form: str, words: Words
) -> tuple[Table, int, tuple[int, ...]]:
    if len(arguments) < 2:
        raise click.UsageError("give an ADDRESS and at least one VALUE")
    place, *texts = arguments
    if ":" in place:
        raise click.UsageError(f"ADDRESS: found `{place}`, expected one address")
    if coil:
        values = tuple(_bit(text) for text in texts)
    else:
        values = tuple(word for text in texts for word in encoded(text, form, words))
    table: Table = "coil" if coil else "holding"
    return table, asked_at(place, table, "u16").address, values


def _bit(text: str) -> int:
    if text not in ("0", "1"):
        raise click.UsageError(f"VALUE: found `{text}`, expected 0 or 1")
    return int(text)


def _function(table: Table, count: int) -> int:
    if table == "coil":
        return WRITE_COIL if count == 1 else WRITE_COILS
    return WRITE_REGISTER if count == 1 else WRITE_REGISTERS


# --- For people -----------------------------------------------------------------------------------


def _say_way(access: BusAccess, as_json: bool) -> None:
    if not as_json and access.way.startswith("directly"):
        click.echo(access.way, err=True)


def _who(where: Bus, unit: int, device: Device | None) -> str:
    if device is None:
        return f"{where.name} unit {unit} (no device of the configuration)"
    return f"{device.name} ({device.driver}, {where.name} unit {unit})"


def _warning(
    where: Bus,
    unit: int,
    device: Device | None,
    table: Table,
    address: int,
    values: tuple[int, ...],
) -> str:
    names = {(one.table, one.address): name for name, one in registers_of(map_of(device)).items()}
    named = [names.get((table, address + at), "") for at in range(len(values))]
    listed = ", ".join(filter(None, named))
    return (
        f"{_who(where, unit, device)}: {table} {address}"
        f"{f' ({listed})' if listed else ''} := {_list(values)}"
    )


def _list(values: tuple[int, ...]) -> str:
    return " ".join(f"{value} (0x{value:04X})" if value > 9 else str(value) for value in values)
