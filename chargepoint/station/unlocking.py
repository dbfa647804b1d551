"""UnlockConnector (section 7.3): end the transaction, then the lock, then the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chargepoint.station.desk import Desk
from chargepoint.station.effects import Answer, UnlockConnector, Verdict
from chargepoint.station.events import Call, UnlockFinished, UnlockRequested
from chargepoint.station.records import StopReason, Trigger
from chargepoint.station.session import Session

UNLOCK_WAIT_S = 25.0
"""Longest time until the answer: a CSMS waits about 30 s."""


@dataclass(slots=True, kw_only=True)
class Pending:
    """A request of the CSMS that is not answered yet."""

    call: Call
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
        session = self._sessions.get(event.evse)
        if session is None or not session.settings.socket:
            self._answer(event.call, Verdict.NOT_SUPPORTED)
        elif event.evse in self._pending or session.vehicle.view is None:
            self._answer(event.call, Verdict.UNLOCK_FAILED)
        else:
            until_s = self._desk.now_s + UNLOCK_WAIT_S
            self._pending[event.evse] = Pending(call=event.call, until_s=until_s)
            session.stop(StopReason.UNLOCK_COMMAND, Trigger.UNLOCK_COMMAND)

    def finished(self, event: UnlockFinished) -> None:
        """The safety program's outcome."""
        pending = self._pending.get(event.evse)
        if pending is not None and event.request == pending.call:
            self._close(event.evse, Verdict.UNLOCKED if event.unlocked else Verdict.UNLOCK_FAILED)

    def due(self) -> None:
        for evse, pending in list(self._pending.items()):
            if self._desk.now_s >= pending.until_s:
                self._close(evse, Verdict.UNLOCK_FAILED)
            elif not pending.asked and self._sessions[evse].charge is None:
                pending.asked = True
                self._desk.emit(UnlockConnector(evse=evse, request=pending.call))

    def deadline_s(self) -> float | None:
        return min((pending.until_s for pending in self._pending.values()), default=None)

    def _close(self, evse: int, verdict: Verdict) -> None:
        self._answer(self._pending.pop(evse).call, verdict)

    def _answer(self, call: Call, verdict: Verdict) -> None:
        self._desk.emit(Answer(call=call, verdict=verdict))
