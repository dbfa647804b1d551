"""The commands as a person calls them: help, exit codes, JSON, and plain errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargepoint.catalog import entries
from chargepoint.cli.main import COMMANDS, main
from chargepoint.cli.status import duration

ROOT = Path(__file__).resolve().parents[2]
DEMO = str(ROOT / "config/examples/demo.toml")


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_help_lists_every_command_without_importing_any() -> None:
    result = called("--help")
    assert result.exit_code == 0
    for name, (_, _, line) in COMMANDS.items():
        assert name in result.output
        assert line.split(":")[0][:20] in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_of_its_own(name: str) -> None:
    result = called(name, "--help")
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output
    assert len(result.output.splitlines()) >= 4


def test_an_unknown_command_is_a_usage_error() -> None:
    assert called("chrage").exit_code == 2


@pytest.mark.parametrize("name", ["status", "run", "simulate", "control", "agent"])
def test_a_missing_configuration_is_named_and_exits_with_2(name: str, tmp_path: Path) -> None:
    result = called(name, "--config", str(tmp_path / "none.toml"))
    assert result.exit_code == 2
    assert "none.toml: cannot be read: No such file or directory" in result.output


@pytest.mark.parametrize("name", ["status", "watch"])
def test_a_station_that_does_not_run_is_said_to_be_so(name: str, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text(Path(DEMO).read_text())
    result = called(name, "--config", str(config))
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_explain_takes_hazards_events_and_codes_in_any_letter_case() -> None:
    assert "Residual current detected" in called("explain", "RCD_TRIPPED").output
    assert "rcd_tripped" in called("explain", "cx002").output
    assert "rcd_tripped" in called("explain", "GroundFailure").output


def test_explain_names_the_limit_of_a_condition_and_what_may_be_set() -> None:
    said = called("explain", "host_hot").output
    assert 'Limit:  80, or [alerts.rule."host_hot"] limit_c = 40 to 110' in said
    assert "Limit" not in called("explain", "door_open").output


def test_explain_of_something_unknown_suggests_and_exits_with_1() -> None:
    result = called("explain", "rcd_triped")
    assert result.exit_code == 1
    assert "did you mean rcd_tripped" in result.output


def test_explain_lists_the_whole_catalogue_as_json() -> None:
    listed = json.loads(called("explain", "--json").output)
    assert {entry["id"] for entry in listed} == set(entries())


def test_config_check_passes_the_examples() -> None:
    for path in sorted((ROOT / "config").rglob("*.toml")):
        result = called("config", "check", str(path))
        assert result.exit_code == 0, result.output


def test_config_check_names_all_mistakes_and_exits_with_1(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text(Path(DEMO).read_text().replace("unit = 1\n", "unit = 999\n", 1))
    result = called("config", "check", str(path), "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert found["ok"] is False
    assert [mistake["key"] for mistake in found["mistakes"]] == ["device.1.unit"]


def test_config_check_refuses_a_driver_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text(Path(DEMO).read_text().replace('"rfid-text"', '"rfid-txt"'))
    result = called("config", "check", str(path))
    assert result.exit_code == 1
    assert "rfid-txt" in result.output


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.7, "3 s"), (119, "119 s"), (180, "3 min"), (7500, "2 h 05 min"), (266400, "3 d 2 h")],
)
def test_durations_are_short_and_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text
