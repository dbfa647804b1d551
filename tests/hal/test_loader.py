"""Building devices from their configuration, and refusing what cannot work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hal.errors import ConfigurationError
from hal.fakes import MemoryModbusLink, ScriptedSerialLink
from hal.interfaces import Meter, PilotBoard, RelayBoard, TokenReader
from hal.loader import (
    DRIVERS,
    build_board,
    build_meter,
    build_reader,
    build_relay_board,
    check_device,
    inner_device,
    when_silent,
)
from hal.register_map import known_maps

ROOT = Path(__file__).resolve().parents[2]
DEVICES = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")

UNWATCHED = """
[device]
name = "Bare board"
kind = "pilot-board"
source = "a document"
[reading]
status = { table = "input", address = 0 }
pilot_high = { table = "input", address = 1, unit = "mV" }
pilot_low = { table = "input", address = 2, unit = "mV" }
[command]
pilot = { table = "holding", address = 0, unit = "0.01 %" }
contactor = { table = "coil", address = 0 }
"""


def board(
    driver: str,
    map_name: str = "",
    *,
    accept: bool = False,
    baud: int | None = None,
    inner: PilotBoard | None = None,
    **options: Any,
) -> PilotBoard:
    return build_board(
        driver=driver,
        name="board1",
        link=MemoryModbusLink(),
        map_name=map_name,
        options=options,
        current_max_a=16.0,
        accept_no_watchdog=accept,
        baud=baud,
        inner=inner,
    )


def checked(
    driver: str,
    map_name: str = "",
    bus_kind: str = "modbus-rtu",
    baud: int | None = None,
    **options: Any,
) -> None:
    check_device(
        driver=driver,
        name="dev",
        map_name=map_name,
        options=options,
        bus_kind=bus_kind,
        baud=baud,
    )


def problem(driver: str, map_name: str = "", **arguments: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        checked(driver, map_name, **arguments)
    return str(caught.value)


def test_a_pilot_board_is_built_with_its_options() -> None:
    device = board("pilot-board", "reference_pilot_board", watchdog_s=0.5)
    assert isinstance(device, PilotBoard)
    assert device.name == "board1"
    assert device.traits.watchdog_s == 0.5
    assert device.traits.current_max_a == 16.0


def test_a_controller_of_the_simple_evse_class_is_built() -> None:
    assert board("simple-evse").traits.runs_pilot


def test_a_controller_with_a_time_out_is_built() -> None:
    assert board("bender-cc6", timeout_s=30).traits.watchdog_s == 30
    assert board("bender-cc6", safe_current_a=6).traits.watchdog_s is None


def test_a_controller_without_watchdog_must_be_accepted() -> None:
    with pytest.raises(ConfigurationError, match="board1: found a board without a watchdog"):
        board("phoenix-ev-cc")
    assert board("phoenix-ev-cc", accept=True, current_unit="A").traits.runs_pilot


def test_a_controller_on_a_serial_line_is_built() -> None:
    device = build_board(
        driver="openevse",
        name="board1",
        link=ScriptedSerialLink(),
        map_name="",
        options={"heartbeat_s": 30},
        current_max_a=16.0,
        accept_no_watchdog=False,
    )
    assert isinstance(device, PilotBoard)
    assert device.traits.watchdog_s is None
    assert problem("openevse") == (
        "dev: bus: found a modbus-rtu bus, expected a serial bus for `openevse`"
    )


@pytest.mark.parametrize(
    ("driver", "map_name", "options"),
    [("pilot-board", "reference_pilot_board", {}), ("relay-contactor", "", {"pilot": "p"})],
)
def test_a_board_that_may_not_open_alone_is_refused_on_a_slow_line(
    driver: str, map_name: str, options: dict[str, Any]
) -> None:
    """IEC 61851-1, Table A.6: 100 ms from leaving state C to open."""
    message = problem(driver, map_name, baud=9600, **options)
    assert message.startswith("dev: bus: found 9600 baud, expected at least 19200")
    assert "cannot be opened within 100 ms" in message
    assert ("opens_alone = true" in message) is (driver == "pilot-board")
    checked(driver, map_name, baud=19200, **options)
    checked(driver, map_name, bus_kind="modbus-tcp", baud=9600, **options)


def test_the_word_that_it_opens_alone_lifts_that() -> None:
    checked("pilot-board", "reference_pilot_board", baud=9600, opens_alone=True)
    checked("simple-evse", baud=9600)
    with pytest.raises(ConfigurationError, match="found 9600 baud"):
        board("pilot-board", "reference_pilot_board", baud=9600)
    assert board("pilot-board", "reference_pilot_board", baud=9600, opens_alone=True)


def test_a_relay_contactor_is_built_around_its_pilot_board() -> None:
    options: dict[str, Any] = {"pilot": "pilot1", "hold_s": 2}
    assert inner_device(driver="relay-contactor", name="k", options=options) == "pilot1"
    assert inner_device(driver="simple-evse", name="k", options={}) is None
    pilot = board("pilot-board", "reference_pilot_board")
    device = board("relay-contactor", inner=pilot, **options)
    assert isinstance(device, PilotBoard)
    assert device.traits.watchdog_s == 2
    with pytest.raises(ConfigurationError, match="which runs the pilot itself"):
        board("relay-contactor", inner=board("simple-evse"), **options)
    with pytest.raises(ConfigurationError, match=r"board1: options\.pilot: found nothing"):
        board("relay-contactor", **options)
    with pytest.raises(ConfigurationError, match=r"k: options\.pilot: found nothing"):
        inner_device(driver="relay-contactor", name="k", options={})


def test_each_board_says_what_it_does_without_the_host(tmp_path: Path) -> None:
    def silent(driver: str, map_name: str = "", **options: Any) -> str:
        return when_silent(driver=driver, name="dev", map_name=map_name, options=options)

    path = tmp_path / "bare.toml"
    path.write_text(UNWATCHED, encoding="utf-8")
    assert "after 0.5 s" in silent("pilot-board", "reference_pilot_board", watchdog_s=0.5)
    assert "may stay closed" in silent("pilot-board", str(path))
    assert "2 s after the last pulse" in silent("relay-contactor", pilot="p", hold_s=2.0)
    assert "keeps the last current for ever" in silent("simple-evse")
    assert "it starts with 0 A" in silent("simple-evse", power_on_current_a=0)
    assert "after 10 s it lowers the current to 6 A" in silent("openevse")
    assert "keeps the last current for ever" in silent("openevse", heartbeat_s=0)
    assert "falls back to 0 A and pauses" in silent("bender-cc6")
    assert "6 A and goes on charging" in silent("bender-cc6", safe_current_a=6)
    assert "for ever" in silent("phoenix-ev-cc")


def test_meter_reader_and_relay_board_are_built() -> None:
    memory, line = MemoryModbusLink(), ScriptedSerialLink()
    meter = build_meter(
        driver="meter", name="m", link=memory, map_name="eastron_sdm230", options={}
    )
    assert isinstance(meter, Meter)
    for driver in ("rfid-text", "pn532"):
        reader = build_reader(driver=driver, name="r", link=line, options={})
        assert isinstance(reader, TokenReader)
    relays = build_relay_board(
        driver="relay-board", name="o", link=memory, options={"outputs": 4, "hold_s": 2.0}
    )
    assert isinstance(relays, RelayBoard)


def test_a_board_that_neither_opens_alone_nor_has_a_watchdog_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text(UNWATCHED, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="board1: found a board without a watchdog"):
        board("pilot-board", str(path))
    assert board("pilot-board", str(path), accept=True).traits.watchdog_s is None


@pytest.mark.parametrize("name", known_maps())
def test_each_map_that_ships_can_be_used(name: str) -> None:
    driver = "pilot-board" if "board" in name else "meter"
    check_device(driver=driver, name="dev", map_name=name, options={}, bus_kind="modbus-tcp")


def test_a_driver_of_another_kind_is_refused_with_the_fitting_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"found `meter` \(a meter\), expected a board: p"):
        board("meter", "eastron_sdm630")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"driver": "pilot-bord"},
            "dev: driver: found `pilot-bord`, expected one of pilot-board, relay-contactor, "
            "simple-evse, openevse, "
            "bender-cc6, phoenix-ev-cc, meter, rfid-text, pn532, relay-board; did you mean "
            "`pilot-board`?",
        ),
        (
            {"driver": "pn532"},
            "dev: bus: found a modbus-rtu bus, expected a serial bus for `pn532`",
        ),
        (
            {"driver": "meter", "map_name": "eastron_sdm630", "bus_kind": "serial"},
            "dev: bus: found a serial bus, expected a modbus bus for `meter`",
        ),
        (
            {"driver": "meter"},
            "dev: map: found nothing, expected a path or one of eastron_sdm120, eastron_sdm230, "
            "eastron_sdm630",
        ),
        (
            {"driver": "meter", "map_name": "reference_pilot_board"},
            "dev: map: found `reference_pilot_board` of kind pilot-board, expected kind meter",
        ),
        (
            {"driver": "simple-evse", "map_name": "eastron_sdm630"},
            "dev: map: found `eastron_sdm630`, expected none: `simple-evse` takes no map",
        ),
        ({"driver": "meter", "map_name": "nope"}, "dev: map: found `nope`, expected a path or one"),
        (
            {"driver": "pilot-board", "map_name": "reference_pilot_board", "watchdog_s": 30},
            "dev: options.watchdog_s: found 30, expected a number from 0.2 to 10",
        ),
        (
            {"driver": "pilot-board", "map_name": "reference_pilot_board", "watchdg_s": 1},
            "dev: options.watchdg_s: unknown option, expected one of watchdog_s, opens_alone; "
            "did you mean `watchdog_s`?",
        ),
        (
            {"driver": "meter", "map_name": "eastron_sdm630", "max_registers": 10.5},
            "dev: options.max_registers: found 10.5, expected a whole number from 2 to 125",
        ),
        (
            {"driver": "rfid-text", "bus_kind": "serial", "format": "wiegand"},
            "dev: options.format: found 'wiegand', expected one of line, em4100",
        ),
        (
            {"driver": "rfid-text", "bus_kind": "serial", "reverse": "yes"},
            "dev: options.reverse: found 'yes', expected true or false",
        ),
        (
            {"driver": "rfid-text", "bus_kind": "serial", "length_min": 40},
            "dev: options.length_min: found 40, expected at most length_max (36)",
        ),
    ],
)
def test_a_mistake_names_device_key_found_and_expected(
    arguments: dict[str, Any], message: str
) -> None:
    assert problem(**arguments).startswith(message)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_device_table_describes_each_driver_and_all_its_options(driver: str) -> None:
    assert f"## `{driver}`" in DEVICES
    section = DEVICES.split(f"## `{driver}`")[1].split("\n## ")[0]
    assert [key for key in DRIVERS[driver].options if f"`{key}`" not in section] == []


@pytest.mark.parametrize("name", known_maps())
def test_the_device_table_lists_each_map(name: str) -> None:
    assert f"`{name}`" in DEVICES
