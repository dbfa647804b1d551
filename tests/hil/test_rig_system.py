"""`--bench rig` against a simulated rig, with the safety program as a real process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.bench import Closed, Draws, Instrument, Open
from hil.instruments.programs import SafetyProgram
from hil.instruments.relay_outputs import RelayOutputs
from hil.rig.config import load_rig
from hil.rig.play import IN_DOUBT, HardwareRig
from hil.run import main
from hil.scenarios.plan import CASES
from tests.hil.rigs import rig_file, start_simulated, station_stage

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running station and a rig without hardware; the rig's file."""
    directory = tmp_path_factory.mktemp("rig")
    path = rig_file(directory)
    with station_stage(directory) as stage:
        start_simulated(stage, path)
        program = SafetyProgram(stage, stage.config.evse[0].board)
        program.start()
        yield path
        program.stop()


@pytest.fixture
def rig(station: Path) -> Iterator[HardwareRig]:
    with HardwareRig(load_rig(station)) as rig:
        yield rig


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
    if IN_DOUBT in outcome.detail:
        # A machine that is busy with other things polls late: look again.
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


def test_a_run_writes_a_report_with_rig_station_and_doubts(station: Path, tmp_path: Path) -> None:
    chosen = ["--only", "unplugs_before_charging", "--only", "locks_the_plug"]
    assert main(["--bench", "rig", "--rig", str(station), "--out", str(tmp_path), *chosen]) == 0
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["bench"] == "rig test"
    assert report["configuration"]["station"]["station"]["id"] == "RIG-SIM"
    assert report["instruments"]["bus analyser"] == "tap on the safety line, ±2 ms"
    played, skipped = report["scenarios"]
    assert (played["verdict"], skipped["verdict"]) == ("passed", "skipped")
    assert played["measured"][0]["doubt_s"] > 0.0
    assert " ± 0." in (tmp_path / "report.html").read_text("utf-8")


def _break_in_the_middle(station: Path, seen: list[RelayOutputs]) -> None:
    with HardwareRig(load_rig(station)) as rig:
        rig.bench.plug_in(1)
        seen.append(rig.bench.outputs)
        assert seen[0].on("plug")
        raise ZeroDivisionError


def test_everything_is_off_after_a_run_that_breaks_in_the_middle(station: Path) -> None:
    seen: list[RelayOutputs] = []
    with pytest.raises(ZeroDivisionError):
        _break_in_the_middle(station, seen)
    assert not any(seen[0].on(name) for name in ("plug", "s2", "mains", "residual_current"))


def test_loads_and_mains_fall_off_when_the_host_of_the_rig_dies(station: Path) -> None:
    """The boards are only ever told to hold an output for two seconds."""
    with HardwareRig(load_rig(station)) as rig:
        rig.bench.plug_in(1)
        rig.bench.permit(1, 16.0)
        rig.bench.expect(Draws(1, 15.0, 17.0), 10.0)
        rig.bench.keeps(2.5, Closed(1))
        rig.bench.stop()
        died_s = time.monotonic()
        rig.bench.expect(Open(1), 2.5, died_s)
