"""Latency, time-outs and the circuit breaker."""

from __future__ import annotations

import pytest

from hal.bus.breaker import TOLERATED_S, Breaker
from hal.bus.latency import FLOOR_S, KNOWN_AFTER, RECENT, Latencies


def measured(*latencies_s: float, timeout_max_s: float = 0.5) -> Latencies:
    latencies = Latencies(timeout_max_s)
    for latency_s in latencies_s:
        latencies.answered(1, latency_s)
    return latencies


def test_a_new_unit_is_given_the_whole_time() -> None:
    assert measured(*[0.001] * (KNOWN_AFTER - 1)).allowance_s(1) == 0.5
    assert measured(*[0.001] * KNOWN_AFTER).allowance_s(2) == 0.5


def test_a_known_unit_is_given_three_times_its_slowest_recent_latency() -> None:
    assert measured(*[0.02] * 10, 0.05, *[0.02] * 10).allowance_s(1) == pytest.approx(0.15)


def test_the_time_has_a_floor_and_a_ceiling() -> None:
    assert measured(*[0.0001] * 10).allowance_s(1) == FLOOR_S
    assert measured(*[0.4] * 10).allowance_s(1) == 0.5


def test_the_line_time_of_the_frames_is_not_the_units_latency() -> None:
    latencies = Latencies(0.5)
    for _ in range(10):
        latencies.answered(1, 0.1, line_s=0.08)
    assert latencies.allowance_s(1) == pytest.approx(0.06)
    assert latencies.p99_s() == pytest.approx(0.1)


def test_an_outlier_is_forgotten_in_time() -> None:
    latencies = measured(0.1, *[0.02] * RECENT)
    assert latencies.allowance_s(1) == pytest.approx(0.06)
    assert latencies.slowest_s() == pytest.approx(0.02)


def test_patience_grows_after_a_loss_and_is_whole_every_fourth_time() -> None:
    latencies = measured(*[0.02] * 10)
    given = []
    for _ in range(8):
        given.append(latencies.allowance_s(1))
        latencies.missed(1)
    assert given == pytest.approx([0.06, 0.12, 0.12, 0.5, 0.12, 0.12, 0.12, 0.5])
    latencies.answered(1, 0.02)
    assert latencies.allowance_s(1) == pytest.approx(0.06)


def test_a_late_answer_widens_the_time() -> None:
    latencies = measured(*[0.02] * 10)
    latencies.missed(1)
    latencies.late(1, 0.09)
    latencies.answered(1, 0.02)
    assert latencies.allowance_s(1) == pytest.approx(0.27)


def test_the_slowest_unit_of_a_line_is_unknown_until_one_has_answered() -> None:
    latencies = Latencies(0.5)
    latencies.missed(7)
    assert latencies.slowest_s() == 0.5
    latencies.answered(1, 0.01)
    latencies.answered(2, 0.04)
    assert latencies.slowest_s() == 0.04


def test_the_99th_percentile_leaves_out_one_in_a_hundred() -> None:
    assert Latencies(0.5).p99_s() == 0.0
    assert measured(*[0.01] * 99, 0.2).p99_s() == 0.2
    assert measured(*[0.01] * 199, 0.2).p99_s() == 0.01


def test_the_breaker_tolerates_two_losses() -> None:
    breaker = Breaker(30.0)
    breaker.lost(10.0)
    breaker.lost(10.1)
    assert breaker.open_for_s(10.1) == 0.0
    breaker.lost(10.3)
    assert breaker.open_for_s(10.3) == pytest.approx(1.0)
    assert breaker.open_for_s(11.4) == 0.0


def test_an_answer_between_losses_keeps_the_breaker_closed() -> None:
    breaker = Breaker(30.0)
    for _ in range(10):
        breaker.lost(0.0)
        breaker.lost(0.0)
        breaker.answered()
    assert breaker.open_for_s(0.0) == 0.0


@pytest.mark.parametrize(
    ("pause_max_s", "pauses"),
    [(30.0, [1, 2, 5, 10, 30, 30]), (2.0, [1, 2, 2, 2, 2, 2]), (0.5, [0.5] * 6)],
)
def test_pauses_grow_up_to_the_limit(pause_max_s: float, pauses: list[float]) -> None:
    breaker = Breaker(pause_max_s)
    breaker.lost(0.0)
    breaker.lost(0.0)
    seen = []
    for _ in pauses:
        breaker.lost(TOLERATED_S)
        seen.append(breaker.open_for_s(TOLERATED_S))
    assert seen == pauses


def test_losses_in_quick_succession_are_noise_until_a_quarter_of_a_second_has_passed() -> None:
    breaker = Breaker(30.0)
    for hundredths in range(25):
        breaker.lost(hundredths / 100)
        assert breaker.open_for_s(hundredths / 100) == 0.0
    breaker.lost(0.25)
    assert breaker.open_for_s(0.25) == 1.0
