"""The rig file: what is right is read, what is wrong is named, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.config import ConfigError
from hil.rig.config import load_rig
from hil.run import RIG
from hil.stage import example, to_toml
from tests.hil.rigs import rig_file


def mistakes(directory: Path, changes: dict[str, Any]) -> list[str]:
    """What is said about the rig file of the tests after `changes`, without the file's name."""
    (directory / "station.toml").write_text(to_toml(example()), "utf-8")
    path = rig_file(directory, changes)
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def test_the_file_that_comes_with_the_program_is_right() -> None:
    setup = load_rig(RIG)
    assert setup.board == "board1"
    assert setup.socket.name == "control-safety.sock"


def test_a_forwarded_socket_takes_the_place_of_the_station_s(tmp_path: Path) -> None:
    (tmp_path / "station.toml").write_text(to_toml(example()), "utf-8")
    path = rig_file(tmp_path, {"station.socket": "/run/forwarded.sock"})
    assert str(load_rig(path).socket) == "/run/forwarded.sock"


def test_all_mistakes_are_named_at_once_with_what_was_found_and_expected(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        {"rig.operater": True, "relay.0.unit": 300, "output.0.does": "plugg", "tap.port": ""},
    )
    assert "rig.operater: unknown key; did you mean `operator`?" in found
    assert "relay.1.unit: found 300; expected `int` <= 247" in found
    assert any(
        line.startswith("output.1.does: found 'plugg'; expected one of 'plug', 's2'")
        for line in found
    )
    assert "tap.port: found ''; expected `str` of length >= 1" in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"relay.0.bus": "bus9"}, "relay.1.bus: found `bus9`, expected one of: analyser, outputs"),
        (
            {"load.0.relay": "none"},
            "load.1.relay: found `none`, expected one of: power, signals",
        ),
        (
            {"load.1.channel": 9},
            "load.2.channel: found 9, expected 1 to 8 (outputs of `power`)",
        ),
        ({"load.1.channel": 3}, "load.2.channel: found 3, which is load.1 already"),
        ({"output.1.does": "plug"}, "output.2.does: found `plug` again, expected it once"),
        ({"output.0.does": "pilot_short", "output.4.does": "proximity_13"},
         "output: found `s2` without `plug`, expected both"),
        ({"relay.1.unit": 1}, "relay.2.unit: found 1, expected another than relay.1.unit"),
        ({"analyser.map": "reference_pilot_board"},
         "analyser.map: found `reference_pilot_board`, expected a meter with current_l1"),
        ({"input.0.channel": 9}, "input.1.channel: found 9, expected 1 to 8 (inputs of `signals`)"),
        ({"relay.0.hold_s": 2.0},
         "output.6.inverted: found true, expected false on a board with hold_s"),
        ({"station.evse": 3}, "station.evse: found 3, expected one of: 1, 2"),
    ],
)  # fmt: skip
def test_a_contradiction_names_both_sides(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert said in mistakes(tmp_path, changes)


def test_a_mistake_in_the_station_s_configuration_is_named_with_its_file(tmp_path: Path) -> None:
    path = rig_file(tmp_path, {"station.config": "missing.toml"})
    with pytest.raises(ConfigError, match=r"station\.config: .*missing\.toml: cannot be read"):
        load_rig(path)


def test_a_card_at_a_reader_that_the_station_has_not_is_a_mistake(tmp_path: Path) -> None:
    card = {"token": "AB", "reader": "door", "relay": "power", "channel": 8}
    said = "card.1.reader: found `door`, expected one of: cards"
    assert mistakes(tmp_path, {"card": [card]}) == [said]
