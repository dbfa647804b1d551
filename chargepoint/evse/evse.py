"""One EVSE: composes its parts and routes between them.

    step(inputs, now_s)     once per tick, with what came since the last one
      senses, meter         what is known of vehicle, board and supply
      rcd_test, derating    what the station finds out about itself
      hazards               what forbids or limits energy
      machine               which phase follows; the phase has its outputs
      offer, contactor,     what the board is told
      lock, phases
      facts                 what the world is told

Decides nothing itself. Leave to energise is put together anew in each step (`parts.situation`) and
the command to close passes `may_stay_closed` once more on its way out, whatever the machine says.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargepoint.evse.lock import LINGER_S
from chargepoint.evse.machine import FAULT_SHOWN_S, FAULT_UNLOCK_S, Lock, Shown
from chargepoint.evse.machine import Contactor as Wanted
from chargepoint.evse.observation import BoardLevel
from chargepoint.evse.parts import Parts
from chargepoint.evse.pilot_drive import duty_problem, hindrance
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.situation import (
    CLOSE_WITHIN_S,
    STEADY_HOLD_S,
    Shutdown,
    Situation,
    may_offer,
    may_stay_closed,
)
from chargepoint.evse.telling import Told
from chargepoint.ipc.messages import EvseSnapshot, Fact, Phase, Said
from hal.values import BoardCommand, BoardReading, BoardTraits, MeterReading, PilotMode, PilotState

__all__ = ["BoardLevel", "Evse", "EvseSettings", "Inputs", "Outputs"]


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
    snapshot: EvseSnapshot
    """All that is known after this step."""


class Evse:
    """One EVSE and its safety. Time is an argument; commands take effect in the next step.

    `traits` are those of the configured board; `adopt` takes the ones that it stated itself.
    """

    def __init__(self, settings: EvseSettings, traits: BoardTraits) -> None:
        self._settings = settings
        self._parts = Parts(settings, traits)
        self._told = Told(settings.evse)
        self._now_s = 0.0

    def adopt(self, traits: BoardTraits) -> None:
        """Take over what the board said of itself when it was prepared, now or again."""
        self._parts.adopt(traits)

    # --- Commands ---------------------------------------------------------------------------------

    def renew_limit(
        self, current_a: float, until_s: float, now_s: float, phases: int | None = None
    ) -> None:
        """Offer at most `current_a` until `until_s`, capped; then the failsafe current holds.

        `phases`: 1 or 3, where they can be switched; None: as they are.
        """
        self._parts.offer.renew(current_a, until_s, now_s)
        if phases is not None:
            self._parts.phases.want(phases)

    def renew_permission(self, until_s: float, now_s: float) -> None:
        """Energy may flow until `until_s`, capped; then it stops in order."""
        self._parts.permission.renew(until_s, now_s)

    def revoke(self) -> None:
        """Take the permission back: orderly stop."""
        self._parts.permission.revoke()
        self._parts.drive.end()

    def set_operative(self, operative: bool) -> None:
        """Put out of service (orderly stop), or back."""
        self._parts.operative = operative

    def reset_hazard(self, hazard: str) -> tuple[bool, str]:
        """Lift a hazard if its cause is gone; (done, why or why not)."""
        return self._parts.hazards.reset(hazard)

    def latch_hazard(self, hazard: str, detail: str, said: Said | None = None) -> tuple[bool, str]:
        """Raise a hazard of before a restart again; (done, why or why not)."""
        return self._parts.hazards.latch(hazard, detail, said)

    def drive_pilot(self, duty_ratio: float, until_s: float, now_s: float) -> tuple[bool, str]:
        """Put a technician's signal on the pilot, as `pilot_drive` says; (done, or why not)."""
        problem = duty_problem(duty_ratio) or self._hindrance(self._parts.situation(now_s))
        if problem:
            return False, problem
        self._parts.drive.begin(duty_ratio, until_s, now_s)
        return True, "signal on the pilot"

    def unlock(self) -> tuple[bool, str]:
        """Release the connector until the next permission or plug-in; not with energy on it."""
        if not self._parts.lock_used:
            return False, "this connector has no lock"
        if not self.at_rest:
            return False, "contactor is closed"
        self._parts.permission.release()
        return True, "released"

    def shut_down(self, *, immediate: bool = False) -> None:
        """End: in order, or at once. Nothing is offered any more by this `Evse`."""
        if self._parts.shutdown is not Shutdown.IMMEDIATE:
            self._parts.shutdown = Shutdown.IMMEDIATE if immediate else Shutdown.ORDERLY

    # --- Step -------------------------------------------------------------------------------------

    def step(self, inputs: Inputs, now_s: float) -> Outputs:
        """Take what came; what to command and to tell. To be called each tick, come what may."""
        parts = self._parts
        self._now_s = now_s
        self._sense(inputs, now_s)
        expired = self._take_expiries(now_s)
        changes = parts.hazards.update(parts.observation(now_s))
        self._limit(now_s)
        parts.sleeper.step(parts.machine.phase, parts.senses.pilot, now_s)
        situation = parts.situation(now_s)
        before = parts.machine.phase
        parts.machine.step(situation, now_s)
        parts.contactor.follow_phase(before, parts.machine.phase, situation)
        command = self._command(situation, now_s)
        moved = parts.contactor.follow_feedback(
            parts.feedback, parts.machine.phase, parts.heard_s(now_s), now_s
        )
        snapshot = self.snapshot()
        facts = self._told.facts(snapshot, expired, changes, parts.rcd_test.ended, moved, now_s)
        return Outputs(command=command, facts=facts, snapshot=snapshot)

    def snapshot(self) -> EvseSnapshot:
        """All that is known now, as of the last step."""
        parts, senses = self._parts, self._parts.senses
        return EvseSnapshot(
            evse=self._settings.evse,
            phase=parts.machine.phase,
            pilot=senses.pilot,
            plug_in=senses.plug_in,
            connected=senses.connected,
            contactor_closed=parts.contactor.state,
            permitted=parts.permission.held(self._now_s),
            operative=parts.operative,
            limit_a=parts.limit_a,
            limited_by=parts.limited_by,
            offered_a=parts.offer.offered_a,
            limit_expired=not parts.offer.lease.alive(self._now_s),
            cable_current_a=senses.cable.rating_a,
            locked=parts.lock_feedback,
            temperature_c=senses.temperature_c,
            hazards=parts.hazards.active,
            stop_cause=parts.contactor.stop_cause,
            operations=parts.contactor.operations,
            phases=parts.phases.commanded,
        )

    def deadline_s(self) -> float | None:
        """Next instant after the last step at which something changes without a new input."""
        parts, settings = self._parts, self._settings
        entered_s = parts.machine.entered_s
        waits_s = self._waits_s()
        instants = [entered_s + wait_s for wait_s in waits_s] if entered_s is not None else []
        for lease in (parts.permission.lease, parts.offer.lease):
            if lease.until_s is not None:
                instants.append(lease.until_s)
        if parts.drive.active:
            instants.append(parts.drive.until_s)
        if parts.phases.since_s is not None:
            instants.append(parts.phases.since_s + settings.phase_switch_wait_s)
            instants.append(parts.phases.since_s + settings.phase_switch_every_s)
        if parts.senses.fresh:
            instants.append(self._now_s - parts.senses.age_s + settings.stale_after_s)
        return min((at_s for at_s in instants if at_s > self._now_s), default=None)

    @property
    def at_rest(self) -> bool:
        """The contactor is open, as commanded and as far as the board can say."""
        return self._parts.at_rest

    # --- Deriving ---------------------------------------------------------------------------------

    def _sense(self, inputs: Inputs, now_s: float) -> None:
        parts, senses = self._parts, self._parts.senses
        offering = parts.offer.oscillates(now_s)
        senses.take(inputs.reading, inputs.board, offering=offering, now_s=now_s)
        if senses.plugged:
            parts.contactor.plugged()
            parts.sleeper.plugged()
        if senses.left:
            parts.rcd_test.unplugged()
        if senses.pilot is PilotState.A:
            parts.offer.unplugged()
            parts.permission.unplugged()
        parts.meter.take(inputs.meter, parts.must_be_open_s)
        tripped = senses.reading.rcd_tripped if senses.reading is not None else None
        parts.rcd_test.step(
            tripped if senses.fresh else None,
            fitted=parts.traits.has_rcd_test,
            may_test=parts.known_open,
            now_s=now_s,
        )
        fitted = parts.traits.has_temperature and senses.fresh
        parts.derating.take(senses.temperature_c, fitted=fitted, now_s=now_s)

    def _take_expiries(self, now_s: float) -> tuple[str, ...]:
        expired = []
        if self._parts.offer.lease.take_expiry(now_s):
            expired.append("limit")
        if self._parts.permission.take_expiry(now_s):
            expired.append("permission")
        return tuple(expired)

    def _limit(self, now_s: float) -> None:
        parts = self._parts
        sensor_lost = "temperature_sensor_lost" in parts.hazards.active
        parts.limit_a, parts.limited_by = parts.offer.limit(
            parts.senses.cable.rating_a,
            parts.derating.limit_a(sensor_lost=sensor_lost),
            cable=parts.senses.proximity_used,
            simplified=parts.senses.simplified,
            now_s=now_s,
        )

    # --- Commanding -------------------------------------------------------------------------------

    def _command(self, situation: Situation, now_s: float) -> BoardCommand:
        parts, outputs = self._parts, self._parts.machine.outputs
        if parts.drive.active:
            parts.drive.step(self._hindrance(situation), now_s)
        driven = parts.drive.active
        wanted = outputs.contactor is Wanted.CLOSED and not driven
        closed = wanted and may_stay_closed(situation)
        parts.contactor.command(closed, now_s)
        self._show(outputs.pilot, situation, now_s)
        parts.lock.want(parts.lock_used and self._locked(outputs.lock, situation, now_s), now_s)
        open_now = parts.known_open  # By now the contactor knows what it is told in this step.
        locked = parts.lock.step(parts.lock_feedback, may_release=open_now, now_s=now_s)
        resting = open_now and parts.offer.mode is not PilotMode.OFFER
        parts.phases.step(fitted=parts.traits.has_phase_switch, at_rest=resting, now_s=now_s)
        return parts.offer.command(
            closed=closed,
            locked=locked,
            phases=parts.phases.commanded,
            test_rcd=parts.rcd_test.commanded and not closed,
        )

    def _show(self, shown: Shown, situation: Situation, now_s: float) -> None:
        parts = self._parts
        if parts.drive.duty_ratio is not None:
            parts.offer.drive(parts.drive.duty_ratio, now_s)
            return
        showing = parts.hazards.showing and self._settings.signal_fault and parts.senses.connected
        parts.offer.show(
            shown,
            parts.limit_a,
            allowed=may_offer(situation),
            faulty=showing and self._in_phase_s(now_s) < FAULT_SHOWN_S,
            now_s=now_s,
        )

    def _hindrance(self, situation: Situation) -> str:
        parts = self._parts
        return hindrance(
            parts.machine.phase,
            situation,
            raw=parts.senses.decoder.raw,
            open_now=parts.known_open,
            runs_pilot=parts.traits.runs_pilot,
        )

    def _locked(self, lock: Lock, situation: Situation, now_s: float) -> bool:
        parts = self._parts
        if parts.contactor.commanded or parts.feedback or lock is Lock.HELD:
            return True
        if parts.lock.wanted and not parts.senses.fresh:
            return True  # Nobody knows whether the contactor is open.
        lingering = parts.senses.proximity_used and now_s - parts.senses.left_s < LINGER_S
        if parts.lock.wanted and lingering:
            return True
        if lock is Lock.LEAVING and self._in_phase_s(now_s) >= FAULT_UNLOCK_S:
            return False
        plugged = parts.senses.connected and situation.pilot is not PilotState.E
        return lock is not Lock.FREE and situation.permitted and plugged

    def _in_phase_s(self, now_s: float) -> float:
        entered_s = self._parts.machine.entered_s
        return now_s - entered_s if entered_s is not None else 0.0

    def _waits_s(self) -> tuple[float, ...]:
        settings = self._settings
        return {
            Phase.CONNECTED: (STEADY_HOLD_S, settings.reclose_wait_s),
            Phase.OFFERING: (CLOSE_WITHIN_S, settings.reclose_wait_s, settings.wake_after_s),
            Phase.CLOSING: (settings.close_feedback_s,),
            Phase.STOPPING: (settings.ramp_down_s,),
            Phase.OPENING: (settings.open_feedback_s,),
            Phase.WAKING: (settings.wake_shown_s,),
            Phase.WAITING: (STEADY_HOLD_S, settings.reclose_wait_s),
            Phase.FAULTED: (FAULT_SHOWN_S, FAULT_UNLOCK_S),
        }.get(self._parts.machine.phase, ())
