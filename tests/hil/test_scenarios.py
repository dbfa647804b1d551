"""The cases as a list, and the report of a run that is written by hand here."""

from __future__ import annotations

import inspect
import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chargepoint.evse.hazards import HAZARDS
from hil.bench import Instrument
from hil.instruments.trace import Trace
from hil.operator import EVSE_FAULTS
from hil.report import Run, write
from hil.run import chosen, main
from hil.scenarios import (
    coverage,
    hazards,
    locks,
    protection,
    sequences,
    surroundings,
    vehicles,
)
from hil.scenarios.plan import CASES, GROUPS
from hil.scenarios.scenario import Measured
from hil.sim_rig import Outcome, lacking

OTHERWISE_PLAYED = {
    "ventilation_missing",  # by a vehicle that asks with state D
    "temperature_high",  # by temperatures
    "contactor_driven",  # by hand at the board: tests/hil/plant, docs/alerts.md
    "water_detected",  # at a board with another map: the same
}
MODULES = (hazards, locks, protection, sequences, surroundings, vehicles)


def measured(took_s: float, **fields: object) -> Measured:
    return Measured(what="unplug → open", took_s=took_s, limit_s=0.1, clause="2.2", **fields)  # type: ignore[arg-type]


def outcome(verdict: str, name: str = "unplugged_under_load", took_s: float = 0.03) -> Outcome:
    curve = [(0.0, 12.0), (1.0, 6.0)]
    trace = Trace(
        duration_s=3.0,
        high_v=curve,
        low_v=curve,
        offered_a=curve,
        current_a=curve,
        contact=[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)],
        command=[(0.0, 0.0)],
        events=[(2.0, "unplugged <quickly>")],
    )
    times = [measured(took_s, at_s=102.0), measured(0.2, judged=False, at_s=102.2)]
    return Outcome(
        case=CASES[name],
        verdict=verdict,
        measured=times,
        trace=trace,
        begin_s=100.0,
        duration_s=3.0,
    )


def run_of(*outcomes: Outcome) -> Run:
    return Run(
        bench="simulator, 115200 baud",
        baud=115200,
        commit="0123456789ab",
        host="a host",
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        duration_s=12.0,
        configuration={"station": {"id": "RIG-SIM"}},
        instruments={"main contact": "of the simulated contactor"},
        outcomes=list(outcomes),
    )


def test_every_fault_that_the_plant_can_cause_is_played() -> None:
    source = "".join(inspect.getsource(module) for module in MODULES)
    injected = set(re.findall(r'(?:inject|over)\([^()"]*"(\w+)"', source))
    assert set(EVSE_FAULTS) - injected == OTHERWISE_PLAYED


def test_every_case_has_a_name_of_its_own_and_says_what_it_shows() -> None:
    listed = [case for group in GROUPS.values() for case in group]
    assert len({case.name for case in listed}) == len(listed) == len(CASES)
    assert all(case.play.__doc__ and case.title and case.clause for case in listed)


def test_every_hazard_is_caused_on_the_wire_or_stands_in_the_list_of_those_that_are_not() -> None:
    shown = {row.clause for row in coverage.HAZARDS}
    unplayed = set(coverage.UNPLAYED) & set(HAZARDS)
    assert shown | unplayed == set(HAZARDS)
    assert not shown & unplayed


def test_the_station_must_tell_of_each_hazard_that_is_shown() -> None:
    """A scenario that stands for a hazard fails when the station calls it something else."""
    for row in coverage.HAZARDS:
        assert row.clause in CASES[row.scenario].hazards, row


def test_every_sequence_of_annex_a_is_played_or_stands_in_the_list() -> None:
    """Numbers of Table A.6, and the sections of the reference that give times beside it."""
    shown = {part for row in coverage.SEQUENCES for part in row.clause.split(", ")}
    assert {"1.1", "1.2", "2.1", "2.2", "3", "4", "5", "6", "7", "8.1", "8.2", "9.2"} <= shown
    assert {"10.1", "10.2", "8", "10", "13", "14", "15"} <= shown
    assert "11" in coverage.UNPLAYED


def test_every_scenario_stands_for_something() -> None:
    used = {row.scenario for row in (*coverage.SEQUENCES, *coverage.HAZARDS)}
    assert set(CASES) - used == {"slow_vehicle"}


def test_a_case_is_skipped_with_the_names_of_what_is_missing() -> None:
    case = CASES["pilot_shorted"]
    everything = set(Instrument)
    assert lacking(case, everything) == ""
    without = everything - {Instrument.FAULTS, Instrument.WIRE}
    assert lacking(case, without) == "no bus analyser, fault injection"


@pytest.mark.parametrize(
    ("took_s", "least_s", "met"),
    [(0.1, 0.0, True), (0.101, 0.0, False), (0.05, 0.06, False), (math.inf, 0.0, False)],
)
def test_a_time_is_met_between_its_limits(took_s: float, least_s: float, met: bool) -> None:
    assert measured(took_s, least_s=least_s).met is met


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    write(run_of(outcome("passed"), outcome("failed", "pilot_shorted", math.inf)), tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert not re.search(r"(src|href)=\"(?!#)|url\(|@import|<script", page)
    assert page.count("<figure><svg") == 2
    for word in ("0123456789ab", "RIG-SIM", "main contact", "1 passed", "1 failed", "not seen"):
        assert word in page


def test_the_page_shows_words_from_outside_as_text(tmp_path: Path) -> None:
    write(run_of(outcome("passed")), tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<quickly>" not in page
    assert "unplugged &lt;quickly&gt;" in page


def test_the_machine_readable_reports_carry_times_limits_and_clauses(tmp_path: Path) -> None:
    write(run_of(outcome("passed"), outcome("skipped", "over_current")), tmp_path)
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (found["commit"], found["baud"]) == ("0123456789ab", 115200)
    first = found["scenarios"][0]["measured"][0]
    assert (first["took_s"], first["limit_s"], first["clause"]) == (0.03, 0.1, "2.2")
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "1")
    assert "0.030 s, ≤ 0.1 s (2.2)" in (suite.findtext("testcase/system-out") or "")


def test_classes_and_single_cases_are_chosen_together_in_the_order_of_the_plan() -> None:
    names = [case.name for case in chosen(["locks"], ["pe_lost", "station_stops"], repeat=2)]
    assert names[:2] == ["station_stops"] * 2
    assert names[-2:] == ["pe_lost"] * 2
    assert len(names) == 2 * (len(locks.CASES) + 2)
    assert [case.name for case in chosen([], [])] == list(CASES)


def test_an_unknown_case_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--bench", "sim", "--only", "gremlins"])
    assert ended.value.code == 2
