"""One open WebSocket: texts out in order, texts in, pings, and its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from chargepoint import log
from chargepoint.agent.connection.handshake import CLOSE_WAIT_S
from chargepoint.agent.core import FrameReceived

OUTGOING_MAX = 200
"""Texts that may wait for a slow network; a peer that takes nothing is closed."""

REASON_MAX = 120
"""Characters of the reason in a close frame, which has room for 123 bytes."""

STAY_AWAY_CODES = (1008, 1013)
"""Policy violation, try again later; and all that applications define, from 4000 on."""


class Pings:
    """When own pings are due; `interval_s` may change at any time, 0: never."""

    def __init__(self, pong_wait_s: float) -> None:
        self.pong_wait_s = pong_wait_s
        self._interval_s = 0.0
        self._changed = asyncio.Event()

    @property
    def interval_s(self) -> float:
        return self._interval_s

    @interval_s.setter
    def interval_s(self, interval_s: float) -> None:
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            self._changed.set()

    async def due(self) -> bool:
        """Wait one interval; False when it was changed meanwhile."""
        self._changed.clear()
        try:
            async with asyncio.timeout(self._interval_s or None):
                await self._changed.wait()
        except TimeoutError:
            return True
        return False


class Session:
    """The life of `socket` from the handshake on; `number` is new for each."""

    def __init__(self, number: int, socket: ClientConnection) -> None:
        self.number = number
        self.ending = ""
        """Why we ended it; empty: the other side did, or the network."""
        self.asked_s: float | None = None
        """Since when the oldest of our calls waits for its answer."""
        self.heard = False
        """A text has come at all."""
        self.answered = False
        """A call of ours was answered: it is a central system that works."""
        self._heard_binary = False
        self._socket = socket
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(OUTGOING_MAX)
        self._log = log.get("csms")

    # --- For the link -----------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Queue one text frame; a session that is ending takes none."""
        if self.ending:
            return
        try:
            self._outgoing.put_nowait(text)
        except asyncio.QueueFull:
            self.abort("takes no data")

    def end(self, code: int, reason: str, *, said: bool = False) -> None:
        """Close it; `said`: when what is queued has gone out, such as the answer that led here."""
        if self.ending:
            return
        self.ending = reason

        async def close() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WAIT_S):
                    if said:
                        await self._outgoing.join()
            await self._socket.close(code, reason[:REASON_MAX])

        closing = asyncio.ensure_future(close())
        closing.add_done_callback(lambda done: done.cancelled() or done.exception())

    def abort(self, reason: str) -> None:
        """End it without waiting for a peer that does not answer anyway."""
        self.ending = reason
        self._socket.transport.abort()

    @property
    def told_to_stay_away(self) -> bool:
        """The CSMS closed it, with a code that asks us not to come back at once."""
        code = self.close_code
        policy = code is not None and (code in STAY_AWAY_CODES or 4000 <= code < 5000)
        return not self.ending and policy

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code

    @property
    def end_reason(self) -> str:
        """Why it is over, in words."""
        code, reason = self._socket.close_code, self._socket.close_reason
        if self.ending:
            return self.ending
        if code is None or code == 1006:
            return "connection lost"
        return f"closed by the CSMS: {code} {reason or ''}".rstrip()

    # --- Its tasks --------------------------------------------------------------------------------

    async def run(
        self, post: Callable[[FrameReceived], Awaitable[None]], pings: Pings, begun: asyncio.Event
    ) -> None:
        """Until it is over. `begun`: to be set when the first text has gone out."""
        sending = asyncio.create_task(self._send_all(begun))
        pinging = asyncio.create_task(self._ping(pings))
        try:
            await self._receive(post)
        finally:
            for task in (sending, pinging):
                task.cancel()
        await asyncio.gather(sending, pinging, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT_S + 0.5):
                await self._socket.wait_closed()

    async def _receive(self, post: Callable[[FrameReceived], Awaitable[None]]) -> None:
        """Only dispatches: while it waits, pongs are not seen."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = await self._socket.recv()
                if isinstance(message, str):
                    self.heard = True
                    await post(FrameReceived(connection=self.number, text=message))
                elif not self._heard_binary:
                    self._heard_binary = True  # a flood of them is told of once
                    self._log.warning("csms.sent_binary", length=len(message))

    async def _send_all(self, begun: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._outgoing.get())
                self._outgoing.task_done()
                begun.set()

    async def _ping(self, pings: Pings) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                if not await pings.due():
                    continue
                pong = await self._socket.ping()
                try:
                    async with asyncio.timeout(pings.pong_wait_s):
                        await pong
                except TimeoutError:
                    self.abort(f"no pong within {pings.pong_wait_s:g} s")
                    return
