"""docs/safety.md shows the tables, the record and the tests as they are."""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargepoint.evse.hazards import HAZARDS
from hil.report import Run
from hil.report_record import keep
from hil.scenarios.plan import CASES
from hil.scenarios.scenario import Measured
from hil.sim_rig import Outcome
from tests import safety_document as document

TEXT = document.DOCUMENT.read_text("utf-8")
RECORD = tomllib.loads(document.RECORD.read_text("utf-8"))["scenario"]


@pytest.mark.parametrize("block", [name for name in document.BLOCKS if name != "tests"])
def test_the_document_is_current(block: str) -> None:
    """Renew it with `python -m tests.safety_document`."""
    assert document.block(document.renewed(TEXT), block) == document.block(TEXT, block)


@pytest.mark.skipif(not os.environ.get("CI"), reason="others add tests meanwhile; CI compares")
def test_the_list_of_tests_is_current() -> None:
    """Renew it with `python -m tests.safety_document`."""
    assert document.renewed(TEXT) == TEXT


def test_the_record_knows_the_scenarios_and_times_of_the_tables() -> None:
    assert document.unknown_scenarios(RECORD) == set()
    assert document.unknown_times(RECORD) == []


def test_each_scenario_was_played_at_each_rate() -> None:
    missing = [
        (name, baud) for name in CASES for baud in document.BAUDS if baud not in RECORD[name]
    ]
    assert missing == []


def test_each_hazard_and_each_number_of_annex_a_is_named_by_a_test_of_the_core() -> None:
    by_hazard, by_sequence = document.named_tests()
    assert set(HAZARDS) <= set(by_hazard)
    assert {"1.1", "2.1", "2.2", "3", "4", "8.1", "8.2", "9.2", "10.1", "10.2"} <= set(by_sequence)


# --- Keeping a run --------------------------------------------------------------------------------


def measured(took_s: float, what: str = "unplug → open") -> Measured:
    return Measured(what=what, took_s=took_s, limit_s=0.1, clause="2.2")


def run_of(*outcomes: Outcome, baud: int = 9600) -> Run:
    return Run(
        bench="simulator",
        baud=baud,
        commit="0123456789ab",
        host="a host",
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        duration_s=1.0,
        configuration={},
        instruments={},
        outcomes=list(outcomes),
    )


def outcome(name: str, verdict: str, *times: Measured) -> Outcome:
    return Outcome(case=CASES[name], verdict=verdict, measured=list(times))


def test_of_several_runs_the_worst_time_and_the_worst_verdict_are_kept(tmp_path: Path) -> None:
    name, path = "unplugged_under_load", tmp_path / "record.toml"
    first = outcome(name, "failed", measured(0.13))
    second = outcome(name, "passed", measured(0.03))
    keep(run_of(first, second), path)
    entry = tomllib.loads(path.read_text("utf-8"))["scenario"][name]["9600"]
    assert (entry["verdict"], entry["runs"], entry["failures"]) == ("failed", 2, 1)
    assert [(time["took_s"], time["met"]) for time in entry["time"]] == [(0.13, False)]


def test_a_time_that_never_came_is_worse_than_any(tmp_path: Path) -> None:
    name, path = "unplugged_under_load", tmp_path / "record.toml"
    never = outcome(name, "failed", measured(float("inf")))
    keep(run_of(outcome(name, "failed", measured(9.0)), never), path)
    (time,) = tomllib.loads(path.read_text("utf-8"))["scenario"][name]["9600"]["time"]
    assert "took_s" not in time


def test_a_run_replaces_its_own_scenarios_at_its_own_rate_only(tmp_path: Path) -> None:
    path = tmp_path / "record.toml"
    keep(run_of(outcome("pe_lost", "passed", measured(0.01)), baud=115200), path)
    keep(run_of(outcome("tilted", "passed", measured(0.02))), path)
    keep(run_of(outcome("pe_lost", "passed", measured(0.03))), path)
    keep(run_of(outcome("pe_lost", "passed", measured(0.04))), path)
    kept = tomllib.loads(path.read_text("utf-8"))["scenario"]
    found = {
        (name, baud): entry["time"][0]["took_s"]
        for name, by_baud in kept.items()
        for baud, entry in by_baud.items()
    }
    assert found == {
        ("pe_lost", "115200"): 0.01,
        ("tilted", "9600"): 0.02,
        ("pe_lost", "9600"): 0.04,
    }


def test_a_missed_time_is_bold_and_named_in_the_verdict(tmp_path: Path) -> None:
    path = tmp_path / "record.toml"
    keep(run_of(outcome("unplugged_under_load", "failed", measured(0.134))), path)
    keep(run_of(outcome("unplugged_under_load", "passed", measured(0.031)), baud=115200), path)
    table = document.sequences(tomllib.loads(path.read_text("utf-8"))["scenario"])
    (row,) = [line for line in table.splitlines() if "unplugged under load: open" in line]
    assert row.endswith("| ≤ 0.1 s | **0.134 ✗** | – | 0.031 | **missed** at 9,600 |")
