"""One HTTP request on a connection of its own, bounded in time and bytes as a whole.

Redirects are refused: a message must not go where the configuration does not name. The answer is
read only as far as it explains a refusal.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

import h11
import msgspec

from chargepoint.agent.notify import reach
from chargepoint.agent.notify.trust import Roots, tls_words
from chargepoint.agent.notify.way import Place, Undelivered, one_line

AGENT = "chargepoint"
ANSWER_MAX = 2000
"""Bytes of the answer's body that are read."""

CHUNK = 4096
HEAD_MAX = 16 * 1024
LATER = {408, 425, 429}
"""Refusals that pass, besides all of 500 and above."""


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and where."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = {}
    body: bytes = b""


def place_of(url: str) -> Place:
    """Host and port of an address. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an address: expected http://host/… or https://host/…")
    return Place((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)))


async def exchange(request: HttpRequest, roots: Roots, within_s: float) -> None:
    """Return when the server has taken it (2xx). Raises Undelivered."""
    try:
        place = place_of(request.url)
    except ValueError as error:
        raise Undelivered(str(error), retry=False) from error
    try:
        async with asyncio.timeout(within_s):
            status, text = await _asked(request, place, roots)
    except TimeoutError:
        what = f"{place[0]}:{place[1]} does not answer within {within_s:g} s"
        raise Undelivered(what, retry=True, place=place) from None
    except ssl.SSLError as error:
        raise Undelivered(f"{place[0]}: {tls_words(error)}", retry=True) from error
    except (h11.ProtocolError, EOFError, OSError) as error:
        what = f"{place[0]}: the answer broke off: {error or type(error).__name__}"
        raise Undelivered(what, retry=True) from error
    _judge(place[0], status, text)


def _judge(host: str, status: int, text: str) -> None:
    if 200 <= status <= 299:
        return
    if 300 <= status <= 399:
        raise Undelivered(f"{host} redirects (HTTP {status}), which is refused", retry=False)
    said = f": {one_line(text)}" if text.strip() else ""
    later = status in LATER or status >= 500
    raise Undelivered(f"{host} answers HTTP {status}{said}", retry=later)


async def _asked(request: HttpRequest, place: Place, roots: Roots) -> tuple[int, str]:
    parts = urlsplit(request.url)
    tls = await roots.context() if parts.scheme == "https" else None
    connection = await reach.connect(place)
    try:
        reader, writer = await asyncio.open_connection(
            sock=connection, ssl=tls, server_hostname=place[0] if tls else None, limit=HEAD_MAX
        )
    except BaseException:
        connection.close()
        raise
    try:
        line = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX)
        # A server that refuses closes early; what it says is worth more than the broken pipe.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            writer.write(_bytes(line, request, parts))
            await writer.drain()
        return await _answer(line, reader)
    finally:
        writer.transport.abort()


def _bytes(line: h11.Connection, request: HttpRequest, parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": AGENT,
        "Connection": "close",
        **request.headers,
        "Content-Length": str(len(request.body)),
    }
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    head = h11.Request(
        method=request.method, target=target.encode("ascii", "replace"), headers=[*headers.items()]
    )
    sent = (line.send(head), line.send(h11.Data(data=request.body)), line.send(h11.EndOfMessage()))
    return b"".join(part or b"" for part in sent)


async def _answer(line: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status, and the beginning of the body where it explains a refusal."""
    status, body = 0, b""
    while True:
        event = line.next_event()
        if event is h11.NEED_DATA:
            line.receive_data(await reader.read(CHUNK))
        elif isinstance(event, h11.Response):
            status = event.status_code
            if status < 400:
                return status, ""
        elif isinstance(event, h11.Data):
            body += event.data
        if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or len(body) > ANSWER_MAX:
            if not status:
                raise EOFError("no answer")
            return status, body[:ANSWER_MAX].decode("utf-8", "replace")
