"""UnlockConnector (section 7.3): end the transaction, then the lock, then the answer.

A person at the station may ask for the same; then the transaction ends as stopped locally.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chargepoint.station.desk import Desk
from chargepoint.station.effects import Answer, AnswerHere, UnlockConnector, Verdict
from chargepoint.station.events import UnlockFinished, UnlockRequested
from chargepoint.station.local_requests import UnlockHereAsked
from chargepoint.station.records import StopReason, Trigger
from chargepoint.station.session import Session

UNLOCK_WAIT_S = 25.0
"""Longest time until the answer: a CSMS waits about 30 s."""

IN_WORDS = {
    Verdict.UNLOCKED: "unlocked",
    Verdict.UNLOCK_FAILED: "not unlocked: another unlock is under way, the safety program is not "
    "reached, the contactor is closed, or the lock did not follow",
    Verdict.NOT_SUPPORTED: "there is nothing to unlock: no such EVSE, or a fixed cable",
}

Reply = Callable[[Verdict], None]


@dataclass(slots=True, kw_only=True)
class Pending:
    """A request that is not answered yet."""

    request: str
    reply: Reply
    until_s: float
    asked: bool = False
    """The safety program was asked."""


class Unlocking:
    """At most one unlock per EVSE is under way."""

    def __init__(self, desk: Desk, sessions: Mapping[int, Session]) -> None:
        self._desk = desk
        self._sessions = sessions
        self._pending: dict[int, Pending] = {}

    def request(self, event: UnlockRequested) -> None:
        """The CSMS asks."""

        def reply(verdict: Verdict) -> None:
            self._desk.emit(Answer(call=event.call, verdict=verdict))

        self._request(event.evse, event.call, StopReason.UNLOCK_COMMAND, reply)

    def request_here(self, event: UnlockHereAsked) -> None:
        """A person here asks."""

        def reply(verdict: Verdict) -> None:
            ok, detail = verdict is Verdict.UNLOCKED, IN_WORDS[verdict]
            self._desk.emit(AnswerHere(request=event.request, ok=ok, detail=detail))

        self._request(event.evse, event.request, StopReason.LOCAL, reply)

    def finished(self, event: UnlockFinished) -> None:
        """The safety program's outcome."""
        pending = self._pending.get(event.evse)
        if pending is not None and event.request == pending.request:
            self._close(event.evse, Verdict.UNLOCKED if event.unlocked else Verdict.UNLOCK_FAILED)

    def due(self) -> None:
        for evse, pending in list(self._pending.items()):
            if self._desk.now_s >= pending.until_s:
                self._close(evse, Verdict.UNLOCK_FAILED)
            elif not pending.asked and self._sessions[evse].charge is None:
                pending.asked = True
                self._desk.emit(UnlockConnector(evse=evse, request=pending.request))

    def deadline_s(self) -> float | None:
        return min((pending.until_s for pending in self._pending.values()), default=None)

    def _request(self, evse: int, request: str, reason: StopReason, reply: Reply) -> None:
        session = self._sessions.get(evse)
        if session is None or not session.settings.socket:
            reply(Verdict.NOT_SUPPORTED)
        elif evse in self._pending or session.vehicle.view is None:
            reply(Verdict.UNLOCK_FAILED)
        else:
            until_s = self._desk.now_s + UNLOCK_WAIT_S
            self._pending[evse] = Pending(request=request, reply=reply, until_s=until_s)
            session.stop(reason, Trigger.UNLOCK_COMMAND)

    def _close(self, evse: int, verdict: Verdict) -> None:
        self._pending.pop(evse).reply(verdict)
