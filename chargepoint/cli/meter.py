"""`chargepoint meter`: what the meters say, how old it is, and whether it can be true."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

import click
import msgspec

from chargepoint.cli.bus_access import BusAccess, NotDone, modbus_bus, opened
from chargepoint.cli.bus_values import READ_FUNCTION as READ
from chargepoint.cli.bus_values import Shown, line, map_of, of_register
from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.config import Config, Device, Evse
from chargepoint.ipc.service import EvseStatus, GetStatus, StationStatus
from hal.driver_table import DRIVERS
from hal.errors import ConfigurationError
from hal.values import MeterReading

EVERY_S = 1.0
OLD_S = 5.0
"""Meters are read every second; one this old is not heard any more."""

VOLTAGE_SHARE = (0.8, 1.15)
FREQUENCY_HZ = (47.5, 51.5, 57.0, 63.0)
"""Low and high of 50 Hz, then of 60 Hz."""

POWER_TOLERANCE = 0.1
POWER_TOLERANCE_W = 100.0


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """One meter as it is shown."""

    evse: int
    """0: of no EVSE."""
    device: str
    age_s: float | None
    reading: MeterReading | None
    doubts: tuple[str, ...]
    """What cannot be true of it."""
    registers: tuple[Shown, ...] = ()
    """With --raw: what the meter says just now."""


@click.command("meter")
@click.argument("which", metavar="[EVSE|DEVICE]", required=False)
@click.option("--watch", is_flag=True, help="Again every second, until interrupted.")
@click.option("--raw", is_flag=True, help="Every register of the meter's map, read now.")
@config_option
@json_option
def meter(which: str | None, watch: bool, raw: bool, config_path: str, as_json: bool) -> None:
    """Show the meters: all values with age and quality, and what is implausible about them.

    A meter of no EVSE, such as the main meter, is always read by its registers.
    """
    config = loaded(config_path)
    devices = _chosen(config, which)
    try:
        while True:
            found = _look(config, devices, raw)
            if as_json and watch:
                click.echo(msgspec.json.encode(found).decode())
            elif as_json:
                print_json(found)
            else:
                if watch and sys.stdout.isatty():
                    click.clear()
                for one in found:
                    _show(one)
            if not watch:
                return
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        pass


# --- Which, and what they say ---------------------------------------------------------------------


def _chosen(config: Config, which: str | None) -> list[tuple[Device, Evse | None]]:
    evse_of = {evse.meter: evse for evse in config.evse if evse.meter}
    meters = [
        (device, evse_of.get(device.name))
        for device in config.device
        if DRIVERS[device.driver].kind == "meter"
    ]
    if which is None:
        chosen = meters
    else:
        chosen = [
            (device, evse)
            for device, evse in meters
            if which == device.name or (evse is not None and which == str(evse.id))
        ]
    if not chosen:
        known = ", ".join(device.name for device, _ in meters) or "none"
        raise click.UsageError(f"no meter of `{which}`; meters: {known}")
    return chosen


def _look(
    config: Config, devices: Sequence[tuple[Device, Evse | None]], raw: bool
) -> list[Metered]:
    told: dict[int, EvseStatus] = {}
    if any(evse is not None for _, evse in devices) and not raw:
        status = next(ask(config, GetStatus()), None)
        if isinstance(status, StationStatus):
            told = {evse.evse: evse for evse in status.evses}
    found = []
    for device, evse in devices:
        if raw or evse is None:
            found.append(
                Metered(
                    evse=0 if evse is None else evse.id,
                    device=device.name,
                    age_s=None,
                    reading=None,
                    doubts=(),
                    registers=tuple(_registers(config, device)),
                )
            )
        else:
            status_of = told.get(evse.id)
            found.append(_metered(device, evse, None if status_of is None else status_of.meter))
    return found


def _metered(device: Device, evse: Evse, reading: MeterReading | None) -> Metered:
    age_s = None if reading is None else max(0.0, round(time.monotonic() - reading.taken_s, 1))
    return Metered(
        evse=evse.id,
        device=device.name,
        age_s=age_s,
        reading=reading,
        doubts=() if reading is None else tuple(doubts(reading, age_s or 0.0, evse.voltage_v)),
    )


def doubts(reading: MeterReading, age_s: float, nominal_v: float) -> Iterator[str]:
    """What cannot be true of a reading, or not of a present one."""
    if age_s > OLD_S:
        yield f"it is {age_s:.0f} s old"
    for phase, voltage in enumerate(reading.voltage_v, 1):
        low, high = (share * nominal_v for share in VOLTAGE_SHARE)
        if not low <= voltage <= high:
            yield f"L{phase} has {voltage:.0f} V, expected {low:.0f} to {high:.0f} V"
    hertz = reading.frequency_hz
    if hertz is not None:
        low50, high50, low60, high60 = FREQUENCY_HZ
        if not (low50 <= hertz <= high50 or low60 <= hertz <= high60):
            yield f"{hertz:.1f} Hz, expected about 50 or 60 Hz: is the order of the words right?"
    if reading.phase_sequence_ok is False:
        yield "the phases do not follow each other clockwise: two are swapped"
    yield from _power_doubts(reading)
    if reading.energy_import_wh is None:
        yield "it gives no energy register: nothing can be billed"


def _power_doubts(reading: MeterReading) -> Iterator[str]:
    power, volts, amperes = reading.power_w, reading.voltage_v, reading.current_a
    if power is None:
        return
    tolerance_w = POWER_TOLERANCE_W + POWER_TOLERANCE * abs(power)
    if reading.power_phase_w and abs(sum(reading.power_phase_w) - power) > tolerance_w:
        total = sum(reading.power_phase_w)
        yield f"its phases add up to {total:.0f} W, not to {power:.0f} W"
    if volts and len(volts) == len(amperes):
        apparent = sum(u * i for u, i in zip(volts, amperes, strict=True))
        if abs(power) > apparent + tolerance_w:
            yield f"{power:.0f} W are more than volts and amperes allow ({apparent:.0f} VA)"
    if power < -tolerance_w:
        yield f"{power:.0f} W flow backwards: is the meter connected the wrong way round?"


def _registers(config: Config, device: Device) -> Iterator[Shown]:
    bus = modbus_bus(config, device.bus)
    found = map_of(device)
    if found is None:
        raise click.UsageError(f"{device.name}: its register map `{device.map}` cannot be read")
    limit = device.options.get("max_registers")
    try:
        blocks = [
            block
            for group in ("reading", "identity")
            for block in found.blocks(group, limit if isinstance(limit, int) else None)
        ]
        with opened(config, bus) as access:
            for block in blocks:
                values = _block(access, device.unit, READ[block.table], block.address, block.count)
                if values is None:
                    continue
                for register in block.registers:
                    yield of_register(register, block.words(register, values))
    except (NotDone, ConfigurationError) as error:
        fail(f"{device.name}: {error}")


def _block(
    access: BusAccess, unit: int, function: int, address: int, count: int
) -> tuple[int, ...] | None:
    """The registers; None where the meter has none there."""
    try:
        return access.transact(unit, function, address, count)
    except NotDone as error:
        if error.there:
            return None
        raise


# --- For people -----------------------------------------------------------------------------------


def _show(one: Metered) -> None:
    whose = f"EVSE {one.evse}" if one.evse else "no EVSE"
    click.echo(f"{click.style(one.device, bold=True)}  {whose}{_age(one)}")
    for register in one.registers:
        click.echo(f"  {line(register)}")
    if one.reading is not None:
        for name, value in _values(one.reading):
            click.echo(f"  {name:<16} {value}")
    elif not one.registers:
        click.echo("  " + click.style("no reading", fg="red"))
    for doubt in one.doubts:
        click.echo("  " + click.style(f"implausible: {doubt}", fg="yellow"))


def _age(one: Metered) -> str:
    if one.reading is None or one.age_s is None:
        return ""
    return f"  {one.age_s:.1f} s ago, {one.reading.quality.value}"


def _values(reading: MeterReading) -> Iterator[tuple[str, str]]:
    # fmt: off
    rows = (
        ("energy import", (reading.energy_import_wh,), 1000.0, "kWh", 3),
        ("energy export", (reading.energy_export_wh,), 1000.0, "kWh", 3),
        ("power",         (reading.power_w,),          1.0,    "W",   0),
        ("per phase",     reading.power_phase_w,       1.0,    "W",   0),
        ("voltage",       reading.voltage_v,           1.0,    "V",   1),
        ("current",       reading.current_a,           1.0,    "A",   2),
        ("reactive",      (reading.reactive_power_var,), 1.0,  "var", 0),
        ("power factor",  (reading.power_factor,),     1.0,    "",    2),
        ("frequency",     (reading.frequency_hz,),     1.0,    "Hz",  2),
    )
    # fmt: on
    for name, values, divisor, unit, digits in rows:
        present = [value for value in values if value is not None]
        if present:
            shown = " / ".join(f"{value / divisor:.{digits}f}" for value in present)
            yield name, f"{shown} {unit}".rstrip()
    if reading.phase_sequence_ok is not None:
        yield "phase order", "right" if reading.phase_sequence_ok else "wrong"
    if reading.signed is not None:
        yield "signed", "yes"
