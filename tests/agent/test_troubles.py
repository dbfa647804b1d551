"""Why there is no connection, in plain words, from what really fails on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from chargepoint.agent.connection.troubles import PORTAL, Trouble, trouble
from chargepoint.agent.csms import CsmsLink, LinkState
from chargepoint.agent.endpoint import endpoint
from chargepoint.config import Csms
from tests.agent import authorities
from tests.agent.links import eventually, linked, server

HERE = endpoint(Csms(url="wss://csms.example/ocpp"), "CP 1")


async def told_by(url: str, **options: object) -> CsmsLink:
    """The link after one attempt at `url`."""
    async with linked(url, retry_wait_min_s=60.0, **options) as (link, _):
        await eventually(lambda: link.state is LinkState.WAITING)
        return link


async def told_for(status: int, location: str = "") -> tuple[str, str]:
    """What is said when a server answers the handshake with `status`."""

    def answer(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus(status), "<html>\n")
        if location:
            response.headers["Location"] = location
        return response

    async with server(process_request=answer) as (url, _):
        link = await told_by(url)
        return link.last_error, link.last_check


@pytest.mark.parametrize(
    ("status", "location", "text", "check"),
    [
        (200, "", "HTTP 200 OK: a web page answers instead of a CSMS", PORTAL),
        (302, "http://hotel.example/?x", "HTTP 302 Found: sent on to hotel.example, not followed",
         PORTAL),
        (511, "", "HTTP 511 Network Authentication Required: this network wants a login", PORTAL),
        (301, "/v2/ocpp", "HTTP 301 Moved Permanently: not followed", "the path in csms.url"),
    ],
)  # fmt: skip
async def test_a_portal_is_told_from_a_path_that_has_moved(
    status: int, location: str, text: str, check: str
) -> None:
    """T8, CQ3."""
    assert await told_for(status, location) == (text, check)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "WebSockets"),
        (401, "password, identity and security profile"),
        (403, "proxy or firewall"),
        (404, "the CSMS knows this identity"),
        (412, "the CSMS knows this identity"),
        (426, "csms.versions"),
        (429, "nothing here"),
        (500, "nothing here"),
        (503, "nothing here"),
    ],
)
async def test_each_refusal_says_where_to_look(status: int, words: str) -> None:
    """CQ3."""
    text, check = await told_for(status)
    assert text.startswith(f"HTTP {status} ")
    assert words in check


async def test_a_certificate_for_another_name_may_be_a_portal(tmp_path: Path) -> None:
    root = authorities.authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authorities.server(root, "hotel.example").files(tmp_path, "portal"))
    (tmp_path / "root.pem").write_text(root.pem)
    async with server(ssl=context) as (url, _):
        link = await told_by(url.replace("ws:", "wss:"), ca_file=str(tmp_path / "root.pem"))
        assert link.last_error.startswith("certificate refused: ")
        assert link.last_check == PORTAL


async def test_a_stranger_s_certificate_may_be_a_proxy_that_opens_tls(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = authorities.server(authorities.authority(), "127.0.0.1").files(tmp_path, "other")
    context.load_cert_chain(*files)
    async with server(ssl=context) as (url, _):
        link = await told_by(url.replace("ws:", "wss:"))
        assert "csms.ca_file" in link.last_check


async def test_tls_at_a_port_without_it_is_told() -> None:
    async with server() as (url, _):
        link = await told_by(url.replace("ws:", "wss:"))
        assert "whether ws:// or wss:// is right" in link.last_check


async def test_what_speaks_no_http_is_told() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example ESMTP\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as talker:
        port = talker.sockets[0].getsockname()[1]
        link = await told_by(f"ws://127.0.0.1:{port}/")
        assert link.last_error == f"what answers at 127.0.0.1:{port} speaks no HTTP"


async def test_silence_is_told_with_its_place() -> None:
    async def keep_still(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(keep_still, "127.0.0.1", 0) as talker:
        port = talker.sockets[0].getsockname()[1]
        link = await told_by(f"ws://127.0.0.1:{port}/", open_wait_s=0.05)
        assert link.last_error == f"127.0.0.1:{port} does not answer"


async def test_a_name_that_is_not_known_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*asked: object, **how: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    link = await told_by("wss://csms.invalid/ocpp", system_roots=False)
    assert link.last_error == (
        "no address is known for the name in csms.invalid:443 (Name or service not known)"
    )
    assert "name server" in link.last_check


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ECONNREFUSED, "x"), "csms.example:443 refuses connections"),
        (OSError(errno.ENETUNREACH, "x"), "csms.example:443 is out of reach: no network"),
        (OSError(errno.EHOSTUNREACH, "x"), "csms.example:443 is out of reach: no route"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "csms.example:443 breaks off the connection"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 101] …"),
            "csms.example:443 refuses connections",
        ),
        (OSError("a disk is full\nno more"), "a disk is full no more"),
        (ValueError(), "ValueError"),
    ],
)
def test_what_the_network_says_becomes_words(error: Exception, text: str) -> None:
    assert trouble(error, HERE).text == text


def test_the_cause_behind_an_error_decides() -> None:
    outer = ValueError("something")
    outer.__cause__ = OSError(errno.EHOSTUNREACH, "x")
    assert trouble(outer, HERE) == Trouble(
        text="csms.example:443 is out of reach: no route",
        check="gateway of the station, VPN; whether the address is right",
    )
