"""The station's own cards by the service socket's handlers, and what of them is written down."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chargepoint.agent.audit import line_of
from chargepoint.agent.requests.caller import Caller
from chargepoint.agent.requests.cards import CardRequests
from chargepoint.agent.requests.tokens import ReaderDesk, TokenDesk
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
from chargepoint.ipc.codec import decode_answer, encode
from chargepoint.ipc.service import Action, Answered, Done, Request
from chargepoint.station import effects as ef
from chargepoint.station.events import Event, TokenPresented
from chargepoint.station.records import IdToken
from tests.station.world import World

CARD = "04A1B2C3D4"
USER = Caller(user="eva")


class Scene:
    def __init__(self, folder: Path, **settings: object) -> None:
        self.world = World(**{"online": False, "alone": True, "own_cards": True, **settings})  # type: ignore[arg-type]
        self.answers = LocalAnswers(self._tell)
        self.readers = ReaderDesk()
        tokens = TokenDesk(self.readers, ("cards",), folder)
        requests = CardRequests(
            "alone", self.world.station, self.answers, tokens, lambda: self.world.now_s
        )
        self.handlers = requests.handlers()

    def _tell(self, event: Event) -> None:
        self.world.forget()
        self.world.tell(event)
        for answer in self.world.of(ef.AnswerHere):
            asyncio.get_running_loop().call_soon(self.answers.take, answer)

    async def all(self, request: Request) -> list[Answered]:
        found = [one async for one in self.handlers[type(request)](request, USER)]
        assert [decode_answer(encode(one)) for one in found] == found
        return found

    async def ask(self, request: Request) -> CardStatus | str:
        """The card, or why not."""
        (answer,) = await self.all(request)
        if isinstance(answer, CardStatus):
            return answer
        assert isinstance(answer, Done)
        assert not answer.ok
        return answer.detail

    async def learn(self, token: str = CARD, **asked: object) -> CardStatus | str:
        """What is answered while the card is presented."""
        asking = asyncio.create_task(self.ask(LearnCard(**{"name": "Anna", **asked})))  # type: ignore[arg-type]
        for _ in range(20):
            await asyncio.sleep(0)
        presented = TokenPresented(
            reader="cards", id_token=IdToken(value=token), evses=(1,), at_s=1.0
        )
        self.readers.take(presented)
        return await asking


async def test_a_card_is_learnt_listed_changed_and_forgotten_without_its_number(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    learnt = await scene.learn(until="2027-01-31")
    assert isinstance(learnt, CardStatus)
    assert (learnt.name, learnt.token, learnt.until) == ("Anna", "…C3D4", "2027-01-31")
    added = await scene.ask(AddCard(number="04FFFFFF", name="Bert"))
    assert isinstance(added, CardStatus)
    use, *cards, done = await scene.all(ListCards())
    assert use == CardsInUse(own="alone", alone=True, decides=True, everybody=False)
    assert (cards, done) == ([learnt, added], Done(ok=True))
    changed = await scene.ask(ChangeCard(card="Anna", name="Bea", enabled=False, until=""))
    assert isinstance(changed, CardStatus)
    assert (changed.name, changed.state, changed.until) == ("Bea", "disabled", "")
    assert await scene.ask(ForgetCard(card="bea")) == changed
    assert CARD not in repr((learnt, cards, changed))


REFUSED = [
    (LearnCard(name="Anna", until="2027-02-30"), "until: found `2027-02-30`, expected a day"),
    (LearnCard(name=" "), "name: found 0 characters, expected 1 to 40"),
    (LearnCard(name="Bert", reader="x"), "reader: found `x`, expected one of cards"),
    (LearnCard(name="Bert", within_s=0.01), "no card within 0.01 s"),
    (AddCard(number="", name="Bert"), "number: found 0 characters, expected 1 to 36"),
    (AddCard(number=CARD.lower(), name="Bert"), "this card is there already: Anna"),
    (AddCard(number="04:a1:B2:C3", name="Bert"), "number: found signs between its digits"),
    (ChangeCard(card="Carl", until="x"), "until: found `x`, expected a day"),
    (ChangeCard(card="Carl"), "there is no card named Carl"),
    (ForgetCard(card="Carl"), "there is no card named Carl"),
]


async def test_what_cannot_be_done_is_refused_with_its_reason(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    await scene.learn()
    for request, expected in REFUSED:
        said = await scene.ask(request)
        assert isinstance(said, str)
        assert said.startswith(expected)


async def test_a_name_that_is_taken_is_refused_before_a_card_is_awaited(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    await scene.learn()
    assert await scene.ask(LearnCard(name="anna")) == "name: there is a card named Anna already"


async def test_the_audit_log_has_neither_names_nor_numbers(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    actions: list[Action] = [
        AddCard(number=CARD, name="Anna", until="2027-01-31"),
        AddCard(number=CARD, name="Bert"),
        ChangeCard(card="Anna", name="Bea", enabled=False),
        ForgetCard(card="Bea"),
    ]
    lines = [line_of(action, USER, (await scene.all(action))[-1]) for action in actions]
    assert [line.ok for line in lines] == [True, False, True, True]
    assert [line.detail for line in lines] == ["until=2027-01-31", "until=", "enabled=False", ""]
    assert lines[0].outcome.startswith("card …C3D4, digest ")
    assert lines[0].outcome == lines[2].outcome == lines[3].outcome
    written = repr(lines)
    assert not any(word in written for word in ("Anna", "Bert", "Bea", CARD))
