"""Waits between attempts to reach the CSMS."""

from __future__ import annotations

from chargepoint.agent.backoff import Backoff


def backoff(random: float = 0.5) -> Backoff:
    return Backoff(wait_min_s=3.0, random_range_s=10.0, doublings=2, random=lambda: random)


def test_waits_double_a_few_times_each_with_a_new_random_part() -> None:
    """T9."""
    waits = backoff()
    assert [waits.next_wait_s() for _ in range(5)] == [8.0, 21.0, 47.0, 47.0, 47.0]


def test_begins_afresh_only_after_the_connection_proved_itself() -> None:
    """T9."""
    waits = backoff(random=0.0)
    assert [waits.next_wait_s(), waits.next_wait_s()] == [3.0, 6.0]
    waits.proved()
    assert waits.next_wait_s() == 3.0


def test_stations_that_lost_the_csms_together_do_not_come_back_together() -> None:
    assert backoff(random=0.1).next_wait_s() != backoff(random=0.9).next_wait_s()
