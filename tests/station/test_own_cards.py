"""The station's own cards: when they decide, what is refused, what outlives a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station import local_list, token_cache
from chargepoint.station.history import Past
from chargepoint.station.local_requests import (
    AddCardAsked,
    ChangeCardAsked,
    ForgetCardAsked,
    LocalRequest,
)
from chargepoint.station.own_cards import CARDS_MAX, HEAD_SPACE, SPACE, State
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from tests.station.world import WALL, World

OK = TokenInfo(status=TokenStatus.ACCEPTED)
NO = TokenInfo(status=TokenStatus.BLOCKED)
CARD, OTHER = "04A1B2C3", "04D4E5F6"
TODAY = date(2026, 11, 24)
"""Of `tests.station.world`."""

OFFLINE_UNKNOWN = ("AuthCtrlr", "OfflineTxForUnknownIdEnabled")
LOCAL_OFFLINE = ("AuthCtrlr", "LocalAuthorizeOffline")
CASES: dict[str, dict[str, Any]] = {
    "home": {"alone": True, "own_cards": True},
    "alone, off": {"alone": True},
    "away": {"own_cards": True},
    "away, off": {},
}


def home(**settings: Any) -> World:
    """A station without a CSMS that knows what time it is."""
    world = World(online=False, **{"alone": True, "own_cards": True, **settings})
    world.tell(ev.TimeGiven(wall=WALL + timedelta(seconds=world.now_s), at_s=world.now_s))
    return world


def ask(world: World, make: Callable[[str, float], LocalRequest]) -> str:
    """What the station answers; empty: it is done."""
    world.forget()
    world.tell(make("r1", world.now_s))
    (answer,) = world.of(ef.AnswerHere)
    return "" if answer.ok else answer.detail


def add(world: World, name: str = "Anna", token: str = CARD, until: date | None = None) -> str:
    id_token = IdToken(value=token)
    return ask(
        world,
        lambda request, at_s: AddCardAsked(
            request=request, at_s=at_s, id_token=id_token, name=name, until=until
        ),
    )


def forget(world: World, name: str) -> str:
    return ask(world, lambda request, at_s: ForgetCardAsked(request=request, at_s=at_s, card=name))


def change(world: World, card: str, **changes: Any) -> str:
    wanted = {"name": None, "enabled": None, "until": None, **changes}
    return ask(
        world,
        lambda request, at_s: ChangeCardAsked(request=request, at_s=at_s, card=card, **wanted),
    )


def starts(world: World, token: str = CARD) -> bool:
    """Whether the card starts a transaction at a plugged vehicle."""
    world.plug_in()
    world.card(token)
    return world.grant().permitted


def listed(world: World, info: TokenInfo) -> None:
    entry = local_list.Entry(info.status)
    spaces = world.store.spaces
    spaces[local_list.SPACE] = {CARD.casefold(): msgspec.json.encode(entry).decode()}
    spaces[local_list.HEAD_SPACE] = {"head": msgspec.json.encode(local_list.Head(1, 1)).decode()}


def cached(world: World, info: TokenInfo) -> None:
    entry = token_cache.Entry(info=info, order=1)
    world.store.spaces[token_cache.SPACE] = {CARD.casefold(): msgspec.json.encode(entry).decode()}


# --- Who decides ----------------------------------------------------------------------------------

# fmt: off
DECISIONS = [
    # where        own card     list   cache  unknown allowed
    ("home",       "valid",     None,  None,  False,  True),
    ("home",       None,        None,  None,  False,  False),
    ("home",       "disabled",  None,  None,  False,  False),
    ("home",       "disabled",  None,  None,  True,   False),  # what the list forbids is forbidden
    ("home",       "expired",   None,  None,  True,   False),
    ("home",       None,        None,  None,  True,   True),
    ("home",       "valid",     NO,    None,  False,  False),  # A2
    ("home",       "valid",     None,  NO,    False,  True),   # of a CSMS that is gone
    ("home",       "disabled",  OK,    OK,    True,   False),
    ("home",       None,        OK,    None,  False,  True),
    ("alone, off", "valid",     None,  None,  False,  False),
    ("alone, off", "disabled",  None,  None,  True,   True),
    ("away",       "valid",     None,  None,  False,  True),
    ("away",       "valid",     NO,    None,  False,  False),
    ("away",       "valid",     None,  NO,    True,   False),
    ("away",       "disabled",  OK,    None,  False,  True),
    ("away",       "disabled",  None,  OK,    False,  True),
    ("away",       "disabled",  None,  None,  True,   False),
    ("away, off",  "valid",     None,  None,  False,  False),
]
# fmt: on


@pytest.mark.parametrize(("where", "card", "in_list", "in_cache", "unknown", "allowed"), DECISIONS)
def test_without_a_csms_to_ask_the_own_cards_decide(
    where: str,
    card: str | None,
    in_list: TokenInfo | None,
    in_cache: TokenInfo | None,
    unknown: bool,
    allowed: bool,
) -> None:
    world = home(
        **{"alone": False, "own_cards": False, **CASES[where]},
        variables={OFFLINE_UNKNOWN: str(unknown).lower()},
    )
    if card is not None:
        assert add(world, until=TODAY if card == "expired" else None) == ""
    if card == "disabled":
        assert change(world, "Anna", enabled=False) == ""
    if in_list is not None:
        listed(world, in_list)
    if in_cache is not None:
        cached(world, in_cache)
    world.kill_agent()
    if card == "expired":
        world.tell(ev.TimeGiven(wall=WALL + timedelta(days=2), at_s=world.now_s))
    assert starts(world) is allowed


def test_while_the_csms_can_be_asked_it_decides() -> None:
    world = World(own_cards=True)
    assert add(world) == ""
    world.csms.verdicts[CARD] = NO
    assert not starts(world)
    world.unplug()
    world.store.spaces.pop(token_cache.SPACE, None)
    world.kill_agent()
    assert starts(world)


def test_a_question_without_an_answer_is_decided_by_the_own_cards() -> None:
    world = World(own_cards=True)
    assert add(world) == ""
    world.csms.answers = False
    assert not starts(world)
    world.wait(76.0)
    assert world.grant().permitted


def test_a_card_is_the_same_however_it_is_spelt() -> None:
    world = home()
    assert add(world) == ""
    assert starts(world, CARD.lower())


def test_without_a_clock_a_card_with_a_last_day_decides_nothing() -> None:
    world = home()
    assert add(world, until=TODAY) == ""
    world.kill_both(host=True)
    (card,) = world.station.own_cards
    assert world.station.own_cards.state(card) is State.UNDATED
    assert not starts(world)


def test_a_card_is_good_until_the_end_of_its_last_day() -> None:
    world = home()
    assert add(world, until=TODAY) == ""
    world.wait(15 * 3600.0, step_s=3600.0)
    assert starts(world)
    world.unplug()
    world.wait(2 * 3600.0, step_s=3600.0)
    assert not starts(world)


def test_a_transaction_that_runs_goes_on_and_its_card_can_still_end_it() -> None:
    world = home()
    assert add(world) == ""
    assert starts(world)
    assert forget(world, "Anna") == ""
    assert world.grant().permitted
    world.wait(5.0)
    world.card(CARD)
    assert not world.grant().permitted


def test_a_test_of_the_card_names_it_and_whether_it_decides() -> None:
    world = home()
    assert add(world) == ""
    said = lambda: world.station.forecast.verdict(IdToken(value=CARD), (1,))  # noqa: E731
    assert said() == "accepted (own card Anna)"
    change(world, "Anna", enabled=False)
    assert said() == "blocked (own card Anna, disabled)"
    listed(world, NO)
    world.kill_agent()
    assert said() == (
        "blocked (without the CSMS, local list); own card Anna, disabled, does not decide now"
    )


# --- What can be changed --------------------------------------------------------------------------


def test_a_card_is_learnt_once_and_named_once() -> None:
    world = home()
    assert add(world) == ""
    assert add(world, "Bert", CARD.lower()) == "this card is there already: Anna"
    assert add(world, " ANNA ", OTHER) == "name: there is a card named Anna already"
    assert add(world, "Bert", OTHER) == ""
    assert change(world, "Bert", name="anna") == "name: there is a card named Anna already"
    assert change(world, "anna", name="ANNA") == ""
    assert [card.name for card in world.station.own_cards] == ["ANNA", "Bert"]


BAD = {
    "": "name: found 0 characters, expected 1 to 40",
    "x" * 41: "name: found 41 characters, expected 1 to 40",
    "An\u202ena": "name: found signs that cannot be shown, expected letters, digits and the like",
    "An\nna": "name: found signs that cannot be shown, expected letters, digits and the like",
}


@pytest.mark.parametrize(("name", "problem"), BAD.items())
def test_a_name_that_cannot_be_read_is_refused(name: str, problem: str) -> None:
    assert add(home(), name) == problem


@pytest.mark.parametrize("token", ["", "0" * 37, "04 \x00", " 04A1", "04Ä1"])
def test_what_no_reader_delivers_is_no_card(token: str) -> None:
    assert add(home(), token=token).startswith("number: ")


def test_a_last_day_that_is_over_is_refused() -> None:
    world = home()
    over = TODAY - timedelta(days=1)
    problem = "until: found 2026-11-23, which is over; expected today or later"
    assert add(world, until=over) == problem
    assert add(world) == ""
    assert change(world, "Anna", until=over) == problem


def test_a_card_that_is_not_there_cannot_be_changed() -> None:
    world = home()
    assert forget(world, "Anna") == change(world, "Anna") == "there is no card named Anna"


def test_the_list_is_bounded() -> None:
    world = home()
    for number in range(CARDS_MAX):
        assert add(world, f"n{number}", f"T{number}") == ""
    assert add(world) == "there are 200 cards already; forget one first"


# --- What is kept ---------------------------------------------------------------------------------


def test_a_change_is_on_the_disk_before_it_is_answered() -> None:
    world = home()
    for done in (
        lambda: add(world, until=TODAY),
        lambda: change(world, "Anna", name="Bert", enabled=False, until=""),
        lambda: forget(world, "Bert"),
    ):
        assert done() == ""
        kinds = [type(each) for each in world.effects if not isinstance(each, ef.Note)]
        assert kinds[-1] is ef.AnswerHere
        stored = [each for each in world.effects if isinstance(each, ef.Put | ef.Delete)]
        assert stored
        assert all(each.durable for each in stored)
        cards = [(c.name, c.enabled, c.until) for c in world.station.own_cards]
        world.kill_both(host=True)
        assert [(c.name, c.enabled, c.until) for c in world.station.own_cards] == cards


def test_what_changes_nothing_is_not_written() -> None:
    world = home()
    add(world)
    assert change(world, "Anna", name="Anna", enabled=True) == ""
    assert world.of(ef.Put) == []


def test_cards_that_the_store_has_lost_are_told_and_the_others_stay() -> None:
    world = home()
    add(world)
    add(world, "Bert", OTHER)
    world.store.spaces[SPACE]["1"] = '{"token": 7}'
    world.store.spaces[SPACE]["x"] = "[]"
    world.forget()
    world.kill_agent()
    assert "own_cards.damaged" in world.notes
    assert [card.name for card in world.station.own_cards] == ["Bert"]
    assert add(world) == ""
    assert sorted(world.store.spaces[SPACE]) == ["1", "2", "3", "x"]


def test_a_store_that_has_lost_its_head_gives_no_number_twice() -> None:
    world = home()
    add(world)
    del world.store.spaces[HEAD_SPACE]
    world.kill_agent()
    add(world, "Bert", OTHER)
    assert sorted(world.store.spaces[SPACE]) == ["1", "2"]


def test_an_old_session_never_gets_the_name_of_somebody_else() -> None:
    world = home()
    add(world)
    assert starts(world)
    world.unplug()
    world.wait(3.0)
    forget(world, "Anna")
    add(world, "Bert", OTHER)
    world.kill_agent()
    (past,) = world.store.spaces["history"].values()
    number = msgspec.json.decode(past, type=Past).card
    assert number == 1
    assert world.station.own_cards.number(IdToken(value=OTHER)) == 2


def test_a_session_of_an_older_release_is_still_read() -> None:
    world = home()
    assert add(world) == ""
    assert starts(world)
    world.unplug()
    world.wait(3.0)
    ((key, text),) = world.store.spaces["history"].items()
    old = msgspec.json.decode(text)
    del old["card"]
    world.store.spaces["history"][key] = msgspec.json.encode(old).decode()
    world.kill_agent()
    assert world.station.own_cards.named("Anna") is not None
