"""Firmware of a Simple EVSE-WB class controller: it runs pilot and contactor itself.

The host permits a current and nothing else. There is no watchdog: when the host falls silent the
last current stays. Behaviour as collected in the public projects that drive it.
"""

from __future__ import annotations

import math

from hal.values import PilotLevels, PilotState
from hil.plant.pilot import CURRENT_MIN_A, state_of

STOP_S = 6.0
"""From the end of the oscillator to opening under load."""
DEBOUNCE_S = 0.05
DIODE_TOLERANCE_V = 1.2
POWER_ON_CURRENT_A = 6.0


class SimpleBoard:
    """One controller, one EVSE."""

    def __init__(self, current_max_a: float) -> None:
        self.current_max_a = current_max_a
        self.current_a = POWER_ON_CURRENT_A
        """Permitted by the host; 0 forbids."""
        self.start_current_a = POWER_ON_CURRENT_A
        self.coil = False
        self.failed = False
        """State 5: short, missing diode, residual current or emergency stop."""
        self.state = PilotState.A
        self._seen = PilotState.A
        self._seen_s = -math.inf
        self._off_s = -math.inf

    @property
    def duty_ratio(self) -> float:
        """Steady +12 V while failed: with -12 V it could not see that the vehicle has left."""
        return 1.0 if self.failed else self._offer_ratio()

    @property
    def output_a(self) -> float:
        """Current that the pilot offers now."""
        return self.current_a if 0.0 < self.duty_ratio < 1.0 else 0.0

    @property
    def settling(self) -> bool:
        """A decision is due soon."""
        return self._seen is not self.state or (self.coil and self.current_a < CURRENT_MIN_A)

    def permit(self, current_a: float, now_s: float) -> None:
        if current_a < CURRENT_MIN_A <= self.current_a:
            self._off_s = now_s
        self.current_a = min(current_a, self.current_max_a)

    def clear(self) -> None:
        """Forget a failure; it returns when its cause is still there."""
        self.failed = False

    def step(self, now_s: float, pilot: PilotLevels, rcd_tripped: bool, stopped: bool) -> None:
        found = state_of(pilot)
        if found is not self._seen:
            self._seen, self._seen_s = found, now_s
        if now_s - self._seen_s >= DEBOUNCE_S:
            self.state = found
        if self.state is PilotState.A:
            self.failed = False
        self.failed |= rcd_tripped or stopped or self._broken(pilot)
        asking = self.state in (PilotState.C, PilotState.D) and not self.failed
        if not asking:
            self.coil = False
        elif self.current_a >= CURRENT_MIN_A:
            self.coil = True
        elif now_s - self._off_s >= STOP_S:
            self.coil = False

    def _broken(self, pilot: PilotLevels) -> bool:
        if self.state is PilotState.E:
            return True
        oscillates = 0.0 < self._offer_ratio() < 1.0 and pilot.high_v != pilot.low_v
        symmetric = abs(pilot.high_v + pilot.low_v) <= DIODE_TOLERANCE_V
        return oscillates and symmetric and self.state is not PilotState.A

    def _offer_ratio(self) -> float:
        if self.current_a < CURRENT_MIN_A:
            return 1.0
        percent = self.current_a / 0.6 if self.current_a <= 51.0 else self.current_a / 2.5 + 64.0
        return min(percent, 96.0) / 100.0
