"""The log for people at the station: the last lines, and each further one as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from chargepoint.agent.log_lines import FactLog, Kept, chosen, own_lines
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.ipc.care import GetLog
from chargepoint.ipc.service import Answered, Done

LAST_MAX = 2000
LOOK_EVERY_S = 0.25
"""How soon a follower sees a line; what did not stay in the ring for so long is lost to it."""


class LogRequests:
    """`lines`: what the log's ring holds; `written`: how many lines there ever were."""

    def __init__(
        self,
        lines: Callable[[], Sequence[tuple[float, str]]],
        written: Callable[[], int],
        facts: FactLog,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._lines = lines
        self._written = written
        self._facts = facts
        self._wall = wall

    def handlers(self) -> Handlers:
        return {GetLog: self._log}

    async def _log(self, request: GetLog, caller: Caller) -> AsyncIterator[Answered]:
        seen = self._written(), self._facts.written
        kept = [*own_lines(self._lines()), *self._facts.lines()]
        count = min(max(request.last, 0), LAST_MAX)
        found = chosen(kept, request, self._wall())
        for line in found[max(0, len(found) - count) :]:
            yield line
        while request.follow:
            await asyncio.sleep(LOOK_EVERY_S)
            now = self._written(), self._facts.written
            for line in chosen(self._since(seen, now), request, self._wall()):
                yield line
            seen = now
        yield Done(ok=True)

    def _since(self, seen: tuple[int, int], now: tuple[int, int]) -> list[Kept]:
        own, facts = now[0] - seen[0], now[1] - seen[1]
        new = list(self._lines())[-own:] if own > 0 else []
        return [*own_lines(new), *self._facts.lines(facts)]
