"""The station's own cards: see, learn, add, change, forget."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from chargepoint.ipc.cards import (
    AddCard,
    CardAction,
    CardsInUse,
    CardStatus,
    ChangeCard,
    ForgetCard,
    LearnCard,
    ListCards,
)
from chargepoint.ipc.service import Done
from chargepoint.web.api.endpoint import Call, Endpoint, Fault

LEARN_MAX_S = 60.0
ACTION_WAIT_S = 15.0
LEFT_EVERY_S = 0.5
"""How soon it is noticed that the page has left: the next card must not be taken for its own."""

Text = Annotated[str, msgspec.Meta(max_length=40)]
Day = Annotated[
    str, msgspec.Meta(pattern=r"^(\d{4}-\d\d-\d\d)?$", description="2027-01-31; empty: none")
]


class Learnt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Text
    until: Day = ""
    within_s: Annotated[float, msgspec.Meta(ge=1, le=LEARN_MAX_S)] = 30.0
    reader: Text = ""
    """Empty: any."""


class Typed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: Text
    name: Text
    until: Day = ""


class Changed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    card: Text
    name: Text | None = None
    enabled: bool | None = None
    until: Day | None = None
    """Empty: no last day any more."""


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    card: Text


class CardsView(msgspec.Struct, frozen=True, kw_only=True):
    """The list, by name, and what it is good for."""

    use: CardsInUse
    cards: tuple[CardStatus, ...]


class Cards:
    """The endpoints. One card is learnt at a time: who waits for one holds a line to the agent."""

    def __init__(self) -> None:
        self._learning = False

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="GET", path="/api/cards", handler=self.cards, answer=CardsView,
                     summary="The station's own cards, and whether they decide"),
            Endpoint(method="POST", path="/api/cards/learn", handler=self.learn, body=Learnt,
                     summary="Take the next card at a reader into the list", answer=CardStatus),
            Endpoint(method="POST", path="/api/cards/add", handler=self.add, body=Typed,
                     summary="Take a card into the list by its number", answer=CardStatus),
            Endpoint(method="POST", path="/api/cards/change", handler=self.change, body=Changed,
                     summary="Rename a card, disable or enable it, set its last day",
                     answer=CardStatus),
            Endpoint(method="POST", path="/api/cards/forget", handler=self.forget, body=Named,
                     summary="Strike a card off the list", answer=CardStatus),
        ]
        # fmt: on

    async def cards(self, call: Call) -> CardsView:
        answers = await call.ask(ListCards())
        use = next((one for one in answers if isinstance(one, CardsInUse)), None)
        if use is None:
            raise Fault(503, "the agent gave another answer")
        cards = tuple(one for one in answers if isinstance(one, CardStatus))
        return CardsView(use=use, cards=cards)

    async def learn(self, call: Call) -> CardStatus:
        wanted = call.body
        if self._learning:
            raise Fault(409, "somebody learns a card already")
        self._learning = True
        action = LearnCard(
            name=wanted.name, until=wanted.until, within_s=wanted.within_s, reader=wanted.reader
        )
        doing = asyncio.ensure_future(_done(call, action, wanted.within_s + ACTION_WAIT_S))
        try:
            while not (await asyncio.wait((doing,), timeout=LEFT_EVERY_S))[0]:
                if await call.request.is_disconnected():
                    raise Fault(408, "the page has left")
            return doing.result()
        finally:
            self._learning = False
            doing.cancel()

    async def add(self, call: Call) -> CardStatus:
        wanted = call.body
        return await _done(
            call, AddCard(number=wanted.number, name=wanted.name, until=wanted.until)
        )

    async def change(self, call: Call) -> CardStatus:
        wanted = call.body
        return await _done(
            call,
            ChangeCard(
                card=wanted.card, name=wanted.name, enabled=wanted.enabled, until=wanted.until
            ),
        )

    async def forget(self, call: Call) -> CardStatus:
        return await _done(call, ForgetCard(card=call.body.card))


async def _done(call: Call, action: CardAction, wait_s: float = ACTION_WAIT_S) -> CardStatus:
    """The card as the agent has it then. Raises Fault for a refusal."""
    named = msgspec.structs.replace(action, by=call.session.account)
    answer = (await call.desk.context.agent.ask(named, wait_s))[-1]
    if isinstance(answer, CardStatus):
        return answer
    raise Fault(409, (isinstance(answer, Done) and answer.detail) or "refused")
