"""What a token at a reader means: a stop, a start, or leave for the next vehicle.

Several EVSEs may share a reader. A card of a running transaction stops it, without asking anybody
(X5). Else it is for the vehicle that waits unauthorized, the one plugged in last if there are
several; else for the vehicle that comes next; a vehicle that has had its transaction is restarted
by its own card, or if there is no other place. Where every EVSE is taken, a card of the same group
stops a transaction (X6, X7); any other is refused and charging goes on. A reserved EVSE is for the
holder and its group only (V4), and the holder's card is for that EVSE.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from chargepoint.station.authorization import Authorization, Decision
from chargepoint.station.card_rules import CardRules
from chargepoint.station.desk import Desk, masked
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.events import ReaderBack, ReaderLost, TokenPresented
from chargepoint.station.records import IdToken, StopReason, TokenInfo, Trigger
from chargepoint.station.reservations import Reservations
from chargepoint.station.session import Session

REFUSAL_SHOWN_S = 60.0
"""How long people are told that a card was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCard:
    """An authorized card whose vehicle is not plugged in yet."""

    id_token: IdToken
    info: TokenInfo
    evses: tuple[int, ...]
    until_s: float


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A card that was not accepted."""

    status: str
    evses: tuple[int, ...]
    until_s: float


class Cards:
    """Tokens at readers."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        authorization: Authorization,
        reservations: Reservations,
        sessions: Mapping[int, Session],
    ) -> None:
        self._desk = desk
        self._model = model
        self._rules = CardRules(desk, model)
        self._authorization = authorization
        self._reservations = reservations
        self._sessions = sessions
        self._waiting: dict[str, WaitingCard] = {}
        self._lost_readers: dict[str, tuple[int, ...]] = {}
        self._asked: dict[str, tuple[int, ...]] = {}
        """Readers with a card that is asked about, and the EVSEs that it may be for."""
        self._refused: dict[str, Refusal] = {}

    def presented(self, event: TokenPresented) -> None:
        """A token was held to a reader."""
        if self._rules.repeated(event):
            return
        id_token, sessions = event.id_token, self._served(event.evses)
        own = next((each for each in sessions if _charges(each, id_token)), None)
        if own is not None and not self._rules.second_stops:
            self._desk.note("token.ignored", token=masked(id_token), reader=event.reader)
        elif own is not None:
            own.stop(StopReason.LOCAL, Trigger.STOP_AUTHORIZED, id_token)
        elif self._given_up(event.reader, id_token, sessions):
            self._desk.note("token.withdrawn", token=masked(id_token))
        elif self._authorization.asking(id_token):
            return
        elif _place(sessions, id_token) is None and not self._asked_about(sessions):
            self._desk.note("token.ignored", token=masked(id_token), reader=event.reader)
        else:
            self._asked[event.reader] = event.evses
            self._authorization.ask(id_token, lambda decision: self._decided(event, decision))

    def _asked_about(self, sessions: list[Session]) -> bool:
        """A card that can start nothing may still end something."""
        by_group = self._rules.second_stops and bool(_groups(sessions))
        return by_group or (self._rules.has_masters and any(each.running for each in sessions))

    def prepares(self, evse: int) -> bool:
        """A card waits for a vehicle at this EVSE."""
        session = self._sessions.get(evse)
        if session is None or not session.startable:
            return False
        return any(evse in waiting.evses for waiting in self._waiting.values())

    def asking(self, evse: int) -> bool:
        """A verdict on a card that may be for this EVSE is awaited."""
        return any(evse in evses for evses in self._asked.values())

    def refusal(self, evse: int, now_s: float) -> str:
        """Verdict on the card that was refused here last, for REFUSAL_SHOWN_S; else empty."""
        for refused in self._refused.values():
            if evse in refused.evses and now_s < refused.until_s:
                return refused.status
        return ""

    def reader_lost(self, event: ReaderLost) -> None:
        self._lost_readers[event.reader] = event.evses

    def reader_back(self, event: ReaderBack) -> None:
        self._lost_readers.pop(event.reader, None)

    def readerless(self, evse: int) -> bool:
        """A reader of this EVSE does not reply."""
        return any(evse in evses for evses in self._lost_readers.values())

    def due(self) -> None:
        """Give waiting cards to vehicles that have come; forget those that waited too long."""
        for reader, waiting in list(self._waiting.items()):
            session = _unused(self._served(waiting.evses))
            if session is not None:
                del self._waiting[reader]
                session.authorize(waiting.id_token, waiting.info, Trigger.CABLE_PLUGGED_IN)
            elif self._desk.now_s >= waiting.until_s:
                del self._waiting[reader]
                self._desk.note("authorization.expired", evse=None, missing="vehicle")

    def deadline_s(self) -> float | None:
        return min((waiting.until_s for waiting in self._waiting.values()), default=None)

    def _served(self, evses: Iterable[int]) -> list[Session]:
        return [self._sessions[evse] for evse in evses if evse in self._sessions]

    def _given_up(self, reader: str, id_token: IdToken, sessions: list[Session]) -> bool:
        """The second presentation of a card that still waits gives it up (B1)."""
        waiting = self._waiting.get(reader)
        if waiting is not None and waiting.id_token.key == id_token.key:
            del self._waiting[reader]
            return True
        for session in sessions:
            if session.leave is not None and session.leave.id_token.key == id_token.key:
                session.withdraw()
                return True
        return False

    def _decided(self, event: TokenPresented, decision: Decision) -> None:
        id_token, sessions = event.id_token, self._served(event.evses)
        self._asked.pop(event.reader, None)
        self._refused.pop(event.reader, None)
        if not decision.allowed:
            status = decision.info.status.value
            until_s = self._desk.now_s + REFUSAL_SHOWN_S
            refused = Refusal(status=status, evses=event.evses, until_s=until_s)
            self._refused[event.reader] = refused
            self._desk.note("token.refused", token=masked(id_token), status=status)
            return
        if self._rules.master(decision.info):
            self._desk.note("token.master", token=masked(id_token), reader=event.reader)
            for running in sessions:
                running.stop(StopReason.MASTER_PASS, Trigger.STOP_AUTHORIZED, id_token)
            return
        group = decision.info.group
        admitting = self._admitting(sessions, id_token, group)
        session = _place(admitting, id_token)
        if session is not None:
            evses = tuple(each.evse for each in admitting)
            self._start(event, session, decision.info, evses)
            return
        member = next((each for each in _groups(sessions) if _group(each) == group), None)
        if group is not None and member is not None and self._rules.second_stops:
            member.stop(StopReason.LOCAL, Trigger.STOP_AUTHORIZED, id_token)
        elif _place(sessions, id_token) is not None:
            self._desk.note("token.turned_away", token=masked(id_token), reader=event.reader)
        else:
            self._desk.note("token.ignored", token=masked(id_token), reader=event.reader)

    def _admitting(
        self, sessions: list[Session], id_token: IdToken, group: str | None
    ) -> list[Session]:
        """Sessions that reservations leave to this card; those reserved for it alone, if any."""
        held = [s for s in sessions if self._reservations.held_for(s.evse, id_token, group)]
        return held or [s for s in sessions if self._reservations.admits(s.evse, id_token, group)]

    def _start(
        self, event: TokenPresented, session: Session, info: TokenInfo, evses: tuple[int, ...]
    ) -> None:
        if session.vehicle.connected:
            session.authorize(event.id_token, info, Trigger.AUTHORIZED)
            return
        timeout_s = self._model.number("TxCtrlr", "EVConnectionTimeOut")
        self._waiting[event.reader] = WaitingCard(
            id_token=event.id_token,
            info=info,
            evses=evses,
            until_s=self._desk.now_s + timeout_s,
        )
        self._desk.note("token.accepted", token=masked(event.id_token), status=info.status.value)


def _charges(session: Session, id_token: IdToken) -> bool:
    transaction = session.transaction
    return session.running and transaction is not None and transaction.id_token.key == id_token.key


def _group(session: Session) -> str | None:
    return None if session.transaction is None else session.transaction.group


def _groups(sessions: list[Session]) -> list[Session]:
    """Sessions with a transaction that another card of its group may stop."""
    return [session for session in sessions if session.running and _group(session) is not None]


def _unused(sessions: list[Session]) -> Session | None:
    """The vehicle that waits without having charged; the last plugged in of several."""
    waiting = [
        session
        for session in sessions
        if session.startable and session.vehicle.connected and not session.used
    ]
    return max(waiting, key=lambda session: session.vehicle.plugged_s, default=None)


def _place(sessions: list[Session], id_token: IdToken) -> Session | None:
    """Where a transaction of this token would start."""
    waiting = _unused(sessions)
    if waiting is not None:
        return waiting
    startable = [session for session in sessions if session.startable]
    used = [session for session in startable if session.used]
    own = [
        session
        for session in used
        if session.last_token is not None and session.last_token.key == id_token.key
    ]
    free = [session for session in startable if not session.vehicle.connected]
    return next(iter([*own, *free, *used]), None)
