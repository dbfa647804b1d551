"""Serves what people at the station ask for, and answers under the handle of the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chargepoint.station import local_requests as requests
from chargepoint.station.availability import Availability
from chargepoint.station.desk import Desk
from chargepoint.station.effects import AnswerHere, TransferData, Verdict
from chargepoint.station.local_limits import LocalLimits
from chargepoint.station.local_requests import LocalRequest
from chargepoint.station.maintenance import Maintenance
from chargepoint.station.own_cards import OwnCards
from chargepoint.station.session import Session
from chargepoint.station.unlocking import Unlocking


class LocalDesk:
    """`follow` lets the sessions follow a changed availability."""

    def __init__(
        self,
        desk: Desk,
        availability: Availability,
        limits: LocalLimits,
        unlocking: Unlocking,
        maintenance: Maintenance,
        cards: OwnCards,
        sessions: Mapping[int, Session],
        follow: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._availability = availability
        self._limits = limits
        self._unlocking = unlocking
        self._maintenance = maintenance
        self._cards = cards
        self._sessions = sessions
        self._follow = follow

    def handle(self, event: LocalRequest) -> None:
        match event:
            case requests.EnableAsked():
                self._enable(event)
            case requests.LimitAsked():
                problem = self._limits.set(event.evse, event.current_a)
                self._answer(event, problem is None, problem or _limit_words(event.current_a))
            case requests.UnlockHereAsked():
                self._unlocking.request_here(event)
            case requests.VisitRecorded():
                problem = self._maintenance.record(event.by, event.note, event.tasks)
                self._answer(event, problem is None, problem or "recorded")
            case requests.AddCardAsked():
                problem = self._cards.add(event.id_token, event.name, event.until)
                self._answer(event, problem is None, problem or "added")
            case requests.ForgetCardAsked():
                problem = self._cards.forget(event.card)
                self._answer(event, problem is None, problem or "forgotten")
            case requests.ChangeCardAsked():
                problem = self._cards.change(event.card, event.name, event.enabled, event.until)
                self._answer(event, problem is None, problem or "changed")
            case requests.TransferAsked():
                self._transfer(event)
            case requests.Transferred(ok=ok, detail=detail):
                self._answer(event, ok, detail)
            case _:
                raise AssertionError(f"nobody deals with {type(event).__name__}")

    def _enable(self, event: requests.EnableAsked) -> None:
        busy = [evse for evse, session in self._sessions.items() if session.charge is not None]
        verdict = self._availability.enable(event.evse, event.enabled, busy)
        self._follow()
        if verdict is Verdict.REJECTED:
            self._answer(event, False, f"there is no EVSE {event.evse}")
        elif verdict is Verdict.SCHEDULED:
            self._answer(event, True, "out of service as soon as the transaction has ended")
        else:
            self._answer(event, True, self._state_words(event))

    def _transfer(self, event: requests.TransferAsked) -> None:
        if not self._desk.online:
            self._answer(event, False, "the CSMS is not connected")
            return
        self._desk.emit(
            TransferData(
                request=event.request,
                vendor_id=event.vendor_id,
                message_id=event.message_id,
                data=event.data,
            )
        )

    def _state_words(self, event: requests.EnableAsked) -> str:
        if not event.enabled:
            return "out of service"
        evses = [event.evse] if event.evse else list(self._sessions)
        held = [evse for evse in evses if not self._availability.wanted(evse)]
        return "in service" if not held else "enabled here, but the CSMS has it out of service"

    def _answer(self, event: LocalRequest, ok: bool, detail: str) -> None:
        self._desk.emit(AnswerHere(request=event.request, ok=ok, detail=detail))


def _limit_words(current_a: float | None) -> str:
    if current_a is None:
        return "no local limit any more"
    return f"at most {current_a:g} A per phase" if current_a else "paused by the local limit"
