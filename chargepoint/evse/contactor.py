"""The contactor's own story: commanded, confirmed, told; how often, and why it opened."""

from __future__ import annotations

from chargepoint.evse.situation import Situation, cause_of
from chargepoint.ipc.messages import ContactorClosed, ContactorOpened, Phase, StopCause
from hal.values import PilotState

CLOSED_PHASES = (Phase.CLOSING, Phase.ENERGISED, Phase.STOPPING)


class Contactor:
    """What one contactor was told, what it does, and what the world knows of it."""

    def __init__(self, evse: int) -> None:
        self._evse = evse
        self._told = False
        self._under_load = False
        self.commanded = False
        self.confirmed = False
        """The auxiliary contact has followed the close command."""
        self.closed = False
        """As the board says; where it cannot, as commanded and waited for."""
        self.known_open = False
        """Open for sure, since a reading said so or the board's watchdog ran out, until closed."""
        self.closed_s: float | None = None
        """When it was last commanded closed."""
        self.opened_s: float | None = None
        """When it was last commanded open; None until the first command."""
        self.operations = 0
        self.stop_cause: StopCause | None = None

    def plugged(self) -> None:
        """A new vehicle: its energy has not been stopped yet."""
        self.stop_cause = None

    def follow_phase(self, before: Phase, phase: Phase, s: Situation) -> None:
        """Note why energy ends, in the step in which it does."""
        if before not in CLOSED_PHASES or phase is before:
            return
        if phase is Phase.ENERGISED:
            self.stop_cause = None
        elif before is not Phase.STOPPING or s.open_hazard or s.pilot is PilotState.A:
            self.stop_cause = cause_of(s)
        if phase is Phase.OPENING:
            self._under_load = s.pilot is not PilotState.B

    def command(self, closed: bool, now_s: float) -> None:
        """Note what the board is told."""
        if closed and not self.commanded:
            self.closed_s = now_s
            self.confirmed = False
        if not closed and (self.commanded or self.opened_s is None):
            self.opened_s = now_s
        self.commanded = closed

    @property
    def state(self) -> bool | None:
        """Closed or open; None: it should be open, and nobody knows yet whether it is."""
        return self.closed if self.closed or self.commanded or self.known_open else None

    def follow_feedback(
        self, feedback: bool | None, phase: Phase, heard_s: float | None, now_s: float
    ) -> ContactorClosed | ContactorOpened | None:
        """Compare command and auxiliary contact; the fact to tell, if there is one.

        `heard_s`: of the newest word that may be believed; endless once the board's own watchdog
        must have opened. An unexplained opening is not told while it is commanded closed: the
        reason (the vehicle, a hazard) comes with one of the next readings and ends the command.
        """
        waited = self.commanded and phase is not Phase.CLOSING
        self.closed = waited if feedback is None else feedback
        self._follow_opening(heard_s)
        if self.closed and self.commanded:
            self.confirmed = True
            if not self._told:
                self._told = True
                self.operations += 1
                return ContactorClosed(
                    seq=0,
                    at_s=now_s,
                    evse=self._evse,
                    operations=self.operations,
                    took_s=self._took_s(feedback, now_s),
                )
        if self._told and self.known_open:
            self._told = False
            cause = self.stop_cause or StopCause.HAZARD
            return ContactorOpened(
                seq=0, at_s=now_s, evse=self._evse, cause=cause, under_load=self._under_load
            )
        return None

    def _follow_opening(self, heard_s: float | None) -> None:
        """A command to open that no word of the board follows may not have arrived."""
        if self.commanded or self.closed:
            self.known_open = False
        elif heard_s is not None and self.opened_s is not None and heard_s >= self.opened_s:
            self.known_open = True

    def _took_s(self, feedback: bool | None, now_s: float) -> float | None:
        if feedback is None or self.closed_s is None:
            return None
        return round(now_s - self.closed_s, 3)
