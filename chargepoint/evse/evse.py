"""One EVSE: composes senses, hazards, machine, offer and contactor, and routes between them.

    step(inputs, now_s)     once per tick, with what came since the last one
      senses                what is known of vehicle and board
      hazards               what forbids energy
      machine               which phase follows; the phase has its outputs
      offer, contactor      what the board is told
      facts                 what the world is told

Decides nothing itself. Leave to energise is put together anew in each step (`_situation`) and the
command to close passes `may_stay_closed` once more on its way out, whatever the machine says.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargepoint.evse.contactor import Contactor
from chargepoint.evse.hazards import BoardLevel, Hazards, Observation
from chargepoint.evse.lease import Lease
from chargepoint.evse.machine import FAULT_SHOWN_S, Lock, PhaseMachine
from chargepoint.evse.machine import Contactor as Wanted
from chargepoint.evse.offer import Offer
from chargepoint.evse.pilot import CURRENT_MIN_A
from chargepoint.evse.senses import Senses
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.situation import (
    CLOSE_WITHIN_S,
    STEADY_HOLD_S,
    Shutdown,
    Situation,
    may_offer,
    may_stay_closed,
)
from chargepoint.evse.supervision import MeterWatch
from chargepoint.evse.telling import Told
from chargepoint.ipc.messages import EvseSnapshot, Fact, Phase
from hal.values import BoardCommand, BoardReading, BoardTraits, MeterReading, PilotMode, PilotState

__all__ = ["BoardLevel", "Evse", "EvseSettings", "Inputs", "Outputs"]

RUNS_PILOT_OPEN_S = 10.0
"""A board that runs the pilot itself opens in its own time once nothing is offered any more."""

NEVER_S = 86_400.0
"""Stands for "since" where it never happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What came since the last step."""

    reading: BoardReading | None = None
    """Newest reading of the board; None when none came in this tick."""
    meter: MeterReading | None = None
    """Newest reading of the meter; None when none came in this tick, or there is no meter."""
    board: BoardLevel = BoardLevel.HEARD
    """A level, to be told each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What to tell the board and the world. Facts have seq 0: the shell numbers them."""

    command: BoardCommand
    facts: tuple[Fact, ...]


class Evse:
    """One EVSE and its safety. Time is an argument; commands take effect in the next step.

    `traits` are those of the configured board; `adopt` takes the ones that it stated itself.
    """

    def __init__(self, settings: EvseSettings, traits: BoardTraits) -> None:
        self._settings = settings
        self._traits = traits
        self._senses = Senses(settings, traits)
        self._hazards = Hazards(settings)
        self._machine = PhaseMachine(settings)
        self._offer = Offer(settings, traits)
        self._contactor = Contactor(settings.evse)
        self._meter = MeterWatch()
        self._permission = Lease(settings.permission_lease_s)
        self._told = Told(settings.evse)
        self._expired = False
        self._released = False
        self._operative = True
        self._shutdown = Shutdown.NO
        self._lock_s: float | None = None
        self._limit_a = 0.0
        self._now_s = 0.0

    def adopt(self, traits: BoardTraits) -> None:
        """Take over what the board said of itself when it was prepared, now or again."""
        self._traits = traits
        self._senses.traits = traits
        self._offer.traits = traits

    # --- Commands ---------------------------------------------------------------------------------

    def renew_limit(self, current_a: float, until_s: float, now_s: float) -> None:
        """Offer at most `current_a` until `until_s`, capped; then the failsafe current holds."""
        self._offer.renew(current_a, until_s, now_s)

    def renew_permission(self, until_s: float, now_s: float) -> None:
        """Energy may flow until `until_s`, capped; then it stops in order."""
        self._permission.renew(until_s, now_s)
        self._expired = False

    def revoke(self) -> None:
        """Take the permission back: orderly stop."""
        self._permission.revoke()
        self._expired = False

    def set_operative(self, operative: bool) -> None:
        """Put out of service (orderly stop), or back."""
        self._operative = operative

    def reset_hazard(self, hazard: str) -> tuple[bool, str]:
        """Lift a hazard if its cause is gone; (done, why or why not)."""
        return self._hazards.reset(hazard)

    def unlock(self) -> tuple[bool, str]:
        """Release the connector until the next permission or plug-in; not with energy on it."""
        if not self._lock_used:
            return False, "this connector has no lock"
        if self._contactor.closed or self._contactor.commanded:
            return False, "contactor is closed"
        self._released = True
        return True, "released"

    def shut_down(self, *, immediate: bool = False) -> None:
        """End: in order, or at once. Nothing is offered any more by this `Evse`."""
        if self._shutdown is not Shutdown.IMMEDIATE:
            self._shutdown = Shutdown.IMMEDIATE if immediate else Shutdown.ORDERLY

    # --- Step -------------------------------------------------------------------------------------

    def step(self, inputs: Inputs, now_s: float) -> Outputs:
        """Take what came; what to command and to tell. To be called each tick, come what may."""
        self._now_s = now_s
        offering = self._offer.oscillates(now_s)
        self._senses.take(inputs.reading, inputs.board, offering=offering, now_s=now_s)
        self._follow_plug()
        expired = self._take_expiries(now_s)
        self._limit_a = self._offer.limit_a(
            self._senses.cable.rating_a, cable=self._senses.proximity_used, now_s=now_s
        )
        self._meter.take(inputs.meter)
        changes = self._hazards.update(self._observation(now_s))
        situation = self._situation(now_s)
        before = self._machine.phase
        self._machine.step(situation, now_s)
        self._contactor.follow_phase(before, self._machine.phase, situation)
        command = self._command(situation, now_s)
        opened = self._contactor.follow_feedback(self._feedback, self._machine.phase, now_s)
        snapshot = self.snapshot()
        facts = self._told.facts(snapshot, expired, changes, opened, now_s)
        return Outputs(command=command, facts=facts)

    def snapshot(self) -> EvseSnapshot:
        """All that is known now, as of the last step."""
        senses, reading = self._senses, self._senses.reading
        return EvseSnapshot(
            evse=self._settings.evse,
            phase=self._machine.phase,
            pilot=senses.pilot,
            plug_in=senses.plug_in,
            connected=senses.connected,
            contactor_closed=self._contactor.closed,
            permitted=self._permitted(self._now_s),
            operative=self._operative,
            limit_a=self._limit_a,
            offered_a=self._offer.offered_a,
            limit_expired=not self._offer.lease.alive(self._now_s),
            cable_current_a=senses.cable.rating_a,
            locked=reading.locked if reading is not None and senses.fresh else None,
            temperature_c=reading.temperature_c if reading is not None and senses.fresh else None,
            hazards=self._hazards.active,
            stop_cause=self._contactor.stop_cause,
            operations=self._contactor.operations,
        )

    def deadline_s(self) -> float | None:
        """Next instant after the last step at which something changes without a new input."""
        entered_s = self._machine.entered_s
        waits_s = self._waits_s()
        instants = [entered_s + wait_s for wait_s in waits_s] if entered_s is not None else []
        for lease in (self._permission, self._offer.lease):
            if lease.until_s is not None:
                instants.append(lease.until_s)
        if self._senses.fresh:
            instants.append(self._now_s - self._senses.age_s + self._settings.stale_after_s)
        return min((at_s for at_s in instants if at_s > self._now_s), default=None)

    @property
    def at_rest(self) -> bool:
        """The contactor is open, as commanded and as far as the board can say."""
        return not self._contactor.commanded and not self._contactor.closed

    # --- Deriving ---------------------------------------------------------------------------------

    def _follow_plug(self) -> None:
        if self._senses.plugged:
            self._contactor.plugged()
        if self._senses.pilot is PilotState.A:
            self._offer.unplugged()
            self._released = False

    def _take_expiries(self, now_s: float) -> tuple[str, ...]:
        expired = []
        if self._offer.lease.take_expiry(now_s):
            expired.append("limit")
        if self._permission.take_expiry(now_s):
            self._expired = True
            expired.append("permission")
        if not self._permission.alive(now_s):
            self._released = False
        return tuple(expired)

    def _permitted(self, now_s: float) -> bool:
        return self._permission.alive(now_s) and not self._released

    @property
    def _lock_used(self) -> bool:
        return self._traits.has_lock and self._settings.socket

    @property
    def _feedback(self) -> bool | None:
        """Auxiliary contact. While a board that runs the pilot may close by itself, no verdict."""
        own_way = self._traits.runs_pilot and self._offer.mode is PilotMode.OFFER
        if own_way and not self._contactor.commanded:
            return None
        return self._senses.feedback

    def _observation(self, now_s: float) -> Observation:
        senses, contactor, runs_pilot = self._senses, self._contactor, self._traits.runs_pilot
        return Observation(
            now_s=now_s,
            board=senses.board,
            reading=senses.reading,
            newest=senses.newest,
            reading_age_s=senses.age_s,
            sample_age_s=senses.sample_age_s,
            pilot=senses.pilot,
            pilot_raw=senses.decoder.raw,
            diode=senses.decoder.diode,
            connected=senses.connected,
            permitted=self._permitted(now_s),
            fault_shown=self._offer.fault_shown(now_s),
            ventilated=self._settings.ventilated,
            proximity_used=senses.proximity_used,
            cable_coded_a=senses.cable.coded_a,
            closed_s=contactor.closed_s if contactor.commanded and not runs_pilot else None,
            opened_s=self._must_be_open_s(),
            confirmed=contactor.confirmed,
            lock_s=self._lock_s,
            offered_a=self._offer.offered_a,
            current_max_a=self._meter.judged_a(self._offer, now_s),
            hot="over_temperature" in self._hazards.active,
        )

    def _must_be_open_s(self) -> float | None:
        contactor = self._contactor
        if contactor.commanded or contactor.opened_s is None:
            return None
        since_s = max(contactor.opened_s, self._senses.reached_s)
        if not self._traits.runs_pilot:
            return since_s
        if self._offer.mode is PilotMode.OFFER:
            return None
        return since_s + RUNS_PILOT_OPEN_S

    def _situation(self, now_s: float) -> Situation:
        senses, entered_s = self._senses, self._machine.entered_s
        return Situation(
            pilot=senses.pilot,
            ventilated=self._settings.ventilated,
            ready=senses.fresh,
            diode=senses.decoder.diode,
            permitted=self._permitted(now_s),
            expired=self._expired,
            operative=self._operative,
            limited=self._limit_a < CURRENT_MIN_A,
            stop_hazard=bool(self._hazards.active),
            open_hazard=self._hazards.opening,
            shutdown=self._shutdown,
            unlocked=self._lock_used and self._lock_open,
            feedback=self._feedback,
            elapsed_s=now_s - entered_s if entered_s is not None else 0.0,
            asking_s=now_s - senses.asking_s if senses.asking_s is not None else 0.0,
            steady_s=self._offer.steady_s(now_s),
            open_s=self._since(self._contactor.opened_s, self._contactor.closed_s, now_s),
            closing_s=self._since(self._contactor.closed_s, self._contactor.closed_s, now_s),
        )

    @staticmethod
    def _since(instant_s: float | None, closed_s: float | None, now_s: float) -> float:
        """Age of `instant_s`; endless if the contactor was never closed by us."""
        return NEVER_S if instant_s is None or closed_s is None else now_s - instant_s

    @property
    def _lock_open(self) -> bool:
        reading = self._senses.reading
        return self._lock_s is None or (reading is not None and reading.locked is False)

    def _command(self, situation: Situation, now_s: float) -> BoardCommand:
        outputs, entered_s = self._machine.outputs, self._machine.entered_s
        closed = outputs.contactor is Wanted.CLOSED and may_stay_closed(situation)
        self._contactor.command(closed, now_s)
        showing = self._hazards.showing and self._settings.signal_fault and self._senses.connected
        recent = entered_s is not None and now_s - entered_s < FAULT_SHOWN_S
        self._offer.show(
            outputs.pilot,
            self._limit_a,
            allowed=may_offer(situation),
            faulty=showing and recent,
            now_s=now_s,
        )
        locked = self._lock_used and self._locked(outputs.lock, situation)
        if locked != (self._lock_s is not None):
            self._lock_s = now_s if locked else None
        return self._offer.command(closed=closed, locked=locked)

    def _locked(self, lock: Lock, situation: Situation) -> bool:
        if self._contactor.commanded or self._senses.feedback or lock is Lock.HELD:
            return True
        if self._lock_s is not None and not self._senses.fresh:
            return True  # Nobody knows whether the contactor is open.
        plugged = self._senses.connected and situation.pilot is not PilotState.E
        return lock is Lock.PERMITTED and situation.permitted and plugged

    def _waits_s(self) -> tuple[float, ...]:
        settings = self._settings
        return {
            Phase.CONNECTED: (STEADY_HOLD_S, settings.reclose_wait_s),
            Phase.OFFERING: (CLOSE_WITHIN_S, settings.reclose_wait_s),
            Phase.CLOSING: (settings.close_feedback_s,),
            Phase.STOPPING: (settings.ramp_down_s,),
            Phase.OPENING: (settings.open_feedback_s,),
            Phase.WAITING: (STEADY_HOLD_S, settings.reclose_wait_s),
            Phase.FAULTED: (FAULT_SHOWN_S,),
        }.get(self._machine.phase, ())
