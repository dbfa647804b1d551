"""The local list: what is taken and refused, what is written, who decides on a token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState, Verdict
from chargepoint.station.local_list import HEAD_SPACE, SPACE
from chargepoint.station.records import IdToken, StopReason, TokenInfo, TokenStatus
from tests.station.world import WALL, World

A, FAILED, MISMATCH = Verdict.ACCEPTED, Verdict.FAILED, Verdict.VERSION_MISMATCH
OK = TokenInfo(status=TokenStatus.ACCEPTED)
BLOCKED = TokenInfo(status=TokenStatus.BLOCKED)
BUSY = TokenInfo(status=TokenStatus.CONCURRENT_TX)
CARD, OTHER = "04A1", "04B2"

ENABLED = ("LocalAuthListCtrlr", "Enabled")
ENTRIES = ("LocalAuthListCtrlr", "Entries")
PRE = ("AuthCtrlr", "LocalPreAuthorize")
LOCAL_OFFLINE = ("AuthCtrlr", "LocalAuthorizeOffline")
OFFLINE_UNKNOWN = ("AuthCtrlr", "OfflineTxForUnknownIdEnabled")
CONFLICT = "local_list_conflict"


def send(
    world: World,
    version: int,
    entries: Mapping[str, TokenInfo | None] | list[tuple[str, TokenInfo | None]],
    *,
    differential: bool = False,
) -> Verdict | None:
    """SendLocalList; full unless said otherwise."""
    rows = list(entries.items()) if isinstance(entries, Mapping) else entries
    pairs = tuple((IdToken(value=token), info) for token, info in rows)
    return world.ask(
        lambda call: ev.LocalListSent(
            call=call,
            version=version,
            differential=differential,
            entries=pairs,
            at_s=world.now_s,
        )
    )


def change(world: World, version: int, entries: dict[str, TokenInfo | None]) -> Verdict | None:
    return send(world, version, entries, differential=True)


def version(world: World) -> int | None:
    world.ask(lambda call: ev.LocalListVersionAsked(call=call, at_s=world.now_s))
    return world.of(ef.Answer)[-1].number


def listed(pre_authorizes: str = "true") -> World:
    """A world whose list has card 04A1."""
    world = World(variables={PRE: pre_authorizes})
    assert send(world, 1, {CARD: OK}) is A
    world.forget()
    return world


def starts(world: World, token: str = CARD) -> bool:
    """Whether the card starts a transaction at a plugged vehicle."""
    world.plug_in()
    world.card(token)
    return world.grant().permitted


def asked(world: World) -> list[str]:
    return [each.id_token.value for each in world.of(ef.AskAuthorization)]


def writes(world: World) -> list[tuple[str, str | None]]:
    """What of the list was written or deleted."""
    return [
        (type(each).__name__, each.key)
        for each in world.effects
        if isinstance(each, ef.Put | ef.Delete) and each.space == SPACE
    ]


# --- Versions -------------------------------------------------------------------------------------


def test_a_station_without_a_list_says_version_0() -> None:
    """5.4, TC_042_2: Get Local List Version (empty)."""
    assert version(World()) == 0


def test_a_full_list_has_the_version_that_was_sent() -> None:
    """5.4, TC_043: Send Local Authorization List, full."""
    world = World()
    assert send(world, 7, {CARD: OK, OTHER: BLOCKED}) is A
    assert version(world) == 7


def test_an_older_full_list_replaces_a_newer_one() -> None:
    """5.4: only differences must be newer."""
    world = World()
    send(world, 7, {CARD: OK})
    assert send(world, 3, {OTHER: OK}) is A
    assert version(world) == 3
    world.away()
    assert not starts(world, CARD)
    assert starts(world, OTHER)


def test_a_full_list_without_entries_empties_it_and_leaves_version_0() -> None:
    """5.4, TC_042_2: 0 means empty, whatever version was sent."""
    world = World()
    send(world, 7, {CARD: OK})
    assert send(world, 9, {}) is A
    assert version(world) == 0
    assert world.store.spaces.get(SPACE, {}) == {}


def test_differences_that_remove_the_last_entry_leave_version_0() -> None:
    """5.4: afterwards any version is newer."""
    world = World()
    send(world, 7, {CARD: OK})
    assert change(world, 8, {CARD: None}) is A
    assert version(world) == 0
    assert change(world, 1, {CARD: OK}) is A
    assert version(world) == 1


def test_a_list_that_is_switched_off_is_not_supported() -> None:
    """5.4, TC_042_1, TC_043_1: version -1, SendLocalList NotSupported; nothing is forgotten."""
    world = World()
    send(world, 7, {CARD: OK})
    world.set(*ENABLED, "false")
    assert version(world) == -1
    assert send(world, 8, {}) is Verdict.NOT_SUPPORTED
    world.set(*ENABLED, "true")
    assert version(world) == 7


def test_differences_add_change_and_remove() -> None:
    """5.4, TC_043: Send Local Authorization List, differential."""
    world = World()
    send(world, 1, {CARD: OK, OTHER: OK, "04C3": OK})
    assert change(world, 2, {CARD: None, OTHER: BLOCKED, "04D4": OK, "nobody": None}) is A
    assert version(world) == 2
    assert sorted(world.store.spaces[SPACE]) == ["04b2", "04c3", "04d4"]
    world.away()
    for token, expected in ((CARD, False), (OTHER, False), ("04C3", True)):
        assert starts(world, token) is expected


@pytest.mark.parametrize("sent", [4, 5])
def test_differences_that_are_not_newer_change_nothing(sent: int) -> None:
    """5.4, TC_043_2: VersionMismatch."""
    world = World()
    send(world, 5, {CARD: OK})
    assert change(world, sent, {OTHER: OK}) is MISMATCH
    assert version(world) == 5
    assert list(world.store.spaces[SPACE]) == ["04a1"]


# --- Refused whole --------------------------------------------------------------------------------

# fmt: off
REFUSED = [
    # version, entries                                         differential
    (0,        [(OTHER, OK)],                                  False),
    (-1,       [(OTHER, OK)],                                  False),
    (0,        [(OTHER, OK)],                                  True),
    (9,        [(OTHER, OK), ("04b2", BLOCKED)],               False),   # the same token twice
    (9,        [(OTHER, OK), ("04b2", None)],                  True),
    (9,        [(OTHER, OK), ("04C3", None)],                  False),   # no verdict
    (9,        [(f"T{n}", OK) for n in range(501)],            False),   # SendLocalListMaxLength
    (9,        [(f"T{n}", OK) for n in range(501)],            True),
]
# fmt: on


@pytest.mark.parametrize(("sent", "entries", "differential"), REFUSED)
def test_a_bad_update_is_refused_whole(
    sent: int, entries: list[tuple[str, TokenInfo | None]], differential: bool
) -> None:
    """5.4, TC_043_3: Failed; the list of before stays."""
    world = listed()
    assert send(world, sent, entries, differential=differential) is FAILED
    assert version(world) == 1
    assert writes(world) == []
    assert "local_list.refused" in world.notes
    assert starts(world)


def test_a_list_that_would_grow_too_long_is_refused_whole() -> None:
    """5.4, TC_043_3: LocalAuthListMaxLength counts what would be there afterwards."""
    world = World(variables={ENTRIES: "3"})
    assert send(world, 1, {"T1": OK, "T2": OK, "T3": OK}) is A
    assert change(world, 2, {"T4": OK}) is FAILED
    assert version(world) == 1
    assert change(world, 2, {"T1": None, "T4": OK}) is A
    assert send(world, 3, {f"T{n}": OK for n in range(4)}) is FAILED
    assert version(world) == 2


@pytest.mark.parametrize(("installed", "limit"), [("3", "3"), ("0", "10000"), ("10001", "10000")])
def test_the_installer_may_lower_the_limit(installed: str, limit: str) -> None:
    """Keys, rule 6: LocalAuthListMaxLength is not for the CSMS to change."""
    world = World(variables={ENTRIES: installed})
    assert world.station.device_model.text(*ENTRIES) == limit
    assert world.set(*ENTRIES, "2") is Verdict.REJECTED


# --- Written --------------------------------------------------------------------------------------


def test_an_update_is_on_the_disk_before_it_is_answered() -> None:
    """5.4: entries and version in one stretch of durable effects, then the answer."""
    world = World()
    world.forget()
    send(world, 1, {CARD: OK, OTHER: OK})
    kinds = [type(each) for each in world.effects[:4]]
    assert kinds[:3] == [ef.Put, ef.Put, ef.Put]
    assert all(each.durable for each in world.of(ef.Put))
    assert world.effects.index(world.of(ef.Answer)[0]) > world.effects.index(world.of(ef.Put)[-1])


def test_differences_write_only_what_has_changed() -> None:
    """CQ14, 5.4."""
    world = World()
    send(world, 1, {CARD: OK, OTHER: OK, "04C3": OK})
    world.forget()
    change(world, 2, {CARD: OK, OTHER: BLOCKED, "04C3": None})
    assert writes(world) == [("Put", "04b2"), ("Delete", "04c3")]


def test_the_same_full_list_again_writes_nothing() -> None:
    """CQ14: some central systems send the list each night."""
    world = listed()
    assert send(world, 1, {CARD: OK}) is A
    assert [each for each in world.effects if isinstance(each, ef.Put | ef.Delete)] == []


def test_the_list_survives_a_restart() -> None:
    """5.4, keys 8: with states, groups and expiry."""
    world = World()
    until = WALL + timedelta(days=1)
    group = TokenInfo(status=TokenStatus.ACCEPTED, group="FLEET", expires_at=until)
    send(world, 4, {CARD: group, OTHER: BLOCKED})
    world.kill_both(host=True)
    world.accept()
    assert version(world) == 4
    world.away()
    assert not starts(world, OTHER)
    assert starts(world, CARD)


def test_a_list_that_lost_entries_says_version_0_and_takes_a_full_one_only() -> None:
    """5.4: what is left goes on to serve; the CSMS learns that the list must be sent anew."""
    world = World()
    send(world, 4, {CARD: OK, OTHER: OK})
    world.store.spaces[SPACE]["04b2"] = "no JSON"
    world.kill_agent()
    assert "local_list.damaged" in world.notes
    world.accept()
    assert version(world) == 0
    assert change(world, 5, {"04C3": OK}) is FAILED
    world.kill_agent()
    world.accept()
    assert version(world) == 0
    assert send(world, 5, {CARD: OK}) is A
    assert version(world) == 5


@pytest.mark.parametrize("head", [None, "no JSON"])
def test_a_list_without_a_readable_head_is_damaged(head: str | None) -> None:
    world = World()
    send(world, 4, {CARD: OK})
    del world.store.spaces[HEAD_SPACE]["head"]
    if head is not None:
        world.store.spaces[HEAD_SPACE]["head"] = head
    world.kill_agent()
    world.accept()
    assert version(world) == 0
    assert send(world, 4, {CARD: OK}) is A
    assert version(world) == 4


def test_ten_thousand_entries_are_taken_kept_and_replaced_with_bounded_writing() -> None:
    """5.4: LocalAuthListMaxLength entries in messages of SendLocalListMaxLength."""
    world = World()
    until = WALL + timedelta(days=300)
    info = TokenInfo(status=TokenStatus.ACCEPTED, group="FLEET-0000000001", expires_at=until)
    tokens = [f"04A1B2C3D4{n:010d}" for n in range(10_000)]
    for place in range(0, 10_000, 500):
        world.forget()
        sent = dict.fromkeys(tokens[place : place + 500], info)
        assert send(world, place + 1, sent, differential=place > 0) is A
        assert len(writes(world)) == 500
    assert change(world, 20_000, {"one more": OK}) is FAILED
    assert sum(len(k) + len(v) for k, v in world.store.spaces[SPACE].items()) < 1_000_000
    before = world.store.written_bytes
    assert change(world, 20_001, {tokens[0]: BLOCKED}) is A
    assert world.store.written_bytes - before < 200
    world.kill_agent()
    world.accept()
    assert version(world) == 20_001
    world.forget()
    assert send(world, 1, {tokens[0]: OK}) is A
    assert writes(world) == [("Delete", None), ("Put", tokens[0].casefold())]


# --- Deciding -------------------------------------------------------------------------------------


def test_an_id_in_the_list_starts_without_a_question() -> None:
    """5.1, TC_008_1: local start, id in the list, LocalPreAuthorize."""
    world = listed()
    assert starts(world)
    assert asked(world) == []


def test_an_id_in_the_list_starts_remotely_without_a_question() -> None:
    """5.1, A5, TC_008_2: remote start, id in the list, LocalPreAuthorize."""
    world = listed()
    world.plug_in()
    assert world.remote_start(CARD) is A
    assert asked(world) == []
    assert world.grant().permitted


def test_without_pre_authorization_the_csms_is_asked_although_the_list_knows() -> None:
    """5.1: online the list is ignored for starting."""
    world = listed("false")
    world.csms.verdicts[CARD] = BLOCKED
    assert not starts(world)
    assert asked(world) == [CARD]


def test_an_entry_of_the_list_decides_even_when_it_refuses() -> None:
    """5.1: a hit in the list is used."""
    world = World(variables={PRE: "true"})
    send(world, 1, {CARD: BLOCKED})
    assert not starts(world)
    assert asked(world) == []


def test_tokens_of_the_list_are_compared_without_regard_to_letter_case() -> None:
    """R14."""
    world = listed()
    assert starts(world, "04a1")
    assert asked(world) == []


def test_the_list_wins_over_the_cache() -> None:
    """A1."""
    world = World()
    world.card(CARD)  # the cache knows it as accepted
    world.card(CARD)
    send(world, 1, {CARD: BLOCKED})
    world.away()
    assert not starts(world)


def test_a_token_of_the_list_is_not_written_to_the_cache() -> None:
    """A1."""
    world = World()
    send(world, 1, {CARD: OK})
    world.card(CARD)
    world.card(OTHER)
    assert list(world.store.spaces["cache"]) == ["04b2"]


def test_a_list_that_is_switched_off_decides_nothing() -> None:
    """Keys, LocalAuthListEnabled false: no look-ups."""
    world = listed()
    world.set(*ENABLED, "false")
    world.away()
    assert not starts(world)


# fmt: off
OFFLINE = [
    # list says  LocalAuthorizeOffline  OfflineTxForUnknownId  allowed
    (OK,         "true",                "false",               True),
    (BUSY,       "true",                "false",               True),    # A4
    (BLOCKED,    "true",                "true",                False),   # A2
    (BLOCKED,    "false",               "true",                False),   # A2
    (OK,         "false",               "true",                True),
    (OK,         "false",               "false",               False),
]
# fmt: on


@pytest.mark.parametrize(("info", "local", "unknown", "expected"), OFFLINE)
def test_offline_the_list_decides(
    info: TokenInfo, local: str, unknown: str, expected: bool
) -> None:
    """5.1, A2, A4."""
    world = World(variables={LOCAL_OFFLINE: local, OFFLINE_UNKNOWN: unknown})
    send(world, 1, {CARD: info})
    world.away()
    assert starts(world) is expected


@pytest.mark.parametrize("status", [TokenStatus.BLOCKED, TokenStatus.EXPIRED, TokenStatus.INVALID])
def test_entries_that_are_not_valid_refuse(status: TokenStatus) -> None:
    """A2, A4: even where unknown tokens may charge."""
    world = World(variables={OFFLINE_UNKNOWN: "true"})
    send(world, 1, {CARD: TokenInfo(status=status)})
    world.away()
    assert not starts(world)
    assert starts(world, OTHER)


def test_an_entry_expires() -> None:
    """A2, A4: from its expiryDate on it counts as Expired."""
    world = World(variables={OFFLINE_UNKNOWN: "true"})
    until = WALL + timedelta(seconds=world.now_s + 60.0)
    send(world, 1, {CARD: TokenInfo(status=TokenStatus.ACCEPTED, expires_at=until)})
    world.away()
    assert starts(world)
    world.unplug()
    world.wait(61.0)
    assert not starts(world)


def test_without_the_time_an_entry_with_an_expiry_decides_nothing() -> None:
    """A2: what may have expired is treated like an unknown token."""
    world = World()
    until = WALL + timedelta(days=1)
    send(world, 1, {CARD: TokenInfo(status=TokenStatus.ACCEPTED, expires_at=until), OTHER: OK})
    world.kill_both(host=True)
    assert not starts(world, CARD)
    assert starts(world, OTHER)


def test_the_group_of_the_list_stops_a_transaction_of_the_same_group() -> None:
    """X5, X7: parentIdTag of both cards from the list, offline."""
    world = World(evses=1)
    fleet = TokenInfo(status=TokenStatus.ACCEPTED, group="FLEET")
    send(world, 1, {CARD: fleet, OTHER: fleet, "04C3": OK})
    world.away()
    assert starts(world, CARD)
    world.card("04C3")
    assert world.grant().permitted
    world.card(OTHER)
    world.wait(5.0)
    world.accept()
    assert [end.reason for end in world.ends] == [StopReason.LOCAL]


# --- Contradictions -------------------------------------------------------------------------------


def faults(world: World) -> list[str | None]:
    """Faults that were reported of the station as a whole."""
    return [each.report.fault for each in world.of(ef.ReportConnector) if each.report.evse == 0]


@pytest.mark.parametrize(("entry", "answer"), [(OK, BLOCKED), (BLOCKED, OK)])
def test_an_answer_against_the_list_is_told_and_changes_nothing(
    entry: TokenInfo, answer: TokenInfo
) -> None:
    """5.3: StatusNotification of connector 0 with LocalListConflict."""
    world = World()
    send(world, 1, {CARD: entry})
    world.csms.verdicts[CARD] = answer
    world.forget()
    world.card(CARD)
    assert faults(world) == [CONFLICT]
    assert world.of(ef.ReportConnector)[0].report.state is ConnectorState.AVAILABLE
    assert world.station.overview(world.now_s).fault == CONFLICT
    assert "local_list.contradicted" in world.notes
    assert writes(world) == []
    assert version(world) == 1


def test_the_answer_to_a_start_can_contradict_the_list_too() -> None:
    """5.3, A6: the list let it start, StartTransaction.conf says Invalid."""
    world = listed()
    world.csms.start_status = TokenStatus.INVALID
    world.plug_in()
    world.card(CARD)
    assert faults(world) == [CONFLICT]


@pytest.mark.parametrize("answer", [OK, BUSY])
def test_an_answer_that_agrees_is_no_contradiction(answer: TokenInfo) -> None:
    """5.3, A4: ConcurrentTx is valid as far as a list can tell."""
    world = World()
    send(world, 1, {CARD: OK})
    world.csms.verdicts[CARD] = answer
    world.card(CARD)
    assert CONFLICT not in faults(world)


def test_a_contradiction_ends_with_the_next_list() -> None:
    """5.3, S7."""
    world = World()
    send(world, 1, {CARD: OK})
    world.csms.verdicts[CARD] = BLOCKED
    world.card(CARD)
    assert send(world, 2, {CARD: BLOCKED}) is A
    assert faults(world)[-1] is None


def test_a_contradiction_ends_when_the_answer_agrees_again() -> None:
    """5.3, S7."""
    world = World()
    send(world, 1, {CARD: OK})
    world.csms.verdicts[CARD] = BLOCKED
    world.card(CARD)
    world.csms.verdicts[CARD] = OK
    world.card(CARD)
    assert faults(world)[-2:] == [CONFLICT, None]


def test_a_contradiction_means_nothing_while_the_list_is_switched_off() -> None:
    """5.3."""
    world = World()
    send(world, 1, {CARD: OK})
    world.csms.verdicts[CARD] = BLOCKED
    world.card(CARD)
    world.set(*ENABLED, "false")
    assert faults(world)[-1] is None


def test_many_contradictions_take_bounded_memory() -> None:
    """5.3: beyond a hundred tokens no more are noted."""
    world = World()
    tokens = [f"T{n}" for n in range(150)]
    send(world, 1, dict.fromkeys(tokens, OK))
    for token in tokens:
        world.csms.verdicts[token] = BLOCKED
        world.card(token)
    assert world.notes.count("local_list.contradicted") == 100
