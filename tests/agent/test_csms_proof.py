"""What makes waits begin afresh, and what a CSMS can ask for: answers, close codes, Retry-After."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from chargepoint.agent.backoff import Backoff
from chargepoint.agent.csms import STABLE_S, CsmsLink, LinkState
from tests.agent.links import Station, eventually, linked, server

FIRST_WAIT_S, SECOND_WAIT_S = 0.02, 0.04


class Answering:
    """Answers one text with another and closes with `code`; without a text it waits."""

    def __init__(self, code: int) -> None:
        self.code = code

    async def serve(self, connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("[3]")
        await connection.recv()
        await connection.close(self.code)


@asynccontextmanager
async def answering(code: int = 1000, **options: Any) -> AsyncIterator[tuple[CsmsLink, Station]]:
    async with server(Answering(code).serve) as (url, _), linked(url, **options) as both:
        yield both


async def lives(link: CsmsLink, station: Station, kind: str) -> None:
    """One connection: a call goes out, `kind` comes back, the server closes."""
    opened, heard = station.opened(), len(station.texts())
    link.passed(True, "call")
    link.send(opened, "[2]")
    await station.until(lambda: len(station.texts()) > heard)
    link.passed(False, kind)
    link.send(opened, "end")
    await station.until(lambda: station.closed() == opened)


def taken(link: CsmsLink) -> list[float]:
    """Waits that the link takes from now on are noted here."""
    waits: list[float] = []
    plain = link._backoff.next_wait_s

    def noted(at_least_s: float = 0.0) -> float:
        waits.append(round(plain(at_least_s), 3))
        return waits[-1]

    link._backoff.next_wait_s = noted  # type: ignore[method-assign]
    return waits


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        ("result", [FIRST_WAIT_S, FIRST_WAIT_S, FIRST_WAIT_S]),
        ("error", [FIRST_WAIT_S, SECOND_WAIT_S, 0.08]),
        ("call", [FIRST_WAIT_S, SECOND_WAIT_S, 0.08]),
    ],
)
async def test_only_an_answered_call_is_proof(kind: str, waits: list[float]) -> None:
    """T9: neither a 101, nor a CALLERROR, nor requests of the CSMS."""
    async with answering() as (link, station):
        seen = taken(link)
        for number in (1, 2, 3):
            await station.until(lambda: station.opened() == number)  # noqa: B023
            await lives(link, station, kind)
        await eventually(lambda: len(seen) == 3)
        assert seen == waits


async def test_an_end_that_says_stay_away_does_not_begin_afresh() -> None:
    """T9, CQ3: accepted, then closed for policy, again and again."""
    async with answering(1008) as (link, station):
        seen = taken(link)
        for number in (1, 2, 3):
            await station.until(lambda: station.opened() == number)  # noqa: B023
            await lives(link, station, "result")
        await eventually(lambda: len(seen) == 3)
        assert seen == [FIRST_WAIT_S, SECOND_WAIT_S, 0.08]
        assert link.last_error == "closed by the CSMS: 1008"


@pytest.mark.parametrize(("code", "wait_s"), [(1013, 0.2), (4000, 0.02), (1012, 0.02)])
async def test_try_again_later_costs_ten_first_waits(code: int, wait_s: float) -> None:
    async with answering(code) as (link, station):
        seen = taken(link)
        await station.until(lambda: station.opened() == 1)
        await lives(link, station, "result")
        await eventually(lambda: bool(seen))
        assert seen == [wait_s]


async def test_a_connection_that_lasted_is_proof_without_a_call() -> None:
    clock = [0.0]
    async with answering(retry_wait_min_s=60.0, now=lambda: clock[0]) as (link, station):
        await station.until(lambda: station.opened() == 1)
        link._backoff.next_wait_s()
        clock[0] = STABLE_S
        link.send(1, "[2]")
        link.send(1, "end")
        await eventually(lambda: link.state is LinkState.WAITING)
        assert link.next_attempt_s == STABLE_S + 60.0
        assert link.failures == 0


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("7", 7.0), ("99999999999", 600.0), ("soon", 0.02), ("-5", 0.02), ("", 0.02)],
)
async def test_a_refusal_may_say_when_to_come_back(header: str, wait_s: float) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "")
        response.headers["Retry-After"] = header
        return response

    async with server(process_request=refuse) as (url, _), linked(url) as (link, _):
        seen = taken(link)
        await eventually(lambda: bool(seen))
        assert seen[0] == wait_s


def test_what_was_asked_for_is_stretched_by_chance_too() -> None:
    """T9: stations that were sent away together do not come back together."""
    waits = Backoff(wait_min_s=3.0, random_range_s=10.0, doublings=2, random=lambda: 0.5)
    assert [waits.next_wait_s(30.0), waits.next_wait_s()] == [35.0, 21.0]


async def test_an_answer_is_awaited_from_the_first_call_to_its_answer() -> None:
    clock = [5.0]
    async with answering(now=lambda: clock[0]) as (link, station):
        seen = [link.asked_s]
        await station.until(lambda: station.opened() == 1)
        link.passed(True, "call")
        clock[0] = 6.0
        link.passed(False, "call")
        link.passed(True, "result")
        seen.append(link.asked_s)
        link.passed(False, "error")
        seen.append(link.asked_s)
        assert seen == [None, 5.0, None]
