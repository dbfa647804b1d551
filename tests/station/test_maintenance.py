"""What falls due and what wears out, in days, operations and milliseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.local_requests import VisitRecorded
from chargepoint.station.maintenance import Item
from chargepoint.station.settings import MaintenanceSettings
from tests.station.world import World

SETTINGS = MaintenanceSettings(
    inspection_every_days=100.0,
    rcd_test_every_days=50.0,
    contactor_operations=1000,
    contactor_load_operations=100,
    connector_plug_ins=500,
    closing_time_drift_s=0.05,
    warn_ratio=0.9,
    warn_days=10.0,
)
BEGIN = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def world_of(**settings: object) -> World:
    return World(maintenance=SETTINGS, **settings)  # type: ignore[arg-type]


def item(world: World, task: str) -> Item:
    return next(i for i in world.station.maintenance.items(world.now_s) if i.task == task)


def later(world: World, days: float) -> None:
    """Days later by the wall clock; time that nobody wants to simulate."""
    wall = world.station.clock.now(world.now_s)
    assert wall is not None
    world.tell(ev.TimeGiven(wall=wall + timedelta(days=days), at_s=world.now_s))


def operate(world: World, times: int) -> None:
    counts = world.station._counters.of(1)
    counts.operations += times


def visit(world: World, *tasks: str, by: str = "Eva") -> tuple[bool, str]:
    world.forget()
    world.tell(VisitRecorded(request="v", at_s=world.now_s, by=by, note="all well", tasks=tasks))
    [answer] = world.of(ef.AnswerHere)
    return answer.ok, answer.detail


# --- Intervals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "state"),
    [(0, "good"), (89, "good"), (90, "due"), (99, "due"), (100, "overdue"), (400, "overdue")],
)
def test_an_interval_is_due_before_its_end_and_overdue_after(days: int, state: str) -> None:
    world = world_of()
    later(world, days)
    found = item(world, "inspection")
    assert (found.used, found.limit, found.state) == (float(days), 100.0, state)
    assert found.due_at == (BEGIN + timedelta(days=100)).date()


def test_a_visit_begins_the_interval_that_it_names_anew() -> None:
    world = world_of()
    later(world, 95)
    assert visit(world, "inspection") == (True, "recorded")
    assert item(world, "inspection").state == "good"
    assert item(world, "rcd_test").state == "overdue"
    [seen] = world.station.maintenance.visits
    assert (seen.by, seen.note, seen.tasks) == ("Eva", "all well", ("inspection",))


def test_visits_and_the_first_day_outlive_a_restart() -> None:
    world = world_of()
    later(world, 40)
    visit(world, "rcd_test")
    world.kill_both(host=True)
    world.tell(ev.TimeGiven(wall=BEGIN + timedelta(days=60), at_s=world.now_s))
    assert item(world, "inspection").used == 60.0
    assert item(world, "rcd_test").used == pytest.approx(20.0, abs=1.0)


def test_a_visitor_with_an_endless_name_does_not_fill_the_book() -> None:
    world = world_of()
    assert visit(world, by="x" * 60_000)[0]
    assert len(world.station.maintenance.visits[0].by) == 80
    _, refusal = visit(world, "no such task" * 5000)
    assert len(refusal) < 1000


def test_without_a_trusted_clock_an_interval_is_unknown() -> None:
    world = world_of(online=False)
    found = item(world, "inspection")
    assert (found.state, found.due_at) == ("unknown", None)


def test_a_visit_under_an_untrusted_clock_gets_its_date_when_the_time_is_known() -> None:
    world = world_of(online=False)
    assert visit(world, "inspection") == (True, "recorded")
    assert world.station.maintenance.visits[0].at is None
    world.wait(3600.0, step_s=600.0)
    world.tell(ev.TimeGiven(wall=BEGIN + timedelta(hours=5), at_s=world.now_s))
    visited = world.station.maintenance.visits[0].at
    assert visited is not None
    assert abs((visited - BEGIN - timedelta(hours=4)).total_seconds()) < 1.0
    assert item(world, "inspection").state == "good"


def test_a_visit_whose_date_was_never_known_leaves_its_interval_unknown() -> None:
    world = world_of(online=False)
    visit(world, "inspection")
    world.kill_both(host=True)
    world.accept()
    assert item(world, "inspection").state == "unknown"
    assert item(world, "rcd_test").state == "good"


def test_an_unknown_task_is_refused_with_those_that_there_are() -> None:
    world = world_of()
    done, why = visit(world, "inspection", "contactor/7")
    assert not done
    assert "no such task: contactor/7" in why
    assert "contactor/1" in why
    assert world.station.maintenance.visits == ()


def test_an_interval_of_no_days_is_none() -> None:
    world = World(maintenance=MaintenanceSettings(inspection_every_days=0.0))
    tasks = [found.task for found in world.station.maintenance.items(world.now_s)]
    assert "inspection" not in tasks
    assert "rcd_test" in tasks


# --- Lives ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "state"), [(0, "good"), (899, "good"), (900, "due"), (1000, "overdue")]
)
def test_a_life_is_due_at_a_share_of_it(operations: int, state: str) -> None:
    world = world_of()
    operate(world, operations)
    found = item(world, "contactor/1")
    assert (found.used, found.state) == (float(operations), state)
    assert found.detail == f"{operations} of 1000"


def test_each_evse_has_its_lives() -> None:
    world = world_of(evses=2)
    tasks = [found.task for found in world.station.maintenance.items(world.now_s)]
    assert tasks == [
        "inspection",
        "rcd_test",
        *(f"{part}/{evse}" for evse in (1, 2) for part in PARTS),
    ]


PARTS = ("contactor", "contactor_load", "connector", "closing_time")


def test_loaded_openings_and_plug_ins_are_lives_of_their_own() -> None:
    world = world_of()
    for _ in range(95):
        world.tell(ev.ContactorOpened(evse=1, under_load=True, at_s=world.now_s))
    assert item(world, "contactor_load/1").state == "due"
    assert item(world, "connector/1").used == 0.0


def test_a_new_contactor_begins_anew_in_everything() -> None:
    world = world_of()
    operate(world, 990)
    world.station._counters.of(1).openings_under_load = 200
    for took_s in [0.03] * 50 + [0.2] * 100:
        world.tell(ev.ContactorClosed(evse=1, took_s=took_s, at_s=world.now_s))
    assert item(world, "closing_time/1").state == "overdue"
    visit(world, "contactor/1")
    operate(world, 10)
    assert item(world, "contactor/1").used == 10.0
    assert item(world, "contactor_load/1").used == 0.0
    assert item(world, "closing_time/1").state == "unknown"
    world.kill_agent()
    assert item(world, "contactor/1").used <= 10.0


def test_the_drift_of_the_closing_time_is_a_life() -> None:
    world = world_of()
    for took_s in [0.03] * 50 + [0.04] * 200:
        world.tell(ev.ContactorClosed(evse=1, took_s=took_s, at_s=world.now_s))
    found = item(world, "closing_time/1")
    assert (found.state, found.detail) == ("good", "40 ms, 30 ms when new")
    for _ in range(200):
        world.tell(ev.ContactorClosed(evse=1, took_s=0.078, at_s=world.now_s))
    assert item(world, "closing_time/1").state == "due"


def test_the_end_of_a_life_is_extrapolated_from_the_weeks_before() -> None:
    world = world_of()
    for _ in range(10):
        later(world, 7)
        operate(world, 70)
        world.tell(ev.Ticked(at_s=world.now_s))
    today = (BEGIN + timedelta(days=70)).date()
    due_at = item(world, "contactor/1").due_at
    assert due_at is not None
    assert today + timedelta(days=28) <= due_at <= today + timedelta(days=32)


def test_from_a_short_past_no_future_is_told() -> None:
    world = world_of()
    operate(world, 500)
    later(world, 10)
    assert item(world, "contactor/1").due_at is None


def test_a_life_that_is_over_is_due_today() -> None:
    world = world_of()
    operate(world, 2000)
    assert item(world, "contactor/1").due_at == date(2026, 11, 24)


def test_the_counts_are_noted_once_a_week_only() -> None:
    world = world_of()
    world.forget()
    world.wait(3600.0, step_s=60.0)
    assert not [each for each in world.of(ef.Put) if each.space == "maintenance"]
    later(world, 8)
    assert len([each for each in world.of(ef.Put) if each.space == "maintenance"]) == 1


def test_a_clock_that_goes_back_does_not_lose_the_book() -> None:
    world = world_of()
    later(world, 20)
    visit(world, "inspection")
    later(world, -10)
    assert item(world, "inspection").used == 0.0
    assert item(world, "rcd_test").state in ("good", "due")


def test_a_book_that_cannot_be_read_is_told_and_begun_anew() -> None:
    world = world_of()
    world.store.spaces["maintenance"] = {"book": "{"}
    world.kill_agent()
    assert "maintenance.lost" in world.notes
    assert item(world, "inspection").used == 0.0
