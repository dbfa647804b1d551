"""One HTTP request on a connection of its own, bounded in time and bytes as a whole.

Redirects are refused: a message must not go where the configuration does not name. The answer is
read only as far as it explains a refusal. Spoken here in a few lines, as the standard library's
client blocks a thread, and the others cost more memory and start-up time than all channels.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, unquote, urlsplit

import msgspec

from chargepoint.agent.notify import reach
from chargepoint.agent.notify.trust import Roots, tls_words
from chargepoint.agent.notify.way import Place, Undelivered, one_line

AGENT = "chargepoint"
ANSWER_MAX = 2000
"""Bytes of the answer's body that are read."""

BODY_S = 1.0
"""Longest wait for it: the status is known already."""

LINE_MAX = 8 * 1024
LINES_MAX = 100
TARGET = "/%:=&?~+!$,;'@()*[]"
"""What stays as it is in a path and its query, besides letters, digits, `_`, `.` and `-`."""

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
    except (EOFError, ValueError, OSError) as error:
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
            sock=connection, ssl=tls, server_hostname=place[0] if tls else None, limit=LINE_MAX
        )
    except BaseException:
        connection.close()
        raise
    try:
        # A server that refuses closes early; what it says is worth more than the broken pipe.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            writer.write(_head(request, parts) + request.body)
            await writer.drain()
        return await _answer(reader)
    finally:
        writer.transport.abort()


def _head(request: HttpRequest, parts: SplitResult) -> bytes:
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
    lines = [f"{request.method} {quote(target, safe=TARGET)} HTTP/1.1"]
    lines += [f"{name}: {_value(value)}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode("ascii", "replace")


def _value(text: str) -> str:
    """Never a line of its own."""
    return "".join(one if one.isprintable() else " " for one in text)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status, and the beginning of the body where it explains a refusal."""
    status = 0
    while status < 200:  # what comes before is about what is still to come
        status = _status(await reader.readline())
        length = await _length(reader)
    if status < 400:
        return status, ""
    body = b""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(BODY_S):
            while len(body) < min(length, ANSWER_MAX) and (piece := await reader.read(ANSWER_MAX)):
                body += piece
    return status, body[:ANSWER_MAX].decode("utf-8", "replace")


def _status(line: bytes) -> int:
    if not line:
        raise EOFError("no answer")
    parts = line.split(maxsplit=2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise ValueError("that is no HTTP")
    return int(parts[1][:3])


async def _length(reader: asyncio.StreamReader) -> int:
    """Read the headers; how long the body is, as far as they say."""
    length = ANSWER_MAX
    for _ in range(LINES_MAX):
        line = await reader.readline()
        name, _, value = line.partition(b":")
        if not line.strip():
            return length
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value.strip()[:9])
    raise ValueError("too many headers")
