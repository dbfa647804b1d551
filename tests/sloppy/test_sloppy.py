"""Central systems that are sloppy in one way each, and what the station makes of it.

Real WebSockets on loopback. Unless a test says otherwise a whole session must pass: one start, one
stop, nothing owed in the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from tests.sloppy import servers as s
from tests.sloppy.stand import Stand, standing


@asynccontextmanager
async def before(server: s.Plain, **csms: Any) -> AsyncIterator[Stand]:
    """A stand connected to `server`."""
    async with s.listening(server) as url, standing(url, **csms) as stand:
        yield stand


async def accepted(stand: Stand) -> None:
    await stand.until(lambda: stand.core.accepted, "acceptance")


async def served(stand: Stand, server: s.Plain) -> None:
    """A request is answered."""
    before_ = len(server.answers)
    await server.ask("GetConfiguration", {"key": ["NumberOfConnectors"]}, "alive")
    await stand.until(lambda: len(server.answers) > before_, "an answer")
    assert server.answers[-1][:2] == [3, "alive"]
    assert server.answers[-1][2]["configurationKey"][0]["value"] == "1"


async def session_passes(stand: Stand, server: s.Plain, within_s: float = 15.0) -> None:
    """One start, one stop, nothing owed, and nothing that the books object to."""
    await accepted(stand)
    await stand.charge()
    await stand.until(lambda: server.ended and stand.owed == 0, "a session", within_s)
    (transaction,) = server.central.transactions.values()
    assert transaction.stop is not None
    assert transaction.stop["transactionId"] == transaction.id
    assert transaction.stop["meterStop"] > transaction.start["meterStart"]
    assert stand.disk.quarantined == []
    assert server.central.violations == []
    await served(stand, server)


async def test_a_plain_server_gets_a_session() -> None:
    """Guards the stand: with nothing wrong everything passes, and no call is repeated."""
    server = s.Plain()
    async with before(server) as stand:
        await session_passes(stand, server)
        assert server.connects == 1
        assert len(server.said("StartTransaction")) == len(server.said("StopTransaction")) == 1


# --- Handshakes -----------------------------------------------------------------------------------


async def test_a_101_without_a_subprotocol_is_tried_again() -> None:
    """T4, CQ3."""
    server = s.NoSubprotocol()
    async with before(server) as stand:
        await session_passes(stand, server)
        assert server.connects == 3
        assert server.calls[0][2] == "BootNotification"


async def test_a_subprotocol_that_was_not_offered_is_tried_again() -> None:
    """T4, CQ3."""
    server = s.OtherSubprotocol()
    async with before(server) as stand:
        await session_passes(stand, server)
        assert server.tries == 3


@pytest.mark.parametrize("status", [401, 500])
async def test_a_server_that_believes_in_the_old_socket_is_asked_until_it_lets_go(
    status: int,
) -> None:
    """T3, T7, CQ3: after a lost link, not a new boot but what is owed."""
    server = s.BelievesInTheOldSocket(status)
    async with before(server) as stand:
        await accepted(stand)
        server.open[0].transport.abort()
        await stand.until(lambda: not stand.core.accepted, "the loss")
        stand.plug_in()
        await stand.until(lambda: server.connects == 2, "the second connection")
        stand.unplug()
        await session_passes(stand, server)
        assert server.refused == 3
        assert len(server.said("BootNotification")) == 1


@pytest.mark.parametrize("code", [1000, 1002, 1008, 1011, 1013])
async def test_a_new_socket_that_is_closed_at_once_is_opened_again(code: int) -> None:
    """CQ3: whatever number it is closed with."""
    server = s.ClosesTheNewSocket(code)
    async with before(server) as stand:
        await session_passes(stand, server)
        assert server.connects == 4


async def test_answers_on_a_socket_that_was_replaced_do_no_harm() -> None:
    """T7: one connection counts at a time."""
    server = s.TwoSockets()
    async with before(server) as stand:
        await accepted(stand)
        stand.link.reconnect("the test wants a second connection")
        await stand.until(lambda: server.connects == 2, "the second connection")
        await session_passes(stand, server)


# --- Frames ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "server", [s.PrettyPrints, s.ExtraFields, s.TextForNumbers], ids=lambda kind: kind.__name__
)
async def test_answers_with_more_than_the_schema_allows_are_taken(server: type[s.Plain]) -> None:
    """R11, CQ9: what can be read in them counts; nothing is repeated."""
    made = server()
    async with before(made) as stand:
        await session_passes(stand, made)
        assert len(made.said("StartTransaction")) == 1


async def test_second_answers_are_noted_and_ignored() -> None:
    """R4, R6."""
    server = s.AnswersTwice()
    async with before(server) as stand:
        await session_passes(stand, server)
        assert server.connects == 1
        assert len(server.said("StartTransaction")) == len(server.said("StopTransaction")) == 1


@pytest.mark.parametrize(
    "code",
    [
        "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError",
        "FormationViolation", "FormatViolation", "PropertyConstraintViolation",
        "OccurenceConstraintViolation", "OccurrenceConstraintViolation",
        "TypeConstraintViolation", "GenericError", "RpcFrameworkError", "Whatever", "",
    ],
)  # fmt: skip
async def test_a_start_and_a_stop_refused_in_any_spelling_are_tried_again(code: str) -> None:
    """R9, CQ10: with a new message id and the same content."""
    server = s.RefusesOnce(code, "because", {})
    async with before(server) as stand:
        await session_passes(stand, server, 30)
        first, second = (call for call in server.calls if call[2] == "StartTransaction")
        assert first[1] != second[1]
        assert first[3] == second[3]


@pytest.mark.parametrize(
    "tail",
    [(), ("InternalError",), ("InternalError", "text"), ("InternalError", None, None), (7, 8, 9)],
    ids=["nothing", "code", "no details", "nulls", "numbers"],
)
async def test_a_callerror_with_too_few_parts_is_a_refusal_too(tail: tuple[Any, ...]) -> None:
    """R9, CQ9."""
    server = s.RefusesOnce(*tail)
    async with before(server) as stand:
        await session_passes(stand, server)
        assert len(server.said("StartTransaction")) == 2


async def test_a_callerror_that_is_no_json_fails_the_call_that_it_names() -> None:
    """R6: at once, not after the time-out."""
    server = s.BreaksItsOwnJson()
    async with before(server) as stand:
        await session_passes(stand, server)
        assert server.broken == 1
        assert len(server.said("StartTransaction")) == 2


async def test_a_binary_answer_is_none_and_text_is_heard_afterwards() -> None:
    """R6, B5: the boot runs into its time-out and is repeated on the same connection."""
    server = s.AnswersInBinary()
    async with before(server) as stand:
        await stand.until(lambda: len(server.said("BootNotification")) == 1, "the first boot")
        await served(stand, server)
        assert not stand.core.accepted
        assert server.connects == 1


async def test_a_flood_of_binary_frames_is_told_of_once_and_hinders_nothing() -> None:
    """R6."""
    server = s.BinaryFlood()
    with structlog.testing.capture_logs() as lines:
        async with before(server) as stand:
            await session_passes(stand, server)
            assert server.connects == 1
    assert [line["event"] for line in lines].count("csms.sent_binary") == 1


async def test_a_line_cut_in_the_middle_of_a_frame_costs_no_transaction() -> None:
    """Q5, Q8: the same start again on the next connection; the server knows it."""
    server = s.ClosesMidFrame()
    async with before(server) as stand:
        await session_passes(stand, server)
        first, second = server.said("StartTransaction")
        assert first == second
        assert server.connects == 2


@pytest.mark.parametrize(("size", "connects"), [(1_000_000, 1), (6_000_000, 2)])
async def test_a_huge_frame_is_answered_or_costs_the_connection(size: int, connects: int) -> None:
    """R12: 1 MB is taken; what is beyond 4 MiB ends the connection, and the next one serves."""
    server = s.Huge(size)
    async with before(server) as stand:
        await session_passes(stand, server)
        assert server.connects == connects


# --- Liveness -------------------------------------------------------------------------------------


async def test_a_mute_server_is_left_after_the_unanswered_calls_and_tried_again() -> None:
    """CQ5, R4: the next connection boots again and works."""
    server = s.Mute()
    async with before(server, unanswered_max=1) as stand:
        await stand.until(lambda: server.connects == 3, "the third connection", 30)
        await session_passes(stand, server)
        assert {call[2] for call in server.calls[:2]} == {"BootNotification"}


async def test_a_flood_of_pings_is_answered_and_does_not_hinder() -> None:
    """T11."""
    server = s.PingFlood()
    async with before(server) as stand:
        await session_passes(stand, server)
        await stand.until(lambda: server.pongs == server.pings, "all pongs")
        assert server.connects == 1


async def test_a_burst_before_the_boot_with_one_id_for_all_is_answered_to_the_last() -> None:
    """CQ6, CQ8, R2: ids are echoed, never compared."""
    server = s.AsksAtOnce()
    async with before(server) as stand:
        await stand.until(lambda: len(server.answers) == 25, "25 answers")
        assert {(frame[0], frame[1]) for frame in server.answers} == {(3, "same id")}
        await session_passes(stand, server)


@pytest.mark.parametrize("message_id", [17, 0, -1, 2**63, "RemoteStartTransaction 31", "ü" * 90])
async def test_any_message_id_is_echoed_as_it_came(message_id: Any) -> None:
    """R2."""
    server = s.Plain()
    async with before(server) as stand:
        await accepted(stand)
        await server.ask("GetConfiguration", {"key": ["HeartbeatInterval"]}, message_id)
        await stand.until(lambda: bool(server.answers), "an answer")
        assert server.answers[0][:2] == [3, message_id]


# --- Contents -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-24T10:00:00", "2026-11-24T10:00:00.1234567+00:00", "2026-11-24T11:00:00+01",
        "2026-11-24T10:00:00.123456789Z", "2026-11-24t10:00:00z", "2026-11-24 10:00:00Z",
    ],
)  # fmt: skip
async def test_times_in_any_dialect_set_the_clock_and_no_zone_means_utc(time: str) -> None:
    """R13, B2."""
    server = s.OddBoot(currentTime=time)
    async with before(server) as stand:
        await session_passes(stand, server)
        (transaction,) = server.central.transactions.values()
        assert transaction.start["timestamp"].startswith("2026-11-24T10:0")
        assert transaction.start["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "fields",
    [
        {"interval": 0},
        {"interval": -5},
        {"interval": None},
        {"interval": "soon"},
        {"currentTime": None},
        {"currentTime": "yesterday"},
        {"currentTime": "1970-01-01T00:00:00Z"},
    ],
    ids=str,
)
async def test_a_boot_answer_with_odd_contents_is_an_acceptance(fields: dict[str, Any]) -> None:
    """CQ9, CQ13, B1: a useless interval is our own default, an impossible time is none."""
    server = s.OddBoot(**fields)
    async with before(server) as stand:
        await accepted(stand)
        await server.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
        await stand.until(lambda: bool(server.answers), "an answer")
        assert server.answers[0][2]["configurationKey"][0]["value"] == "300"
        assert len(server.said("BootNotification")) == 1


@pytest.mark.parametrize("number", [0, -1, 1, 2**31 - 1, -(2**31)])
async def test_any_int32_is_a_transaction_id_even_twice(number: int) -> None:
    """CQ12: two sessions with the same id are two."""
    server = s.OddIds(number)
    async with before(server) as stand:
        await accepted(stand)
        for count in (1, 2):
            await stand.charge()
            await stand.until(
                lambda count=count: len(server.said("StopTransaction")) == count, "the stop"
            )
        await stand.until(lambda: stand.owed == 0, "nothing owed")
        assert [stop["transactionId"] for stop in server.said("StopTransaction")] == [number] * 2
        await served(stand, server)


async def test_a_callerror_to_the_boot_is_waited_out_and_requests_are_served_meanwhile() -> None:
    """B5, CQ6."""
    server = s.BootFails()
    async with before(server) as stand:
        await stand.until(lambda: len(server.calls) == 1, "the first boot")
        await served(stand, server)
        assert {call[2] for call in server.calls} == {"BootNotification"}
