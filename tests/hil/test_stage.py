"""A stage writes a configuration that means what was asked."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hil.stage import Stage, changed, example, to_toml


def test_what_is_written_reads_back_as_the_same() -> None:
    raw = {
        "a": {"text": 'quote " and ü', "number": 1.5, "flag": True, "list": ["x", "y"]},
        "evse": [{"id": 1, "options": {"deep": 2}}, {"id": 2}],
        "simulator": {"vehicle": {"1": {"phases": 3}}},
    }
    assert tomllib.loads(to_toml(raw)) == raw


def test_dotted_changes_reach_into_tables_and_delete_with_none() -> None:
    raw = {"bus": [{"baud": 9600}, {"baud": 1}], "csms": {"url": "x", "password": "y"}}
    assert changed(raw, {"bus.1.baud": 19200, "csms.password": None, "log.level": "debug"}) == {
        "bus": [{"baud": 9600}, {"baud": 19200}],
        "csms": {"url": "x"},
        "log": {"level": "debug"},
    }


def test_two_stages_share_neither_directory_nor_port(tmp_path: Path) -> None:
    one, other = Stage(tmp_path / "1"), Stage(tmp_path / "2")
    assert one.config.run_dir != other.config.run_dir
    assert one.config.simulator.http != other.config.simulator.http
    assert one.config.csms is None


def test_a_stage_keeps_the_devices_of_its_example(tmp_path: Path) -> None:
    stage = Stage(tmp_path, csms_url="ws://127.0.0.1:1/ocpp")
    assert stage.config.csms is not None
    assert [evse.id for evse in stage.config.evse] == [evse["id"] for evse in example()["evse"]]
