"""The lock motor by itself: attempts, patience, and never released without leave."""

from __future__ import annotations

from chargepoint.evse.lock import LockMotor
from chargepoint.evse.settings import EvseSettings


class Lock:
    """A motor whose switch says what the test says, in steps of 0.1 s."""

    def __init__(self, *, attempts: int = 2) -> None:
        self.motor = LockMotor(EvseSettings(evse=1, lock_attempts=attempts))
        self.tick = 0

    @property
    def now_s(self) -> float:
        return self.tick / 10

    def want(self, locked: bool) -> None:
        self.motor.want(locked, self.now_s)

    def run(self, ticks: int, feedback: bool | None, *, may_release: bool = True) -> list[bool]:
        """The command after each tick."""
        commands = []
        for _ in range(ticks):
            self.tick += 1
            step = self.motor.step(feedback, may_release=may_release, now_s=self.now_s)
            commands.append(step)
        return commands


def test_at_first_it_is_free_and_nothing_is_driven() -> None:
    lock = Lock()
    assert lock.run(30, True) == [False] * 30, "what was never locked by us is not driven"
    assert not lock.motor.stuck
    assert not lock.motor.engaged(lock.now_s)


def test_a_bolt_that_follows_is_engaged_by_its_switch() -> None:
    lock = Lock()
    lock.want(True)
    assert lock.run(5, False) == [True] * 5
    assert not lock.motor.engaged(lock.now_s)
    lock.run(1, True)
    assert lock.motor.engaged(lock.now_s)
    lock.want(False)
    assert lock.run(1, True) == [False]
    assert not lock.motor.engaged(lock.now_s)


def test_without_a_switch_it_is_engaged_after_a_second() -> None:
    lock = Lock()
    lock.run(20, None)
    lock.want(True)
    lock.run(9, None)
    assert not lock.motor.engaged(lock.now_s)
    lock.run(1, None)
    assert lock.motor.engaged(lock.now_s)
    assert lock.run(50, None) == [True] * 50
    assert not lock.motor.failed


def test_a_bolt_that_does_not_engage_is_taken_back_and_driven_again_then_has_failed() -> None:
    lock = Lock(attempts=2)
    lock.want(True)
    assert lock.run(9, False) == [True] * 9
    assert lock.run(5, False) == [False] * 5
    assert lock.run(10, False) == [True] * 10
    assert lock.run(5, False) == [False] * 5
    assert not lock.motor.failed
    assert lock.run(10, False) == [True] * 10
    assert not lock.motor.failed
    assert lock.run(700, False) == [True] * 700, "no further attempts"
    assert (lock.motor.failed, lock.motor.stuck) == (True, False)
    lock.want(False)
    assert not lock.motor.failed


def test_an_attempt_that_succeeds_starts_the_count_anew() -> None:
    lock = Lock(attempts=1)
    for _ in range(4):
        lock.want(True)
        lock.run(12, False)
        lock.run(5, True)
        assert lock.run(1, False) == [True]
        lock.run(8, False)
        lock.run(5, True)
    assert not lock.motor.failed


def test_a_bolt_is_not_taken_back_while_the_contactor_may_be_closed() -> None:
    lock = Lock()
    lock.want(True)
    assert lock.run(100, False, may_release=False) == [True] * 100
    assert not lock.motor.failed


def test_a_bolt_that_does_not_release_is_tried_again_then_once_a_minute_for_ever() -> None:
    lock = Lock(attempts=1)
    lock.want(True)
    lock.run(1, True)
    lock.want(False)
    assert lock.run(9, True) == [False] * 9
    assert lock.run(5, True) == [True] * 5
    assert not lock.motor.engaged(lock.now_s), "driven back is not wanted"
    lock.run(10, True)
    assert not lock.motor.stuck
    lock.run(1, True)
    assert (lock.motor.failed, lock.motor.stuck) == (False, True)
    assert lock.run(585, True, may_release=False).count(True) == 0
    minute = lock.run(15, True, may_release=False)
    assert minute.count(True) == 5, "five ticks of the opposite, once"
    assert lock.run(600, True).count(True) == 5
    lock.run(1, False)
    assert not lock.motor.stuck
    assert lock.run(100, False) == [False] * 100


def test_attempts_to_lock_are_not_counted_against_the_release() -> None:
    lock = Lock(attempts=2)
    lock.want(True)
    lock.run(100, False)
    assert lock.motor.failed
    lock.want(False)
    lock.run(25, True)
    assert not lock.motor.stuck
    lock.run(20, True)
    assert lock.motor.stuck


def test_a_switch_that_turns_right_in_between_ends_the_way_back() -> None:
    lock = Lock()
    lock.want(True)
    lock.run(11, False)
    assert lock.motor.commanded is False
    assert lock.run(1, True) == [True]
    assert not lock.motor.failed


def test_wanting_the_same_again_changes_nothing() -> None:
    lock = Lock(attempts=1)
    lock.want(True)
    for _ in range(40):
        lock.want(True)
        lock.run(1, False)
    assert lock.motor.failed
    lock.want(True)
    assert lock.motor.failed
