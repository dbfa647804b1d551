"""From a configured device to its driver: each kind is built and checked here.

Everything that the installer wrote is checked before any port is opened; docs/devices.md describes
the options, `hal.driver_table` lists the drivers.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, cast

from hal.driver_table import DRIVERS, Driver, Kind
from hal.drivers import (
    bender_cc6,
    meter,
    openevse,
    phoenix_ev_cc,
    pilot_board,
    pn532,
    relay_board,
    relay_contactor,
    rfid_text,
    simple_evse,
)
from hal.drivers.options import parse
from hal.drivers.pilot_board_map import check_claim, single_block
from hal.drivers.token import Spelling
from hal.errors import ConfigurationError
from hal.interfaces import Meter, ModbusLink, PilotBoard, RelayBoard, SerialLink, TokenReader
from hal.register_map import RegisterMap, known_maps, load
from hal.values import TokenKind

__all__ = [
    "BAUD_MIN",
    "DRIVERS",
    "build_board",
    "build_meter",
    "build_reader",
    "build_relay_board",
    "check_device",
    "inner_device",
    "when_silent",
]

BAUD_MIN = 19_200
"""Slowest serial line on which a board that does not open alone is opened in time by polling: at
9600 baud a reading alone takes 30 ms, a command 17 ms, and there may be two boards and a meter
(IEC 61851-1, Table A.6: 100 ms from leaving state C to open)."""


def build_board(
    *,
    driver: str,
    name: str,
    link: ModbusLink | SerialLink,
    map_name: str,
    options: Mapping[str, object],
    current_max_a: float,
    accept_no_watchdog: bool,
    baud: int | None = None,
    inner: PilotBoard | None = None,
) -> PilotBoard:
    """The pilot board `name` on `link`, which is of the driver's bus. Raises ConfigurationError.

    Refuses a board that neither opens by itself nor has a watchdog, unless that was accepted, and
    one that is not certain to open alone on a serial line that is too slow to do it in its place.
    `baud`: of a serial Modbus line, else None. `inner`: the board that `inner_device` names.
    """
    settings = _settings(driver, name, "board", options)
    found = _map(driver, name, map_name)
    _check_speed(DRIVERS[driver], name, settings, baud)
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
        case "relay-contactor":
            del settings["pilot"]
            board = relay_contactor.RelayContactor(modbus, _inner(name, inner), **settings)
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
    *,
    driver: str,
    name: str,
    map_name: str,
    options: Mapping[str, object],
    bus_kind: str,
    baud: int | None = None,
) -> None:
    """Check a device as far as that goes without its bus. Raises ConfigurationError.

    `bus_kind` as in the configuration: `modbus-rtu`, `modbus-tcp` or `serial`. `baud` is looked at
    on `modbus-rtu` only.
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
        single_block(found)
        check_claim(found, name, settings["opens_alone"])
    elif driver == "relay-contactor":
        relay_contactor.check_options(
            name,
            output=settings["output"],
            lock_output=settings["lock_output"],
            lock_input=settings["lock_input"],
        )
    elif driver == "rfid-text":
        _lines(name, settings)
    if bus_kind == "modbus-rtu":
        _check_speed(known, name, settings, baud)


def inner_device(*, driver: str, name: str, options: Mapping[str, object]) -> str | None:
    """Name of the device that `name` is built around; None for one that is built alone.

    Raises ConfigurationError.
    """
    known = _driver(driver, name)
    if not known.inner_option:
        return None
    found: str = _settings(driver, name, known.kind, options)[known.inner_option]
    if not found:
        raise ConfigurationError(
            f"{name}: options.{known.inner_option}: found nothing, expected the name of the "
            "pilot-board device that gives the pilot"
        )
    return found


def when_silent(*, driver: str, name: str, map_name: str, options: Mapping[str, object]) -> str:
    """What the board does when this program falls silent. Raises ConfigurationError."""
    settings = _settings(driver, name, "board", options)
    found = _map(driver, name, map_name)
    if found is not None and "watchdog" not in found.command:
        return "nothing is known: its map has no watchdog, it may stay closed"
    say = DRIVERS[driver].when_silent
    assert say is not None, driver
    return say(settings)


def _inner(name: str, inner: PilotBoard | None) -> PilotBoard:
    if inner is None or inner.traits.runs_pilot:
        found = "nothing" if inner is None else f"`{inner.name}`, which runs the pilot itself"
        raise ConfigurationError(f"{name}: options.pilot: found {found}, expected a pilot-board")
    return inner


def _check_speed(known: Driver, name: str, settings: Mapping[str, Any], baud: int | None) -> None:
    """Refuse a slow line for a board that has to be opened over it."""
    if known.kind != "board" or baud is None or baud >= BAUD_MIN:
        return
    if known.opens_alone or settings.get("opens_alone", False):
        return
    remedy = "raise the baud rate of the bus and of all its devices"
    if "opens_alone" in known.options:
        remedy += (
            "; or, if the board itself opens on leaving state C and on a residual current, say "
            "options = { opens_alone = true }, which is verified at start"
        )
    raise ConfigurationError(
        f"{name}: bus: found {baud} baud, expected at least {BAUD_MIN} for a board that is not "
        f"certain to open alone: polled so slowly it cannot be opened within 100 ms; {remedy}"
    )


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
