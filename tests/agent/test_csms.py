"""The CSMS link against real servers on loopback: every way in which a connection can fail."""

from __future__ import annotations

import asyncio
import base64
import ssl
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from chargepoint.agent.core import SocketClosed, SocketOpened
from chargepoint.agent.csms import LinkState
from tests.agent.links import KEY, connection_of, eventually, linked, server


async def test_texts_pass_both_ways_and_stay_text() -> None:
    got: list[str | bytes] = []

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            got.append(message)
            await connection.send(f"echo {message!r}")

    async with server(echo) as (url, _), linked(url) as (link, station):
        await station.until(lambda: station.opened() == 1)
        assert station.heard[0] == SocketOpened(connection=1, subprotocol="ocpp1.6")
        link.send(1, "[2]")
        await station.until(lambda: station.texts() == ["echo '[2]'"])
        assert got == ["[2]"]
        assert (link.state, link.version) == (LinkState.CONNECTED, "1.6")


async def test_the_handshake_shows_identity_password_and_subprotocol_and_no_compression() -> None:
    """T2, T5, T6, CQ2."""
    requests: list[Request] = []

    def look(connection: ServerConnection, request: Request) -> None:
        requests.append(request)

    async with (
        server(process_request=look) as (url, _),
        linked(url, security_profile=1, password=KEY) as (_, station),
    ):
        await station.until(lambda: station.opened() == 1)
    (request,) = requests
    assert request.path == "/ocpp/CP%201"
    assert request.headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
    assert "Sec-WebSocket-Extensions" not in request.headers
    wanted = base64.b64encode(f"CP 1:{KEY}".encode()).decode()
    assert request.headers["Authorization"] == f"Basic {wanted}"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 412, 429, 500, 503])
async def test_every_refusal_is_temporary(status: int) -> None:
    """T3, T8, CQ3: 401 and 404 too, and redirects, which are not followed."""
    refusals = [status, status]

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        if not refusals:
            return None
        response = connection.respond(HTTPStatus(refusals.pop()), "no\n")
        response.headers["Location"] = "ws://127.0.0.1:9/elsewhere"
        return response

    async with server(process_request=refuse) as (url, _), linked(url) as (link, station):
        await station.until(lambda: station.opened() == 1)
        assert f"HTTP {status}" in link.last_error


async def test_a_server_without_our_version_is_left_again() -> None:
    """Rule T4: 101 without Sec-WebSocket-Protocol."""
    handshakes: list[str] = []

    def count(connection: ServerConnection, request: Request) -> None:
        handshakes.append(request.path)

    async with (
        server(process_request=count, select_subprotocol=lambda connection, offered: None) as (
            url,
            running,
        ),
        linked(url) as (link, station),
    ):
        await eventually(lambda: len(handshakes) >= 2)
        assert station.heard == []
        assert "ocpp1.6" in link.last_error
        link.stop()
        await eventually(lambda: not running.connections)


async def raw(answer: bytes) -> asyncio.Server:
    """A TCP server that says `answer` and hangs up; nothing: it says nothing and stays."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nlogin",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"\x00\xff" * 50,
        b"",
    ],
    ids=["captive portal", "garbage", "half a handshake", "noise", "silence"],
)
async def test_what_is_no_websocket_server_is_tried_again_later(answer: bytes) -> None:
    talker = await raw(answer)
    port = talker.sockets[0].getsockname()[1]
    async with linked(f"ws://127.0.0.1:{port}/x", open_wait_s=0.1) as (link, station):
        await eventually(lambda: link.state is LinkState.WAITING)
        assert link.last_error
        await eventually(lambda: link.state is LinkState.CONNECTING)
        assert station.heard == []
    talker.close()


async def test_a_closed_port_is_tried_again_later() -> None:
    async with server() as (url, running):
        running.close()
        await running.wait_closed()
        async with linked(url) as (link, _):
            await eventually(lambda: link.state is LinkState.WAITING)
            assert link.next_attempt_s is not None


async def test_a_certificate_that_cannot_be_checked_is_tried_again_later() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    async with server(ssl=context) as (url, _):
        secure = url.replace("ws:", "wss:")
        async with linked(secure, retry_wait_min_s=60.0) as (link, station):
            await eventually(lambda: link.state is LinkState.WAITING)
            assert station.heard == []


@pytest.mark.parametrize("code", [1000, 1002, 1008, 1011, 1013])
async def test_a_close_right_after_the_handshake_is_waited_out(code: int) -> None:
    """T3, CQ3."""

    async def leave(connection: ServerConnection) -> None:
        await connection.close(code, "no place")

    async with server(leave) as (url, _), linked(url) as (link, station):
        await station.until(lambda: station.opened() >= 2)
        assert station.heard[:2] == [
            SocketOpened(connection=1, subprotocol="ocpp1.6"),
            SocketClosed(connection=1),
        ]
        assert str(code) in link.last_error


async def test_a_connection_that_dies_young_does_not_reset_the_waits() -> None:
    """T9."""

    async def leave(connection: ServerConnection) -> None:
        await connection.close(1008)

    async with server(leave) as (url, _), linked(url) as (link, station):
        await station.until(lambda: station.closed() >= 3)
        await eventually(lambda: link.state is LinkState.WAITING)
        assert link.next_attempt_s is not None
        assert link._backoff.next_wait_s() > 0.1


async def test_texts_for_an_earlier_connection_are_dropped() -> None:
    """T7."""
    got: list[str | bytes] = []

    async def first_leaves(connection: ServerConnection) -> None:
        if not got:
            got.append("left")
            await connection.close()
            return
        async for message in connection:
            got.append(message)

    async with server(first_leaves) as (url, _), linked(url) as (link, station):
        await station.until(lambda: station.opened() == 2)
        link.send(1, "old")
        link.send(2, "new")
        await eventually(lambda: len(got) == 2)
        assert got == ["left", "new"]


async def test_a_peer_without_pongs_is_left() -> None:
    """Rules T11, T13."""

    async def hang(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async with (
        server(hang, close_timeout=0.1) as (url, _),
        linked(url, pong_wait_s=0.05, retry_wait_min_s=60.0) as (link, station),
    ):
        await station.until(lambda: station.opened() == 1)
        link.ping_interval_s = 0.02
        await station.until(lambda: station.closed() == 1)
        assert "no pong" in link.last_error


async def test_pings_go_out_at_the_interval_that_holds_now() -> None:
    async with server() as (url, running), linked(url) as (link, station):
        await station.until(lambda: station.opened() == 1)
        pings: list[float] = []
        protocol = connection_of(running).protocol
        receive = protocol.recv_frame

        def count(frame: Any) -> None:
            if frame.opcode == 9:
                pings.append(1)
            receive(frame)

        protocol.recv_frame = count  # type: ignore[method-assign]
        link.ping_interval_s = 1000.0
        await asyncio.sleep(0)
        link.ping_interval_s = 0.01
        await eventually(lambda: len(pings) >= 3)
        link.ping_interval_s = 0.0
        await asyncio.sleep(0.03)
        pings.clear()
        await asyncio.sleep(0.05)
        assert pings == []


async def test_the_wish_to_close_reaches_the_csms_and_is_followed_by_a_new_attempt() -> None:
    closed: list[tuple[int | None, str | None]] = []

    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()
        closed.append((connection.close_code, connection.close_reason))

    async with server(stay) as (url, _), linked(url) as (link, station):
        await station.until(lambda: station.opened() == 1)
        link.close(1, 1001, "no answers")
        await station.until(lambda: station.opened() == 2)
        assert closed == [(1001, "no answers")]


async def test_disconnected_by_service_it_stays_away_until_it_is_let_in_again() -> None:
    async with server() as (url, running), linked(url) as (link, station):
        await station.until(lambda: station.opened() == 1)
        link.turn(False)
        await station.until(lambda: station.closed() == 1)
        await eventually(lambda: link.state is LinkState.OFF)
        await asyncio.sleep(0.05)
        assert station.opened() == 1
        assert not running.connections
        link.turn(True)
        await station.until(lambda: station.opened() == 2)


async def test_a_wait_ends_at_once_when_service_says_connect() -> None:
    refusals = [503]

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(HTTPStatus(refusals.pop()), "") if refusals else None

    async with (
        server(process_request=refuse) as (url, _),
        linked(url, retry_wait_min_s=1000.0) as (link, station),
    ):
        await eventually(lambda: link.state is LinkState.WAITING)
        link.turn(True)
        await station.until(lambda: station.opened() == 1)


async def test_a_stop_closes_with_going_away() -> None:
    codes: list[int | None] = []

    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append(connection.close_code)

    async with server(stay) as (url, _):
        async with linked(url) as (_, station):
            await station.until(lambda: station.opened() == 1)
        await eventually(lambda: bool(codes))
        assert codes == [1001]


async def test_a_key_in_hex_is_sent_in_the_other_spelling_after_a_401() -> None:
    key = "4f43415f4f4354545f61646d696e5f74657374"
    seen: list[bytes] = []

    def look(connection: ServerConnection, request: Request) -> Response | None:
        seen.append(base64.b64decode(request.headers["Authorization"].split()[1]))
        if seen[-1] != f"CP 1:{key}".encode():
            return connection.respond(HTTPStatus.UNAUTHORIZED, "")
        return None

    async with (
        server(process_request=look) as (url, _),
        linked(url, security_profile=1, password=key) as (_, station),
    ):
        await station.until(lambda: station.opened() == 1)
    assert seen == [b"CP 1:OCA_OCTT_admin_test", f"CP 1:{key}".encode()]


async def test_a_binary_frame_is_dropped_and_a_large_text_is_taken() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(b"[2]")
        await connection.send("x" * 1_500_000)
        await connection.wait_closed()

    async with server(talk) as (url, _), linked(url) as (_, station):
        await station.until(lambda: bool(station.texts()))
        assert [len(text) for text in station.texts()] == [1_500_000]


async def test_a_peer_that_takes_nothing_is_left_before_texts_pile_up() -> None:
    """R12: 200 texts wait at most, however slow the network."""

    async def hang(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async with (
        server(hang, close_timeout=0.1) as (url, _),
        linked(url, retry_wait_min_s=60.0) as (link, station),
    ):
        await station.until(lambda: station.opened() == 1)
        text = "x" * 60_000
        sent = 0
        while station.closed() == 0 and sent < 2000:
            link.send(1, text)
            sent += 1
            await asyncio.sleep(0)
        await station.until(lambda: station.closed() == 1)
        assert link.last_error == "takes no data"
        assert 200 < sent < 2000
