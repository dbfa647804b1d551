"""The self-test of the residual-current monitor, step by step."""

from __future__ import annotations

import pytest

from chargepoint.evse.rcd_test import RcdTest
from chargepoint.evse.settings import EvseSettings
from chargepoint.ipc.messages import Said


class Monitor:
    """A test under the eyes of a monitor whose input is given with each step."""

    def __init__(self, **settings: bool) -> None:
        self.test = RcdTest(EvseSettings(evse=1, **settings))

    def at(
        self, now_s: float, tripped: bool | None, *, fitted: bool = True, may_test: bool = True
    ) -> bool:
        """Whether the board is told to test."""
        self.test.step(tripped, fitted=fitted, may_test=may_test, now_s=now_s)
        return self.test.commanded

    def begun(self, now_s: float) -> None:
        """Let go of what may have been before, then start."""
        assert not self.at(now_s - 0.1, False)
        assert self.at(now_s, False)

    def passed(self, now_s: float) -> None:
        """A good test that begins at `now_s`."""
        self.begun(now_s)
        assert not self.at(now_s + 0.1, True)
        self.at(now_s + 0.5, False)
        assert self.test.ended == (True, "tripped and released within 0.50 s")
        assert not self.test.owed


def test_a_good_test_trips_lets_go_and_is_told_once() -> None:
    monitor = Monitor()
    monitor.passed(10.0)
    assert (monitor.test.running, monitor.test.failure) == (False, None)
    monitor.at(10.6, False)
    assert monitor.test.ended is None


def test_until_it_has_passed_it_is_owed_and_running() -> None:
    monitor = Monitor()
    monitor.begun(10.0)
    assert (monitor.test.owed, monitor.test.running, monitor.test.ended) == (True, True, None)
    monitor.at(10.1, True)
    assert (monitor.test.owed, monitor.test.running, monitor.test.commanded) == (True, True, False)


def test_a_day_later_it_is_due_again() -> None:
    monitor = Monitor()
    monitor.passed(10.0)
    assert not monitor.at(10.5 + 86_399.9, False)
    assert not monitor.test.owed
    assert monitor.at(10.5 + 86_400.0, False)
    assert monitor.test.owed


def test_the_next_vehicle_gets_its_own_but_does_not_cut_one_short() -> None:
    monitor = Monitor()
    monitor.begun(10.0)
    monitor.test.unplugged()
    assert monitor.at(10.1, False), "still the same test"
    monitor.at(10.2, True)
    monitor.at(10.3, False)
    monitor.test.unplugged()
    assert monitor.test.owed
    assert monitor.at(10.4, False)


@pytest.mark.parametrize("tripped", [True, None])
def test_it_begins_only_with_an_input_that_is_off(tripped: bool | None) -> None:
    monitor = Monitor()
    monitor.at(1.0, False)
    assert not monitor.at(2.0, tripped)
    assert not monitor.at(3.0, False, may_test=False)
    assert monitor.at(4.0, False)


def test_it_fails_after_1_2_s_without_a_trip() -> None:
    monitor = Monitor()
    monitor.begun(10.0)
    assert monitor.at(11.19, False)
    assert not monitor.at(11.21, False)
    assert monitor.test.ended == (False, "did not trip within 1.2 s")
    assert monitor.test.failure == Said(id="no_trip", fields={"limit_s": 1.2})
    assert (monitor.test.owed, monitor.test.running) == (True, False)


def test_it_fails_when_it_has_not_let_go_3_s_after_it_began() -> None:
    monitor = Monitor()
    monitor.begun(10.0)
    monitor.at(10.5, True)
    monitor.at(12.99, True)
    assert monitor.test.failure is None
    monitor.at(13.0, True)
    assert monitor.test.ended == (False, "did not release within 3 s")


def test_a_failed_test_is_repeated_after_growing_pauses_until_it_passes() -> None:
    monitor = Monitor()
    monitor.begun(0.5)
    now_s = 0.5
    for wait_s in (30.0, 60.0, 300.0, 300.0):
        assert not monitor.at(now_s + 1.21, False)
        ended_s = now_s + 1.21
        assert not monitor.at(ended_s + wait_s - 0.1, False), "too soon"
        now_s = ended_s + wait_s + 0.01
        assert monitor.at(now_s, False)
    monitor.at(now_s + 0.1, True)
    monitor.at(now_s + 0.2, False)
    assert (monitor.test.failure, monitor.test.owed) == (None, False)
    monitor.test.unplugged()
    monitor.at(now_s + 1.0, False)
    assert not monitor.at(now_s + 2.21, False)
    assert not monitor.at(now_s + 32.0, False)
    assert monitor.at(now_s + 32.3, False), "the first pause again"


def test_a_test_that_is_cut_short_is_waited_out_and_begun_anew() -> None:
    monitor = Monitor()
    monitor.begun(10.0)
    assert not monitor.at(10.1, False, may_test=False)
    assert (monitor.test.running, monitor.test.ended) == (True, None)
    assert not monitor.at(12.99, False)
    assert monitor.test.running
    assert not monitor.at(13.0, False)
    assert not monitor.test.running
    assert monitor.at(13.1, False)


def test_after_a_start_an_input_that_is_on_may_be_a_test_of_before_for_3_s() -> None:
    monitor = Monitor()
    monitor.at(10.0, True)
    monitor.at(12.99, True)
    assert monitor.test.running
    monitor.at(13.0, True)
    assert (monitor.test.running, monitor.test.commanded) == (False, False)
    assert monitor.at(13.1, False)


def test_what_is_not_fitted_or_not_wanted_owes_nothing() -> None:
    for monitor, fitted in ((Monitor(), False), (Monitor(rcd_test=False), True)):
        for now_s in (1.0, 2.0, 3.0):
            assert not monitor.at(now_s, False, fitted=fitted)
        assert (monitor.test.owed, monitor.test.running) == (False, False)


def test_a_board_that_is_prepared_again_starts_over() -> None:
    monitor = Monitor()
    monitor.begun(10.0)
    monitor.at(11.3, False)
    assert monitor.test.failure is not None
    monitor.at(12.0, False, fitted=False)
    assert (monitor.test.failure, monitor.test.owed) == (None, False)
    monitor.at(100.0, True)
    monitor.at(102.9, True)
    assert monitor.test.running, "counted from when it was fitted again"
