"""The parts of one EVSE, and what is derived from all of them together in each step.

Nothing is remembered here: `observation` and `situation` put together afresh what the parts know.
"""

from __future__ import annotations

import math

from chargepoint.evse.contactor import Contactor
from chargepoint.evse.derating import Derating
from chargepoint.evse.hazards import Hazards
from chargepoint.evse.lock import LockMotor
from chargepoint.evse.machine import PhaseMachine
from chargepoint.evse.observation import Observation
from chargepoint.evse.offer import Offer
from chargepoint.evse.permission import Permission
from chargepoint.evse.phases import PhaseSwitch
from chargepoint.evse.pilot_drive import PilotDrive
from chargepoint.evse.rcd_test import RcdTest
from chargepoint.evse.senses import Senses
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.situation import Shutdown, Situation
from chargepoint.evse.supervision import MeterWatch
from chargepoint.evse.wake import Sleeper
from hal.values import BoardTraits, PilotMode

RUNS_PILOT_OPEN_S = 10.0
"""A board that runs the pilot itself opens in its own time once nothing is offered any more."""

NEVER_S = 86_400.0
"""Stands for "since" where it never happened."""


class Parts:
    """What one EVSE is made of. `limit_a` and `limited_by` are those of the current step."""

    def __init__(self, settings: EvseSettings, traits: BoardTraits) -> None:
        self.settings = settings
        self.traits = traits
        self.senses = Senses(settings, traits)
        self.hazards = Hazards(settings)
        self.machine = PhaseMachine(settings)
        self.offer = Offer(settings, traits)
        self.contactor = Contactor(settings.evse)
        self.lock = LockMotor(settings)
        self.phases = PhaseSwitch(settings)
        self.rcd_test = RcdTest(settings)
        self.sleeper = Sleeper(settings)
        self.derating = Derating(settings)
        self.meter = MeterWatch(settings)
        self.permission = Permission(settings.permission_lease_s)
        self.drive = PilotDrive()
        self.operative = True
        self.shutdown = Shutdown.NO
        self.limit_a = 0.0
        self.limited_by = "lease"

    def adopt(self, traits: BoardTraits) -> None:
        """Take over what the board said of itself when it was prepared, now or again."""
        self.traits = self.senses.traits = self.offer.traits = traits

    @property
    def lock_used(self) -> bool:
        """There is a plug to lock, and a lock."""
        return self.traits.has_lock and self.settings.socket

    @property
    def lock_feedback(self) -> bool | None:
        """The lock's switch; None: there is none, or its word is too old."""
        reading = self.senses.reading
        return reading.locked if reading is not None and self.senses.fresh else None

    @property
    def feedback(self) -> bool | None:
        """Contactor closed, by its contacts. While a board that runs the pilot may close by itself,
        no verdict. Of two contacts both must be closed, and both open."""
        own_way = self.traits.runs_pilot and self.offer.mode is PilotMode.OFFER
        if own_way and not self.contactor.commanded:
            return None
        first, reading = self.senses.feedback, self.senses.reading
        second = reading.second_closed if reading is not None else None
        if first is None or second is None:
            return first
        if self.contactor.commanded:
            return first and (second or self.phases.commanded == 1)
        return first or second

    @property
    def at_rest(self) -> bool:
        """The contactor is open, as commanded and as far as the board could say last."""
        return not self.contactor.commanded and not self.contactor.closed

    @property
    def known_open(self) -> bool:
        """The same, by a word of the board that may be believed now."""
        return self.at_rest and self.senses.fresh

    def heard_s(self, now_s: float) -> float | None:
        """Of which instant the board's word on its contactor is; endless once its own watchdog has
        opened it; None: there is no word, or a board that runs the pilot may keep it closed."""
        reading, watchdog_s = self.senses.reading, self.traits.watchdog_s
        if reading is not None and self.senses.fresh:
            own_way = self.traits.runs_pilot and self.offer.mode is PilotMode.OFFER
            return None if own_way and self.senses.asking_s is not None else reading.taken_s
        since_s = max(self.senses.heard_s, self.contactor.opened_s or now_s)
        silent = watchdog_s is not None and now_s - since_s >= watchdog_s
        return math.inf if silent else None

    @property
    def must_be_open_s(self) -> float | None:
        """Since when the contactor must be open by our command; None: it need not be."""
        contactor = self.contactor
        if contactor.commanded or contactor.opened_s is None:
            return None
        since_s = max(contactor.opened_s, self.senses.reached_s)
        if not self.traits.runs_pilot:
            return since_s
        if self.offer.mode is PilotMode.OFFER:
            return None
        return since_s + RUNS_PILOT_OPEN_S

    def observation(self, now_s: float) -> Observation:
        """What the hazards are judged by."""
        senses, contactor, runs_pilot = self.senses, self.contactor, self.traits.runs_pilot
        closed_s = contactor.closed_s if contactor.commanded else None
        switched = self.traits.has_phase_switch and self.settings.phase_switching
        return Observation(
            now_s=now_s,
            board=senses.board,
            reading=senses.reading,
            newest=senses.newest,
            reading_age_s=senses.age_s,
            sample_age_s=senses.sample_age_s,
            active=frozenset(self.hazards.active),
            pilot=senses.pilot,
            pilot_raw=senses.decoder.raw,
            diode=senses.decoder.diode,
            connected=senses.connected,
            permitted=self.permission.held(now_s),
            fault_shown=self.offer.fault_shown(now_s),
            simplified=senses.simplified,
            proximity_used=senses.proximity_used,
            cable_coded_a=senses.cable.coded_a,
            closed_s=None if runs_pilot else closed_s,
            opened_s=self.must_be_open_s,
            confirmed=contactor.confirmed,
            phases=self.phases.commanded,
            phases_s=(self.phases.since_s or senses.reached_s) if switched else None,
            lock_failed=self.lock.failed,
            lock_stuck=self.lock.stuck,
            lock_commanded=self.lock_used and self.lock.wanted,
            rcd_testing=self.rcd_test.running,
            rcd_failure=self.rcd_test.failure,
            offered_a=self.offer.offered_a,
            current_max_a=self.meter.judged_a(self.offer, now_s),
            mains=self.meter.mains(closed_s, now_s),
            leaking=self.meter.leaking(now_s),
            live=self.meter.live(now_s),
            derating=self.derating.step,
            temperature_missing_s=self.derating.missing_s,
        )

    def situation(self, now_s: float) -> Situation:
        """What the machine decides from."""
        senses, contactor, entered_s = self.senses, self.contactor, self.machine.entered_s
        return Situation(
            pilot=senses.pilot,
            ventilated=self.settings.ventilated,
            ready=senses.fresh,
            diode=senses.decoder.diode,
            permitted=self.permission.held(now_s),
            expired=self.permission.expired,
            operative=self.operative,
            limited=self.limit_a < self.settings.current_min_a,
            stop_hazard=self.hazards.inhibiting,
            open_hazard=self.hazards.opening,
            suspect=self.hazards.suspected,
            shutdown=self.shutdown,
            rewiring=self.phases.busy(now_s),
            untested=self.rcd_test.owed,
            asleep=self.sleeper.asleep(now_s),
            unlocked=self.lock_used and not self.lock.engaged(now_s),
            feedback=self.feedback,
            elapsed_s=now_s - entered_s if entered_s is not None else 0.0,
            asking_s=now_s - senses.asking_s if senses.asking_s is not None else 0.0,
            steady_s=self.offer.steady_s(now_s),
            open_s=_since(contactor.opened_s, contactor.closed_s, now_s),
            closing_s=_since(contactor.closed_s, contactor.closed_s, now_s),
        )


def _since(instant_s: float | None, closed_s: float | None, now_s: float) -> float:
    """Age of `instant_s`; endless if the contactor was never closed by us."""
    return NEVER_S if instant_s is None or closed_s is None else now_s - instant_s
