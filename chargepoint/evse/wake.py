"""Vehicles that sleep: an offer that nobody takes is interrupted by state F, a bounded number of
times (A.5.3; EVerest: once, 30 s after the oscillator started, for 4 s; M).

Only while a vehicle is connected and has not asked for this very offer: one that had energy and
stopped by itself is not asleep. Never with the contactor closed.
"""

from __future__ import annotations

from chargepoint.evse.settings import EvseSettings
from chargepoint.ipc.messages import Phase
from hal.values import PilotState


class Sleeper:
    """How long the vehicle has ignored the offer, and how often it was woken."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._offered_s: float | None = None
        self._asked = False
        self._woken = 0

    def plugged(self) -> None:
        """Another vehicle."""
        self._woken = 0

    def step(self, phase: Phase, pilot: PilotState | None, now_s: float) -> None:
        """`phase` before the machine's next step, `pilot` as it is now."""
        if phase is Phase.OFFERING:
            if self._offered_s is None:
                self._offered_s = now_s
            if pilot is not PilotState.B:
                self._offered_s = now_s  # Not a vehicle that lies still: count anew.
        elif phase in (Phase.CLOSING, Phase.ENERGISED):
            self._asked = True
            self._woken = 0
        elif phase is not Phase.OPENING:
            if phase is Phase.WAKING and self._offered_s is not None:
                self._woken += 1
            self._offered_s = None
            self._asked = False

    def asleep(self, now_s: float) -> bool:
        """Time to show it state F."""
        if not self._settings.wake_up or self._asked or self._offered_s is None:
            return False
        left = self._woken < self._settings.wake_attempts
        return left and now_s - self._offered_s >= self._settings.wake_after_s
