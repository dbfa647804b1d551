"""`--bench rig` against a simulated rig, with the safety program as a real process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hil.bench import Instrument
from hil.instruments.programs import SafetyProgram
from hil.rig.config import load_rig
from hil.rig.play import HardwareRig
from hil.scenarios.plan import CASES
from tests.hil.rigs import rig_file, start_simulated, station_stage

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HardwareRig]:
    directory = tmp_path_factory.mktemp("rig")
    path = rig_file(directory)
    with station_stage(directory) as stage:
        start_simulated(stage, path)
        program = SafetyProgram(stage, stage.config.evse[0].board)
        program.start()
        with HardwareRig(load_rig(path)) as rig:
            yield rig
        program.stop()


@pytest.mark.parametrize(
    "name",
    [
        "connects_without_leave",
        "unplugged_under_load",
        "vehicle_opens_s2",
        "residual_current",
        "pilot_shorted",
        "emergency_stopped",
    ],
)
def test_a_case_passes_on_a_rig_with_its_doubts_added(rig: HardwareRig, name: str) -> None:
    outcome = rig.play(CASES[name])
    assert (outcome.verdict, outcome.detail) == ("passed", "")
    assert any(one.doubt_s > 0.0 for one in outcome.measured)
    assert outcome.trace is not None
    assert {value for _, value in outcome.trace.contact} == {0.0, 1.0}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("contactor_welded", "nothing on this rig causes contactor_welded"),
        ("program_killed", "no program control"),
        ("locks_the_plug", "the station has a fixed cable, no socket"),
    ],
)
def test_a_case_without_its_hardware_is_skipped_with_the_reason(
    rig: HardwareRig, name: str, reason: str
) -> None:
    outcome = rig.play(CASES[name])
    assert (outcome.verdict, outcome.detail) == ("skipped", reason)


def test_the_report_s_words_tell_what_the_rig_has(rig: HardwareRig) -> None:
    assert "load 6 A + 4 A + 6 A" in rig.instruments[Instrument.VEHICLE]
    assert rig.configuration["rig"]["rig"]["name"] == "test"
    assert Instrument.PROGRAMS not in rig.instruments
