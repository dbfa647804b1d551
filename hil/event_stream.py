"""`GET /events` of the simulator: the plant's record as server-sent events.

Events happen in any thread, with the world locked; each stream has a bounded queue in the event
loop. A reader that falls behind is cut off and may come back with the last id that it saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hil.answers import refusal
from hil.build import Built
from hil.plant.record import PlantEvent

CLIENTS_MAX = 16
QUEUE_EVENTS = 1000
"""Events that may wait for one slow reader."""
KEEP_ALIVE_S = 10.0


class Hub:
    """Carries events from whatever thread they happen in to the streams."""

    def __init__(self, built: Built) -> None:
        self._built = built
        self._clients: set[_Client] = set()
        built.world.plant.record.listen(self._tell)

    def close(self) -> None:
        """End all streams."""
        with self._built.world:
            for client in tuple(self._clients):
                client.end()

    async def stream(self, request: Request) -> Response:
        """`GET /events`"""
        if len(self._clients) >= CLIENTS_MAX:
            return refusal(503, "too many streams", "/events", CLIENTS_MAX, "fewer readers")
        after = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        if after and not re.fullmatch(r"\d{1,15}", after):
            return refusal(422, "no such event", "Last-Event-ID", after, "a whole number")
        return StreamingResponse(
            self._lines(int(after) if after else None),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def _lines(self, after: int | None) -> AsyncIterator[str]:
        client = _Client(asyncio.get_running_loop())
        with self._built.world:
            record = self._built.world.plant.record
            missed = () if after is None else record.after(after)
            self._clients.add(client)
        try:
            yield "retry: 1000\n\n"
            for event in missed:
                yield _sse(event)
            while True:
                line = await client.next(KEEP_ALIVE_S)
                if line is None:
                    return
                yield line
        finally:
            self._clients.discard(client)

    def _tell(self, event: PlantEvent) -> None:
        """Called with the world locked, in any thread."""
        for client in tuple(self._clients):
            client.put(event)


class _Client:
    """The queue of one stream."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[PlantEvent | None] = asyncio.Queue(QUEUE_EVENTS)
        self._ended = False

    def put(self, event: PlantEvent) -> None:
        self._soon(event)

    def end(self) -> None:
        self._soon(None)

    async def next(self, within_s: float) -> str | None:
        """The next lines of the stream; a comment when nothing came; None at its end."""
        if self._ended and self._queue.empty():
            return None
        try:
            async with asyncio.timeout(within_s):
                event = await self._queue.get()
        except TimeoutError:
            return ": still here\n\n"
        return None if event is None else _sse(event)

    def _soon(self, item: PlantEvent | None) -> None:
        # The loop may have ended between the last look and now.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._add, item)

    def _add(self, item: PlantEvent | None) -> None:
        if self._queue.full():
            self._ended = True
        else:
            self._queue.put_nowait(item)


def _sse(event: PlantEvent) -> str:
    return f"id: {event.id}\ndata: {json.dumps(event.as_json(), separators=(',', ':'))}\n\n"
