"""Firmware of the reference pilot board: pilot generator, coil driver, interlocks and watchdog.

It follows what it is told, with three things of its own: it opens when it has heard nothing for
its watchdog time; with `opens_alone` it opens on leaving state C/D, on a residual current and on
the emergency stop; and it then stays open until it is told to open and to close again. It keeps
what docs/reference-board.md asks of a board; addresses are the business of the wire.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hal.values import PilotLevels, PilotState
from hil.plant.lock import Lock
from hil.plant.phase_switch import PhaseSwitch
from hil.plant.pilot import state_of

WATCHDOG_MIN_S = 0.2
WATCHDOG_MAX_S = 10.0
WATCHDOG_DEFAULT_S = 1.0
"""After power-up, until told otherwise."""
LEAVING_S = 0.015
"""How long the pilot must be outside C and D before the board opens by itself."""
SAMPLE_S = 0.001
"""One measurement for each period of the pilot."""
RCD_TEST_DELAY_S = 0.06
"""From the start of a test to the trip."""
RCD_TEST_S = 0.5
"""How long the residual-current module reports tripped when tested."""
STEADY_RATIO = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardOptions:
    """What this board has; tests leave things out."""

    opens_alone: bool = True
    watchdog: bool = True
    """False: the watchdog register holds its value, but nothing happens."""
    has_lock: bool = False
    has_proximity: bool = False
    has_rcd: bool = True
    has_temperature: bool = True
    has_contactor_feedback: bool = True
    has_rcd_test: bool = True
    has_pe_monitor: bool = True
    has_tilt: bool = True
    has_door: bool = True
    has_phase_switch: bool = False
    has_second_contact: bool = True
    """A second contactor in series, driven with the first, and its auxiliary contact."""
    has_output_sense: bool = True
    current_max_a: float = 32.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSenses:
    """What the board measures at one instant."""

    pilot: PilotLevels
    proximity_ohm: float
    temperature_c: float
    contactor_closed: bool
    rcd_tripped: bool
    emergency_stopped: bool
    faults: frozenset[str]
    second_closed: bool = False
    output_live: bool = False
    """Voltage of a phase behind the contactors."""
    pe_lost: bool = False
    tilted: bool = False
    door_open: bool = False


class ReferenceBoard:
    """One board, one EVSE."""

    def __init__(self, options: BoardOptions, now_s: float = 0.0) -> None:
        self.options = options
        self.duty_ratio = STEADY_RATIO
        self.coil = False
        """What the coil driver does."""
        self.told_closed = False
        """What the contactor coil register holds."""
        self.lock = Lock()
        self.phase_switch = PhaseSwitch()
        self.rcd_test_broken = False
        """The residual-current monitor does not notice its test."""
        self.driven_by_hand = False
        """Somebody has switched the coil on at the board, past its interlocks."""
        self.watchdog_s = WATCHDOG_DEFAULT_S
        self.watchdog_expired = False
        self.opened_alone = 0
        """How often the board opened without being told, for the event log."""
        self.sample = 0
        self.senses: BoardSenses | None = None
        """Latest measurement; stands still while frozen."""
        self._frozen = False
        self._now_s = now_s
        self._heard_s = now_s
        self._left_s = now_s
        self._asking = False
        self._rcd_test_s = math.inf
        self._rcd_test_until_s = -math.inf
        self._rcd_tripped = False

    # --- what the wire tells it ------------------------------------------------------------------

    def hear(self, now_s: float) -> None:
        """A correct frame for this board arrived: the watchdog starts anew."""
        self._heard_s = now_s

    def set_duty(self, duty_ratio: float) -> None:
        self.duty_ratio = duty_ratio

    def set_contactor(self, closed: bool) -> None:
        """The contactor register; only a change from open to closed closes."""
        self.watchdog_expired = False
        if closed and not self.told_closed:
            self.coil = not self._interlocked()
        elif not closed:
            self.coil = False
        self.told_closed = closed

    def set_lock(self, locked: bool, now_s: float) -> None:
        self.lock.tell(locked, now_s)

    def set_one_phase(self, one_phase: bool, now_s: float) -> bool:
        """False: refused, because the coil is on and the switch moves without load only."""
        if self.coil:
            return False
        self.phase_switch.tell(one_phase, now_s)
        return True

    def set_watchdog(self, watchdog_s: float) -> bool:
        """False: outside the range, refused."""
        if not WATCHDOG_MIN_S <= watchdog_s <= WATCHDOG_MAX_S:
            return False
        self.watchdog_s = watchdog_s
        return True

    def test_rcd(self, now_s: float) -> None:
        if not self.rcd_test_broken and self.options.has_rcd_test:
            self._rcd_test_s = now_s + RCD_TEST_DELAY_S
            self._rcd_test_until_s = self._rcd_test_s + RCD_TEST_S

    def drive_by_hand(self, driven: bool) -> None:
        """Switch the coil on whatever the bus says; afterwards it is off until told again."""
        self.driven_by_hand = driven
        if not driven:
            self.coil = self.told_closed = False

    def freeze(self, frozen: bool) -> None:
        """Let the measurement stand still while everything else goes on."""
        self._frozen = frozen

    # --- time ------------------------------------------------------------------------------------

    def step(self, now_s: float, senses: BoardSenses) -> None:
        """Measure, and let interlocks, watchdog, lock and phase switch act."""
        self._now_s = now_s
        tested = self._rcd_test_s <= now_s < self._rcd_test_until_s
        self._rcd_tripped = senses.rcd_tripped or tested
        if not self._frozen:
            self.senses = senses
            self.sample = int(now_s / SAMPLE_S) & 0xFFFF
        self.lock.step(now_s)
        self.phase_switch.step(now_s)
        if now_s >= self._expiry_s:
            self._expire()
        self._watch_pilot(now_s, senses.pilot)
        if self.driven_by_hand:
            self.coil = True
        elif self.coil and self._interlocked():
            self.coil = False
            self.opened_alone += 1

    def deadline_s(self) -> float:
        """When watchdog, lock, phase switch, self-test or interlock acts next."""
        leaving_s = self._left_s + LEAVING_S if self.coil else math.inf
        due = (
            self._expiry_s,
            leaving_s,
            self._rcd_test_s,
            self._rcd_test_until_s,
            self.lock.deadline_s(),
            self.phase_switch.deadline_s(),
        )
        return min((one_s for one_s in due if one_s > self._now_s), default=math.inf)

    @property
    def locked(self) -> bool:
        return self.lock.locked

    @property
    def told_locked(self) -> bool:
        """What the lock coil register holds."""
        return self.lock.told

    @property
    def rcd_tripped(self) -> bool:
        return self._rcd_tripped and self.options.has_rcd

    @property
    def _expiry_s(self) -> float:
        guarding = self.options.watchdog and not self.watchdog_expired
        return self._heard_s + self.watchdog_s if guarding else math.inf

    def _expire(self) -> None:
        """Nobody steers: no offer, and an open contactor; the lock stays as it is."""
        self.watchdog_expired = True
        self.duty_ratio = STEADY_RATIO
        self.told_closed = False
        self.opened_alone += self.coil
        self.coil = False

    def _watch_pilot(self, now_s: float, pilot: PilotLevels) -> None:
        asking = state_of(pilot) in (PilotState.C, PilotState.D)
        self._left_s = math.inf if asking else min(self._left_s, now_s)
        self._asking = now_s < self._left_s + LEAVING_S

    def _interlocked(self) -> bool:
        """Whether the board's own hardware forbids a closed contactor."""
        if not self.options.opens_alone or self.senses is None:
            return False
        return not self._asking or self.rcd_tripped or self.senses.emergency_stopped
