"""From a rig file to its instruments: lines, relay boards, analyser, tap and lease holder."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hal.bus.modbus import ModbusBus, open_modbus_rtu
from hal.bus.port import Line, character_s, open_serial_port
from hal.register_map import load as load_map
from hil.bench import Instrument
from hil.instruments.bus_tap import BoardListener, BusTap
from hil.instruments.leases import Leases
from hil.instruments.poller import InputPin, Poller, Read, analyser_of, inputs_of
from hil.instruments.relay_outputs import Relay, RelayOutputs
from hil.instruments.sightings import Quantity, Sightings
from hil.instruments.sniffer import Sniffer
from hil.rig.config import Bus, Load, Programs, RigSetup

COIL_FRAME_BYTES = 8
BREAKER_MAX_S = 0.5
"""A relay board that did not answer is asked again after this at the latest."""
COMMAND_WAIT_S = 30.0
INPUT_QUANTITIES = {"outlet_live": Quantity.CONTACT, "locked": Quantity.LOCKED}


class CommandFailed(Exception):
    """A command that steers the safety program failed."""


class ProgramCommands:
    """The safety program of a station, steered by commands of the rig file."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def signal(self, number: int) -> float:
        """Send a signal; the instant before it. Raises CommandFailed."""
        at_s = time.monotonic()
        self._run(one.format(number=number) for one in self._programs.signal)
        return at_s

    def restart(self) -> float:
        """Start it again; the instant after it. Raises CommandFailed."""
        self._run(self._programs.restart)
        return time.monotonic()

    def _run(self, command: Iterable[str]) -> None:
        words = list(command)
        try:
            subprocess.run(
                words, check=True, capture_output=True, text=True, timeout=COMMAND_WAIT_S
            )
        except subprocess.CalledProcessError as error:
            raise CommandFailed(f"{' '.join(words)}: {error.stderr.strip() or error}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CommandFailed(f"{' '.join(words)}: {error}") from error


@dataclass(slots=True)
class Wired:
    """Everything that a rig has."""

    setup: RigSetup
    sightings: Sightings
    outputs: RelayOutputs
    leases: Leases
    pollers: list[Poller] = field(default_factory=list)
    tap: BusTap | None = None
    programs: ProgramCommands | None = None
    buses: list[ModbusBus] = field(default_factory=list)

    def start(self) -> None:
        """Raises PortLost when the tap's port cannot be had."""
        if self.tap is not None:
            self.tap.start()
        for poller in self.pollers:
            poller.start()
        self.leases.start()

    def stop(self) -> None:
        self.leases.stop()
        for poller in self.pollers:
            poller.stop()
        if self.tap is not None:
            self.tap.stop()
        for bus in self.buses:
            bus.close()


def wire(setup: RigSetup) -> Wired:
    """The instruments of `setup`; no port is opened before `start` or a first output."""
    file = setup.file
    sightings = Sightings()
    locks = {bus.name: threading.Lock() for bus in file.bus}
    buses = {
        bus.name: open_modbus_rtu(
            bus.name, bus.port, bus.baud, bus.parity, bus.stop_bits, bus.timeout_max_s
        )
        for bus in file.bus
    }
    wired = Wired(
        setup,
        sightings,
        RelayOutputs(_relays(setup, buses, locks)),
        Leases(setup.socket),
        buses=list(buses.values()),
    )
    for bus in file.bus:
        reads = _reads(setup, bus, buses[bus.name], sightings)
        if reads:
            wired.pollers.append(Poller(locks[bus.name], reads, sightings))
    if file.tap is not None:
        wired.tap = _tap(setup, sightings)
    if file.programs is not None:
        wired.programs = ProgramCommands(file.programs)
    return wired


def _relays(
    setup: RigSetup, buses: dict[str, ModbusBus], locks: dict[str, threading.Lock]
) -> dict[str, Relay]:
    file = setup.file
    links = {
        board.name: buses[board.bus].link(board.name, board.unit, breaker_max_s=BREAKER_MAX_S)
        for board in file.relay
    }
    boards = {board.name: board for board in file.relay}
    lines = {bus.name: bus for bus in file.bus}

    def relay(name: str, channel: int, inverted: bool = False) -> Relay:
        board = boards[name]
        line = lines[board.bus]
        return Relay(
            link=links[name],
            lock=locks[board.bus],
            coil=channel - 1,
            inverted=inverted,
            operate_s=board.operate_s,
            hold_s=board.hold_s,
            request_s=COIL_FRAME_BYTES * character_s(line.baud, line.parity, line.stop_bits),
        )

    found: dict[str, Relay] = {}
    for one in file.output:
        found[one.does] = relay(one.relay, one.channel, one.inverted)
    for number, load in enumerate(file.load):
        found[load_name(number)] = relay(load.relay, load.channel)
    for card in file.card:
        found[card_name(card.token, card.reader)] = relay(card.relay, card.channel)
    return found


def load_name(number: int) -> str:
    """Output of the load with this place in the file, from 0."""
    return f"load {number + 1}"


def card_name(token: str, reader: str) -> str:
    """Output that lays this card on this reader."""
    return f"card {token} at {reader}"


def _reads(
    setup: RigSetup, bus: Bus, owner: ModbusBus, sightings: Sightings
) -> dict[Quantity, Read]:
    """What is read on this line, by what is lost without it."""
    file = setup.file
    reads: dict[Quantity, Read] = {}
    for board in file.relay:
        pins = [
            InputPin(
                quantity=INPUT_QUANTITIES[one.sees],
                channel=one.channel - 1,
                inverted=one.inverted,
                doubt_s=one.doubt_s,
            )
            for one in file.input
            if one.relay == board.name
        ]
        if pins and board.bus == bus.name:
            link = owner.link(f"{board.name} inputs", board.unit, breaker_max_s=BREAKER_MAX_S)
            reads[pins[0].quantity] = inputs_of(link, pins, sightings)
    if file.analyser is not None and file.analyser.bus == bus.name:
        link = owner.link("analyser", file.analyser.unit, breaker_max_s=BREAKER_MAX_S)
        judges = not any(one.sees == "outlet_live" for one in file.input)
        registers = load_map(file.analyser.map)
        doubt_s = file.analyser.doubt_s
        reads[Quantity.CURRENT] = analyser_of(link, registers, sightings, doubt_s, judges)
    return reads


def _tap(setup: RigSetup, sightings: Sightings) -> BusTap:
    tap = setup.file.tap
    assert tap is not None
    device = setup.station.device_named(setup.board)
    bus = setup.station.bus_named(device.bus)
    real_vehicle = not any(one.does == "s2" for one in setup.file.output)
    registers = load_map(device.map)
    listener = BoardListener(device.unit, registers, sightings, tap.doubt_s, real_vehicle)
    line = Line(
        lambda: open_serial_port(tap.port, bus.baud, bus.parity, bus.stop_bits), time.monotonic
    )
    return BusTap(line, Sniffer(character_s(bus.baud, bus.parity, bus.stop_bits)), listener)


def instruments(wired: Wired, operator: bool) -> dict[Instrument, str]:
    """What this rig has, in words that a report can carry; doubts included."""
    file = wired.setup.file
    outputs = wired.outputs
    found: dict[Instrument, str] = {
        Instrument.LEASES: "client of the safety program's socket",
        Instrument.WORDS: "hazards that the safety program told of",
    }
    relays = ", ".join(f"{one.name} ±{one.operate_s * 500:g} ms" for one in file.relay)
    hand = "a person at the terminal"
    if "plug" in outputs and "s2" in outputs:
        found[Instrument.VEHICLE] = f"resistors behind relays ({relays}), load {_loads(file.load)}"
    elif operator:
        found[Instrument.VEHICLE] = hand
    live = next((one for one in file.input if one.sees == "outlet_live"), None)
    if live is not None:
        late = f"polled, up to {live.doubt_s * 1000:g} ms late"
        found[Instrument.CONTACT] = f"voltage at the outlet: input {live.channel}, {late}"
    if file.analyser is not None:
        late = f"polled, up to {file.analyser.doubt_s * 1000:g} ms late"
        if live is None:
            found[Instrument.CONTACT] = f"voltage at the outlet: {file.analyser.map}, {late}"
        found[Instrument.OUTLET] = f"{file.analyser.map} at the outlet, {late}"
        if file.load or operator:
            found[Instrument.CURRENT] = f"{file.analyser.map} at the outlet, {late}"
    if file.tap is not None:
        late = f"±{file.tap.doubt_s * 1000:g} ms"
        found[Instrument.WIRE] = f"tap on the safety line, {late}"
        found[Instrument.PILOT] = f"duty as written on the safety line, {late}"
    if operator or any(name in outputs for name in FAULTS):
        found[Instrument.FAULTS] = _faults(outputs, operator)
    if wired.programs is not None:
        found[Instrument.PROGRAMS] = "commands of the rig file"
    if "mains" in outputs or operator:
        found[Instrument.SUPPLY] = "relay" if "mains" in outputs else hand
    if file.card or operator:
        found[Instrument.READER] = "card actuator" if file.card else hand
    return found


FAULTS = ("pilot_short", "diode_bypass", "proximity_short", "residual_current", "emergency_stop")


def _faults(outputs: RelayOutputs, operator: bool) -> str:
    wired = ", ".join(one.replace("_", " ") for one in FAULTS if one in outputs)
    by_hand = "; others by hand" if operator else ""
    return f"relays: {wired or 'none'}{by_hand}"


def _loads(loads: Sequence[Load]) -> str:
    return " + ".join(f"{one.current_a:g} A" for one in loads) or "none"
