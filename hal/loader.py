"""From a configured device to its driver: which drivers exist, and how each is built.

A new driver is one row in DRIVERS and one line where its kind is built. Everything that the
installer wrote is checked here, before any port is opened; docs/devices.md describes the options.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from hal.drivers import (
    bender_cc6,
    meter,
    openevse,
    phoenix_ev_cc,
    pilot_board,
    pn532,
    relay_board,
    rfid_text,
    simple_evse,
)
from hal.drivers.options import Option, parse
from hal.drivers.token import Spelling
from hal.errors import ConfigurationError
from hal.interfaces import Meter, ModbusLink, PilotBoard, RelayBoard, SerialLink, TokenReader
from hal.register_map import RegisterMap, known_maps, load
from hal.values import TokenKind

Kind = Literal["board", "meter", "reader", "relay"]


@dataclass(frozen=True, slots=True)
class Driver:
    """What is known of a driver before one is built."""

    kind: Kind
    bus: Literal["modbus", "serial"]
    map_kind: str = ""
    """Kind of register map that it needs; empty: it takes none."""
    gap_s: float = 0.0
    """Pause that the device needs between requests; to be given to its link."""
    options: Mapping[str, Option] = field(default_factory=dict)
    any_unit: bool = False
    """It answers whatever unit is asked for: there is nothing else on its connection."""


# fmt: off
DRIVERS: Mapping[str, Driver] = {
    "pilot-board": Driver("board",  "modbus", "pilot-board", 0.0, pilot_board.OPTIONS),
    "simple-evse": Driver("board",  "modbus", "", simple_evse.GAP_S, simple_evse.OPTIONS),
    "openevse":    Driver("board",  "serial", "", 0.0, openevse.OPTIONS),
    "bender-cc6":  Driver("board",  "modbus", "", 0.0, bender_cc6.OPTIONS, any_unit=True),
    "phoenix-ev-cc": Driver("board", "modbus", "", 0.0, phoenix_ev_cc.OPTIONS, any_unit=True),
    "meter":       Driver("meter",  "modbus", "meter", 0.0, meter.OPTIONS),
    "rfid-text":   Driver("reader", "serial", "", 0.0, rfid_text.OPTIONS),
    "pn532":       Driver("reader", "serial", "", 0.0, pn532.OPTIONS),
    "relay-board": Driver("relay",  "modbus", "", 0.0, relay_board.OPTIONS),
}
# fmt: on


def build_board(
    *,
    driver: str,
    name: str,
    link: ModbusLink | SerialLink,
    map_name: str,
    options: Mapping[str, object],
    current_max_a: float,
    accept_no_watchdog: bool,
) -> PilotBoard:
    """The pilot board `name` on `link`, which is of the driver's bus. Raises ConfigurationError.

    Refuses a board that neither opens by itself nor has a watchdog, unless that was accepted.
    """
    settings = _settings(driver, name, "board", options)
    found = _map(driver, name, map_name)
    settings |= {"name": name, "current_max_a": current_max_a}
    modbus, line = cast(ModbusLink, link), cast(SerialLink, link)
    board: PilotBoard
    match driver:
        case "simple-evse":
            board = simple_evse.SimpleEvse(modbus, **settings)
        case "openevse":
            board = openevse.OpenEvse(line, **settings)
        case "bender-cc6":
            board = bender_cc6.BenderCc6(modbus, **settings)
        case "phoenix-ev-cc":
            board = phoenix_ev_cc.PhoenixEvCc(modbus, **settings)
        case _:
            assert found is not None, driver
            board = pilot_board.RegisterPilotBoard(modbus, found, **settings)
    traits = board.traits
    if traits.watchdog_s is None and not traits.opens_alone and not accept_no_watchdog:
        raise ConfigurationError(
            f"{name}: found a board without a watchdog that does not open by itself, expected "
            "either; accept_no_watchdog = true takes it with a standing warning"
        )
    return board


def build_meter(
    *, driver: str, name: str, link: ModbusLink, map_name: str, options: Mapping[str, object]
) -> Meter:
    """The meter `name` on `link`. Raises ConfigurationError."""
    settings = _settings(driver, name, "meter", options)
    return meter.RegisterMeter(link, _needed_map(driver, name, map_name), name=name, **settings)


def build_reader(
    *, driver: str, name: str, link: SerialLink, options: Mapping[str, object]
) -> TokenReader:
    """The token reader `name` on `link`. Raises ConfigurationError."""
    settings = _settings(driver, name, "reader", options)
    spelling = Spelling(
        reverse=settings["reverse"],
        uppercase=settings["uppercase"],
        prefix=settings["prefix"],
        strip=settings["strip"],
    )
    absent_s = settings["absent_s"]
    if driver == "pn532":
        kind = TokenKind(settings["kind"])
        return pn532.Pn532(link, name=name, spelling=spelling, kind=kind, absent_s=absent_s)
    em4100 = settings["format"] == "em4100"
    return rfid_text.TextReader(
        link,
        name=name,
        frames=rfid_text.Em4100Frames() if em4100 else _lines(name, settings),
        spelling=spelling,
        # 125 kHz cards are none of the technologies that OCPP names.
        kind=TokenKind(settings["kind"] or ("Local" if em4100 else "ISO14443")),
        absent_s=absent_s,
    )


def build_relay_board(
    *, driver: str, name: str, link: ModbusLink, options: Mapping[str, object]
) -> RelayBoard:
    """The relay board `name` on `link`. Raises ConfigurationError."""
    settings = _settings(driver, name, "relay", options)
    return relay_board.CoilRelayBoard(link, name=name, **settings)


def check_device(
    *, driver: str, name: str, map_name: str, options: Mapping[str, object], bus_kind: str
) -> None:
    """Check a device as far as that goes without its bus. Raises ConfigurationError.

    `bus_kind` as in the configuration: `modbus-rtu`, `modbus-tcp` or `serial`.
    """
    known = _driver(driver, name)
    if not bus_kind.startswith(known.bus):
        raise ConfigurationError(
            f"{name}: bus: found a {bus_kind} bus, expected a {known.bus} bus for `{driver}`"
        )
    settings = _settings(driver, name, known.kind, options)
    found = _map(driver, name, map_name)
    if found is not None and known.kind == "meter":
        found.blocks("reading", settings["max_registers"])
    elif found is not None:
        pilot_board.single_block(found)
    elif driver == "rfid-text":
        _lines(name, settings)


def _driver(driver: str, name: str) -> Driver:
    if driver not in DRIVERS:
        close = difflib.get_close_matches(driver, list(DRIVERS), n=1)
        hint = f"; did you mean `{close[0]}`?" if close else ""
        raise ConfigurationError(
            f"{name}: driver: found `{driver}`, expected one of {', '.join(DRIVERS)}{hint}"
        )
    return DRIVERS[driver]


def _settings(driver: str, name: str, kind: Kind, options: Mapping[str, object]) -> dict[str, Any]:
    known = _driver(driver, name)
    if known.kind != kind:
        fitting = ", ".join(one for one, row in DRIVERS.items() if row.kind == kind)
        raise ConfigurationError(
            f"{name}: driver: found `{driver}` (a {known.kind}), expected a {kind}: {fitting}"
        )
    return parse(name, options, known.options)


def _map(driver: str, name: str, map_name: str) -> RegisterMap | None:
    """The register map of the device, of the kind that its driver needs; None if it takes none."""
    needed = DRIVERS[driver].map_kind
    if not needed:
        if map_name:
            raise ConfigurationError(
                f"{name}: map: found `{map_name}`, expected none: `{driver}` takes no map"
            )
        return None
    if not map_name:
        fitting = ", ".join(one for one in known_maps() if load(one).kind == needed)
        raise ConfigurationError(f"{name}: map: found nothing, expected a path or one of {fitting}")
    try:
        found = load(map_name)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error
    if found.kind != needed:
        raise ConfigurationError(
            f"{name}: map: found `{map_name}` of kind {found.kind}, expected kind {needed}"
        )
    return found


def _needed_map(driver: str, name: str, map_name: str) -> RegisterMap:
    found = _map(driver, name, map_name)
    assert found is not None, driver
    return found


def _lines(name: str, settings: Mapping[str, Any]) -> rfid_text.Lines:
    low, high = settings["length_min"], settings["length_max"]
    if low > high:
        raise ConfigurationError(
            f"{name}: options.length_min: found {low}, expected at most length_max ({high})"
        )
    return rfid_text.Lines(terminator=settings["terminator"], length_min=low, length_max=high)
