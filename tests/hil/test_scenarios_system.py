"""A few quick cases on the wire simulator, with the safety program as a real process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hil.bench import Open
from hil.scenarios.moves import OPEN_LIMIT_S, USUAL, charge
from hil.scenarios.plan import CASES
from hil.scenarios.scenario import Case, Trial
from hil.sim_rig import SimRig

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimRig]:
    with SimRig(tmp_path_factory.mktemp("rig"), 115200) as rig:
        yield rig


@pytest.mark.parametrize(
    "name",
    [
        "vehicle_opens_s2",
        "unplugged_under_load",
        "ventilation_missing_from_the_start",
        "self_test_before_each_vehicle",
        "lock_springs_open",
    ],
)
def test_a_case_passes_with_its_times_and_curves(rig: SimRig, name: str) -> None:
    outcome = rig.play(CASES[name])
    assert (outcome.verdict, outcome.detail) == ("passed", "")
    assert all(one.met for one in outcome.measured if one.judged)
    assert outcome.trace is not None
    assert outcome.trace.events[0][1] == "plugged in"


def contact_opens_although_welded(trial: Trial) -> None:
    """What must fail: a weld is not seen by the instruments as an open contact."""
    charge(trial)
    trial.bench.inject(trial.evse, "contactor_welded")
    pulled_s = trial.bench.unplug(trial.evse)
    trial.time("unplug → open", Open(trial.evse), pulled_s, OPEN_LIMIT_S, "2.2")


def test_a_case_fails_when_the_contact_stays_closed_whatever_the_station_says(
    rig: SimRig,
) -> None:
    case = Case(play=contact_opens_although_welded, title="Welded", clause="2.2", needs=USUAL)
    outcome = rig.play(case)
    assert outcome.verdict == "failed"
    assert "Open(evse=1): not within" in outcome.detail
    assert [one.what for one in outcome.measured if not one.met] == ["unplug → open"]


def nothing_happens(trial: Trial) -> None:
    """What must fail as a scenario of a hazard: nothing is wrong, so the station is silent."""
    trial.holds("stays open", 0.2, "2.1", Open(trial.evse))


def test_a_case_fails_when_the_station_does_not_tell_of_its_hazard(rig: SimRig) -> None:
    case = Case(play=nothing_happens, title="Nothing", clause="2.1", needs=USUAL)
    assert rig.play(case).verdict == "passed"
    outcome = rig.play(replace(case, hazards=("tilted",)))
    assert (outcome.verdict, outcome.detail) == ("failed", "the station did not tell of tilted")
    assert "control.started" in outcome.log
