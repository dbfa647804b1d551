"""Several addresses of the CSMS, real servers on loopback: fall over, stay, return."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from chargepoint.agent.csms import CsmsLink, LinkState
from tests.agent.links import Station, eventually, linked, server

CALL = '[2,"1","Heartbeat",{}]'


class Central:
    """A server that can be out of order, deaf, or right."""

    def __init__(self) -> None:
        self.status: HTTPStatus | None = None
        self.deaf = False
        self.close_code: int | None = None
        self.handshakes = 0
        self.open: list[ServerConnection] = []
        self.calls: list[Any] = []
        self.url = ""

    def look(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        return None if self.status is None else connection.respond(self.status, "no")

    async def serve(self, connection: ServerConnection) -> None:
        self.open.append(connection)
        if self.close_code is not None:
            await connection.close(self.close_code)
        async for text in connection:
            call = json.loads(text)
            self.calls.append(call)
            if not self.deaf:
                await connection.send(json.dumps([3, call[1], {}]))
        self.open.remove(connection)


@asynccontextmanager
async def central() -> AsyncIterator[Central]:
    it = Central()
    async with server(it.serve, process_request=it.look) as (it.url, _):
        yield it


async def asks(link: CsmsLink, station: Station) -> None:
    """One call on the open connection, and its answer if there is one; as the runtime tells."""
    opened, heard = station.opened(), len(station.texts())
    link.passed(True, "call")
    link.send(opened, CALL)
    await station.until(lambda: len(station.texts()) > heard)
    link.passed(False, "result")


async def test_the_next_address_is_tried_at_once_and_the_wait_comes_after_all() -> None:
    """T3, T9, CQ3."""
    async with central() as first, central() as second:
        first.status = HTTPStatus.SERVICE_UNAVAILABLE
        async with linked([first.url, second.url], retry_wait_min_s=60.0) as (link, station):
            await station.until(lambda: station.opened() == 1)
            assert link.url.startswith(second.url)
            assert (link.places.number, first.handshakes) == (2, 1)
            assert "503" in link.last_error


async def test_when_none_serves_there_is_one_wait_for_all() -> None:
    """T9."""
    async with central() as first, central() as second:
        first.status = second.status = HTTPStatus.NOT_FOUND
        async with linked([first.url, second.url], retry_wait_min_s=60.0) as (link, _):
            await eventually(lambda: link.state is LinkState.WAITING)
            assert (first.handshakes, second.handshakes) == (1, 1)
            assert link.failures == 2
            assert link.places.number == 1


async def test_a_lost_connection_is_made_anew_where_it_was() -> None:
    async with central() as first, central() as second:
        first.status = HTTPStatus.NOT_FOUND
        async with linked([first.url, second.url]) as (link, station):
            await station.until(lambda: station.opened() == 1)
            await asks(link, station)
            second.open[0].transport.abort()
            await station.until(lambda: station.opened() == 2)
            assert (first.handshakes, second.handshakes) == (1, 2)


async def test_a_server_that_opens_but_never_says_a_word_is_left_for_the_next() -> None:
    """CQ5: connected, but mute; a server of which we want nothing may keep silent."""
    async with central() as first, central() as second:
        first.deaf = True
        addresses = [first.url, second.url]
        async with linked(addresses, retry_wait_min_s=60.0, mute_wait_s=0.05) as (link, station):
            await station.until(lambda: station.opened() == 1)
            await asyncio.sleep(0.1)
            assert station.closed() == 0
            link.passed(True, "call")
            link.send(1, CALL)
            await station.until(lambda: station.opened() == 2)
            assert link.places.number == 2
            assert "no answer" in link.last_error


async def test_it_returns_to_the_first_address_when_that_listens_and_nothing_is_asked() -> None:
    """T7: the one connection is closed before the other one is opened."""
    async with central() as first, central() as second:
        first.status = HTTPStatus.NOT_FOUND
        addresses = [first.url, second.url]
        async with linked(addresses, retry_wait_min_s=60.0, return_after_s=0.05) as (link, station):
            await station.until(lambda: station.opened() == 1)
            link.passed(True, "call")
            await asyncio.sleep(0.15)
            first.status = None
            assert (first.handshakes, station.closed()) == (1, 0)
            await asks(link, station)
            await station.until(lambda: station.opened() == 2)
            assert link.places.number == 1
            assert not second.open
            kinds = [type(one).__name__ for one in station.heard if "Socket" in type(one).__name__]
            assert kinds == ["SocketOpened", "SocketClosed", "SocketOpened"]


async def test_a_return_in_vain_leads_back_to_the_address_that_worked() -> None:
    async with central() as first, central() as second:
        first.status = HTTPStatus.BAD_GATEWAY
        addresses = [first.url, second.url]
        async with linked(addresses, retry_wait_min_s=60.0, return_after_s=0.05) as (link, station):
            await station.until(lambda: station.opened() == 1)
            await asks(link, station)
            await station.until(lambda: station.opened() == 2)
            assert (first.handshakes, second.handshakes) == (2, 2)
            assert link.places.return_s == 0.1


async def test_an_address_where_nobody_listens_is_not_returned_to() -> None:
    async with server() as (closed, running):
        running.close()
        await running.wait_closed()
        async with central() as second:
            addresses = [closed, second.url]
            async with linked(addresses, return_after_s=0.02) as (link, station):
                await station.until(lambda: station.opened() == 1)
                await asks(link, station)
                await asyncio.sleep(0.1)
                assert (station.closed(), link.places.number) == (0, 2)


async def test_connect_by_service_begins_with_the_first_address() -> None:
    async with central() as first, central() as second:
        first.status = HTTPStatus.NOT_FOUND
        async with linked([first.url, second.url], return_after_s=0.0) as (link, station):
            await station.until(lambda: station.opened() == 1)
            await asks(link, station)
            link.turn(False)
            await eventually(lambda: link.state is LinkState.OFF)
            first.status = None
            link.turn(True)
            await station.until(lambda: station.opened() == 2)
            assert link.places.number == 1


async def test_a_change_of_what_we_show_stays_at_its_address() -> None:
    async with central() as first, central() as second:
        first.status = HTTPStatus.NOT_FOUND
        async with linked([first.url, second.url], retry_wait_min_s=60.0) as (link, station):
            await station.until(lambda: station.opened() == 1)
            await asks(link, station)
            link.reconnect("a new key")
            await station.until(lambda: station.opened() == 2)
            assert (first.handshakes, second.handshakes) == (1, 2)
