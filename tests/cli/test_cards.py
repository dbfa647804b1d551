"""`chargepoint token learn|add|list|forget|change`: what is asked, and what is said of the list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import pytest

from chargepoint.ipc.cards import (
    AddCard,
    CardsInUse,
    CardStatus,
    ChangeCard,
    ForgetCard,
    LearnCard,
    ListCards,
)
from chargepoint.ipc.service import Answered, Done, Request
from hal.values import TokenKind
from tests.cli.agents import Agent

ANNA = CardStatus(
    name="Anna", token="…B2C3", digest="0123456789abcdef", kind=TokenKind.ISO14443,
    since="2026-11-24T08:00:00Z", until="2027-01-31", enabled=True, state="valid",
)  # fmt: skip
BERT = CardStatus(
    name="Bert", token="…E5F6", digest="fedcba9876543210", kind=TokenKind.ISO14443,
    since="", until="", enabled=False, state="disabled",
)  # fmt: skip
THERE = Done(ok=False, detail="this card is there already: Anna")


class Cards:
    """The list of an agent."""

    use = CardsInUse(own="alone", alone=True, decides=True, everybody=False)
    answer: Answered = ANNA

    def __call__(self, request: Request) -> Sequence[Answered]:
        if isinstance(request, ListCards):
            return (self.use, ANNA, BERT, Done(ok=True))
        return (self.answer,)


@pytest.fixture
def cards() -> Cards:
    return Cards()


@pytest.fixture
def agent(tmp_path: Path, cards: Cards) -> Iterator[Agent]:
    with Agent(tmp_path, cards) as running:
        yield running


ASKED: list[tuple[str, str, Request]] = [
    (
        "learn --name Anna --until 2027-01-31 --within 5 --reader cards",
        "",
        LearnCard(name="Anna", until="2027-01-31", within_s=5.0, reader="cards"),
    ),
    ("add 04A1B2C3 --name Anna", "", AddCard(number="04A1B2C3", name="Anna")),
    ("add - --name Anna", "04A1B2C3\n", AddCard(number="04A1B2C3", name="Anna")),
    ("forget Anna", "", ForgetCard(card="Anna")),
    ("change Anna --disable", "", ChangeCard(card="Anna", enabled=False)),
    (
        "change Anna --name Bea --until none",
        "",
        ChangeCard(card="Anna", name="Bea", until=""),
    ),
]


@pytest.mark.parametrize(("line", "said", "expected"), ASKED)
def test_a_command_asks_the_agent_and_shows_the_card(
    agent: Agent, line: str, said: str, expected: Request
) -> None:
    found = agent.call("token", *line.split(), said=said)
    assert agent.asked[0] == expected
    assert found.exit_code == 0
    assert "Anna" in found.output
    assert "…B2C3" in found.output
    assert "decide" not in found.output
    assert json.loads(agent.call("token", *line.split(), "--json", said=said).stdout)["token"] == (
        "…B2C3"
    )


def test_a_card_that_is_there_already_is_refused_with_its_name(agent: Agent, cards: Cards) -> None:
    cards.answer = THERE
    found = agent.call("token", "learn", "--name", "Bert")
    assert (found.exit_code, found.stderr) == (1, "this card is there already: Anna\n")


def test_the_list_is_shown_with_what_it_is_good_for(agent: Agent) -> None:
    found = agent.call("token", "list").output.splitlines()
    assert found[0].split() == [
        "Anna", "…B2C3", "digest", "0123456789abcdef", "since", "2026-11-24", "until", "2027-01-31",
    ]  # fmt: skip
    assert found[1].split()[-1] == "disabled"
    assert found[2] == "No CSMS is configured: the list decides who may charge."
    shown = json.loads(agent.call("token", "list", "--json").output)
    assert [card["name"] for card in shown["cards"]] == ["Anna", "Bert"]
    assert shown["use"]["own"] == "alone"


NOT_NOW: list[tuple[Literal["off", "alone", "offline"], bool, str]] = [
    ("alone", False, "the list is kept, but decides nothing now"),
    ("off", True, "the list is kept, but decides nothing."),
    ("offline", False, "The CSMS decides while it can be asked"),
]


@pytest.mark.parametrize(("own", "alone", "expected"), NOT_NOW)
def test_who_learns_a_card_in_vain_is_told(
    agent: Agent, cards: Cards, own: Literal["off", "alone", "offline"], alone: bool, expected: str
) -> None:
    cards.use = CardsInUse(own=own, alone=alone, decides=False, everybody=False)
    assert expected in agent.call("token", "learn", "--name", "Anna").output
    assert expected in agent.call("token", "list").output


def test_who_learns_a_card_where_everybody_may_charge_is_told(agent: Agent, cards: Cards) -> None:
    cards.use = CardsInUse(own="alone", alone=True, decides=True, everybody=True)
    assert "unknown cards may charge too" in agent.call("token", "learn", "--name", "A").output


@pytest.mark.parametrize("line", ["learn", "learn --name A --until soon", "change Anna", "add"])
def test_what_cannot_be_meant_is_a_mistake_of_the_call(agent: Agent, line: str) -> None:
    assert agent.call("token", *line.split()).exit_code == 2
    assert agent.asked == []
