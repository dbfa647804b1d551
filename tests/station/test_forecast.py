"""What would be said to a card: told in advance, and nothing comes of it."""

from __future__ import annotations

import pytest

from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from tests.station.test_authorization import BLOCKED, OFFLINE_UNKNOWN, OK, PRE, known
from tests.station.test_reservations import reserved
from tests.station.world import World

A = IdToken(value="04A1")


def told(world: World, token: str = "04A1", evses: tuple[int, ...] = (1,)) -> str:
    return world.station.forecast.verdict(IdToken(value=token), evses)


def test_online_an_unknown_card_would_be_asked_about() -> None:
    assert told(World()) == "the CSMS would be asked: neither list nor cache knows it"


def test_online_the_last_verdict_is_told_although_the_csms_would_be_asked() -> None:
    assert told(known(OK)) == "the CSMS would be asked; last known: accepted (cache)"


def test_online_a_valid_entry_may_do_without_asking() -> None:
    assert told(known(OK, variables={PRE: "true"})) == "accepted (cache)"


def test_online_the_cache_does_not_refuse_by_itself() -> None:
    world = known(BLOCKED, variables={PRE: "true"})
    assert told(world) == "the CSMS would be asked; last known: blocked (cache)"


def test_offline_the_cache_decides() -> None:
    world = known(BLOCKED)
    world.away()
    assert told(world) == "blocked (without the CSMS, cache)"


@pytest.mark.parametrize(("unknown", "expected"), [("true", "accepted"), ("false", "unknown")])
def test_offline_the_setting_decides_on_unknown_cards(unknown: str, expected: str) -> None:
    world = World(variables={OFFLINE_UNKNOWN: unknown})
    world.away()
    assert told(world) == f"{expected} (without the CSMS, nobody knows it)"


def test_reservations_are_told() -> None:
    world = reserved(1)
    assert told(world, "04A1", (1, 2)).endswith("; EVSE 1 is reserved for it")
    assert told(world, "04B2", (1, 2)).endswith("; EVSE 1 is reserved for another")


def test_a_master_pass_is_told() -> None:
    info = TokenInfo(status=TokenStatus.ACCEPTED, group="SERVICE")
    world = known(info, variables={("AuthCtrlr", "MasterPassGroupId"): "service"})
    assert "it is a master pass" in told(world)


def test_telling_has_no_effect() -> None:
    world = known(OK)
    world.plug_in()
    world.forget()
    told(world)
    world.wait(1.0)
    assert not world.grant().permitted
    assert world.notes == []
