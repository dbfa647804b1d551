"""A Bender CC61x class controller: pilot, contactor, lock and residual-current sensor on its own.

The host permits a current (0 pauses, 32 A after power-up). When nobody has spoken to it for its
time-out it falls back to the safe current. A socket is locked before the contactor closes.
Behaviour as the manufacturer's Modbus specification 1.07 says; times that it leaves open are ours.
"""

from __future__ import annotations

import math

from hal.values import PilotState
from hil.plant.board import BoardSenses
from hil.plant.lock import Lock
from hil.plant.own_pilot import OwnPilot
from hil.plant.pilot import CURRENT_MIN_A

POWER_ON_A = 32.0
TIMEOUT_DEFAULT_S = 60
SAFE_CURRENT_DEFAULT_A = 6
LOCK_WAIT_S = 2.0
"""The bolt must be in by then."""


class BenderBoard(OwnPilot):
    """One controller, one EVSE."""

    def __init__(self, current_max_a: float, *, socket: bool, now_s: float = 0.0) -> None:
        super().__init__(current_max_a, POWER_ON_A)
        self.limit_a = POWER_ON_A
        """What the host set (HEMS limit)."""
        self.safe_current_a = SAFE_CURRENT_DEFAULT_A
        self.timeout_s = TIMEOUT_DEFAULT_S
        self.feed_faults: frozenset[str] = frozenset()
        self.lock = Lock() if socket else None
        self._heard_s = now_s
        self._locking_s = math.inf

    @property
    def silent(self) -> bool:
        """The time-out has run out."""
        return self._silent

    _silent = False

    def hear(self, now_s: float) -> None:
        """Somebody speaks Modbus with it."""
        self._heard_s = now_s
        self._silent = False
        self._apply(now_s)

    def limit(self, current_a: float, now_s: float) -> None:
        self.limit_a = current_a
        self._apply(now_s)

    def deadline_s(self) -> float:
        expiry_s = self._heard_s + self.timeout_s
        lock_s = self.lock.deadline_s() if self.lock is not None else math.inf
        return min(math.inf if self._silent or not self.timeout_s else expiry_s, lock_s)

    @property
    def settling(self) -> bool:
        waiting = self.state in self.asking_states and not self.coil and not self.failed
        return super().settling or (waiting and not self.may_close())

    def step(self, now_s: float, senses: BoardSenses) -> None:
        if self.timeout_s and now_s - self._heard_s >= self.timeout_s:
            self._silent = True
            self._apply(now_s)
        super().step(now_s, senses)
        self._step_lock(now_s)

    def may_close(self) -> bool:
        return self.lock is None or self.lock.locked

    def _apply(self, now_s: float) -> None:
        """The fallback replaces the limit, whether higher or lower, as the table of it says."""
        self.permit(self.safe_current_a if self._silent else self.limit_a, now_s)

    def _step_lock(self, now_s: float) -> None:
        if self.lock is None:
            return
        connected = self.state in (PilotState.B, PilotState.C, PilotState.D)
        wanted = self.coil or (connected and self.current_a >= CURRENT_MIN_A and not self.failed)
        if wanted != self.lock.told:
            self._locking_s = now_s
        self.lock.tell(wanted, now_s)
        self.lock.step(now_s)

    def _cause(self, now_s: float, senses: BoardSenses) -> str:
        if senses.tilted:
            return "tilted"
        if self._stays_closed(now_s, senses):
            return "welded"
        return self._lock_trouble(now_s) or super()._cause(now_s, senses)

    def _lock_trouble(self, now_s: float) -> str:
        lock = self.lock
        if lock is None or lock.told is lock.locked:
            return ""
        if lock.told and self.coil:
            return "unlocked"
        waited = now_s - self._locking_s >= LOCK_WAIT_S
        return ("unlockable" if lock.told else "stuck") if waited else ""
