"""The station's own cards, for people here: learnt at a reader or typed in, changed, listed.

The list itself is the station's (`station.own_cards`). Numbers stay in the agent: what leaves it is
masked, with the digest by which `requests.tokens` tells cards apart.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date
from typing import Literal

from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.agent.requests.tokens import NoCard, TokenDesk
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.ipc.cards import (
    AddCard,
    CardsInUse,
    CardStatus,
    ChangeCard,
    ForgetCard,
    LearnCard,
    ListCards,
)
from chargepoint.ipc.service import Answered, Done
from chargepoint.log import masked
from chargepoint.station.local_requests import (
    AddCardAsked,
    ChangeCardAsked,
    ForgetCardAsked,
    LocalRequest,
)
from chargepoint.station.option_variables import ACCESS
from chargepoint.station.own_cards import Card
from chargepoint.station.records import IdToken
from chargepoint.station.station import Station

STATION_WAIT_S = 10.0
"""The station answers when what was asked for is on the disk."""

SEPARATED = re.compile(r"[0-9A-Fa-f]{2}([:\- ][0-9A-Fa-f]{2})+")
"""A UID as telephones show it; readers deliver none so, and the card would never be the same."""

Use = Literal["off", "alone", "offline"]


class CardRequests:
    """Serves the list of `station`. `own`: `cards.own` of the configuration."""

    def __init__(
        self,
        own: Use,
        station: Station,
        answers: LocalAnswers,
        tokens: TokenDesk,
        now: Callable[[], float],
    ) -> None:
        self._own: Use = own
        self._station = station
        self._cards = station.own_cards
        self._answers = answers
        self._tokens = tokens
        self._now = now

    def handlers(self) -> Handlers:
        return {
            LearnCard: self._learn,
            AddCard: self._add,
            ForgetCard: self._forget,
            ChangeCard: self._change,
            ListCards: self._list,
        }

    async def _learn(self, request: LearnCard, caller: Caller) -> AsyncIterator[Answered]:
        """A name that cannot be given is refused before anybody looks for a card."""
        until, problem = _day(request.until)
        problem = problem or self._cards.problem(request.name, until) or ""
        if problem:
            yield Done(ok=False, detail=problem)
            return
        try:
            presented = await self._tokens.next(request.reader, request.within_s)
        except NoCard as error:
            yield Done(ok=False, detail=str(error))
            return
        yield await self._taken_in(presented.id_token, request.name, until)

    async def _add(self, request: AddCard, caller: Caller) -> AsyncIterator[Answered]:
        until, problem = _day(request.until)
        if not problem and SEPARATED.fullmatch(request.number.strip()):
            problem = "number: found signs between its digits, expected the digits alone: 04A1B2C3"
        if problem:
            yield Done(ok=False, detail=problem)
            return
        token = IdToken(value=request.number.strip())
        yield await self._taken_in(token, request.name, until)

    async def _forget(self, request: ForgetCard, caller: Caller) -> AsyncIterator[Answered]:
        before = self._cards.named(request.card)
        done = await self._ask(
            lambda handle: ForgetCardAsked(request=handle, at_s=self._now(), card=request.card)
        )
        yield await self._shown(before) if done.ok and before is not None else done

    async def _change(self, request: ChangeCard, caller: Caller) -> AsyncIterator[Answered]:
        until, problem = _day(request.until or "")
        if problem:
            yield Done(ok=False, detail=problem)
            return
        before = self._cards.named(request.card)
        done = await self._ask(
            lambda handle: ChangeCardAsked(
                request=handle,
                at_s=self._now(),
                card=request.card,
                name=request.name,
                enabled=request.enabled,
                until="" if request.until == "" else until,
            )
        )
        after = None if before is None else self._cards.of(before.id_token)
        yield await self._shown(after) if done.ok and after is not None else done

    async def _list(self, request: ListCards, caller: Caller) -> AsyncIterator[Answered]:
        model, cards = self._station.device_model, self._cards
        yield CardsInUse(
            own=self._own,
            alone=cards.alone,
            decides=cards.deciding and not self._station.overview(self._now()).online,
            everybody=model.flag("AuthCtrlr", "OfflineTxForUnknownIdEnabled")
            or bool(model.text(ACCESS, "AutoStartId")),
        )
        for card in list(cards):
            yield await self._shown(card)
        yield Done(ok=True)

    async def _taken_in(self, token: IdToken, name: str, until: date | None) -> Answered:
        done = await self._ask(
            lambda handle: AddCardAsked(
                request=handle, at_s=self._now(), id_token=token, name=name, until=until
            )
        )
        card = self._cards.of(token) if done.ok else None
        return done if card is None else await self._shown(card)

    async def _ask(self, make: Callable[[str], LocalRequest]) -> Done:
        return await self._answers.ask(make, STATION_WAIT_S)

    async def _shown(self, card: Card) -> CardStatus:
        at = self._station.clock.wall(card.since)
        return CardStatus(
            name=card.name,
            token=masked(card.token),
            digest=await self._tokens.digest(card.id_token),
            kind=card.kind,
            since="" if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            until="" if card.until is None else card.until.isoformat(),
            enabled=card.enabled,
            state=self._cards.state(card).value,
        )


def _day(text: str) -> tuple[date | None, str]:
    """The day, and what is wrong with it; empty text is none."""
    if not text:
        return None, ""
    try:
        return date.fromisoformat(text), ""
    except ValueError:
        return None, f"until: found `{text}`, expected a day such as 2027-01-31"
