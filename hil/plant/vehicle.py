"""The vehicle: what it reads from the pilot, when it closes S2, and what it draws.

It behaves as IEC 61851-1 Annex A asks of a vehicle, unless one of its vices is set. Time is an
argument; its small individual delays come from a seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from hal.values import PilotMode
from hil.plant.battery import Battery
from hil.plant.pilot import (
    CONNECTED_OHM,
    CURRENT_MIN_A,
    READY_OHM,
    VENTILATION_OHM,
    Diode,
    current_from_duty,
)

S2_DELAY_MIN_S = 0.5
S2_DELAY_MAX_S = 1.0
"""From the first valid duty to the closing of S2."""
OFF_REACTION_MIN_S = 1.0
OFF_REACTION_MAX_S = 2.0
"""From the loss of the oscillator to the opening of S2; the limit is 3 s."""
PAUSE_REACTION_S = 1.0
"""Longest time a pausing vehicle waits for its current to fall before it opens S2."""
CHARGER_START_S = 0.8
"""From mains voltage to the first current of the on-board charger."""
RAMP_UP_A_PER_S = 6.0
RAMP_UP_SLOW_A_PER_S = 0.4
"""With the slow vice: 16 A after 40 s."""
RAMP_DOWN_A_PER_S = 16.0
DUTY_REACTION_S = 0.3
"""From a change of the duty to the change of the current; the limit is 5 s."""
WAKE_UP_S = 3.0
"""State F for this long wakes a sleeping vehicle."""
OVERDRAW_RATIO = 1.5
OVERDRAW_A = 2.0
"""With the overdraw vice it takes this much more than it was offered."""
SIMPLIFIED_A = 10.0
"""Most that a vehicle with the simplified pilot takes (IEC 61851-1, Annex A)."""
IDLE_A = 0.05


class Request(Enum):
    """What the driver, or the vehicle's timer, wants."""

    CHARGE = "charge"
    PAUSE = "pause"
    VENTILATION = "ventilation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What kind of vehicle it is."""

    battery_wh: float = 60_000.0
    charge_ratio: float = 0.4
    current_max_a: float = 16.0
    phases: int = 3
    cable_a: int = 32
    s2_delay_s: float = 0.7
    off_reaction_s: float = 1.5


class Vehicle:
    """One vehicle; `plugged` says whether its plug is in."""

    def __init__(self, traits: Traits) -> None:
        self.traits = traits
        self.plugged = False
        self.request = Request.CHARGE
        self.current_max_a = traits.current_max_a
        self.phases = traits.phases
        self.cable_a = traits.cable_a
        self.battery = Battery(traits.battery_wh, traits.charge_ratio)
        self.diode = Diode.FITTED
        self.ignores_pilot = False
        """Vice: keeps S2 closed and goes on drawing when the oscillator stops."""
        self.overdraws = False
        """Vice: draws more than offered."""
        self.overdraws_one = False
        """Vice: one phase alone, L2 where there is one, draws more than offered."""
        self.slow = False
        """Vice: its current rises very slowly."""
        self.simplified = False
        """Vice: no S2: it shows state C from the plug-in on and takes what there is."""
        self.needs_ventilation = False
        """Vice: asks for ventilation whatever the driver wants."""
        self.sleepy = False
        """Vice: falls asleep when plugged in."""
        self.asleep = False
        """Does not react to an offer until it was woken by state F or a new plug-in."""
        self.s2_closed = False
        self.current_a = 0.0
        """Current of each phase that it uses."""
        self._forget()

    def _forget(self) -> None:
        self._mode = PilotMode.STEADY
        self._offered_a = 0.0
        self._followed_a = 0.0
        self._follow_s = math.inf
        self._offer_since_s = math.inf
        self._off_since_s = -math.inf
        self._fault_since_s = math.inf
        self._pause_since_s = math.inf
        self._voltage_since_s = math.inf

    # --- what a person does ----------------------------------------------------------------------

    def plug_in(self, cable_a: int | None = None) -> None:
        """A vehicle arrives, with its battery as configured."""
        self._forget()
        self.plugged = True
        self.asleep = self.sleepy
        self.cable_a = self.traits.cable_a if cable_a is None else cable_a
        self.battery = Battery(self.traits.battery_wh, self.traits.charge_ratio)

    def unplug(self) -> None:
        """It leaves; the next one wants to charge again."""
        self._forget()
        self.plugged = False
        self.s2_closed = False
        self.current_a = 0.0
        self.request = Request.CHARGE
        self.current_max_a = self.traits.current_max_a
        self.phases = self.traits.phases

    # --- what the pilot and the mains see --------------------------------------------------------

    @property
    def load_ohm(self) -> float | None:
        """Resistance behind the diode; None with nothing plugged in."""
        if not self.plugged:
            return None
        if not self.s2_closed:
            return CONNECTED_OHM
        ventilated = self.needs_ventilation or self.request is Request.VENTILATION
        return VENTILATION_OHM if ventilated else READY_OHM

    def phase_current_a(self, phase: int) -> float:
        """Current of L1, L2 or L3 (0, 1, 2)."""
        if phase >= self.phases:
            return 0.0
        overdrawn = self.overdraws_one and phase == min(1, self.phases - 1)
        if overdrawn and self.current_a > IDLE_A:
            return max(self.current_a, self._followed_a) * OVERDRAW_RATIO + OVERDRAW_A
        return self.current_a

    @property
    def wants_energy(self) -> bool:
        return self.request is not Request.PAUSE and not self.battery.full

    # --- time ------------------------------------------------------------------------------------

    def step(
        self, now_s: float, dt_s: float, mode: PilotMode, duty_ratio: float, powered: bool
    ) -> None:
        """See the pilot and the mains for `dt_s` up to `now_s`; move S2 and the current."""
        if not self.plugged:
            return
        self._see_pilot(now_s, mode, duty_ratio)
        self._move_s2(now_s)
        self._see_mains(now_s, powered)
        self._ramp(now_s, dt_s)

    @property
    def moving(self) -> bool:
        """Something will change by itself soon: steps should be short."""
        settled = abs(self.current_a - self._wanted_a) <= IDLE_A
        asked = self._offered_a > 0.0 or (self.ignores_pilot and self.s2_closed)
        ready = self.simplified or (self.wants_energy and not self.asleep and asked)
        return self.plugged and not (
            settled and self.s2_closed is ready and self._follow_s == math.inf
        )

    def _see_pilot(self, now_s: float, mode: PilotMode, duty_ratio: float) -> None:
        offered_a = current_from_duty(duty_ratio) if mode is PilotMode.OFFER else 0.0
        if mode is PilotMode.FAULT and self._mode is not PilotMode.FAULT:
            self._fault_since_s = now_s
        if mode is not PilotMode.FAULT:
            if now_s - self._fault_since_s >= WAKE_UP_S:
                self.asleep = False
            self._fault_since_s = math.inf
        if offered_a > 0.0 and self._offered_a == 0.0:
            self._offer_since_s = now_s
        if offered_a == 0.0 and (self._offered_a > 0.0 or self._off_since_s == -math.inf):
            self._off_since_s = now_s
            self._offer_since_s = math.inf
        if offered_a != self._offered_a:
            self._follow_s = now_s + DUTY_REACTION_S
        if now_s >= self._follow_s:
            self._followed_a = offered_a
            self._follow_s = math.inf
        self._mode, self._offered_a = mode, offered_a

    def _move_s2(self, now_s: float) -> None:
        if self.simplified:
            self.s2_closed = True
            return
        wanting = self.wants_energy and not self.asleep
        self._pause_since_s = min(self._pause_since_s, now_s) if not wanting else math.inf
        if not self.s2_closed:
            if wanting and now_s - self._offer_since_s >= self.traits.s2_delay_s:
                self.s2_closed = True
        elif not wanting:
            waited = now_s - self._pause_since_s >= PAUSE_REACTION_S
            self.s2_closed = not (waited or self.current_a <= IDLE_A)
        elif self._offered_a == 0.0 and not self.ignores_pilot:
            self.s2_closed = now_s - self._off_since_s < self.traits.off_reaction_s

    def _see_mains(self, now_s: float, powered: bool) -> None:
        self._voltage_since_s = min(self._voltage_since_s, now_s) if powered else math.inf
        if not powered:
            self.current_a = 0.0

    @property
    def _wanted_a(self) -> float:
        if not (self.s2_closed and self.wants_energy) or self._voltage_since_s == math.inf:
            return 0.0
        offered_a = self._followed_a
        if self.ignores_pilot:
            offered_a = max(offered_a, CURRENT_MIN_A)
        elif self._offered_a == 0.0:
            return 0.0
        if self.overdraws:
            return offered_a * OVERDRAW_RATIO + OVERDRAW_A
        limit_a = min(self.current_max_a, SIMPLIFIED_A) if self.simplified else self.current_max_a
        return min(offered_a, limit_a * self.battery.taper_ratio)

    def _ramp(self, now_s: float, dt_s: float) -> None:
        wanted_a = self._wanted_a
        if self.current_a > wanted_a:
            self.current_a = max(wanted_a, self.current_a - RAMP_DOWN_A_PER_S * dt_s)
        elif now_s - self._voltage_since_s >= CHARGER_START_S:
            rise_a_per_s = RAMP_UP_SLOW_A_PER_S if self.slow else RAMP_UP_A_PER_S
            self.current_a = min(wanted_a, self.current_a + rise_a_per_s * dt_s)
