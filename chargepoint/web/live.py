"""The station as it is now, asked for once for all who look.

The agent is asked once a second while somebody looks, and otherwise only by those who want one
answer; the safety programs are observed all the time, so that a change of state is seen at once and
the plots have no gaps. A looker gets the newest look and never a queue of old ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

import msgspec

from chargepoint.ipc.care import GetHealth, HealthStatus
from chargepoint.ipc.client import Unreachable
from chargepoint.ipc.messages import EvseSnapshot
from chargepoint.ipc.service import GetStatus, StationStatus
from chargepoint.web.agent import Agent
from chargepoint.web.observers import Observers
from hal.values import MeterReading

PERIOD_S = 1.0
SOON_S = 0.25
"""After a change that an observer saw, the agent is asked so much later: it has heard of it too."""

HEALTH_AGE_S = 2.0


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the station."""

    status: StationStatus | None
    """None: the agent does not answer."""
    taken_s: float
    """Monotonic instant of the look."""
    evses: Mapping[int, EvseSnapshot]
    """As observed at the safety programs, also while the agent does not answer."""
    meters: Mapping[int, MeterReading]
    """Of the meters on safety buses."""


class Lookout:
    """One who looks: waits for the next look."""

    def __init__(self, first: Look | None) -> None:
        self._look = first
        self._new = asyncio.Event()
        if first is not None:
            self._new.set()

    def show(self, look: Look) -> None:
        self._look = look
        self._new.set()

    async def next(self, within_s: float | None = None) -> Look | None:
        """The newest look that was not had yet; None when none comes within `within_s`."""
        try:
            async with asyncio.timeout(within_s):
                await self._new.wait()
        except TimeoutError:
            return None
        self._new.clear()
        return self._look


class Live:
    """The shared poller. `steady_s`: ask so often even when nobody looks; None: do not."""

    def __init__(
        self,
        agent: Agent,
        observers: Observers,
        steady_s: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._agent = agent
        self._observers = observers
        self._steady_s = steady_s
        self._now = now
        self._lookouts: set[Lookout] = set()
        self._wanted = asyncio.Event()
        self._asking = asyncio.Lock()
        self._health_asking = asyncio.Lock()
        self._health: tuple[float, HealthStatus | None] | None = None
        self.last: Look | None = None

    async def status(self, age_max_s: float = PERIOD_S) -> StationStatus | None:
        """The station's status, at most so old; None while the agent does not answer."""
        return (await self.look(age_max_s)).status

    async def look(self, age_max_s: float = PERIOD_S) -> Look:
        """A look that is at most so old. Whoever asks at the same time shares it."""
        async with self._asking:
            last = self.last
            if last is not None and self._now() - last.taken_s <= age_max_s:
                return last
            status = await self._status()
            look = Look(
                status=status,
                taken_s=self._now(),
                evses=dict(self._observers.evses),
                meters=dict(self._observers.meters),
            )
            self.last = look
        for lookout in self._lookouts:
            lookout.show(look)
        return look

    async def health(self, age_max_s: float = HEALTH_AGE_S) -> HealthStatus | None:
        """The health of all parts; None while the agent does not answer."""
        async with self._health_asking:
            if self._health is not None and self._now() - self._health[0] <= age_max_s:
                return self._health[1]
            found: HealthStatus | None = None
            with contextlib.suppress(Unreachable):
                answers = await self._agent.ask(GetHealth())
                found = next((one for one in answers if isinstance(one, HealthStatus)), None)
            self._health = (self._now(), found)
            return found

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[Lookout]:
        """Look on: the agent is asked once a second while anybody does."""
        fresh = self.last
        if fresh is not None and self._now() - fresh.taken_s > PERIOD_S:
            fresh = None
        lookout = Lookout(fresh)
        self._lookouts.add(lookout)
        self._wanted.set()
        try:
            yield lookout
        finally:
            self._lookouts.discard(lookout)
            if not self._lookouts:
                self._wanted.clear()

    async def run(self) -> None:
        """Look while somebody wants it, until cancelled."""
        while True:
            await self._until_wanted()
            await self.look(age_max_s=PERIOD_S / 2)
            await self._pause()

    async def _until_wanted(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._steady_s):
                await self._wanted.wait()

    async def _pause(self) -> None:
        """A second, or less when an observer has seen a change."""
        changed = self._observers.changed
        changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PERIOD_S):
                await changed.wait()
                await asyncio.sleep(SOON_S)

    async def _status(self) -> StationStatus | None:
        with contextlib.suppress(Unreachable):
            for answer in await self._agent.ask(GetStatus(), wait_s=3.0):
                if isinstance(answer, StationStatus):
                    return answer
        return None
