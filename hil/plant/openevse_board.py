"""Firmware of an OpenEVSE controller: states, sleep, heartbeat and trip counters.

As `J1772EvseController` and `rapi_proc` of the open firmware show: asleep the pilot is steady at
+12 V, disabled it is at -12 V; `FS` gives the vehicle 3 s before the relay opens, `FD` none; a
missed heartbeat lowers the current and opens nothing; a fault opens the relay and stays until the
vehicle has left. The serial language is the business of the wire.
"""

from __future__ import annotations

import math
from enum import Enum

from hal.values import PilotState
from hil.plant.board import BoardSenses
from hil.plant.own_pilot import OwnPilot

SLEEP_GRACE_S = 3.0
CURRENT_MIN_A = 6
HARDWARE_MAX_A = 80
HOT_C = 65.0
"""Hard shutdown for over-temperature."""
NEVER, ONCE, NOW = 0, 1, 2
"""Heartbeat: no pulse was ever missed, one was once, one is missed and limits now."""

# fmt: off
EVSE_STATES = {PilotState.A: 0x01, PilotState.B: 0x02, PilotState.C: 0x03, PilotState.D: 0x04}
FAILURES = {  #  EVSE state of each cause
    "diode":    0x05,
    "residual": 0x06,
    "earth":    0x07,
    "welded":   0x08,
    "hot":      0x0A,
}
# fmt: on
UNKNOWN, SLEEPING, DISABLED = 0x00, 0xFE, 0xFF
HARD_FAULT, RELAY, CONNECTED = 0x0002, 0x0040, 0x0100
CONNECTED_BELOW_V = 10.5


class Function(Enum):
    """What it was told last; enabled after power-up."""

    ENABLED = "FE"
    ASLEEP = "FS"
    DISABLED = "FD"


class OpenEvseBoard(OwnPilot):
    """One controller, one EVSE."""

    stop_s = SLEEP_GRACE_S
    asking_states = frozenset({PilotState.C})

    def __init__(self, current_max_a: float, now_s: float = 0.0) -> None:
        super().__init__(current_max_a, current_max_a)
        self.configured_max_a = int(current_max_a)
        self.setting_a = self.configured_max_a
        """Current that the pilot would offer when enabled."""
        self.function = Function.ENABLED
        self.heartbeat_s = 0
        self.fallback_a = 0
        self.trigger = NEVER
        self.trips = {"residual": 0, "earth": 0, "welded": 0}
        self._pulse_s = now_s
        self._connected = False

    # --- what the wire tells it ------------------------------------------------------------------

    def do(self, function: Function, now_s: float) -> None:
        self.function = function
        if function is Function.DISABLED:
            self.coil = False
        self._apply(now_s)

    def set_current(self, current_a: int, now_s: float) -> int:
        """The current in force: `current_a`, clamped to what is configured."""
        self.setting_a = min(max(current_a, CURRENT_MIN_A), self.configured_max_a)
        self._apply(now_s)
        return self.setting_a

    def supervise(self, interval_s: int, fallback_a: int, now_s: float) -> None:
        """Begin anew with the heartbeat; 0 s ends it."""
        self.heartbeat_s, self.fallback_a = interval_s, fallback_a
        self.trigger = NEVER
        self._pulse_s = now_s

    def pulse(self, now_s: float) -> bool:
        """False while a missed one limits: it takes an acknowledgement to end that."""
        self._pulse_s = now_s
        return self.trigger is not NOW

    def acknowledge(self, now_s: float) -> None:
        """Forget the missed pulse; the current jumps to the configured maximum."""
        self._pulse_s = now_s
        if self.trigger is NOW:
            self.trigger = ONCE
            self.set_current(self.configured_max_a, now_s)

    # --- what it says ----------------------------------------------------------------------------

    @property
    def evse_state(self) -> int:
        if self.failure:
            return FAILURES.get(self.failure, UNKNOWN)
        if self.function is not Function.ENABLED:
            return SLEEPING if self.function is Function.ASLEEP else DISABLED
        return EVSE_STATES.get(self.state, UNKNOWN)

    @property
    def pilot_state(self) -> int:
        """As measured last; asleep it is not measured anew, which `GS` shows."""
        return EVSE_STATES.get(self.state, UNKNOWN)

    @property
    def flags(self) -> int:
        """`vflags`."""
        hard = bool(self.failure) or self.evse_state == EVSE_STATES[PilotState.D]
        return HARD_FAULT * hard | RELAY * self.coil | CONNECTED * self._connected

    # --- time ------------------------------------------------------------------------------------

    @property
    def duty_ratio(self) -> float:
        if self.function is Function.DISABLED and not self.failed:
            return 0.0
        return super().duty_ratio

    def deadline_s(self) -> float:
        supervised = self.heartbeat_s and self.trigger is not NOW
        return self._pulse_s + self.heartbeat_s if supervised else math.inf

    def step(self, now_s: float, senses: BoardSenses) -> None:
        if self.heartbeat_s and now_s - self._pulse_s >= self.heartbeat_s:
            self._miss(now_s)
        before = self.failure
        super().step(now_s, senses)
        if self.failure and not before and self.failure in self.trips:
            self.trips[self.failure] = min(self.trips[self.failure] + 1, 0xFF)
        if senses.pilot.high_v > -1.0:
            self._connected = senses.pilot.high_v < CONNECTED_BELOW_V

    def _miss(self, now_s: float) -> None:
        if self.trigger is NOW:
            return
        self.trigger = NOW
        self.setting_a = max(CURRENT_MIN_A, min(self.setting_a, self.fallback_a))
        self._apply(now_s)

    def _apply(self, now_s: float) -> None:
        self.permit(self.setting_a if self.function is Function.ENABLED else 0.0, now_s)

    def _cause(self, now_s: float, senses: BoardSenses) -> str:
        if senses.pe_lost:
            return "earth"
        if self._stays_closed(now_s, senses):
            return "welded"
        if senses.temperature_c >= HOT_C:
            return "hot"
        return super()._cause(now_s, senses)
