"""What is counted of each EVSE, and that counting does not wear the disk."""

from __future__ import annotations

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.counters import SPACE, Counters, Counts
from chargepoint.station.effects import Effect
from chargepoint.station.events import EvsePhase, EvseView
from hal.values import PilotState
from tests.station.world import World


def view(*, boot: str = "b1", operations: int = 0, plug_in: int = 0) -> EvseView:
    return EvseView(
        evse=1,
        phase=EvsePhase.IDLE,
        pilot=PilotState.A,
        plug_in=plug_in,
        connected=False,
        contactor_closed=False,
        offered_a=0.0,
        limit_a=16.0,
        cable_current_a=None,
        locked=None,
        temperature_c=None,
        hazards=(),
        boot=boot,
        operations=operations,
    )


def counts(world: World) -> Counts:
    return world.station.overview(world.now_s).evses[0].counts


def puts(effects: list[Effect]) -> list[ef.Put]:
    return [each for each in effects if isinstance(each, ef.Put) and each.space == SPACE]


def test_closings_and_plug_ins_are_counted_by_the_growth_of_their_levels() -> None:
    counters = Counters([1], {})
    counters.observe(view(operations=2, plug_in=1))
    counters.observe(view(operations=2, plug_in=1))
    counters.observe(view(operations=5, plug_in=2))
    assert (counters.of(1).operations, counters.of(1).plug_ins) == (5, 2)


def test_a_new_run_of_the_safety_program_counts_on() -> None:
    counters = Counters([1], {})
    counters.observe(view(operations=5, plug_in=2))
    counters.observe(view(boot="b2", operations=6, plug_in=0))
    assert (counters.of(1).operations, counters.of(1).plug_ins) == (11, 2)


def test_an_agent_that_was_away_misses_no_closing() -> None:
    before = Counters([1], {})
    before.observe(view(operations=5))
    (put,) = puts(before.riding([]))
    after = Counters([1], {"1": put.value})
    after.observe(view(operations=7))
    assert after.of(1).operations == 7


def test_openings_under_load_tests_and_hazards_are_counted() -> None:
    world = World()
    world.tell(ev.ContactorOpened(evse=1, under_load=True, at_s=world.now_s))
    world.tell(ev.ContactorOpened(evse=1, under_load=False, at_s=world.now_s))
    world.tell(ev.RcdTested(evse=1, passed=True, at_s=world.now_s))
    world.tell(ev.RcdTested(evse=1, passed=False, at_s=world.now_s))
    for _ in range(2):
        world.tell(ev.HazardRaised(evse=1, hazard="rcd_tripped", at_s=world.now_s))
    found = counts(world)
    assert found.openings_under_load == 1
    assert (found.rcd_tests_passed, found.rcd_tests_failed) == (1, 1)
    assert found.hazards == {"rcd_tripped": 2}


def test_a_hazard_that_is_latched_again_after_a_restart_is_not_counted_again() -> None:
    world = World()
    raised = ev.HazardRaised(evse=1, hazard="tilted", at_s=world.now_s)
    world.tell(raised)
    world.tell(ev.HazardKept(evse=1, hazard="tilted", detail="", boot="b1"))
    world.tell(raised)
    assert counts(world).hazards == {"tilted": 1}


def test_what_happens_at_an_unknown_evse_is_not_counted() -> None:
    world = World()
    world.tell(ev.ContactorOpened(evse=9, under_load=True, at_s=world.now_s))
    world.tell(ev.RcdTested(evse=9, passed=True, at_s=world.now_s))
    world.tell(ev.HazardRaised(evse=9, hazard="tilted", at_s=world.now_s))
    assert counts(world) == Counts(plug_ins=0)


def test_a_count_alone_never_goes_to_the_disk() -> None:
    world = World()
    world.forget()
    for _ in range(20):
        world.tell(ev.HazardRaised(evse=1, hazard="reading_stale", at_s=world.now_s))
    assert {put.durable for put in puts(world.effects)} == {False}


def test_a_count_shares_the_commit_of_what_goes_to_the_disk_anyway() -> None:
    world = World()
    world.plug_in()
    world.forget()
    world.card("04A1")
    place = next(n for n, each in enumerate(world.effects) if each in puts(world.effects))
    beside = world.effects[place - 1]
    assert isinstance(beside, ef.Append | ef.Put)
    assert beside.durable
    assert puts(world.effects)[0].durable


def test_what_has_not_changed_since_is_not_written_again() -> None:
    world = World()
    world.plug_in()
    world.card("04A1")
    world.forget()
    world.wait(1000.0, step_s=50.0)
    assert puts(world.effects) == []


def test_counts_survive_a_restart() -> None:
    world = World()
    world.tell(ev.RcdTested(evse=1, passed=True, at_s=world.now_s))
    world.kill_agent()
    assert counts(world).rcd_tests_passed == 1


def test_counts_that_cannot_be_read_begin_anew() -> None:
    assert Counters([1], {"1": "?"}).of(1) == Counts()
