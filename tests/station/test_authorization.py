"""Who may charge: the order of decision, the cache, and what holds without an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.desk import Desk, masked
from chargepoint.station.effects import Verdict
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus, TransactionStarted
from chargepoint.station.token_cache import TokenCache
from tests.station.world import WALL, World

A, B = IdToken(value="04A1"), IdToken(value="04B2")
OK = TokenInfo(status=TokenStatus.ACCEPTED)
BLOCKED = TokenInfo(status=TokenStatus.BLOCKED)

OFFLINE_UNKNOWN = ("AuthCtrlr", "OfflineTxForUnknownIdEnabled")
LOCAL_OFFLINE = ("AuthCtrlr", "LocalAuthorizeOffline")
PRE = ("AuthCtrlr", "LocalPreAuthorize")
CACHE = ("AuthCacheCtrlr", "Enabled")


def known(info: TokenInfo, **variables: object) -> World:
    """A world whose CSMS once said `info` of card 04A1."""
    world = World(**variables)  # type: ignore[arg-type]
    world.csms.verdicts["04A1"] = info
    world.card("04A1")
    world.card("04A1")
    world.forget()
    return world


def allowed(world: World, token: str = "04A1") -> bool:
    """Whether the card starts a transaction at a plugged vehicle."""
    world.plug_in()
    world.card(token)
    return world.grant().permitted


# fmt: off
OFFLINE = [
    # cache says  LocalAuthorizeOffline  OfflineTxForUnknownId  allowed
    (OK,          "true",                "false",               True),
    (BLOCKED,     "true",                "true",                False),   # A2
    (BLOCKED,     "true",                "false",               False),
    (None,        "true",                "true",                True),
    (None,        "true",                "false",               False),
    (OK,          "false",               "false",               False),
    (OK,          "false",               "true",                True),
    (None,        "false",               "false",               False),
    (None,        "false",               "true",                True),
]
# fmt: on


@pytest.mark.parametrize(("cached", "local", "unknown", "expected"), OFFLINE)
def test_offline_the_cache_decides_and_then_the_setting(
    cached: TokenInfo | None, local: str, unknown: str, expected: bool
) -> None:
    """Section 5.1, A2."""
    variables = {LOCAL_OFFLINE: local, OFFLINE_UNKNOWN: unknown}
    world = known(cached, variables=variables) if cached else World(variables=variables)
    world.away()
    assert allowed(world) is expected


def test_online_the_csms_is_asked_although_the_cache_knows() -> None:
    """Section 5.1: LocalPreAuthorize false."""
    world = known(OK)
    world.csms.verdicts["04A1"] = BLOCKED
    assert not allowed(world)


def test_online_a_valid_entry_may_do_without_asking() -> None:
    """Section 5.1, TC_007_1: LocalPreAuthorize true."""
    world = known(OK, variables={PRE: "true"})
    assert allowed(world)
    assert world.of(ef.AskAuthorization) == []


def test_online_a_token_that_was_not_valid_is_asked_about_anyway() -> None:
    """A3."""
    world = known(BLOCKED, variables={PRE: "true"})
    world.csms.verdicts["04A1"] = OK
    assert allowed(world)


def test_a_question_without_an_answer_is_decided_as_if_offline() -> None:
    """Section 5.1: time-out."""
    world = known(OK)
    world.csms.answers = False
    world.plug_in()
    world.card("04A1")
    (question,) = world.of(ef.AskAuthorization)
    assert not world.grant().permitted
    world.tell(ev.AuthorizationUnanswered(request=question.request, at_s=world.now_s))
    assert world.grant().permitted


def test_a_question_that_nobody_answers_or_gives_up_ends_by_itself() -> None:
    world = known(OK)
    world.csms.answers = False
    world.plug_in()
    world.card("04A1")
    world.wait(76.0)
    assert world.grant().permitted


def test_losing_the_link_decides_what_was_asked() -> None:
    world = known(OK)
    world.csms.answers = False
    world.plug_in()
    world.card("04A1")
    world.away()
    assert world.grant().permitted


def test_an_answer_that_comes_after_all_starts_nothing_twice() -> None:
    world = known(OK)
    world.csms.answers = False
    world.plug_in()
    world.card("04A1")
    (question,) = world.of(ef.AskAuthorization)
    world.away()
    world.tell(ev.AuthorizationAnswered(request=question.request, info=OK, at_s=world.now_s))
    records = [each.record for each in world.of(ef.Append)]
    assert [type(record) for record in records].count(TransactionStarted) == 1


def test_a_card_held_again_while_its_question_waits_is_the_same_question() -> None:
    world = World()
    world.csms.answers = False
    world.plug_in()
    world.card("04A1")
    world.card("04a1")
    assert len(world.of(ef.AskAuthorization)) == 1


def test_a_flood_of_cards_asks_only_a_few_questions() -> None:
    world = World()
    world.csms.answers = False
    world.plug_in()
    for number in range(100):
        world.card(f"CARD{number}")
    assert len(world.of(ef.AskAuthorization)) == 8
    assert "token.not_asked" in world.notes


def test_the_verdict_of_a_start_is_learnt() -> None:
    """Section 5.2, A6."""
    world = World(variables={OFFLINE_UNKNOWN: "true"}, online=False)
    world.charging()
    world.csms.start_status = TokenStatus.BLOCKED
    world.accept()
    world.unplug()
    world.wait(2.0)
    world.away()
    assert not allowed(world)


def test_without_a_cache_nothing_is_kept_or_looked_up() -> None:
    """csms-quirks 7."""
    world = known(OK, variables={CACHE: "false"})
    assert "cache" not in world.store.spaces
    world.away()
    assert not allowed(world)


def test_clearing_the_cache_empties_it_or_is_rejected_without_one() -> None:
    """Errata 3.23."""
    world = known(OK)
    clear = lambda call: ev.ClearCacheRequested(call=call, at_s=world.now_s)  # noqa: E731
    assert world.ask(clear) is Verdict.ACCEPTED
    assert "cache" not in world.store.spaces
    world.set(*CACHE, "false")
    assert world.ask(clear) is Verdict.REJECTED


def test_the_cache_survives_a_restart() -> None:
    """Section 5.2."""
    world = known(OK)
    world.kill_both(host=True)
    assert allowed(world)


def test_an_entry_expires() -> None:
    """Section 5.2, A2."""
    expires_at = WALL + timedelta(seconds=1000.0 + 60.0)
    world = known(TokenInfo(status=TokenStatus.ACCEPTED, expires_at=expires_at))
    world.away()
    world.wait(59.0)
    assert allowed(world)
    world.unplug()
    world.wait(3.0)
    assert not allowed(world)


def test_without_a_clock_an_entry_that_expires_decides_nothing() -> None:
    expires_at = datetime(2030, 1, 1, tzinfo=UTC)
    world = known(TokenInfo(status=TokenStatus.ACCEPTED, expires_at=expires_at))
    world.kill_both(host=True)
    assert not allowed(world)
    world.set(*OFFLINE_UNKNOWN, "true")
    world.card("04A1")
    assert world.grant().permitted


def test_a_full_cache_gives_up_invalid_entries_first_and_then_the_oldest() -> None:
    """Section 5.2."""
    cache = TokenCache(Desk("host-1"), {}, entries_max=3)
    tokens = [IdToken(value=f"T{number}") for number in range(5)]
    for token, info in zip(tokens[:3], (OK, BLOCKED, OK), strict=True):
        cache.keep(token, info)
    cache.keep(tokens[3], OK)
    assert cache.find(tokens[1], None) is None
    cache.keep(tokens[4], OK)
    assert cache.find(tokens[0], None) is None
    assert len(cache) == 3


def test_an_unchanged_verdict_is_not_written_again() -> None:
    """csms-quirks Q14."""
    desk = Desk("host-1")
    cache = TokenCache(desk, {})
    cache.keep(A, OK)
    cache.keep(IdToken(value="04a1"), OK)
    assert len(desk.take()) == 1


@pytest.mark.parametrize(
    ("value", "shown"), [("04A1B2C3D4", "…C3D4"), ("ABCD", "…CD"), ("A", "…"), ("", "…")]
)
def test_a_token_is_shown_by_no_more_than_half_of_it(value: str, shown: str) -> None:
    assert masked(IdToken(value=value)) == shown
