"""What `status`, `watch` and `explain` say of limits, warnings, phases and counts."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from chargepoint.cli.main import main
from chargepoint.cli.status import show_evse, warning
from chargepoint.cli.watch import Limits, line
from chargepoint.config import load
from chargepoint.ipc import messages as m
from chargepoint.ipc.service import (
    CostPart,
    CostStatus,
    CountsStatus,
    EvseStatus,
    LocalCostStatus,
)
from hal.values import PilotState
from tests.cli.agents import DEMO


def evse(**changes: Any) -> m.EvseSnapshot:
    plain = m.EvseSnapshot(
        evse=1,
        phase=m.Phase.ENERGISED,
        pilot=PilotState.C,
        plug_in=1,
        connected=True,
        contactor_closed=True,
        permitted=True,
        operative=True,
        limit_a=16.0,
        offered_a=16.0,
        limit_expired=False,
        cable_current_a=None,
        locked=None,
        temperature_c=66.0,
        hazards=(),
        stop_cause=None,
        operations=3,
    )
    return msgspec.structs.replace(plain, **changes)


def status(**changes: Any) -> EvseStatus:
    plain = EvseStatus(
        evse=1, state="Charging", fault=None, control=evse(), meter=None, transaction=None
    )
    return msgspec.structs.replace(plain, **changes)


def shown(capsys: pytest.CaptureFixture[str], one: EvseStatus) -> str:
    show_evse(one)
    return capsys.readouterr().out


def observed(**changes: Any) -> m.Observed:
    return m.Observed(seq=2, at_s=1.0, evse=evse(**changes))


def test_status_says_what_binds_the_current_and_how_many_phases(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hot = evse(limit_a=8.0, offered_a=8.0, limited_by="heat", phases=1)
    assert "offered 8 A of 8 A (heat), 1 phase\n" in shown(capsys, status(control=hot))


def test_status_tells_a_warning_from_a_hazard_that_stops() -> None:
    assert click.unstyle(warning("temperature_high")).startswith("Warning Charging slower")
    assert click.unstyle(warning("rcd_tripped")).startswith("Hazard  Residual current")
    assert click.unstyle(warning("never_heard_of")) == "Hazard  never_heard_of"


def test_status_shows_what_was_counted(capsys: pytest.CaptureFixture[str]) -> None:
    counts = CountsStatus(
        operations=12,
        openings_under_load=1,
        plug_ins=9,
        rcd_tests_passed=10,
        rcd_tests_failed=0,
        hazards={"reading_stale": 1, "over_current": 4},
    )
    text = shown(capsys, status(counts=counts))
    assert "12 contactor operations (1 under load); 9 plug-ins" in text
    assert "RCD tests 10 passed, 0 failed" in text
    assert "hazards over_current 4, reading_stale 1" in text


def test_status_is_silent_on_tests_that_a_station_does_not_make(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = CountsStatus(
        operations=0,
        openings_under_load=0,
        plug_ins=0,
        rcd_tests_passed=0,
        rcd_tests_failed=0,
        hazards={},
    )
    text = shown(capsys, status(counts=counts))
    assert "RCD" not in text
    assert "hazards" not in text


def test_watch_tells_a_change_of_what_binds_the_current_and_nothing_else_of_what_it_sees() -> None:
    limits = Limits()
    assert limits.news(m.Snapshot(seq=1, at_s=1.0, boot="b", evses=(evse(),), missed=False))
    assert not limits.news(observed(temperature_c=67.0))
    assert limits.news(observed(limit_a=8.0, limited_by="heat"))
    assert not limits.news(observed(limit_a=8.0, limited_by="heat", hazards=("temperature_high",)))
    assert limits.news(observed(limit_a=8.0, limited_by="heat", phases=1))
    assert not limits.news(m.HazardCleared(seq=3, at_s=1.0, evse=1, hazard="temperature_high"))


def test_watch_puts_limit_phases_and_warnings_into_one_line() -> None:
    text = line(observed(limit_a=8.0, limited_by="heat", hazards=("temperature_high",)))
    assert "offered 16 A of 8 A (heat), 3 phases; temperature_high" in text


def test_watch_says_that_a_hazard_is_kept() -> None:
    fact = m.HazardRaised(
        seq=3, at_s=1.0, evse=1, hazard="tilted", detail="tilt contact", persists=True
    )
    assert "Station is tilted (tilted: tilt contact, kept over restarts)" in click.unstyle(
        line(fact)
    )


def test_watch_tells_how_a_self_test_ended() -> None:
    fact = m.RcdTested(seq=3, at_s=1.0, evse=1, passed=False, detail="no trip within 1.2 s")
    assert "RCD self-test failed (no trip within 1.2 s)" in click.unstyle(line(fact))


def test_explain_says_what_only_a_technician_lifts() -> None:
    result = CliRunner().invoke(main, ["explain", "contactor_welded"])
    assert "outlives restarts" in result.output
    assert "outlives restarts" not in CliRunner().invoke(main, ["explain", "over_current"]).output


def test_status_tells_the_cost_by_the_stations_own_tariff_only_without_the_csms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = LocalCostStatus(
        currency="EUR", price="0.49 EUR per kWh", cost=3.4, final=False, idle=True
    )
    assert "Tariff 0.49 EUR per kWh; cost so far 3.40 EUR (idle), not billed here\n" in shown(
        capsys, status(local_cost=own)
    )
    told = CostStatus(price="0.60 per kWh", cost=4.2, final=True, idle=False, text="")
    assert "not billed here" not in shown(capsys, status(local_cost=own, cost=told))


def test_status_tells_the_parts_of_a_cost_its_tax_and_that_it_is_provisional(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = LocalCostStatus(
        currency="EUR",
        price="at most 0.49 EUR per kWh",
        cost=3.4,
        final=False,
        idle=False,
        parts=(CostPart(id="start", amount=1.0), CostPart(id="energy", amount=2.4)),
        tax=0.54,
        provisional=True,
    )
    told = "cost so far at most 3.40 EUR: start 1.00, energy 2.40, tax in it 0.54, not billed here"
    assert told in shown(capsys, status(local_cost=own))


def test_status_tells_what_people_here_have_set(capsys: pytest.CaptureFixture[str]) -> None:
    text = click.unstyle(shown(capsys, status(enabled=False, local_limit_a=10.5)))
    assert "taken out of service here\n" in text
    assert "Local limit 10.5 A\n" in text


def test_watch_is_line_by_line_where_there_is_no_terminal(tmp_path: Path) -> None:
    """The screen would wait for the station; the lines say at once that it is not there."""
    config = tmp_path / "station.toml"
    config.write_text(DEMO.read_text())
    result = CliRunner().invoke(main, ["watch", "--config", str(config)])
    assert result.exit_code == 1
    assert "the safety program of bus safety does not answer" in result.output


def test_watch_says_that_the_safety_program_has_gone_and_exits_with_1(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text(DEMO.read_text())
    path = load(str(config)).control_socket("safety")
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        result = CliRunner().invoke(main, ["watch", "--config", str(config)])
        thread.join(5.0)
    assert (result.exit_code, result.output) == (1, "the safety program of bus safety has gone\n")
