"""The polling plan."""

from __future__ import annotations

import pytest

from hal.bus.polling import Poll, PollingPlan


def test_everything_is_due_at_the_start_the_higher_priority_first() -> None:
    plan = PollingPlan(
        [Poll(name="meter", every_s=1.0), Poll(name="cards", every_s=0.1, priority=1)], 5.0
    )
    assert plan.next(5.0) == "cards"
    plan.done("cards", 5.0, True)
    assert plan.next(5.0) == "meter"
    plan.done("meter", 5.0, True)
    assert plan.next(5.0) is None
    assert plan.deadline_s() == pytest.approx(5.1)


def test_among_equals_the_latest_goes_first() -> None:
    plan = PollingPlan([Poll(name="a", every_s=1.0), Poll(name="b", every_s=0.5)], 0.0)
    plan.done("a", 0.0, True)
    plan.done("b", 0.0, True)
    assert plan.next(2.0) == "b"


def test_a_poll_stays_due_until_it_is_done() -> None:
    plan = PollingPlan([Poll(name="meter", every_s=1.0)], 0.0)
    assert plan.next(0.0) == "meter"
    assert plan.next(0.3) == "meter"


def test_keeps_its_rhythm_when_served_a_little_late() -> None:
    plan = PollingPlan([Poll(name="meter", every_s=1.0)], 0.0)
    for served_s in (0.02, 1.03, 2.01):
        assert plan.next(served_s) == "meter"
        plan.done("meter", served_s, True)
    assert plan.deadline_s() == pytest.approx(3.0)


def test_missed_periods_are_not_made_up_for() -> None:
    plan = PollingPlan([Poll(name="meter", every_s=1.0)], 0.0)
    plan.done("meter", 10.0, True)
    assert plan.next(10.5) is None
    assert plan.deadline_s() == pytest.approx(11.0)


def test_backs_off_after_failures_and_returns_to_its_rhythm_after_success() -> None:
    plan = PollingPlan([Poll(name="meter", every_s=1.0)], 0.0, backoff_max_s=8.0)
    now_s, waits = 0.0, []
    for _ in range(6):
        plan.done("meter", now_s, False)
        due_s = plan.deadline_s()
        assert due_s is not None
        waits.append(due_s - now_s)
        now_s = due_s
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    plan.done("meter", now_s, True)
    assert plan.deadline_s() == now_s + 1.0


def test_a_slow_poll_is_not_made_faster_by_failing() -> None:
    plan = PollingPlan([Poll(name="identity", every_s=600.0)], 0.0)
    plan.done("identity", 0.0, False)
    assert plan.deadline_s() == 600.0


def test_an_empty_plan_has_nothing_to_do() -> None:
    plan = PollingPlan([], 0.0)
    assert plan.next(1.0) is None
    assert plan.deadline_s() is None


@pytest.mark.parametrize(
    ("polls", "message"),
    [
        ([Poll(name="a", every_s=0.0)], "every_s"),
        ([Poll(name="a", every_s=1.0), Poll(name="a", every_s=2.0)], "stands twice"),
    ],
)
def test_refuses_a_plan_that_cannot_work(polls: list[Poll], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PollingPlan(polls, 0.0)
