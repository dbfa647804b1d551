"""A running link with short waits, and servers on loopback for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from chargepoint.agent.core import FrameReceived, SocketClosed, SocketOpened
from chargepoint.agent.csms import CsmsLink
from chargepoint.agent.endpoint import endpoints
from chargepoint.config import Csms

KEY = "0123456789abcdef"
OCPP = Subprotocol("ocpp1.6")
Happening = SocketOpened | SocketClosed | FrameReceived


class Station:
    """What the link posts, and waiting for it."""

    def __init__(self) -> None:
        self.heard: list[Happening] = []
        self._more = asyncio.Condition()

    async def post(self, happening: Happening) -> None:
        self.heard.append(happening)
        async with self._more:
            self._more.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30.0), self._more:
            await self._more.wait_for(condition)

    def opened(self) -> int:
        return sum(isinstance(one, SocketOpened) for one in self.heard)

    def closed(self) -> int:
        return sum(isinstance(one, SocketClosed) for one in self.heard)

    def texts(self) -> list[str]:
        return [one.text for one in self.heard if isinstance(one, FrameReceived)]


@asynccontextmanager
async def linked(
    url: str | Sequence[str], **options: Any
) -> AsyncIterator[tuple[CsmsLink, Station]]:
    """A running link to `url`, or to several, with short waits; ends it."""
    station = Station()
    known = ("pong_wait_s", "open_wait_s", "mute_wait_s", "now")
    timing = {name: options.pop(name) for name in known if name in options}
    urls = (url,) if isinstance(url, str) else tuple(url)
    settings = Csms(
        urls=urls,
        retry_wait_min_s=options.pop("retry_wait_min_s", 0.02),
        retry_random_range_s=0.0,
        **options,
    )
    first, *others = endpoints(settings, "CP 1")
    link = CsmsLink(first, ["ocpp1.6"], station.post, others=others, **timing)
    running = asyncio.create_task(link.run())
    try:
        yield link, station
    finally:
        link.stop()
        async with asyncio.timeout(30.0):
            await running


@asynccontextmanager
async def server(
    handler: Callable[[ServerConnection], Awaitable[None]] | None = None, **options: Any
) -> AsyncIterator[tuple[str, Server]]:
    """A WebSocket server that speaks ocpp1.6 unless told otherwise."""
    options.setdefault("subprotocols", [OCPP])

    async def quiet(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(handler or quiet, "127.0.0.1", 0, **options) as running:
        port = running.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/ocpp", running


def connection_of(running: Server) -> ServerConnection:
    (connection,) = running.connections
    return connection


async def eventually(condition: Callable[[], bool]) -> None:
    """Poll for what no event tells."""
    async with asyncio.timeout(30.0):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
