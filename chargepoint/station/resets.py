"""Reset (section 7.4): answer, end the transactions, deliver what is owed, restart.

Soft: every transaction ends in order, and its records get up to 60 s to be delivered. Hard: the
ends are stored with what is known now, and the restart follows at once. Everything that is kept
survives both (Z3).
"""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.station.desk import Desk
from chargepoint.station.effects import Answer, Restart, Verdict
from chargepoint.station.events import ResetKind, ResetRequested
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import StopReason, Trigger
from chargepoint.station.security import SecurityEvents
from chargepoint.station.session import Session

DELIVERY_WAIT_S = 60.0


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
        self._restarted = False

    @property
    def pending(self) -> bool:
        """A restart is coming: nothing new may start."""
        return self._until_s is not None or self._restarted

    def request(self, event: ResetRequested) -> None:
        self._desk.emit(Answer(call=event.call, verdict=Verdict.ACCEPTED))
        if not self.pending:
            self._security.happened("ResetOrReboot", f"{event.kind.value} reset by the CSMS")
        if event.kind is ResetKind.HARD:
            for session in self._sessions.values():
                session.end_now(StopReason.HARD_RESET, Trigger.RESET_COMMAND)
            self._restart(ResetKind.HARD)
            return
        if not self.pending:
            self._until_s = self._desk.now_s + DELIVERY_WAIT_S
            for session in self._sessions.values():
                session.stop(StopReason.SOFT_RESET, Trigger.RESET_COMMAND)

    def due(self) -> None:
        """Restart as soon as nothing is open and nothing can be delivered any more."""
        if self._until_s is None:
            return
        ended = all(session.charge is None for session in self._sessions.values())
        delivered = self._outbox.waiting == 0 or not self._desk.online
        if self._desk.now_s >= self._until_s or (ended and delivered):
            self._restart(ResetKind.SOFT)

    def deadline_s(self) -> float | None:
        return self._until_s

    def _restart(self, kind: ResetKind) -> None:
        self._until_s = None
        if not self._restarted:
            self._restarted = True
            self._desk.emit(Restart(kind=kind, reason="reset by the CSMS"))
