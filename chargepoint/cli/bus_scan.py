"""`chargepoint bus scan`: which units of a bus answer, and what they are.

A unit is asked for one register; any answer, also a refusal, says that it is there. What it is, is
known from the configuration, from registers by which a map recognises its device, or guessed from
values of a meter's map that make sense (volts and hertz).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import click
import msgspec

from chargepoint.cli.bus_access import BusAccess, NotDone, answers, modbus_bus, opened
from chargepoint.cli.bus_values import READ_FUNCTION
from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.config import Bus, Config
from chargepoint.config.station_file import RTU_UNIT_MAX
from chargepoint.ipc.service import GetStatus, StationStatus
from hal.bus.port import Parity
from hal.register_map import Register, RegisterMap, known_maps, load

BAUDS = (9600, 19200, 38400, 57600, 115200, 2400, 4800)
PARITIES: tuple[Parity, ...] = ("none", "even", "odd")
PAUSE_S = 0.05
"""Between two probes while the station runs: what it wants of the bus goes first."""

PROBES = (4, 3)
"""Input and holding registers; a device that knows neither function answers with a refusal."""

SILENCE = ("no reply", "only noise", "received")
"""In what the bus says of a unit that gave no intact answer; anything else ends the scan."""

PLAUSIBLE = {"voltage_l1": (80.0, 280.0), "frequency": (45.0, 65.0)}


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that answered."""

    unit: int
    line: str
    """Baud rate and parity; empty while the station runs, or on TCP."""
    device: str
    """Configured name; empty: not configured."""
    recognised: tuple[str, ...]
    """Maps whose recognition registers are there."""
    like: tuple[str, ...]
    """Maps of meters whose values make sense."""


def units(ctx: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """`1-20`, `1,2,5`, `7`."""
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except ValueError:
        raise click.BadParameter(f"found `{text}`, expected such as 1-20 or 1,2,5") from None
    if not found or min(found) < 1 or max(found) > RTU_UNIT_MAX:
        raise click.BadParameter(f"found `{text}`, expected units from 1 to {RTU_UNIT_MAX}")
    return tuple(dict.fromkeys(found))


def bauds(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...]:
    """`9600,19200`, or `all`."""
    if text is None:
        return ()
    if text == "all":
        return BAUDS
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"found `{text}`, expected such as 9600,19200 or all") from None


@click.command("scan")
@click.argument("name", metavar="BUS")
@click.option("--units", "wanted", callback=units, default="1-247", show_default=True)
@click.option("--baud", "rates", callback=bauds, help="Only with the station stopped: 9600,19200.")
@click.option(
    "--parity",
    "parities",
    multiple=True,
    type=click.Choice(PARITIES),
    help="Only with the station stopped; may be repeated.",
)
@click.option("--yes", is_flag=True, help="Scan although a vehicle is connected.")
@config_option
@json_option
def scan(
    name: str,
    wanted: Sequence[int],
    rates: Sequence[int],
    parities: Sequence[Parity],
    yes: bool,
    config_path: str,
    as_json: bool,
) -> None:
    """Find the units of a bus by reading one register of each.

    While the station runs, that is done in the time that safety leaves: a unit that is not there
    holds a safety bus for up to 0.1 s. With the station stopped, several line settings can be
    tried.
    """
    config = loaded(config_path)
    where = modbus_bus(config, name)
    running = answers(config.agent_socket())
    if running and (rates or parities):
        raise click.UsageError("--baud and --parity: the station runs and owns the port; stop it")
    if running and not yes and _vehicle_at(config, where):
        raise click.UsageError("a vehicle is connected at this bus; --yes scans all the same")
    found: list[Unit] = []
    try:
        for unit in _scan(config, where, wanted, rates, parities):
            found.append(unit)
            if not as_json:
                click.echo(_line(unit))
    except NotDone as error:
        fail(f"{name}: {error}")
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("no unit answered")


def _scan(
    config: Config,
    bus: Bus,
    wanted: Sequence[int],
    rates: Sequence[int],
    parities: Sequence[Parity],
) -> Iterator[Unit]:
    for baud in rates or (bus.baud,):
        for parity in parities or (bus.parity,):
            with opened(config, bus, baud=baud, parity=parity) as access:
                direct = access.way.startswith("directly")
                serial = direct and bus.kind == "modbus-rtu"
                line = f"{baud} baud, parity {parity}" if serial else ""
                for unit in wanted:
                    if there(access, unit):
                        yield _unit(config, bus, access, unit, line)
                    if not direct:
                        time.sleep(PAUSE_S)


def there(access: BusAccess, unit: int) -> bool:
    """Whether the unit answers anything. Raises NotDone when nobody can be asked."""
    for function in PROBES:
        try:
            access.transact(unit, function, 0)
        except NotDone as error:
            if error.there:
                return True
            if not any(word in str(error) for word in SILENCE):
                raise
            continue
        return True
    return False


def _unit(config: Config, bus: Bus, access: BusAccess, unit: int, line: str) -> Unit:
    device = next((d for d in config.device if d.bus == bus.name and d.unit == unit), None)
    maps = [(name, load(name)) for name in known_maps()]
    recognised = tuple(name for name, found in maps if _recognised(access, unit, found))
    like: tuple[str, ...] = ()
    if not recognised:
        like = tuple(name for name, found in maps if _plausible(access, unit, found))
    return Unit(
        unit=unit,
        line=line,
        device="" if device is None else device.name,
        recognised=recognised,
        like=like,
    )


def _recognised(access: BusAccess, unit: int, found: RegisterMap) -> bool:
    expected = [one for one in found.identity.values() if one.expect is not None]
    return bool(expected) and all(
        (words := _words(access, unit, one)) is not None and one.raw(words) == one.expect
        for one in expected
    )


def _plausible(access: BusAccess, unit: int, found: RegisterMap) -> bool:
    if found.kind != "meter" or not PLAUSIBLE.keys() <= found.reading.keys():
        return False
    for name, (low, high) in PLAUSIBLE.items():
        words = _words(access, unit, found.reading[name])
        if words is None or not low <= found.reading[name].decode(words) <= high:
            return False
    return True


def _words(access: BusAccess, unit: int, register: Register) -> tuple[int, ...] | None:
    try:
        words = access.transact(
            unit, READ_FUNCTION[register.table], register.address, register.count
        )
    except NotDone:
        return None
    return words if len(words) == register.count else None


def _vehicle_at(config: Config, bus: Bus) -> bool:
    """Whether a vehicle is connected at an EVSE of this bus; also when that is not known."""
    status = next(ask(config, GetStatus()), None)
    if not isinstance(status, StationStatus):
        return True
    here = {e.id for e in config.evse if config.device_named(e.board).bus == bus.name}
    return any(
        evse.evse in here and (evse.control is None or evse.control.connected)
        for evse in status.evses
    )


def _line(unit: Unit) -> str:
    known = f"{unit.device:<16}" if unit.device else f"{'not configured':<16}"
    if unit.recognised:
        what = ", ".join(unit.recognised)
    else:
        what = f"answers like {', '.join(unit.like)}" if unit.like else "not recognised"
    return f"unit {unit.unit:>3}  {known} {what}{f'  ({unit.line})' if unit.line else ''}"
