"""The connection to the CSMS: connect, receive, send, ping, notice the end, wait, again for ever.

Every failure is temporary, whatever its number (404, 401, a captive portal, garbage): log it, back
off, try again, at another address where there is one. Waits begin afresh only after proof: a call
of ours that was answered, or a connection that lasted. What the frames mean is the adapter's; here
a connection is a number, so that a text meant for the last one never goes out on the next.
OCPP-J 1.6, section 5; rules T1 to T13 and Q1 to Q5 of the references.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection

from chargepoint import log
from chargepoint.agent.backoff import Backoff
from chargepoint.agent.connection.access import Access, AsConfigured
from chargepoint.agent.connection.handshake import FAILURES, listens, retry_after_s, shaken
from chargepoint.agent.connection.places import Places
from chargepoint.agent.connection.proxy import proxy_of, shown
from chargepoint.agent.connection.session import Pings, Session
from chargepoint.agent.connection.troubles import trouble
from chargepoint.agent.core import FrameReceived, SocketClosed, SocketOpened
from chargepoint.agent.endpoint import Endpoint

OPEN_WAIT_S = 15.0
"""Longest wait for TCP, TLS and the handshake together."""

PONG_WAIT_S = 5.0

MUTE_WAIT_S = 60.0
"""A CSMS from which no text comes for so long after our first call is left for the next address."""

STABLE_S = 600.0
"""A connection that lasted so long has proved itself, whether or not we had anything to ask."""

STAY_AWAY_WAITS = 10.0
"""First waits that 'try again later' (1013) costs at least."""

QUIET_POLL_S = 0.5
TRY_AGAIN_LATER = 1013
NORMAL = 1000
GOING_AWAY = 1001

Post = Callable[[SocketOpened | SocketClosed | FrameReceived], Awaitable[None]]


class LinkState(Enum):
    OFF = "off"
    CONNECTING = "connecting"
    WAITING = "waiting"
    CONNECTED = "connected"


class CsmsLink:
    """`post` takes what happens; it may wait when the station is busy. `run` ends by `stop` only.

    `others`: further addresses, in order of preference. `ping_interval_s` may be changed at any
    time and counts from then on; 0: no pings.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        subprotocols: Sequence[str],
        post: Post,
        *,
        others: Sequence[Endpoint] = (),
        random_part: Callable[[], float] = random.random,
        now: Callable[[], float] = time.monotonic,
        pong_wait_s: float = PONG_WAIT_S,
        open_wait_s: float = OPEN_WAIT_S,
        mute_wait_s: float = MUTE_WAIT_S,
        access: Access | None = None,
    ) -> None:
        settings = endpoint.settings
        self._settings = settings
        self._places = Places((endpoint, *others), settings.return_after_s)
        self._place = endpoint
        self._access: Access = AsConfigured() if access is None else access
        self._subprotocols = tuple(subprotocols)
        self._post = post
        self._now = now
        self._open_wait_s = open_wait_s
        self._mute_wait_s = mute_wait_s
        self._backoff = Backoff(
            wait_min_s=settings.retry_wait_min_s,
            random_range_s=settings.retry_random_range_s,
            doublings=settings.retry_doublings,
            random=random_part,
        )
        self._pings = Pings(pong_wait_s)
        self._tls: tuple[Endpoint, ssl.SSLContext] | None = None
        self._session: Session | None = None
        self._stale = False
        """What the attempt under way shows has been changed meanwhile."""
        self._homeward = False
        self._stay_away_s = 0.0
        self._number = 0
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._turned = asyncio.Event()
        self._stopping = False
        self._log = log.get("csms")
        self.begun = asyncio.Event()
        """Set when the first text has gone out, or the first attempt has failed."""
        self.state = LinkState.CONNECTING
        self.since_s = now()
        self.last_error = ""
        self.last_check = ""
        """Where to look because of it."""
        self.last_error_s: float | None = None
        self.failures = 0
        """Attempts and connections in vain since the last one that proved itself."""
        self.version = ""
        self.next_attempt_s: float | None = None

    @property
    def url(self) -> str:
        """Without credentials."""
        return self._place.url

    @property
    def places(self) -> Places:
        """The addresses and which one is in use."""
        return self._places

    @property
    def proxy(self) -> str:
        """`host:port` of the proxy on the way; empty: none, or one that cannot be used."""
        try:
            url = proxy_of(self._place)
        except ValueError:
            return ""
        return "" if url is None else shown(url)

    @property
    def asked_s(self) -> float | None:
        """Since when a call of ours waits for its answer."""
        return None if self._session is None else self._session.asked_s

    # --- For the station --------------------------------------------------------------------------

    def send(self, connection: int, text: str) -> None:
        """Queue one text frame; dropped when `connection` is not the open one."""
        if self._session is not None and self._session.number == connection:
            self._session.send(text)

    def close(self, connection: int, code: int, reason: str) -> None:
        """End this connection; the next attempt comes after a wait."""
        if self._session is not None and self._session.number == connection:
            self._session.end(code, reason)

    def reconnect(self, reason: str) -> None:
        """End the open connection and begin the next at once: what we show of us has changed."""
        self._backoff.proved()
        self._turned.set()
        self._stale = True
        if self._session is not None:
            self._session.end(NORMAL, reason, said=True)

    def passed(self, outgoing: bool, kind: str) -> None:
        """A message of OCPP passed: `call`, `result` or `error`. Proof and silence show by them."""
        session = self._session
        if session is None:
            return
        if not outgoing and kind in ("result", "error"):
            session.asked_s = None
            session.answered = session.answered or kind == "result"
        elif outgoing and kind == "call" and session.asked_s is None:
            session.asked_s = self._now()
            if self._places.several and not session.heard:
                asyncio.get_running_loop().call_later(self._mute_wait_s, self._judge, session)

    @property
    def ping_interval_s(self) -> float:
        return self._pings.interval_s

    @ping_interval_s.setter
    def ping_interval_s(self, interval_s: float) -> None:
        self._pings.interval_s = interval_s

    # --- For the service side ---------------------------------------------------------------------

    def turn(self, on: bool) -> None:
        """Connect now, to the preferred address first, or close and stay away until turned on."""
        if on:
            self._backoff.proved()
            if self._session is None and self.state is not LinkState.CONNECTING:
                self._places.prefer()
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
            waits = await self._attempt()
            if waits and self._wanted.is_set() and not self._turned.is_set():
                await self._pause()

    async def _attempt(self) -> bool:
        """One attempt and the life of its connection; True: wait before the next one."""
        self._become(LinkState.CONNECTING)
        self._stale = False
        self._place = place = self._access.applied(self._places.current)
        self._log.debug("csms.connecting", url=self.url)
        try:
            opened = await self._open(place)
        except FAILURES as error:
            said, found = self._access.failed(place, error), trouble(error, place)
            self._stay_away_s = max(self._stay_away_s, retry_after_s(error))
            self._note_error(said or found.text, found.check)
            self.begun.set()
            return self._in_vain()
        if not self._wanted.is_set() or self._stale:
            await opened.close(NORMAL if self._stale else GOING_AWAY)
            return False
        tls: ssl.SSLObject | None = opened.transport.get_extra_info("ssl_object")
        self._access.opened(place, tls)
        return await self._serve(opened)

    async def _open(self, place: Endpoint) -> ClientConnection:
        tls: ssl.SSLContext | None = None
        if place.secure:
            trusted = replace(place, url="", keys=())
            if self._tls is None or self._tls[0] != trusted:
                self._tls = (trusted, await asyncio.to_thread(place.tls_context))
            tls = self._tls[1]
        return await shaken(place, tls, self._subprotocols, self.failures, self._open_wait_s)

    async def _serve(self, opened: ClientConnection) -> bool:
        """The life of one connection, from the handshake to the end."""
        self._number += 1
        self._session = session = Session(self._number, opened)
        self.version = str(opened.subprotocol).removeprefix("ocpp")
        self._become(LinkState.CONNECTED)
        self._log.info("csms.connected", url=self.url, version=self.version)
        began_s = self._now()
        await self._post(
            SocketOpened(connection=session.number, subprotocol=str(opened.subprotocol))
        )
        returning = asyncio.create_task(self._return(session))
        try:
            await session.run(self._post, self._pings, self.begun)
        finally:
            returning.cancel()
            self._session = None
            self.version = ""
        lasted_s = self._now() - began_s
        self._note_error(session.end_reason, "")
        tell = self._log.warning if self._wanted.is_set() else self._log.info
        tell("csms.disconnected", reason=self.last_error, after_s=round(lasted_s, 1))
        await self._post(SocketClosed(connection=session.number))
        return self._ended(session, lasted_s)

    # --- What an end means ------------------------------------------------------------------------

    def _ended(self, session: Session, lasted_s: float) -> bool:
        """Whether to wait before the next attempt."""
        stable = lasted_s >= STABLE_S
        proven = session.answered or stable
        if proven:
            self._places.proved()
            self.failures = 0
            if stable or not session.told_to_stay_away:
                self._backoff.proved()
        if self._homeward:
            self._homeward = False
            self._places.prefer()
            return False
        if self._stale:
            return False
        if session.told_to_stay_away:
            if session.close_code == TRY_AGAIN_LATER:
                wait_s = STAY_AWAY_WAITS * self._settings.retry_wait_min_s
                self._stay_away_s = max(self._stay_away_s, wait_s)
            return self._in_vain()
        return True if proven else self._in_vain()

    def _in_vain(self) -> bool:
        """Whether to wait, or to try the next address at once."""
        self.failures += 1
        if self._places.failed(self._access.attempts):
            return True
        following = self._places.current.url
        self._log.warning(
            "csms.passed_over", url=self.url, reason=self.last_error, following=following
        )
        return False

    async def _pause(self) -> None:
        wait_s = self._backoff.next_wait_s(self._stay_away_s)
        self._stay_away_s = 0.0
        self.next_attempt_s = self._now() + wait_s
        self._become(LinkState.WAITING)
        check = {"check": self.last_check} if self.last_check else {}
        self._log.info(
            "csms.unreachable", reason=self.last_error, again_in_s=round(wait_s, 1), **check
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._turned.wait()
        self.next_attempt_s = None

    def _judge(self, session: Session) -> None:
        """The time for a first word from the CSMS is over."""
        if session is self._session and not session.heard:
            session.end(GOING_AWAY, f"no answer within {self._mute_wait_s:g} s")

    async def _return(self, session: Session) -> None:
        """Leave for the preferred address in time, when it listens and no answer is awaited."""
        while (wait_s := self._places.return_s) is not None:
            await asyncio.sleep(wait_s)
            home = self._places.preferred
            if self._place.secure and not self._places.current.secure:
                # A security profile from the CSMS has made all of them wss://.
                home = replace(home, url="wss:" + home.url.partition(":")[2])
            if not await listens(home, self._open_wait_s):
                continue
            while session.asked_s is not None:  # noqa: ASYNC110
                await asyncio.sleep(QUIET_POLL_S)
            self._log.info("csms.returning", url=home.url)
            self._homeward = True
            session.end(NORMAL, "back to the preferred address", said=True)
            return

    # --- Small things -----------------------------------------------------------------------------

    def _turn_off(self, reason: str) -> None:
        self._wanted.clear()
        if self._session is not None:
            self._session.end(GOING_AWAY, reason)
        self._turned.set()

    def _note_error(self, text: str, check: str) -> None:
        self.last_error, self.last_check = text, check
        self.last_error_s = self._now()

    def _become(self, state: LinkState) -> None:
        if state is not self.state:
            self.state = state
            self.since_s = self._now()
