"""Problems that warn or limit and do not stop: told beside the state, the weightiest first (S7)."""

from __future__ import annotations

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.effects import Verdict
from chargepoint.station.events import EvsePhase
from tests.station.world import World


def warned(world: World, *hazards: str) -> None:
    """The safety program warns, and goes on with what it does."""
    world.evses[1].hazards = hazards
    world.observe(world.evses[1])


def told(world: World) -> list[tuple[State, str | None]]:
    reports = [each.report for each in world.of(ef.ReportConnector)]
    return [(each.state, each.fault) for each in reports if each.evse == 1]


def test_a_limit_while_charging_is_told_and_its_end_too() -> None:
    world = World()
    world.charging()
    world.forget()
    warned(world, "temperature_high")
    warned(world)
    assert told(world) == [(State.CHARGING, "temperature_high"), (State.CHARGING, None)]
    assert world.grant().permitted


def test_of_several_the_weightiest_is_told_and_the_next_when_that_has_gone() -> None:
    world = World()
    world.forget()
    warned(world, "lock_stuck")
    warned(world, "lock_stuck", "temperature_sensor_lost", "pe_lost")
    warned(world, "lock_stuck")
    warned(world)
    assert told(world) == [
        (State.AVAILABLE, "lock_stuck"),
        (State.FAULTED, "pe_lost"),
        (State.AVAILABLE, "lock_stuck"),
        (State.AVAILABLE, None),
    ]


def test_a_warning_stops_no_start() -> None:
    world = World()
    warned(world, "phase_missing")
    assert world.remote_start("04A1") is Verdict.ACCEPTED


def test_a_vehicle_that_is_being_woken_is_told_as_one_that_does_not_ask() -> None:
    world = World()
    world.plug_in()
    world.asks(1, False)
    world.card("04A1")
    world.wait(5.0)
    assert world.state() is State.SUSPENDED_EV
    world.forget()
    world.evses[1].phase = EvsePhase.WAKING
    world.observe(world.evses[1])
    assert told(world) == []


def test_a_dead_reader_is_told_and_the_connector_can_still_be_used() -> None:
    """fault-codes, section 1: ReaderFailure."""
    world = World(evses=2)
    world.forget()
    world.tell(ev.ReaderLost(reader="cards", evses=(1,), at_s=world.now_s))
    assert told(world) == [(State.AVAILABLE, "reader_lost")]
    assert world.states(2) == []
    assert world.remote_start("04A1") is Verdict.ACCEPTED
    world.tell(ev.ReaderBack(reader="cards", at_s=world.now_s))
    assert told(world)[-1][1] is None
