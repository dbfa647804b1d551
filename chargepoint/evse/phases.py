"""Switching between one and three phases: never under load, never soon after the last time.

To the vehicle it is a pause: the offer ends in order, the contactor opens, the phases are switched,
and the pilot rests before the next offer. Vehicles have been damaged by a change under load, so it
is off unless the configuration says otherwise (openWB, Tinkerforge; H).
"""

from __future__ import annotations

from chargepoint.evse.settings import EvseSettings


class PhaseSwitch:
    """Phases of one EVSE: wanted and commanded."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._fitted = False
        self._wanted = settings.phases
        self.commanded = settings.phases
        self.since_s: float | None = None
        """When `commanded` last changed; None: never."""

    def want(self, phases: int) -> None:
        """Ask for 1 or 3 phases; what is not possible is ignored."""
        if phases in (1, 3) and phases <= self._settings.phases:
            self._wanted = phases

    def step(self, *, fitted: bool, at_rest: bool, now_s: float) -> None:
        """Switch if it is due. `at_rest`: the contactor is open and known to be."""
        self._fitted = fitted and self._settings.phase_switching
        if self.pending(now_s) and at_rest:
            self.commanded = self._wanted
            self.since_s = now_s

    def pending(self, now_s: float) -> bool:
        """A change waits for the contactor to open."""
        if not self._fitted or self._wanted == self.commanded:
            return False
        every_s = self._settings.phase_switch_every_s
        return self.since_s is None or now_s - self.since_s >= every_s

    def busy(self, now_s: float) -> bool:
        """Nothing may be offered: a change is due, or the vehicle has to let go of the last one."""
        wait_s = self._settings.phase_switch_wait_s
        resting = self.since_s is not None and now_s - self.since_s < wait_s
        return resting or self.pending(now_s)
