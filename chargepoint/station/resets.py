"""Reset (section 7.4): answer, end the transactions, deliver what is owed, restart.

Soft: every transaction ends in order, and its records get up to 60 s to be delivered. Hard: the
restart follows as soon as the contactors are open and the ends are stored with the registers that
count; nobody waits for their delivery. What cannot be ended in that time is ended with what is
known. Everything that is kept survives both (Z3).
"""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.station.desk import Desk
from chargepoint.station.effects import Answer, Restart, Verdict
from chargepoint.station.ending import METER_WAIT_S, OPEN_WAIT_S
from chargepoint.station.events import ResetKind, ResetRequested
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import StopReason, Trigger
from chargepoint.station.security import SecurityEvents
from chargepoint.station.session import Session

DELIVERY_WAIT_S = 60.0
HARD_WAIT_S = OPEN_WAIT_S + METER_WAIT_S
"""For the contactor and a last reading of the meter: energy must not flow beyond a stored end."""


class Resets:
    """At most one reset is under way; a hard one overtakes a soft one."""

    def __init__(
        self,
        desk: Desk,
        outbox: Outbox,
        security: SecurityEvents,
        sessions: Mapping[int, Session],
    ) -> None:
        self._desk = desk
        self._outbox = outbox
        self._security = security
        self._sessions = sessions
        self._until_s: float | None = None
        self._kind = ResetKind.SOFT
        self._restarted = False
        self._reason = "reset by the CSMS"

    @property
    def pending(self) -> bool:
        """A restart is coming: nothing new may start."""
        return self._until_s is not None or self._restarted

    def request(self, event: ResetRequested) -> None:
        self._desk.emit(Answer(call=event.call, verdict=Verdict.ACCEPTED))
        if not self.pending:
            self._security.happened("ResetOrReboot", f"{event.kind.value} reset by the CSMS")
        if self._restarted or (self.pending and event.kind is ResetKind.SOFT):
            return
        self._kind = event.kind
        hard = event.kind is ResetKind.HARD
        self._until_s = self._desk.now_s + (HARD_WAIT_S if hard else DELIVERY_WAIT_S)
        reason = StopReason.HARD_RESET if hard else StopReason.SOFT_RESET
        for session in self._sessions.values():
            session.stop(reason, Trigger.RESET_COMMAND)

    def restart(self, reason: str) -> None:
        """Restart for a reason of our own, once nothing is open and nothing has to be delivered."""
        if not self.pending:
            self._security.happened("ResetOrReboot", reason)
            self._kind, self._reason = ResetKind.SOFT, reason
            self._until_s = self._desk.now_s + DELIVERY_WAIT_S

    def due(self) -> None:
        """Restart as soon as nothing is open and nothing has to be delivered any more."""
        if self._until_s is None:
            return
        ended = all(session.charge is None for session in self._sessions.values())
        delivered = self._outbox.waiting == 0 or not self._desk.online
        enough = delivered or self._kind is ResetKind.HARD
        if self._desk.now_s >= self._until_s:
            if self._kind is ResetKind.HARD:
                for session in self._sessions.values():
                    session.end_now(StopReason.HARD_RESET, Trigger.RESET_COMMAND)
            self._restart(self._kind)
        elif ended and enough:
            self._restart(self._kind)

    def deadline_s(self) -> float | None:
        return self._until_s

    def _restart(self, kind: ResetKind) -> None:
        self._until_s = None
        if not self._restarted:
            self._restarted = True
            self._desk.emit(Restart(kind=kind, reason=self._reason))
