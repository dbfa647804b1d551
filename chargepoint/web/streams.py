"""Server-sent events: few clients at a time, a heartbeat, and an end when the client has left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.responses import JSONResponse, Response, StreamingResponse

CLIENTS_MAX = 32
RESERVED = 8
"""Of these, for people who are logged in: a crowd of drivers does not keep the owner out."""

HEARTBEAT_S = 10.0
LIFE_S = 3600.0
"""A stream ends after so long; the browser opens a new one, and its login is looked at again."""

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a stream. `data` becomes one line of JSON."""

    name: str
    data: Any


class Streams:
    """Counts the clients of all streams. `closing` ends them all."""

    def __init__(self, clients_max: int = CLIENTS_MAX) -> None:
        self._clients_max = clients_max
        self.clients = 0
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every stream; for an orderly stop."""
        self._closing.set()

    def response(self, source: AsyncIterator[Event], known: bool = False) -> Response:
        """`source` as a response; 503 when there are too many clients already.

        `known`: for somebody who is logged in.
        """
        places = self._clients_max - (0 if known else RESERVED)
        if self.clients >= places or self._closing.is_set():
            return JSONResponse({"error": "too many clients"}, 503, headers={"Retry-After": "10"})
        self.clients += 1
        return _Counted(self, self._lines(source))

    async def _lines(self, source: AsyncIterator[Event]) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + LIFE_S
        closing = asyncio.ensure_future(self._closing.wait())
        step: asyncio.Future[Event] | None = None
        try:
            yield b"retry: 3000\n\n"
            while loop.time() < until_s:
                step = step or asyncio.ensure_future(anext(source))
                await asyncio.wait(
                    (step, closing), timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED
                )
                if closing.done():
                    return
                if not step.done():
                    yield b": alive\n\n"
                    continue
                try:
                    event = step.result()
                except StopAsyncIteration:
                    return
                step = None
                yield encoded(event)
        finally:
            closing.cancel()
            if step is not None:
                step.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await step
            with contextlib.suppress(AttributeError):
                await source.aclose()  # type: ignore[attr-defined]


class _Counted(StreamingResponse):
    """A stream that gives its place back however it ends, even before it has begun."""

    def __init__(self, streams: Streams, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, media_type="text/event-stream", headers=HEADERS)
        self._streams = streams
        self._content = content

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.clients -= 1
            await self._content.aclose()  # type: ignore[attr-defined]


def encoded(event: Event) -> bytes:
    """`event` as it goes over the wire."""
    return b"event: %s\ndata: %s\n\n" % (event.name.encode(), msgspec.json.encode(event.data))
