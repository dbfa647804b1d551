"""Hazards that outlive restarts: on the disk first, in force whatever the safety program says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.effects import Effect
from chargepoint.station.kept_hazards import SPACE, Kept, restored
from chargepoint.station.records import StopReason
from tests.station.world import World

WELDED = "contactor_welded"


def keep(world: World, boot: str = "control-1") -> None:
    world.tell(ev.HazardKept(evse=1, hazard=WELDED, detail="closed for 1.2 s", boot=boot))


def forget(world: World) -> None:
    world.tell(ev.HazardForgotten(evse=1, hazard=WELDED))


def test_a_new_station_keeps_none() -> None:
    world = World()
    assert SPACE not in world.store.spaces
    assert world.state() is State.AVAILABLE


def test_it_is_on_the_disk_before_anybody_hears_of_it() -> None:
    world = World()
    world.forget()
    keep(world)
    first = world.effects[0]
    assert isinstance(first, ef.Put)
    assert (first.space, first.key, first.durable) == (SPACE, f"1/{WELDED}", True)
    assert restored(world.store.spaces[SPACE]) == {
        (1, WELDED): Kept(detail="closed for 1.2 s", boot="control-1")
    }
    assert world.of(ef.ReportConnector)[-1].report.fault == WELDED


def test_another_run_that_knows_of_it_costs_no_flush() -> None:
    world = World()
    keep(world)
    world.forget()
    keep(world, "control-2")
    assert [put.durable for put in world.of(ef.Put)] == [False]


def test_it_holds_over_a_restart_of_the_safety_program_that_forgot_it() -> None:
    world = World()
    keep(world)
    world.kill_control()
    assert world.states()[-1] is State.FAULTED
    world.plug_in()
    world.card("04A1")
    assert not world.grant().permitted
    assert world.starts == []


def test_it_holds_over_a_power_loss() -> None:
    world = World()
    keep(world)
    world.forget()
    world.kill_both(host=True)
    assert world.states() == [State.FAULTED]


def test_it_ends_the_transaction_and_takes_the_permission_at_once() -> None:
    world = World()
    world.charging()
    keep(world)
    assert not world.grant().permitted
    world.wait(20.0)
    assert [end.reason for end in world.ends] == [StopReason.OTHER]


def test_when_cleared_the_connector_is_free_and_the_disk_forgets() -> None:
    world = World()
    keep(world)
    world.forget()
    forget(world)
    assert [each.durable for each in world.of(ef.Delete)] == [True]
    assert world.store.spaces[SPACE] == {}
    assert world.state() is State.AVAILABLE
    world.kill_both(host=True)
    assert world.state() is State.AVAILABLE


def test_an_unreadable_value_is_no_reason_to_forget() -> None:
    assert restored({"1/tilted": "?", "?/tilted": "?"}) == {(1, "tilted"): Kept(detail="", boot="")}


@dataclass
class Killed(Exception):
    """The agent died before this effect."""

    effect: Effect


@pytest.mark.parametrize("dies_at", range(3))
def test_killed_at_any_step_it_is_kept_or_was_told_to_nobody(dies_at: int) -> None:
    """What is not on the disk is still known to the safety program, which shows it again."""
    world = World()
    world.forget()
    steps = 0

    def die(effect: Effect) -> None:
        nonlocal steps
        if steps == dies_at:
            raise Killed(effect)
        steps += 1

    world.before_effect = die
    with pytest.raises(Killed):
        keep(world)
    world.before_effect = lambda effect: None
    told = bool(world.of(ef.ReportConnector)) or bool(world.of(ef.Note))
    stored = bool(world.store.spaces.get(SPACE))
    assert stored or not told
    world.forget()
    world.kill_agent()
    assert (world.state() is State.FAULTED) is stored
