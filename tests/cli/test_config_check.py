"""`chargepoint config check` explains what each board does by itself, and what to do if refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chargepoint.cli.main import main

EXAMPLES = Path(__file__).resolve().parents[2] / "config/examples"
RELAY = "relay_contactor.toml"


def checked(file: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["config", "check", str(file), *arguments])
    return result.exit_code, result.output


def changed(tmp_path: Path, example: str, *changes: tuple[str, str]) -> Path:
    """The example with texts replaced, each of which it must contain."""
    text = (EXAMPLES / example).read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "station.toml"
    path.write_text(text, "utf-8")
    return path


def as_json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        CliRunner().invoke(main, ["config", "check", str(file), "--json"]).stdout
    )
    return found


def test_each_board_has_one_line() -> None:
    code, output = checked(EXAMPLES / "demo.toml")
    assert code == 0
    line = (
        "watchdog 1 s; opens alone only if it says so at start; without this program: its watchdog "
        "opens the contactor and stops the pilot after 1 s"
    )
    assert f"EVSE 1: board1 (pilot-board): {line}\n" in output
    assert f"EVSE 2: board2 (pilot-board): {line}\n" in output


@pytest.mark.parametrize(
    ("example", "text"),
    [
        (RELAY, "watchdog 1 s; does not open alone; without this program: the relay lets go"),
        ("simple_evse.toml", "no watchdog; opens alone; without this program: it keeps the last"),
    ],
)
def test_the_line_is_that_of_the_driver(example: str, text: str) -> None:
    assert text in checked(EXAMPLES / example)[1]


def test_the_installers_word_shows_as_to_be_verified(tmp_path: Path) -> None:
    word = 'map = "reference_pilot_board"\noptions = { opens_alone = true }'
    path = changed(tmp_path, "wallbox.toml", ('map = "reference_pilot_board"', word))
    assert "; opens alone (verified at start); " in checked(path)[1]
    (board,) = as_json(path)["boards"]
    assert (board["opens_alone"], board["watchdog_s"], board["refused"]) == (True, 1.0, "")


def test_a_slow_line_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = changed(tmp_path, "wallbox.toml", ("baud = 115200", "baud = 9600"))
    code, output = checked(path)
    assert code == 1
    assert "EVSE 1: board (pilot-board): REFUSED: board: bus: found 9600 baud" in output
    assert "options = { opens_alone = true }" in output
    found = as_json(path)
    assert found["ok"] is False
    assert [one["key"] for one in found["mistakes"]] == ["device.1"]
    assert found["boards"][0]["refused"] == found["mistakes"][0]["problem"]


def test_a_board_that_needs_to_be_accepted_is_refused_until_it_is(tmp_path: Path) -> None:
    bus = 'kind = "modbus-tcp"\nhost = "192.0.2.1"'
    path = changed(
        tmp_path,
        "simple_evse.toml",
        ('kind = "modbus-rtu"\nport = "/dev/serial/by-id/usb-rs485-adapter"\nbaud = 9600', bus),
        ('"simple-evse"', '"phoenix-ev-cc"'),
    )
    code, output = checked(path)
    assert code == 0
    assert "WARNING: taken only because of accept_no_watchdog" in output
    path.write_text(path.read_text("utf-8").replace("accept_no_watchdog = true", ""), "utf-8")
    found = as_json(path)
    assert [one["key"] for one in found["mistakes"]] == ["evse.1.board"]
    assert "accept_no_watchdog = true takes it" in found["mistakes"][0]["problem"]


OTHER_BUS = '[[bus]]\nname = "b"\nkind = "modbus-rtu"\nport = "b"\n\n[[device]]\nname = "pilot"'
ON_OTHER_BUS = (
    ('[[device]]\nname = "pilot"', OTHER_BUS),
    ('map = "reference_pilot_board"\nbus = "safety"', 'map = "reference_pilot_board"\nbus = "b"'),
)
OF_ANOTHER_EVSE = (("[[evse]]", '[[evse]]\nid = 2\nboard = "pilot"\n\n[[evse]]'),)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            (('pilot = "pilot"', 'pilot = "pilt"'),),
            "found 'pilt', expected a pilot-board device: p",
        ),
        ((('pilot = "pilot"', 'pilot = "meter"'),), "found 'meter', expected a pilot-board device"),
        (OF_ANOTHER_EVSE, "`pilot` belongs to EVSE 2 already"),
        (ON_OTHER_BUS, "`pilot` is on bus `b`, not `safety`"),
    ],
)
def test_a_relay_contactor_needs_a_pilot_board_of_its_own_on_its_bus(
    tmp_path: Path, changes: tuple[tuple[str, str], ...], problem: str
) -> None:
    code, output = checked(changed(tmp_path, RELAY, *changes))
    assert code == 1
    assert f"device.2.options.pilot: {problem}" in output
