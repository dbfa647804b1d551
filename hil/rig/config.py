"""What a rig is wired to: one TOML file (`hil/rig.toml`), checked whole like a station's.

Every mistake is named at once, with the place, what was found and what was expected. The station
under test is described by its own configuration, which this file points to; docs/rig.md shows the
wiring that the names of outputs and inputs stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from chargepoint.config import Config, ConfigError, Mistake, Name, Section, checked, load, read
from hal.errors import ConfigurationError
from hal.register_map import load as load_map

OutputName = Literal[
    "plug",
    "s2",
    "ventilation",
    "diode_bypass",
    "pilot_short",
    "proximity_13",
    "proximity_20",
    "proximity_32",
    "proximity_63",
    "proximity_short",
    "mains",
    "residual_current",
    "emergency_stop",
]
"""What one relay does when it is on; loads and cards have tables of their own."""
InputName = Literal["outlet_live", "locked"]
Port = Annotated[str, msgspec.Meta(min_length=1)]
Doubt = Annotated[float, msgspec.Meta(ge=0, le=5)]
Channel = Annotated[int, msgspec.Meta(ge=1, le=32)]
Unit = Annotated[int, msgspec.Meta(ge=1, le=247)]
PROXIMITY: dict[int, OutputName] = {
    13: "proximity_13",
    20: "proximity_20",
    32: "proximity_32",
    63: "proximity_63",
}
"""Output that codes a cable, by its rating in A."""


class Rig(Section, frozen=True):
    """`[rig]`"""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    operator: bool = False
    """A person at the terminal does by hand what no relay can."""
    rest_s: Annotated[float, msgspec.Meta(ge=0, le=120)] = 3.0
    """Everything stays off for this long between two scenarios."""
    warm_up_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0
    """From mains on to the first scenario: the station's start, or its `mains_good_s`."""


class StationUnderTest(Section, frozen=True):
    """`[station]`"""

    config: Port
    """Its configuration; a relative path starts at this file."""
    evse: Annotated[int, msgspec.Meta(ge=1)] = 1
    socket: str = ""
    """Control socket of the safety program; empty: as its configuration says."""


class Programs(Section, frozen=True):
    """`[programs]`: commands on the station; `{number}` stands for the signal's number."""

    signal: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    restart: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Bus(Section, frozen=True):
    """`[[bus]]`: a serial line with relay boards or the analyser; never the station's own."""

    name: Name
    port: Port
    baud: Annotated[int, msgspec.Meta(ge=1200, le=921600)] = 115200
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    timeout_max_s: Annotated[float, msgspec.Meta(ge=0.01, le=5)] = 0.2


class RelayBoard(Section, frozen=True):
    """`[[relay]]`: coils from 0, discrete inputs from 0 (Waveshare class)."""

    name: Name
    bus: Name
    unit: Unit = 1
    outputs: Channel = 8
    inputs: Annotated[int, msgspec.Meta(ge=0, le=32)] = 0
    operate_s: Doubt = 0.01
    """From the command until the contact has moved, at most."""
    hold_s: Annotated[float, msgspec.Meta(ge=0.5, le=60)] | None = None
    """"Flash on" for this long, again and again: its outputs fall off when the host stops."""


class Output(Section, frozen=True):
    """`[[output]]`: what a relay does. Channels are counted from 1, as printed on the board."""

    does: OutputName
    relay: Name
    channel: Channel
    inverted: bool = False
    """Wired to the normally closed contact: the coil is off while it does what it does."""


class Load(Section, frozen=True):
    """`[[load]]`: a resistance at the outlet; several add up."""

    relay: Name
    channel: Channel
    current_a: Annotated[float, msgspec.Meta(gt=0, le=80)]


class Card(Section, frozen=True):
    """`[[card]]`: an actuator that lays a card on a reader while it is on."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    reader: Name
    relay: Name
    channel: Channel
    hold_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 1.0


class Input(Section, frozen=True):
    """`[[input]]`: what a discrete input sees when it is on."""

    sees: InputName
    relay: Name
    channel: Channel
    inverted: bool = False
    doubt_s: Doubt = 0.02
    """How late the input may be (an AC detector needs a half-wave to notice the end)."""


class Analyser(Section, frozen=True):
    """`[analyser]`: a meter at the outlet, behind the station's contactor."""

    bus: Name
    unit: Unit = 1
    map: Port = "eastron_sdm630"
    doubt_s: Doubt = 0.5
    """How late its registers may be."""


class Tap(Section, frozen=True):
    """`[tap]`: a second adapter that only listens on the station's safety line."""

    port: Port
    doubt_s: Doubt = 0.002
    """How late a byte may be handed over (16 ms for adapters without a low-latency mode)."""


class RigFile(Section, frozen=True):
    """The whole file."""

    rig: Rig
    station: StationUnderTest
    bus: tuple[Bus, ...] = ()
    relay: tuple[RelayBoard, ...] = ()
    output: tuple[Output, ...] = ()
    load: tuple[Load, ...] = ()
    card: tuple[Card, ...] = ()
    input: tuple[Input, ...] = ()
    analyser: Analyser | None = None
    tap: Tap | None = None
    programs: Programs | None = None


class RigSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A checked rig file and the configuration of the station that it points to."""

    file: RigFile
    station: Config

    @property
    def socket(self) -> Path:
        """Control socket of the safety program."""
        bus = self.station.device_named(self.board).bus
        chosen = self.file.station.socket
        return Path(chosen) if chosen else self.station.control_socket(bus)

    @property
    def board(self) -> str:
        """Name of the board of the EVSE under test."""
        number = self.file.station.evse
        return next(evse.board for evse in self.station.evse if evse.id == number)


def load_rig(path: str | Path) -> RigSetup:
    """The rig in `path` and its station. Raises ConfigError with every mistake found."""
    source = str(path)
    found = checked(read(path), RigFile, source, contradictions)
    place = Path(path).resolve().parent / found.station.config
    try:
        station = load(place)
    except ConfigError as error:
        inner = [Mistake("station.config", f"{place}: {one}") for one in error.mistakes]
        raise ConfigError(source, inner) from error
    mistakes = list(_against(found, station))
    if mistakes:
        raise ConfigError(source, mistakes)
    return RigSetup(file=found, station=station)


# --- Contradictions between values that are each legal --------------------------------------------


def contradictions(found: RigFile) -> Iterator[Mistake]:
    """What is wrong between tables of the file."""
    yield from _twice("bus", "name", [one.name for one in found.bus])
    yield from _twice("bus", "port", [one.port for one in found.bus])
    yield from _twice("relay", "name", [one.name for one in found.relay])
    yield from _twice("output", "does", [one.does for one in found.output])
    yield from _twice("input", "sees", [one.sees for one in found.input])
    buses = sorted(bus.name for bus in found.bus)
    for number, board in enumerate(found.relay, start=1):
        yield from _known(f"relay.{number}.bus", board.bus, buses)
    if found.analyser is not None:
        yield from _known("analyser.bus", found.analyser.bus, buses)
        yield from _analyser_map(found.analyser.map)
    yield from _units(found)
    yield from _channels(found)
    yield from _together(found)
    yield from _held(found)


def _twice(table: str, key: str, values: list[str]) -> Iterator[Mistake]:
    for number, value in enumerate(values, start=1):
        if value in values[: number - 1]:
            yield Mistake(f"{table}.{number}.{key}", f"found `{value}` again, expected it once")


def _known(key: str, name: str, known: list[str]) -> Iterator[Mistake]:
    if name not in known:
        choices = ", ".join(known) or "none is there"
        yield Mistake(key, f"found `{name}`, expected one of: {choices}")


def _analyser_map(name: str) -> Iterator[Mistake]:
    try:
        found = load_map(name)
    except ConfigurationError as error:
        yield Mistake("analyser.map", str(error))
        return
    for quantity in ("current_l1", "voltage_l1"):
        if found.kind != "meter" or quantity not in found.reading:
            yield Mistake("analyser.map", f"found `{name}`, expected a meter with {quantity}")


def _units(found: RigFile) -> Iterator[Mistake]:
    taken: dict[tuple[str, int], str] = {}
    places = [(f"relay.{n}.unit", one.bus, one.unit) for n, one in enumerate(found.relay, start=1)]
    if found.analyser is not None:
        places.append(("analyser.unit", found.analyser.bus, found.analyser.unit))
    for key, bus, unit in places:
        if (bus, unit) in taken:
            yield Mistake(key, f"found {unit}, expected another than {taken[bus, unit]}")
        taken.setdefault((bus, unit), key)


def _channels(found: RigFile) -> Iterator[Mistake]:
    boards = {board.name: board for board in found.relay}
    taken: dict[tuple[str, str, int], str] = {}
    for table in ("output", "load", "card", "input"):
        kind = "inputs" if table == "input" else "outputs"
        for number, one in enumerate(getattr(found, table), start=1):
            key = f"{table}.{number}"
            if one.relay not in boards:
                yield from _known(f"{key}.relay", one.relay, sorted(boards))
                continue
            most = getattr(boards[one.relay], kind)
            if one.channel > most:
                wanted = f"1 to {most} ({kind} of `{one.relay}`)"
                yield Mistake(f"{key}.channel", f"found {one.channel}, expected {wanted}")
            place = (kind, one.relay, one.channel)
            other = taken.setdefault(place, key)
            # Two cards may lie on one actuator; nothing else may share a relay.
            if other != key and table != "card":
                yield Mistake(f"{key}.channel", f"found {one.channel}, which is {other} already")


def _together(found: RigFile) -> Iterator[Mistake]:
    """Outputs that mean nothing alone."""
    does = {one.does for one in found.output}
    for name in ("s2", "ventilation", "diode_bypass"):
        if name in does and "plug" not in does:
            yield Mistake("output", f"found `{name}` without `plug`, expected both")
    if "ventilation" in does and "s2" not in does:
        yield Mistake("output", "found `ventilation` without `s2`, expected both")


def _held(found: RigFile) -> Iterator[Mistake]:
    """An inverted output acts when the coil falls off: the contrary of what holding is for."""
    holding = {board.name for board in found.relay if board.hold_s is not None}
    for number, one in enumerate(found.output, start=1):
        if one.inverted and one.relay in holding:
            wanted = "false on a board with hold_s"
            yield Mistake(f"output.{number}.inverted", f"found true, expected {wanted}")


def _against(found: RigFile, station: Config) -> Iterator[Mistake]:
    """What the station under test does not have."""
    wanted = found.station.evse
    evse = next((one for one in station.evse if one.id == wanted), None)
    if evse is None:
        ids = ", ".join(str(one.id) for one in station.evse)
        yield Mistake("station.evse", f"found {wanted}, expected one of: {ids}")
        return
    device = station.device_named(evse.board)
    if found.tap is not None and station.bus_named(device.bus).kind != "modbus-rtu":
        kind = station.bus_named(device.bus).kind
        yield Mistake("tap", f"found a safety bus of kind {kind}, expected modbus-rtu")
    if found.tap is not None and not device.map:
        yield Mistake("tap", f"found `{device.name}` without a map, expected a board with one")
    readers = sorted({one.reader for one in station.evse if one.reader})
    for number, card in enumerate(found.card, start=1):
        yield from _known(f"card.{number}.reader", card.reader, readers)


OUTPUT_NAMES: tuple[OutputName, ...] = get_args(OutputName)
