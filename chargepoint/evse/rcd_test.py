"""Self-test of the residual-current monitor: it must trip on the test current, and let go again.

Due once after the start, after every unplugging, and a day after the last one; only with the
contactor open (Tinkerforge; M). Nothing is offered before it has passed. While it runs, a tripped
input is what we want, and no hazard; nor is what a test leaves behind that was cut short by lost
readings or by a restart of this program. A failed test is repeated after `retry_waits_s` and with
the next vehicle.
"""

from __future__ import annotations

from enum import Enum

from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said, words
from chargepoint.ipc.messages import Said

TRIP_WITHIN_S = 1.2
"""The input must turn on this soon after the test began (Tinkerforge: 30 ms to 1.2 s; M)."""
RELEASE_WITHIN_S = 3.0
"""The input must be off again this long after the test began (Tinkerforge; M)."""
REPEAT_S = 86_400.0
"""Longest time between two tests."""


class _Step(Enum):
    STARTING = "starting"
    """A test of before a restart may still have effect."""
    CUT_SHORT = "cut short"
    """The test was given up; its effect is waited out."""
    DUE = "due"
    TRIPPING = "tripping"
    RELEASING = "releasing"
    PASSED = "passed"
    FAILED = "failed"


_RUNNING = (_Step.STARTING, _Step.CUT_SHORT, _Step.TRIPPING, _Step.RELEASING)


class RcdTest:
    """The test of one monitor. `fitted` is told in each step: the board says so when prepared."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._fitted = False
        self._step = _Step.STARTING
        self._since_s = 0.0
        """When the test, the last one, or the first step began."""
        self._failures = 0
        self.failure: Said | None = None
        """What was wrong with the latest test; None when it passed."""
        self.ended: tuple[bool, str] | None = None
        """(passed, in words) of a test that ended in this step."""

    @property
    def running(self) -> bool:
        """The test current flows, or its effect may not have gone yet."""
        return self._fitted and self._step in _RUNNING

    @property
    def commanded(self) -> bool:
        """The board is told to test."""
        return self._step is _Step.TRIPPING

    @property
    def owed(self) -> bool:
        """No energy yet: the monitor has not passed since the last vehicle."""
        return self._fitted and self._step is not _Step.PASSED

    def unplugged(self) -> None:
        """The next vehicle gets a new test."""
        if not self.running:
            self._step = _Step.DUE

    def step(self, tripped: bool | None, *, fitted: bool, may_test: bool, now_s: float) -> None:
        """`tripped` by the newest reading; `may_test`: the contactor is known to be open."""
        self.ended = None
        before, self._fitted = self._fitted, fitted and self._settings.rcd_test
        if not self._fitted:
            self._step, self.failure = _Step.STARTING, None
            return
        if not before:
            self._since_s = now_s
        since_s = now_s - self._since_s
        if self._step in (_Step.STARTING, _Step.CUT_SHORT):
            let_go = self._step is _Step.STARTING and tripped is False
            if let_go or since_s >= RELEASE_WITHIN_S:
                self._step = _Step.DUE
        elif self.running and not may_test:
            self._step = _Step.CUT_SHORT
        elif self._step is _Step.TRIPPING and tripped:
            self._step = _Step.RELEASING
        elif self._step is _Step.TRIPPING and since_s >= TRIP_WITHIN_S:
            self._end(said("no_trip", limit_s=TRIP_WITHIN_S), now_s)
        elif self._step is _Step.RELEASING and tripped is False:
            self._end(None, now_s)
        elif self._step is _Step.RELEASING and since_s >= RELEASE_WITHIN_S:
            self._end(said("no_release", limit_s=RELEASE_WITHIN_S), now_s)
        elif self._due(now_s) and may_test and tripped is False:
            self._step, self._since_s = _Step.TRIPPING, now_s

    def _due(self, now_s: float) -> bool:
        since_s = now_s - self._since_s
        if self._step is _Step.PASSED:
            return since_s >= REPEAT_S
        if self._step is _Step.FAILED:
            waits_s = self._settings.retry_waits_s
            return since_s >= waits_s[min(self._failures, len(waits_s)) - 1]
        return self._step is _Step.DUE

    def _end(self, failure: Said | None, now_s: float) -> None:
        took_s = now_s - self._since_s
        self.failure = failure
        self._failures = self._failures + 1 if failure else 0
        passed = f"tripped and released within {took_s:.2f} s"
        self.ended = failure is None, passed if failure is None else words(failure)
        self._step, self._since_s = _Step.FAILED if failure else _Step.PASSED, now_s
