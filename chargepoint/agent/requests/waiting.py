"""Whoever waits for the station's answer to what a person at the station asked for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from chargepoint.ipc.service import Done
from chargepoint.station.effects import AnswerHere
from chargepoint.station.events import Event
from chargepoint.station.local_requests import LocalRequest


class LocalAnswers:
    """Belongs to the event loop's thread. `tell` puts an event before the station."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._waiting: dict[str, asyncio.Future[Done]] = {}

    async def ask(self, make: Callable[[str], LocalRequest], within_s: float) -> Done:
        """What the station answers to the event that `make` makes of a new handle."""
        request = uuid.uuid4().hex
        answered: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting[request] = answered
        try:
            self._tell(make(request))
            async with asyncio.timeout(within_s):
                return await answered
        except TimeoutError:
            return Done(ok=False, detail="the station does not answer; it may still be done")
        finally:
            del self._waiting[request]

    def take(self, effect: AnswerHere) -> None:
        """The answer has come; nobody may wait for it any more."""
        waiting = self._waiting.get(effect.request)
        if waiting is not None and not waiting.done():
            waiting.set_result(Done(ok=effect.ok, detail=effect.detail))
