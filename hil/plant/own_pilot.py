"""A controller that runs pilot and contactor itself; the host permits a current and nothing else.

What all of them have in common: they offer what is permitted, close when the vehicle asks, open
when it stops asking, let it ramp down when the permission goes, and fail on what their sensors see.
Each make adds its own words, times and fallbacks.
"""

from __future__ import annotations

import math

from hal.values import PilotLevels, PilotState
from hil.plant.board import BoardSenses
from hil.plant.lock import Lock
from hil.plant.pilot import CURRENT_MIN_A, state_of

STOP_S = 6.0
"""From the end of the oscillator to opening under load."""
DEBOUNCE_S = 0.05
DIODE_TOLERANCE_V = 1.2
WELDED_S = 0.5
"""The contactor must have followed an open coil by then."""


class OwnPilot:
    """One controller, one EVSE."""

    stop_s = STOP_S
    asking_states = frozenset({PilotState.C, PilotState.D})
    """States in which it closes; one that cannot ventilate leaves D out."""

    def __init__(self, current_max_a: float, current_a: float) -> None:
        self.current_max_a = current_max_a
        self.current_a = min(current_a, current_max_a)
        """Permitted; 0 forbids."""
        self.coil = False
        self.failure = ""
        """Why it does not charge: a word of `_cause`; empty while all is well."""
        self.state = PilotState.A
        """As debounced from the levels."""
        self.senses: BoardSenses | None = None
        self.lock: Lock | None = None
        self._seen = PilotState.A
        self._seen_s = -math.inf
        self._off_s = -math.inf
        self._open_s = -math.inf

    @property
    def failed(self) -> bool:
        return bool(self.failure)

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

    def deadline_s(self) -> float:
        """It is asked in short steps while it settles."""
        return math.inf

    def permit(self, current_a: float, now_s: float) -> None:
        if current_a < CURRENT_MIN_A <= self.current_a:
            self._off_s = now_s
        self.current_a = min(current_a, self.current_max_a)

    def step(self, now_s: float, senses: BoardSenses) -> None:
        self.senses = senses
        self._debounce(now_s, senses.pilot)
        if self.state is PilotState.A:
            self.failure = ""
        self.failure = self.failure or self._cause(now_s, senses)
        coil = self._wanted(now_s)
        if coil or self.coil:
            self._open_s = now_s
        self.coil = coil

    def may_close(self) -> bool:
        """Whether a lock, or whatever else a make waits for, is ready."""
        return True

    def _debounce(self, now_s: float, pilot: PilotLevels) -> None:
        found = state_of(pilot)
        if found is not self._seen:
            self._seen, self._seen_s = found, now_s
        if now_s - self._seen_s >= DEBOUNCE_S:
            self.state = found

    def _wanted(self, now_s: float) -> bool:
        if self.state not in self.asking_states or self.failed:
            return False
        if self.current_a >= CURRENT_MIN_A:
            return self.coil or self.may_close()
        return self.coil and now_s - self._off_s < self.stop_s

    def _cause(self, now_s: float, senses: BoardSenses) -> str:
        """What forbids charging now, in one word; empty when nothing does."""
        if senses.rcd_tripped:
            return "residual"
        if senses.emergency_stopped:
            return "stopped"
        if self.state is PilotState.E:
            return "shorted"
        return "diode" if self._lacks_diode(senses.pilot) else ""

    def _stays_closed(self, now_s: float, senses: BoardSenses) -> bool:
        """The contactor is closed long after the coil was released."""
        return senses.contactor_closed and not self.coil and now_s - self._open_s >= WELDED_S

    def _lacks_diode(self, pilot: PilotLevels) -> bool:
        oscillates = 0.0 < self._offer_ratio() < 1.0 and pilot.high_v != pilot.low_v
        symmetric = abs(pilot.high_v + pilot.low_v) <= DIODE_TOLERANCE_V
        return oscillates and symmetric and self.state is not PilotState.A

    def _offer_ratio(self) -> float:
        if self.current_a < CURRENT_MIN_A:
            return 1.0
        percent = self.current_a / 0.6 if self.current_a <= 51.0 else self.current_a / 2.5 + 64.0
        return min(percent, 96.0) / 100.0
