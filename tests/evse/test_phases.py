"""When one and three phases are switched."""

from __future__ import annotations

import pytest

from chargepoint.evse.phases import PhaseSwitch
from chargepoint.evse.settings import EvseSettings


def switch(**settings: float) -> PhaseSwitch:
    return PhaseSwitch(EvseSettings(evse=1, **({"phase_switching": True} | settings)))


def step(phases: PhaseSwitch, now_s: float, *, at_rest: bool = True, fitted: bool = True) -> int:
    phases.step(fitted=fitted, at_rest=at_rest, now_s=now_s)
    return phases.commanded


def test_it_switches_at_rest_only_and_keeps_the_vehicle_waiting_for_15_s() -> None:
    phases = switch()
    step(phases, 0.0)
    assert not phases.busy(0.0)
    phases.want(1)
    assert phases.pending(1.0)
    assert phases.busy(1.0)
    assert step(phases, 1.0, at_rest=False) == 3
    assert step(phases, 2.0) == 1
    assert phases.since_s == 2.0
    assert not phases.pending(2.0)
    assert phases.busy(16.9)
    assert not phases.busy(17.0)


def test_the_next_change_waits_for_five_minutes() -> None:
    phases = switch()
    phases.want(1)
    step(phases, 10.0)
    phases.want(3)
    assert step(phases, 309.9) == 1
    assert not phases.pending(309.9)
    assert not phases.busy(309.9)
    assert phases.pending(310.0)
    assert step(phases, 310.0) == 3
    assert phases.since_s == 310.0


def test_a_wish_that_was_taken_back_switches_nothing() -> None:
    phases = switch()
    step(phases, 0.0)
    phases.want(1)
    phases.want(3)
    assert step(phases, 1.0) == 3
    assert phases.since_s is None


@pytest.mark.parametrize("wish", [0, 2, 4])
def test_there_are_one_and_three_phases(wish: int) -> None:
    phases = switch()
    phases.want(wish)
    assert step(phases, 0.0) == 3


def test_more_phases_than_there_are_cannot_be_had() -> None:
    phases = switch(phases=1)
    phases.want(3)
    assert step(phases, 0.0) == 1
    phases.want(1)
    assert step(phases, 1.0) == 1


def test_it_takes_a_board_and_a_setting_that_allow_it() -> None:
    phases = switch(phase_switching=False)
    phases.want(1)
    assert step(phases, 0.0) == 3
    phases = switch()
    phases.want(1)
    assert step(phases, 0.0, fitted=False) == 3
    assert not phases.busy(0.0)
