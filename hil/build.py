"""From a station's configuration to the plant and its wires.

Everything that the configuration names gets something behind it: boards of an EVSE, meters, relay
boards and readers, each on its bus under its address. Small individual differences (how quick a
vehicle is, where a meter's register stands) are drawn from the seed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chargepoint.config import Bus, Config, Device, Evse, SimulatedVehicle
from hal.errors import ConfigurationError
from hal.loader import DRIVERS
from hal.register_map import load
from hil.plant.bender_board import BenderBoard
from hil.plant.board import BoardOptions, ReferenceBoard
from hil.plant.evse import PlantEvse
from hil.plant.field import CardField
from hil.plant.meter import EnergyMeter
from hil.plant.modem import Modem, SentMessage
from hil.plant.openevse_board import OpenEvseBoard
from hil.plant.own_pilot import OwnPilot
from hil.plant.phoenix_board import PhoenixBoard
from hil.plant.plant import Plant
from hil.plant.record import Record
from hil.plant.relay import CHANNELS, RelayBank
from hil.plant.relay_wiring import RelayWiring
from hil.plant.simple_board import SimpleBoard
from hil.plant.vehicle import (
    OFF_REACTION_MAX_S,
    OFF_REACTION_MIN_S,
    S2_DELAY_MAX_S,
    S2_DELAY_MIN_S,
    Traits,
    Vehicle,
)
from hil.wire.bender_unit import BenderUnit
from hil.wire.board_unit import BoardUnit
from hil.wire.line_time import LineTime
from hil.wire.meter_unit import MeterUnit
from hil.wire.modbus import Unit
from hil.wire.modem_unit import ModemUnit
from hil.wire.phoenix_unit import PhoenixUnit
from hil.wire.pn532 import Pn532
from hil.wire.pty_line import PtyLine
from hil.wire.rapi import RapiLine
from hil.wire.relay_unit import RelayUnit
from hil.wire.rtu import TURNAROUND_S, RtuSlaves, Slave
from hil.wire.simple_unit import SimpleUnit
from hil.wire.tcp import TcpSlaves
from hil.wire.text_reader import TextReader
from hil.wire.trouble import Trouble
from hil.world import World

METER_START_WH = (1_000.0, 90_000.0)
"""Where a register begins: below 131 kWh a single-precision kWh still resolves 0.01 Wh."""

SIMULATED_BOARDS = ("pilot-board", "simple-evse", "openevse", "bender-cc6", "phoenix-ev-cc")
RELAY_CONTACTOR = "relay-contactor"
"""Relays next to a pilot board of its own."""
RELAYS_MAX = 32
SIGNAL = "signal"
"""Relay board of buzzer and lamp, where no [[device]] is one."""


@dataclass(slots=True)
class Built:
    """The plant, and what stands on its wires."""

    world: World
    units: dict[str, Unit] = field(default_factory=dict)
    """Modbus devices by name."""
    troubles: dict[str, Trouble] = field(default_factory=dict)
    """Wire faults by name of device or bus."""
    slaves: dict[str, dict[int, Slave]] = field(default_factory=dict)
    """By bus and unit address."""
    lines: dict[str, PtyLine] = field(default_factory=dict)
    """Serial lines by bus."""
    servers: dict[str, TcpSlaves] = field(default_factory=dict)
    """Modbus TCP by bus."""
    meters: dict[str, EnergyMeter] = field(default_factory=dict)
    rapi: dict[str, RapiLine] = field(default_factory=dict)
    """OpenEVSE controllers by device."""
    modems: dict[str, ModemUnit] = field(default_factory=dict)
    """By bus."""


def build(
    config: Config,
    *,
    boards: Mapping[str, BoardOptions] | None = None,
    turnaround_s: float = TURNAROUND_S,
    urgent: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Built:
    """The plant of `config`. `boards` replaces the options of single boards, by device name.

    `urgent` asks for real-time priority for the threads of the lines.

    Raises ConfigurationError for a device that cannot be simulated.
    """
    now_s = clock()
    drivers = {device.name: _driver(device) for device in config.device}
    relays = {
        device.name: RelayBank(RELAYS_MAX if device.driver == RELAY_CONTACTOR else CHANNELS)
        for device in config.device
        if drivers[device.name] == "relay" or device.driver == RELAY_CONTACTOR
    }
    if _signal_alone(config):
        relays[SIGNAL] = RelayBank(RELAYS_MAX)
    evses, meters = {}, {}
    for evse in config.evse:
        chance = random.Random(f"{config.simulator.seed} evse {evse.id}")
        meter = EnergyMeter(evse.phases, chance.uniform(*METER_START_WH))
        vehicle = _vehicle(config.simulator.vehicle.get(str(evse.id), _default(evse)), chance)
        board = _board(config, evse, dict(boards or {}), now_s)
        evses[evse.id] = PlantEvse(
            evse.id,
            phases=evse.phases,
            connector=evse.connector,
            vehicle=vehicle,
            board=board,
            meter=meter,
            meter_behind=evse.meter_behind_contactor,
            wiring=_wiring(config, evse, relays),
        )
        if evse.meter and evse.meter not in meters:
            meters[evse.meter] = meter
    supply = {
        device.name: EnergyMeter(3, METER_START_WH[0])
        for device in config.device
        if drivers[device.name] == "meter" and device.name not in meters
    }
    plant = Plant(
        evses,
        fields={name: CardField() for name, kind in drivers.items() if kind == "reader"},
        relays=relays,
        supply_meters=supply,
        now_s=now_s,
        speed=config.simulator.speed,
        record=Record(),
    )
    plant.touch()
    built = Built(world=World(plant, clock), meters={**meters, **supply})
    for number, device in enumerate(config.device, start=1):
        if drivers[device.name] != "reader":
            _add_unit(built, config, device, number)
    _add_signal(built, config)
    for bus in config.bus:
        _add_bus(built, config, bus, turnaround_s, urgent)
    return built


def _driver(device: Device) -> str:
    if device.driver not in DRIVERS:
        known = ", ".join(DRIVERS)
        raise ConfigurationError(
            f"{device.name}: driver: found `{device.driver}`, expected one of {known}"
        )
    return DRIVERS[device.driver].kind


def _default(evse: Evse) -> SimulatedVehicle:
    return SimulatedVehicle(phases=evse.phases)


def _vehicle(found: SimulatedVehicle, chance: random.Random) -> Vehicle:
    return Vehicle(
        Traits(
            battery_wh=found.battery_wh,
            charge_ratio=found.charge_ratio,
            current_max_a=found.current_max_a,
            phases=found.phases,
            cable_a=found.cable_a,
            s2_delay_s=chance.uniform(S2_DELAY_MIN_S, S2_DELAY_MAX_S),
            off_reaction_s=chance.uniform(OFF_REACTION_MIN_S, OFF_REACTION_MAX_S),
        )
    )


def _board(
    config: Config, evse: Evse, options: Mapping[str, BoardOptions], now_s: float
) -> ReferenceBoard | OwnPilot:
    name = _pilot_of(config, evse)
    driver = config.device_named(name).driver
    if driver not in SIMULATED_BOARDS:
        raise ConfigurationError(
            f"{name}: driver: the simulator has no `{driver}`, expected one of "
            f"{', '.join(SIMULATED_BOARDS)}"
        )
    socket = evse.connector == "socket"
    match driver:
        case "simple-evse":
            return SimpleBoard(evse.current_max_a)
        case "openevse":
            return OpenEvseBoard(evse.current_max_a, now_s)
        case "bender-cc6":
            return BenderBoard(evse.current_max_a, socket=socket, now_s=now_s)
        case "phoenix-ev-cc":
            return PhoenixBoard(evse.current_max_a)
    usual = BoardOptions(
        has_lock=socket,
        has_proximity=socket,
        has_phase_switch=evse.phases == 3,
        current_max_a=max(evse.current_max_a, 32.0),
    )
    return ReferenceBoard(options.get(name, usual), now_s)


def _pilot_of(config: Config, evse: Evse) -> str:
    """The device that makes the pilot of `evse`."""
    board = config.device_named(evse.board)
    return str(board.options["pilot"]) if board.driver == RELAY_CONTACTOR else board.name


def _wiring(config: Config, evse: Evse, relays: Mapping[str, RelayBank]) -> RelayWiring | None:
    board = config.device_named(evse.board)
    if board.driver != RELAY_CONTACTOR:
        return None

    def channel(name: str) -> int | None:
        value = board.options.get(name)
        return value if isinstance(value, int) else None

    return RelayWiring(
        bank=relays[board.name],
        output=channel("output") or 0,
        aux_input=channel("aux_input"),
        aux_mirror=bool(board.options.get("aux_mirror", False)),
        lock_output=channel("lock_output"),
        lock_input=channel("lock_input"),
    )


# --- Devices on wires -----------------------------------------------------------------------------


def _add_unit(built: Built, config: Config, device: Device, number: int) -> None:
    unit = _unit(built, config, device, number)
    if unit is None:
        return
    slave = Slave(device.name, unit, _trouble(config, device.name))
    built.units[device.name] = unit
    built.troubles[device.name] = slave.trouble
    built.slaves.setdefault(device.bus, {})[device.unit] = slave


def _unit(built: Built, config: Config, device: Device, number: int) -> Unit | None:
    """What answers for `device` on Modbus; None when nothing does."""
    plant = built.world.plant
    record = plant.record
    if device.name in built.meters:
        return MeterUnit(built.meters[device.name], load(device.map), number)
    if device.name in plant.relays:
        return RelayUnit(plant.relays[device.name], record=record, device=device.name)
    pilots = {_pilot_of(config, one): one.id for one in config.evse}
    if device.name not in pilots:
        return None
    evse = pilots[device.name]
    outlet = plant.evses[evse]
    match outlet.board:
        case SimpleBoard() as board:
            return SimpleUnit(board, record=record, evse=evse, device=device.name)
        case BenderBoard():
            return BenderUnit(outlet, record=record, device=device.name)
        case PhoenixBoard():
            tenths = device.options.get("current_unit") == "0.1 A"
            return PhoenixUnit(outlet, record=record, device=device.name, tenths=tenths)
        case ReferenceBoard() as board:
            registers = load(device.map)
            return BoardUnit(board, registers, record=record, evse=evse, device=device.name)
    return None


def _add_bus(built: Built, config: Config, bus: Bus, turnaround_s: float, urgent: bool) -> None:
    slaves = built.slaves.setdefault(bus.name, {})
    if bus.kind == "modbus-tcp":
        built.servers[bus.name] = TcpSlaves(built.world, slaves, bus.host, bus.tcp_port)
        return
    line = LineTime(bus.baud, bus.parity, bus.stop_bits)
    link = Path(config.port(bus))
    if bus.kind == "modbus-rtu":
        trouble = built.troubles.setdefault(bus.name, _trouble(config, bus.name))
        talker = RtuSlaves(built.world, slaves, line, turnaround_s=turnaround_s, trouble=trouble)
        built.lines[bus.name] = PtyLine(link, talker, urgent=urgent)
        return
    if config.alerts.modem is not None and config.alerts.modem.bus == bus.name:
        _add_modem(built, config, bus, link, line)
        return
    device = next((one for one in config.device if one.bus == bus.name), None)
    if device is not None and device.name in built.world.plant.fields:
        built.lines[bus.name] = PtyLine(link, _reader(built, config, device, line))
    elif device is not None and device.driver == "openevse":
        _add_rapi(built, config, device, link, line)


def _signal_alone(config: Config) -> bool:
    """Whether buzzer and lamp hang on a unit that no [[device]] names."""
    signal = config.alerts.signal
    return signal is not None and not any(
        (device.bus, device.unit) == (signal.bus, signal.unit) for device in config.device
    )


def _add_signal(built: Built, config: Config) -> None:
    signal = config.alerts.signal
    if signal is None or SIGNAL not in built.world.plant.relays:
        return
    plant = built.world.plant
    unit = RelayUnit(plant.relays[SIGNAL], record=plant.record, device=SIGNAL)
    slave = Slave(SIGNAL, unit, _trouble(config, SIGNAL))
    built.troubles[SIGNAL] = slave.trouble
    built.slaves.setdefault(signal.bus, {})[signal.unit] = slave


def _add_modem(built: Built, config: Config, bus: Bus, link: Path, line: LineTime) -> None:
    """A modem whose SIM wants the PIN that the station is given."""
    world = built.world

    def sent(message: SentMessage) -> None:
        with world as now_s:
            world.plant.record.add(
                now_s, "sms_sent", modem=bus.name, to=message.to, text=message.text
            )

    assert config.alerts.modem is not None
    trouble = built.troubles.setdefault(bus.name, _trouble(config, bus.name))
    modem = Modem(pin=config.alerts.modem.pin)
    unit = ModemUnit(modem, line, sent=sent, trouble=trouble)
    built.modems[bus.name] = unit
    built.lines[bus.name] = PtyLine(link, unit)


def _add_rapi(built: Built, config: Config, device: Device, link: Path, line: LineTime) -> None:
    """An OpenEVSE on a line of its own, if an EVSE has it."""
    number = next((one.id for one in config.evse if one.board == device.name), None)
    if number is None:
        return
    trouble = built.troubles.setdefault(device.name, _trouble(config, device.name))
    plant = built.world.plant
    talker = RapiLine(
        built.world,
        plant.evses[number],
        line,
        record=plant.record,
        device=device.name,
        trouble=trouble,
    )
    talker.boot(built.world.clock())
    built.rapi[device.name] = talker
    built.lines[device.bus] = PtyLine(link, talker)


def _trouble(config: Config, name: str) -> Trouble:
    """No trouble yet; what chance brings later comes from the seed."""
    return Trouble(chance=random.Random(f"{config.simulator.seed} trouble {name}"))


def _reader(built: Built, config: Config, device: Device, line: LineTime) -> TextReader | Pn532:
    trouble = built.troubles.setdefault(device.name, _trouble(config, device.name))
    field_of = built.world.plant.fields[device.name]
    if device.driver == "pn532":
        return Pn532(built.world, field_of, line, trouble)
    form = "em4100" if device.options.get("format") == "em4100" else "line"
    return TextReader(
        built.world, field_of, line, "em4100" if form == "em4100" else "line", trouble
    )
