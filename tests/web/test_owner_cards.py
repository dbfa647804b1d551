"""The station's own cards on the pages: what the agent is asked, and when nobody waits any more."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from chargepoint.ipc.cards import AddCard, ChangeCard, ForgetCard, LearnCard
from chargepoint.ipc.service import Done
from tests.web.place import CARD, OWNER, Place, serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("cards")) as made:
        for action in (LearnCard, AddCard, ChangeCard, ForgetCard):
            made.agent.answers[action] = [CARD]
        yield made


ACTIONS = [
    ("learn", {"name": "Änne"}, LearnCard(name="Änne", by=OWNER)),
    (
        "learn",
        {"name": "Änne", "until": "2027-01-31", "within_s": 5, "reader": "cards"},
        LearnCard(name="Änne", until="2027-01-31", within_s=5, reader="cards", by=OWNER),
    ),
    ("add", {"number": "04A1", "name": "B"}, AddCard(number="04A1", name="B", by=OWNER)),
    (
        "change",
        {"card": "B", "enabled": False, "until": ""},
        ChangeCard(card="B", enabled=False, until="", by=OWNER),
    ),
    ("forget", {"card": "B"}, ForgetCard(card="B", by=OWNER)),
]


@pytest.mark.parametrize(("action", "body", "expected"), ACTIONS)
def test_an_action_goes_to_the_agent_and_the_card_comes_back(
    place: Place, action: str, body: dict[str, object], expected: object
) -> None:
    answer = place.visitor(OWNER).post(f"/api/cards/{action}", body)
    assert place.agent.asked[-1] == expected
    assert (answer.code, answer.json()["name"]) == (200, "Änne")


def test_the_list_says_what_it_is_good_for(place: Place) -> None:
    found = place.visitor(OWNER).get("/api/cards").json()
    assert found["use"]["decides"] is True
    assert [card["token"] for card in found["cards"]] == ["…B2C3"]


BAD = [
    ("learn", {"name": "x" * 41}),
    ("learn", {"name": "x", "until": "soon"}),
    ("learn", {"name": "x", "within_s": 61}),
    ("add", {"name": "x"}),
    ("forget", {"card": 7}),
]


@pytest.mark.parametrize(("action", "body"), BAD)
def test_what_is_out_of_bounds_does_not_reach_the_agent(
    place: Place, action: str, body: dict[str, object]
) -> None:
    visitor = place.visitor(OWNER)
    before = len(place.agent.asked)
    assert visitor.post(f"/api/cards/{action}", body).code == 400
    assert len(place.agent.asked) == before


def test_a_refusal_is_told(place: Place) -> None:
    place.agent.answers[AddCard] = [Done(ok=False, detail="this card is there already: Änne")]
    answer = place.visitor(OWNER).post("/api/cards/add", {"number": "04A1", "name": "B"})
    assert (answer.code, answer.json()["error"]) == (409, "this card is there already: Änne")


def test_a_page_that_has_left_learns_nothing_and_another_may_wait(place: Place) -> None:
    visitor = place.visitor(OWNER)
    place.agent.held.add(LearnCard)
    body = b'{"name": "Bert"}'
    head = (
        f"POST /api/cards/learn HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Cookie: {place.desk.cookie}={visitor.cookie}\r\nX-CSRF-Token: {visitor.csrf}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as page:
        page.sendall(head.encode() + body)
        _until(lambda: place.agent.asked[-1:] == [LearnCard(name="Bert", by=OWNER)])
        refused = visitor.post("/api/cards/learn", {"name": "Carl"})
        assert (refused.code, refused.json()["error"]) == (409, "somebody learns a card already")
    _until(lambda: place.agent.left == [LearnCard(name="Bert", by=OWNER)])
    place.agent.held.clear()
    _until(lambda: visitor.post("/api/cards/learn", {"name": "Carl"}).code == 200)


def _until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 30.0
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)
