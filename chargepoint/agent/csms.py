"""The connection to the CSMS: connect, receive, send, ping, notice the end, wait, again for ever.

Every failure is temporary, whatever its number (404, 401, a captive portal, garbage): log it, back
off, try again. What the frames mean is the adapter's; here a connection is a number, so that a text
meant for the last one never goes out on the next. OCPP-J 1.6, section 5; rules T1 to T13 and Q1 to
Q5 of the references.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from functools import partial
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from chargepoint import log
from chargepoint.agent.backoff import Backoff
from chargepoint.agent.core import FrameReceived, SocketClosed, SocketOpened
from chargepoint.agent.endpoint import Endpoint

OPEN_WAIT_S = 15.0
"""Longest wait for TCP, TLS and the handshake together."""

CLOSE_WAIT_S = 2.0
PONG_WAIT_S = 5.0
FRAME_MAX_BYTES = 4 * 1024 * 1024
OUTGOING_MAX = 200
"""Texts that may wait for a slow network; a peer that takes nothing is closed."""

KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
UNACKNOWLEDGED_MAX_MS = 30_000
"""TCP_USER_TIMEOUT: sent data that nobody acknowledges ends the connection."""

NORMAL = 1000
GOING_AWAY = 1001
REFUSED_STATUSES = (401, 403)

Post = Callable[[SocketOpened | SocketClosed | FrameReceived], Awaitable[None]]


class LinkState(Enum):
    OFF = "off"
    CONNECTING = "connecting"
    WAITING = "waiting"
    CONNECTED = "connected"


class Access(Protocol):
    """What an attempt shows of us and trusts, and what came of it; `agent.security` has one."""

    def applied(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint` with the keys, the certificates and the scheme that count now."""
        ...

    def opened(self, endpoint: Endpoint, tls: ssl.SSLObject | None) -> None: ...

    def failed(self, endpoint: Endpoint, error: Exception) -> str:
        """Words for people; empty: the error's own will do."""
        ...


class AsConfigured:
    """The access of a link that nobody changes at run time."""

    def applied(self, endpoint: Endpoint) -> Endpoint:
        return endpoint

    def opened(self, endpoint: Endpoint, tls: ssl.SSLObject | None) -> None:
        """Nothing depends on it."""

    def failed(self, endpoint: Endpoint, error: Exception) -> str:
        return ""


class NoCommonVersion(Exception):
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


class _Connection(msgspec.Struct):
    """One open connection and what still has to go out on it."""

    number: int
    socket: ClientConnection
    outgoing: asyncio.Queue[str]
    ending: str = ""
    """Why we ended it; empty: the other side did, or the network."""


class CsmsLink:
    """`post` takes what happens; it may wait when the station is busy. `run` ends by `stop` only.

    `ping_interval_s` may be changed at any time and counts from then on; 0: no pings.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        subprotocols: Sequence[str],
        post: Post,
        *,
        random_part: Callable[[], float] = random.random,
        now: Callable[[], float] = time.monotonic,
        pong_wait_s: float = PONG_WAIT_S,
        open_wait_s: float = OPEN_WAIT_S,
        access: Access | None = None,
    ) -> None:
        settings = endpoint.settings
        self._endpoint = self._place = endpoint
        self._access = AsConfigured() if access is None else access
        self._subprotocols = [Subprotocol(name) for name in subprotocols]
        self._post = post
        self._now = now
        self._pong_wait_s = pong_wait_s
        self._open_wait_s = open_wait_s
        self._backoff = Backoff(
            wait_min_s=settings.retry_wait_min_s,
            random_range_s=settings.retry_random_range_s,
            doublings=settings.retry_doublings,
            random=random_part,
        )
        self._tls: tuple[Endpoint, ssl.SSLContext] | None = None
        self._connection: _Connection | None = None
        self._stale = False
        """What the attempt under way shows has been changed meanwhile."""
        self._number = 0
        self._refusals = 0
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._turned = asyncio.Event()
        self._stopping = False
        self._ping_interval_s = 0.0
        self._ping_changed = asyncio.Event()
        self._log = log.get("csms")
        self.begun = asyncio.Event()
        """Set when the first text has gone out, or the first attempt has failed."""
        self.state = LinkState.CONNECTING
        self.since_s = now()
        self.last_error = ""
        self.version = ""
        self.next_attempt_s: float | None = None

    @property
    def url(self) -> str:
        """Without credentials."""
        return self._place.url

    # --- For the station --------------------------------------------------------------------------

    def send(self, connection: int, text: str) -> None:
        """Queue one text frame; dropped when `connection` is not the open one."""
        current = self._connection
        if current is None or current.number != connection or current.ending:
            return
        try:
            current.outgoing.put_nowait(text)
        except asyncio.QueueFull:
            self._abort(current, "takes no data")

    def close(self, connection: int, code: int, reason: str) -> None:
        """End this connection; the next attempt comes after a wait."""
        current = self._connection
        if current is not None and current.number == connection and not current.ending:
            self._end(current, code, reason)

    def reconnect(self, reason: str) -> None:
        """End the open connection and begin the next at once: what we show of us has changed."""
        self._backoff.proved()
        self._turned.set()
        self._stale = True
        if self._connection is not None and not self._connection.ending:
            self._end(self._connection, NORMAL, reason, after=self._connection.outgoing)

    def proved(self) -> None:
        """The CSMS has accepted us: the next loss is waited out from the beginning."""
        self._backoff.proved()

    @property
    def ping_interval_s(self) -> float:
        return self._ping_interval_s

    @ping_interval_s.setter
    def ping_interval_s(self, interval_s: float) -> None:
        if interval_s != self._ping_interval_s:
            self._ping_interval_s = interval_s
            self._ping_changed.set()

    # --- For the service side ---------------------------------------------------------------------

    def turn(self, on: bool) -> None:
        """Connect now, or close and stay away until turned on again."""
        if on:
            self._backoff.proved()
            self._wanted.set()
            self._turned.set()
        else:
            self._turn_off("disconnected by service")

    def stop(self) -> None:
        """End `run`: close politely, then return."""
        self._stopping = True
        self._turn_off("the station stops")

    # --- The loop ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a connection open whenever it is wanted."""
        while not self._stopping:
            self._turned.clear()
            if not self._wanted.is_set():
                self._become(LinkState.OFF)
                await self._turned.wait()
                continue
            await self._attempt()
            if self._wanted.is_set():
                await self._pause()

    async def _attempt(self) -> None:
        self._become(LinkState.CONNECTING)
        self._stale = False
        self._place = self._access.applied(self._endpoint)
        self._log.debug("csms.connecting", url=self.url)
        try:
            opened = await self._open()
        except (OSError, WebSocketException, NoCommonVersion, EOFError, ValueError) as error:
            said = self._access.failed(self._place, error)
            self._failed(error)
            self.last_error = said or self.last_error
            self.begun.set()
            return
        if not self._wanted.is_set() or self._stale:
            await opened.close(NORMAL if self._stale else GOING_AWAY)
            return
        tls: ssl.SSLObject | None = opened.transport.get_extra_info("ssl_object")
        self._access.opened(self._place, tls)
        await self._serve(opened)

    async def _open(self) -> ClientConnection:
        place = self._place
        if place.secure and (self._tls is None or self._tls[0] != place):
            self._tls = (place, await asyncio.to_thread(place.tls_context))
        options: dict[str, Any] = {"ssl": self._tls[1]} if place.secure and self._tls else {}
        losses: list[Exception] = []
        options["create_connection"] = partial(_Socket, losses)
        connecting = _Connect(
            self.url,
            subprotocols=self._subprotocols,
            additional_headers=place.headers(self._refusals),
            compression=None,
            proxy=None,
            open_timeout=self._open_wait_s,
            close_timeout=CLOSE_WAIT_S,
            ping_interval=None,
            max_size=FRAME_MAX_BYTES,
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
            offered = ", ".join(self._subprotocols)
            raise NoCommonVersion(f"the CSMS accepted none of {offered}")
        _keep_alive(opened)
        return opened

    def _failed(self, error: Exception) -> None:
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            self.last_error = f"HTTP {status} {error.response.reason_phrase}".rstrip()
            if status in REFUSED_STATUSES:
                self._refusals += 1
                self.last_error += "; wrong password, identity or security profile?"
        else:
            self.last_error = _shown(error)

    async def _serve(self, opened: ClientConnection) -> None:
        """The life of one connection, from the handshake to the end."""
        self._number += 1
        connection = _Connection(self._number, opened, asyncio.Queue(OUTGOING_MAX))
        self._connection = connection
        self.version = str(opened.subprotocol).removeprefix("ocpp")
        self._become(LinkState.CONNECTED)
        self._log.info("csms.connected", url=self.url, version=self.version)
        began_s = self._now()
        await self._post(
            SocketOpened(connection=connection.number, subprotocol=str(opened.subprotocol))
        )
        sending = asyncio.create_task(self._send_all(connection))
        pinging = asyncio.create_task(self._ping(connection))
        try:
            await self._receive(connection)
        finally:
            for task in (sending, pinging):
                task.cancel()
            self._connection = None
            self.version = ""
        await asyncio.gather(sending, pinging, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT_S + 0.5):
                await opened.wait_closed()
        self.last_error = connection.ending or _end_of(opened)
        after_s = round(self._now() - began_s, 1)
        tell = self._log.warning if self._wanted.is_set() else self._log.info
        tell("csms.disconnected", reason=self.last_error, after_s=after_s)
        await self._post(SocketClosed(connection=connection.number))

    async def _receive(self, connection: _Connection) -> None:
        """Only dispatches: while it waits, pongs are not seen."""
        try:
            while True:
                message = await connection.socket.recv()
                if isinstance(message, str):
                    frame = FrameReceived(connection=connection.number, text=message)
                    await self._post(frame)
                else:
                    self._log.warning("csms.sent_binary", length=len(message))
        except ConnectionClosed:
            return

    async def _send_all(self, connection: _Connection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.socket.send(await connection.outgoing.get())
                connection.outgoing.task_done()
                self.begun.set()

    async def _ping(self, connection: _Connection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                if not await self._ping_due():
                    continue
                pong = await connection.socket.ping()
                try:
                    async with asyncio.timeout(self._pong_wait_s):
                        await pong
                except TimeoutError:
                    self._abort(connection, f"no pong within {self._pong_wait_s:g} s")
                    return

    async def _ping_due(self) -> bool:
        """Wait one interval; False when it was changed meanwhile."""
        self._ping_changed.clear()
        try:
            async with asyncio.timeout(self._ping_interval_s or None):
                await self._ping_changed.wait()
        except TimeoutError:
            return True
        return False

    async def _pause(self) -> None:
        wait_s = self._backoff.next_wait_s()
        self.next_attempt_s = self._now() + wait_s
        self._become(LinkState.WAITING)
        self._log.info("csms.unreachable", reason=self.last_error, again_in_s=round(wait_s, 1))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._turned.wait()
        self.next_attempt_s = None

    def _turn_off(self, reason: str) -> None:
        self._wanted.clear()
        if self._connection is not None:
            self._end(self._connection, GOING_AWAY, reason)
        self._turned.set()

    def _end(
        self,
        connection: _Connection,
        code: int,
        reason: str,
        after: asyncio.Queue[str] | None = None,
    ) -> None:
        """Close it; `after`: when this has gone out, such as the answer that leads to the end."""
        connection.ending = reason

        async def close() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WAIT_S):
                    if after is not None:
                        await after.join()
            await connection.socket.close(code, reason[:120])

        closing = asyncio.ensure_future(close())
        closing.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _abort(self, connection: _Connection, reason: str) -> None:
        """End it without waiting for a peer that does not answer anyway."""
        connection.ending = reason
        connection.socket.transport.abort()

    def _become(self, state: LinkState) -> None:
        if state is not self.state:
            self.state = state
            self.since_s = self._now()


def _keep_alive(opened: ClientConnection) -> None:
    """Let the kernel notice a dead path too."""
    raw = opened.transport.get_extra_info("socket")
    if raw is None or raw.family not in (socket.AF_INET, socket.AF_INET6):
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        raw.setsockopt(socket.IPPROTO_TCP, option, value)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MAX_MS)


def _end_of(opened: ClientConnection) -> str:
    code, reason = opened.close_code, opened.close_reason
    if code is None or code == 1006:
        return "connection lost"
    return f"closed by the CSMS: {code} {reason or ''}".rstrip()


def _shown(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.split())[:200]
