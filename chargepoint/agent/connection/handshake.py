"""From an address to an open WebSocket of a common OCPP version, or an exception that says why not.

No compression, no redirects, no pings of the library: keys and rhythm are ours. Addresses of both
families are tried side by side, so that a broken IPv6 costs a quarter of a second, not the attempt.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from chargepoint.agent.connection.proxy import host_and_port, proxy_of
from chargepoint.agent.endpoint import Endpoint

CLOSE_WAIT_S = 2.0
FRAME_MAX_BYTES = 4 * 1024 * 1024

OTHER_FAMILY_AFTER_S = 0.25

KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
UNACKNOWLEDGED_MAX_MS = 30_000
"""TCP_USER_TIMEOUT: sent data that nobody acknowledges ends the connection."""

RETRY_AFTER_MAX_S = 600.0
"""Longest wait that a refusal may ask for."""

FAILURES = (OSError, WebSocketException, EOFError, ValueError)
"""What the world does to an attempt; NoCommonVersion is one of them."""


class NoCommonVersion(WebSocketException):
    """The server took the connection, but none of our subprotocols."""


class _Connect(connect):
    """A handshake that follows no redirect: credentials go to the configured host only (T8)."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Socket(ClientConnection):
    """Remembers why it was lost: with TLS 1.3 a server refuses a certificate after the fact."""

    def __init__(self, losses: list[Exception], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._losses = losses

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._losses.append(exc)
        super().connection_lost(exc)


async def shaken(
    place: Endpoint,
    tls: ssl.SSLContext | None,
    subprotocols: Sequence[str],
    attempt: int,
    wait_s: float,
) -> ClientConnection:
    """An open connection. `attempt` picks the spelling of the key. Raises one of FAILURES."""
    losses: list[Exception] = []
    options: dict[str, Any] = {"create_connection": partial(_Socket, losses)}
    if tls is not None:
        options["ssl"] = tls
    connecting = _Connect(
        place.url,
        subprotocols=[Subprotocol(name) for name in subprotocols],
        additional_headers=place.headers(attempt),
        compression=None,
        proxy=proxy_of(place),
        open_timeout=wait_s,
        close_timeout=CLOSE_WAIT_S,
        ping_interval=None,
        max_size=FRAME_MAX_BYTES,
        happy_eyeballs_delay=OTHER_FAMILY_AFTER_S,
        **options,
    )
    try:
        opened = await connecting
    except WebSocketException as error:
        if losses:
            raise error from losses[0]
        raise
    if opened.subprotocol is None:
        await opened.close(1002, "no common subprotocol")
        raise NoCommonVersion(f"the CSMS accepted none of {', '.join(subprotocols)}")
    _keep_alive(opened)
    return opened


async def listens(place: Endpoint, wait_s: float) -> bool:
    """Whether somebody takes TCP connections there; behind a proxy only an attempt can tell."""
    try:
        if proxy_of(place) is not None:
            return True
        async with asyncio.timeout(wait_s):
            _, writer = await asyncio.open_connection(*host_and_port(place.url))
    except (OSError, ValueError):
        return False
    writer.close()
    return True


def retry_after_s(error: BaseException) -> float:
    """How long a refusal asks us to stay away, within reason; 0: it does not say."""
    text = error.response.headers.get("Retry-After", "") if isinstance(error, InvalidStatus) else ""
    seconds = text.strip()
    if not (seconds.isascii() and seconds.isdigit()):
        return 0.0
    return min(float(seconds[:9]), RETRY_AFTER_MAX_S)


def _keep_alive(opened: ClientConnection) -> None:
    """Let the kernel notice a dead path too."""
    raw = opened.transport.get_extra_info("socket")
    if raw is None or raw.family not in (socket.AF_INET, socket.AF_INET6):
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        raw.setsockopt(socket.IPPROTO_TCP, option, value)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MAX_MS)
