"""How much the station has been used: gauges that move all the time and hardly ever write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.usage import REFERENCE_CLOSINGS, SPACE
from tests.station.world import World


def close(world: World, took_s: float | None, times: int = 1) -> None:
    for _ in range(times):
        world.tell(ev.ContactorClosed(evse=1, took_s=took_s, at_s=world.now_s))


def test_hours_of_the_station_and_of_the_closed_contactor_are_counted() -> None:
    world = World()
    world.wait(1000.0, step_s=50.0)
    world.charging()
    usage = world.station.usage
    assert usage.of(0).on_s == pytest.approx(1060.0, abs=1.0)
    assert usage.of(1).charging_s == pytest.approx(60.0, abs=2.0)


def test_the_growth_of_the_register_is_energy_also_over_a_restart() -> None:
    world = World()
    first_wh = world.evses[1].energy_wh
    world.charging()
    flowed_wh = world.evses[1].energy_wh - first_wh
    assert flowed_wh > 100.0
    assert world.station.usage.of(1).energy_wh == pytest.approx(flowed_wh)
    world.tell(ev.StopAsked(at_s=world.now_s))
    world.kill_agent(away_s=60.0)
    flowed_wh = world.evses[1].energy_wh - first_wh
    assert world.station.usage.of(1).energy_wh == pytest.approx(flowed_wh)


def test_a_lower_register_takes_nothing_away() -> None:
    world = World()
    world.wait(60.0)
    world.meter(1, 50.0)
    world.wait(60.0)
    assert world.station.usage.of(1).energy_wh == 0.0


def test_the_extremes_of_the_temperature_are_kept() -> None:
    world = World()
    for temperature_c in (31.0, -12.0, 58.0, None):
        view = world.station.overview(world.now_s).evses[0].view
        assert view is not None
        view = replace(view, temperature_c=temperature_c)
        world.tell(ev.EvseObserved(view=view, at_s=world.now_s))
    use = world.station.usage.of(1)
    assert (use.temperature_min_c, use.temperature_max_c) == (-12.0, 58.0)


def test_starts_of_the_agent_and_boots_of_the_host_are_told_apart() -> None:
    world = World()
    world.tell(ev.StopAsked(at_s=world.now_s))
    world.kill_agent()
    use = world.station.usage.of(0)
    assert (use.starts, use.boots) == (2, 1)
    world.tell(ev.StopAsked(at_s=world.now_s))
    world.kill_both(host=True)
    use = world.station.usage.of(0)
    assert (use.starts, use.boots) == (3, 2)


def test_runs_of_the_safety_program_are_counted() -> None:
    world = World()
    for boot in ("b1", "b1", "b2"):
        view = world.station.overview(world.now_s).evses[0].view
        assert view is not None
        world.tell(ev.EvseObserved(view=replace(view, boot=boot), at_s=world.now_s))
    assert world.station.usage.of(1).starts == 2


def test_a_contactor_that_closes_slower_than_when_new_is_noticed() -> None:
    world = World()
    close(world, 0.030, REFERENCE_CLOSINGS)
    use = world.station.usage.of(1)
    assert (use.closings, use.closing_drift_s) == (50, None)
    assert use.closing_reference_s == pytest.approx(0.030)
    close(world, 0.090, 200)
    assert use.closing_reference_s == pytest.approx(0.030)
    assert use.closing_drift_s == pytest.approx(0.060, abs=0.001)


@pytest.mark.parametrize("took_s", [None, 0.0, -1.0, 1.5, float("nan")])
def test_what_is_no_closing_time_does_not_count(took_s: float | None) -> None:
    world = World()
    close(world, took_s)
    assert world.station.usage.of(1).closings == 0


def test_it_is_written_once_an_hour_and_at_the_end() -> None:
    world = World()
    world.forget()
    world.wait(4 * 3600.0, step_s=60.0)
    puts = [each for each in world.of(ef.Put) if each.space == SPACE]
    assert len(puts) == 2 * 4
    assert {put.durable for put in puts} == {False}
    world.forget()
    world.tell(ev.StopAsked(at_s=world.now_s))
    assert [each.durable for each in world.of(ef.Put) if each.space == SPACE] == [True, True]


def test_what_cannot_be_read_begins_anew() -> None:
    world = World()
    world.store.spaces[SPACE] = {"0": "{", "1": '{"charging_s": "long"}'}
    world.kill_agent()
    assert world.station.usage.of(0).starts == 1
    assert world.station.usage.of(1).charging_s == 0.0
