"""Devices of a station that does not run: asked directly, on ports that are opened exclusively.

Only reads go out. What does not answer where it should is looked for at other addresses, and at
other speeds when the whole bus is silent: "wrong address" is told apart from "no supply".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal, Protocol

from msgspec.structs import replace

from chargepoint.config import Bus, Config, Device
from chargepoint.doctor.evidence import Probe, Trouble
from chargepoint.doctor.gathering import lines
from chargepoint.doctor.gathering.links import INPUT, Read, ReadingLink
from chargepoint.doctor.gathering.registers import probed
from hal.bus.modbus import open_modbus_rtu, open_modbus_tcp
from hal.bus.port import is_pty
from hal.errors import BadReply, BusDown, DeviceError, DeviceRefused, NoReply

UNITS_TRIED = range(1, 17)
"""Addresses at which a silent device is looked for; makers deliver low ones."""

ATTEMPTS = 3
"""Of a device that does not answer, or with a damaged frame, where it should."""

SPEEDS: tuple[tuple[int, Literal["none", "even"]], ...] = tuple(
    (baud, parity) for baud in (9600, 19200, 38400, 57600, 115200) for parity in ("none", "even")
)


class Open(Protocol):
    """An open bus."""

    def transact(
        self, unit: int, function: int, address: int, count: int = 1
    ) -> tuple[int, ...]: ...
    def close(self) -> None: ...


Opener = Callable[[Config, Bus], Open]


def open_bus(config: Config, bus: Bus) -> Open:
    """The bus as it is configured; its port is opened, exclusively, by the first request."""
    if bus.kind == "modbus-tcp":
        return open_modbus_tcp(bus.name, bus.host, bus.tcp_port, bus.timeout_max_s)
    return open_modbus_rtu(
        bus.name, config.port(bus), bus.baud, bus.parity, bus.stop_bits, bus.timeout_max_s
    )


def probes(
    config: Config,
    usable: set[str],
    pause_s: float,
    opener: Opener = open_bus,
) -> tuple[Probe, ...]:
    """What each device answers. `usable`: buses whose port is there and free; `pause_s`: between
    the two readings of a meter."""
    found: list[Probe] = []
    for bus in config.bus:
        devices = [device for device in config.device if device.bus == bus.name]
        if bus.name not in usable:
            continue
        if bus.kind == "serial":
            found += [_line(config, bus, device) for device in devices]
            continue
        found += _bus(config, bus, devices, opener, pause_s)
    return tuple(found)


def _bus(
    config: Config,
    bus: Bus,
    devices: Sequence[Device],
    opener: Opener,
    pause_s: float,
) -> Iterator[Probe]:
    with _opened(opener, config, bus) as read:
        answers = [probe(config, device, read) for device in devices]
        if any(answer.meters for answer in answers):
            time.sleep(pause_s)
            answers = [
                _again(config, device, read, answer)
                for device, answer in zip(devices, answers, strict=True)
            ]
        if bus.kind == "modbus-rtu" and any(answer.trouble == "silent" for answer in answers):
            answers = _elsewhere(config, devices, read, answers)
    silent = all(answer.trouble == "silent" and not answer.elsewhere for answer in answers)
    if bus.kind == "modbus-rtu" and silent and not is_pty(config.port(bus)):
        answers = _otherwise(config, bus, devices, answers, opener)
    yield from answers


def _line(config: Config, bus: Bus, device: Device) -> Probe:
    try:
        return lines.asked(config, bus, device)
    except DeviceError as error:
        return Probe(device=device.name, trouble=trouble_of(error), detail=_told(error))


@contextmanager
def _opened(opener: Opener, config: Config, bus: Bus) -> Iterator[Read]:
    opened = opener(config, bus)
    try:
        yield partial(_read, opened)
    finally:
        opened.close()


def _read(opened: Open, unit: int, function: int, address: int, count: int) -> tuple[int, ...]:
    return opened.transact(unit, function, address, count)


def probe(
    config: Config, device: Device, read: Read, unit: int | None = None, attempts: int = ATTEMPTS
) -> Probe:
    """One device asked through `read`, at its unit or another; one lost reply is no verdict."""
    link = ReadingLink(device.name, device.unit if unit is None else unit, read)
    for attempt in range(1, attempts + 1):
        try:
            return probed(config, device, link)
        except DeviceError as error:
            if attempt == attempts or not isinstance(error, NoReply | BadReply):
                return Probe(device=device.name, trouble=trouble_of(error), detail=_told(error))
    raise AssertionError("attempts: expected at least 1")


def trouble_of(error: DeviceError) -> Trouble:
    match error:
        case NoReply():
            return "silent"
        case BadReply():
            return "wrong"
        case DeviceRefused():
            return "refused"
        case BusDown():
            return "down"
        case _:
            return "unasked"


def _told(error: DeviceError) -> str:
    return f"{error.request}: {error.detail}"


def _again(config: Config, device: Device, read: Read, first: Probe) -> Probe:
    """The second reading of a meter behind the first."""
    if not first.meters:
        return first
    second = probe(config, device, read)
    if second.trouble:
        return second
    return Probe(
        device=device.name, identity=first.identity, meters=(*first.meters, *second.meters)
    )


def _elsewhere(
    config: Config, devices: Sequence[Device], read: Read, answers: Sequence[Probe]
) -> list[Probe]:
    """The answers, with the unit at which a silent device of that kind answers instead."""
    taken = {device.unit for device in devices}
    there = [unit for unit in UNITS_TRIED if unit not in taken and _inhabited(read, unit)]
    found = []
    for device, answer in zip(devices, answers, strict=True):
        units = there if answer.trouble == "silent" else []
        place = next((u for u in units if not probe(config, device, read, u, 1).trouble), None)
        found.append(answer if place is None else replace(answer, elsewhere=f"unit {place}"))
    return found


def _inhabited(read: Read, unit: int) -> bool:
    """Something answers at this unit, be it a refusal."""
    try:
        read(unit, INPUT, 0, 1)
    except DeviceRefused:
        return True
    except DeviceError:
        return False
    return True


def _otherwise(
    config: Config,
    bus: Bus,
    devices: Sequence[Device],
    answers: Sequence[Probe],
    opener: Opener,
) -> list[Probe]:
    """A bus of which nothing answers anywhere: its first devices at other speeds."""
    for baud, parity in SPEEDS:
        if (baud, parity) == (bus.baud, bus.parity):
            continue
        with _opened(opener, config, replace(bus, baud=baud, parity=parity)) as read:
            if any(not probe(config, device, read, attempts=1).trouble for device in devices[:2]):
                place = f"{baud} baud, parity {parity}"
                return [replace(answer, elsewhere=place) for answer in answers]
    return list(answers)
