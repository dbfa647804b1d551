"""From the configuration to the objects of one safety bus.

What the loader refuses ends the start: `hal.errors.ConfigurationError` names it.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields

from chargepoint.config import Bus, Config, Device, Evse
from chargepoint.control.loop import Loop
from chargepoint.control.serial_line import SerialSafetyBus
from chargepoint.control.server import Server
from chargepoint.control.unit import Unit
from chargepoint.evse.evse import Evse as EvseCore
from chargepoint.evse.settings import EvseSettings
from hal.bus.modbus import ModbusBus, open_modbus_rtu, open_modbus_tcp
from hal.bus.serial import LineLink, open_serial
from hal.errors import ConfigurationError
from hal.interfaces import Meter, ModbusLink, PilotBoard
from hal.loader import DRIVERS, build_board, build_meter, check_device, inner_device

BOARD_BREAKER_MAX_S = 1.0
"""A board that was lost is asked again this often: a recovered one must not be left alone."""

TIMEOUT_MAX_S = 0.1
"""No device may hold a safety bus longer, whatever the configuration allows elsewhere."""

EVERY_UNIT = range(256)

SafetyBus = ModbusBus | SerialSafetyBus


class BusTaken(Exception):
    """Another process owns this bus now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """One safety bus, ready to be run."""

    loop: Loop
    server: Server
    bus: SafetyBus
    boot: str
    warnings: tuple[str, ...]
    ownership: int
    """Descriptor of the lock; the kernel frees it when this process ends, however it ends."""


def wire(config: Config, bus_name: str) -> Wired:
    """Build bus, devices, EVSEs, server and loop. Raises ConfigurationError, OSError, BusTaken."""
    ownership = own(config, bus_name)
    bus = open_bus(config, config.bus_named(bus_name))
    evses = [evse for evse in config.evse if config.device_named(evse.board).bus == bus_name]
    units = [_unit(config, bus, evse) for evse in evses]
    boot = uuid.uuid4().hex
    server = Server(config.control_socket(bus_name), boot)
    boards = board_units(config, evses)
    loop = Loop(units, server, bus, boards, boot, time.monotonic, config.safety.tick_s)
    return Wired(
        loop=loop,
        server=server,
        bus=bus,
        boot=boot,
        warnings=tuple(filter(None, map(_warning, units))),
        ownership=ownership,
    )


def own(config: Config, bus_name: str) -> int:
    """Make this process the only one of ours on the bus; the descriptor that holds the right.

    Two masters on one line garble each other's safety readings. A serial port is opened exclusively
    anyway, a TCP gateway is not. Raises BusTaken, and OSError.
    """
    path = config.control_socket(bus_name).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise BusTaken(f"bus `{bus_name}` belongs to another running control ({path})") from error
    return lock


def open_bus(config: Config, bus: Bus) -> SafetyBus:
    """The bus of a `[[bus]]` table; its port is opened by the first request."""
    timeout_max_s = min(bus.timeout_max_s, TIMEOUT_MAX_S)
    match bus.kind:
        case "modbus-rtu":
            port = config.port(bus)
            return open_modbus_rtu(
                bus.name, port, bus.baud, bus.parity, bus.stop_bits, timeout_max_s
            )
        case "modbus-tcp":
            return open_modbus_tcp(bus.name, bus.host, bus.tcp_port, timeout_max_s)
        case "serial":
            port = config.port(bus)
            line = open_serial(bus.name, port, bus.baud, bus.parity, bus.stop_bits)
            return SerialSafetyBus(line)


def board_of(config: Config, bus: SafetyBus, evse: Evse, *, accept_no_watchdog: bool) -> PilotBoard:
    """The board of an EVSE on its bus. Raises ConfigurationError, also for a bus of another kind
    than the driver's."""
    device = config.device_named(evse.board)
    inner = inner_device(driver=device.driver, name=device.name, options=device.options)
    if inner is None:
        return _board(config, bus, evse, device, None, accept_no_watchdog)
    around = _board(config, bus, evse, config.device_named(inner), None, accept_no_watchdog)
    return _board(config, bus, evse, device, around, accept_no_watchdog)


def board_units(config: Config, evses: Sequence[Evse]) -> frozenset[int]:
    """Unit numbers under which a board of a Modbus bus can be reached."""
    units: set[int] = set()
    for device in (config.device_named(evse.board) for evse in evses):
        inner = inner_device(driver=device.driver, name=device.name, options=device.options)
        for part in (device, *([config.device_named(inner)] if inner else ())):
            units.update(EVERY_UNIT if DRIVERS[part.driver].any_unit else (part.unit,))
    return frozenset(units)


def settings_of(config: Config, evse: Evse) -> EvseSettings:
    """What the safety core needs of `[[evse]]` and `[safety]`: what has the same name there, and
    what has another."""
    names = {field.name for field in fields(EvseSettings)}
    shared = {
        name: getattr(section, name)
        for section in (config.safety, evse)
        for name in names.intersection(section.__struct_fields__)
    }
    return EvseSettings(
        **shared,
        evse=evse.id,
        socket=evse.connector == "socket",
        nominal_v=evse.voltage_v,
        simplified_pilot_refused=evse.simplified_pilot == "refuse",
    )


def _board(
    config: Config,
    bus: SafetyBus,
    evse: Evse,
    device: Device,
    inner: PilotBoard | None,
    accept_no_watchdog: bool,
) -> PilotBoard:
    table = config.bus_named(device.bus)
    baud = table.baud if table.kind == "modbus-rtu" else None
    check_device(
        driver=device.driver,
        name=device.name,
        map_name=device.map,
        options=device.options,
        bus_kind=table.kind,
        baud=baud,
    )
    if isinstance(bus, SerialSafetyBus):
        link: ModbusLink | LineLink = bus.link(device.name)
    else:
        link = _link(config, bus, device.name, BOARD_BREAKER_MAX_S)
    return build_board(
        driver=device.driver,
        name=device.name,
        link=link,
        map_name=device.map,
        options=device.options,
        current_max_a=evse.current_max_a,
        accept_no_watchdog=accept_no_watchdog,
        baud=baud,
        inner=inner,
    )


def _unit(config: Config, bus: SafetyBus, evse: Evse) -> Unit:
    board = board_of(config, bus, evse, accept_no_watchdog=evse.accept_no_watchdog)
    core = EvseCore(settings_of(config, evse), board.traits)
    return Unit(evse.id, core, board, _meter(config, bus, evse))


def _warning(unit: Unit) -> str:
    traits = unit.board.traits
    if traits.watchdog_s is not None or traits.opens_alone:
        return ""
    return f"EVSE {unit.number}: {unit.board.name} has no watchdog and does not open by itself"


def _meter(config: Config, bus: SafetyBus, evse: Evse) -> Meter | None:
    """The meter of this EVSE, if it is on this bus; on another one the agent reads it."""
    if not evse.meter:
        return None
    device = config.device_named(evse.meter)
    if device.bus != bus.name:
        return None
    if isinstance(bus, SerialSafetyBus):
        raise ConfigurationError(
            f"evse.{evse.id}.meter: `{device.name}` is on the serial line `{bus.name}`, expected a "
            "Modbus bus"
        )
    return build_meter(
        driver=device.driver,
        name=device.name,
        link=_link(config, bus, device.name),
        map_name=device.map,
        options=device.options,
    )


def _link(
    config: Config, bus: ModbusBus, device_name: str, breaker_max_s: float = 30.0
) -> ModbusLink:
    device = config.device_named(device_name)
    driver = DRIVERS.get(device.driver)
    gap_s = driver.gap_s if driver is not None else 0.0
    return bus.link(device.name, device.unit, gap_s=gap_s, breaker_max_s=breaker_max_s)
