"""The lock motor of a socket outlet: drives, waits for the switch, tries again, gives up aloud.

A bolt that meets resistance is taken back and driven once more, `lock_attempts` times. One that
does not engage is a fault (no energy without it); one that does not release is tried for ever, once
a minute, because a vehicle is held by it. It is never taken back while the contactor may be closed.
"""

from __future__ import annotations

from chargepoint.evse.settings import EvseSettings

TRAVEL_S = 1.0
"""Motor and switch must have followed by then: pulses of 0.3 to 1 s are usual."""
BACK_S = 0.5
"""How long the opposite is commanded between two attempts."""
LINGER_S = 0.8
"""A plug whose vehicle has just vanished stays locked for so long: the proximity contact then tells
a cable that was unplugged at the vehicle from one that was torn out of the socket."""
STUCK_EVERY_S = 60.0
"""A bolt that does not release is tried this often."""


class LockMotor:
    """Command and feedback of one lock."""

    def __init__(self, settings: EvseSettings) -> None:
        self._attempts_max = settings.lock_attempts
        self._feedback: bool | None = None
        self._wanted_s = 0.0
        self._driven_s: float | None = None
        """Since when `commanded` has been what it is; None: never driven."""
        self._attempts = 0
        self.wanted = False
        self.commanded = False
        self.failed = False
        """It did not engage in all attempts; until it is not wanted any more."""
        self.stuck = False
        """It did not release in all attempts; until it has, or is wanted again."""

    def want(self, locked: bool, now_s: float) -> None:
        """What the lock is to be from now on."""
        if locked is self.wanted:
            return
        self.wanted = locked
        self.failed = self.stuck = False
        self._attempts = 0
        self._wanted_s = now_s
        self._drive(locked, now_s)

    def step(self, feedback: bool | None, *, may_release: bool, now_s: float) -> bool:
        """Follow the switch (True: locked; None: not known); what to command.

        `may_release`: the contactor is known to be open.
        """
        self._feedback = feedback
        if feedback is self.wanted:
            self._attempts = 0
            self.stuck = False
            if self.commanded is not self.wanted:
                self._drive(self.wanted, now_s)
        elif feedback is not None and self._driven_s is not None:
            self._try_again(self._driven_s, may_release, now_s)
        return self.commanded

    def engaged(self, now_s: float) -> bool:
        """Locked as wanted: the switch says so, or, without one, the bolt had time to travel."""
        if not (self.wanted and self.commanded):
            return False
        return now_s - self._wanted_s >= TRAVEL_S if self._feedback is None else self._feedback

    def _try_again(self, driven_s: float, may_release: bool, now_s: float) -> None:
        driven_for_s = now_s - driven_s
        if self.commanded is not self.wanted:
            if driven_for_s >= BACK_S:
                self._drive(self.wanted, now_s)
            return
        exhausted = self._attempts >= self._attempts_max
        if driven_for_s < (STUCK_EVERY_S if exhausted and self.stuck else TRAVEL_S):
            return
        if exhausted and not self.stuck:
            self.failed, self.stuck = self.wanted, not self.wanted
            return
        if self.wanted and (self.failed or not may_release):
            return
        self._attempts += 1
        self._drive(not self.wanted, now_s)

    def _drive(self, locked: bool, now_s: float) -> None:
        self.commanded = locked
        self._driven_s = now_s
