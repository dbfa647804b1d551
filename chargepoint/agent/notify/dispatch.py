"""What messages are handed to: it never blocks, never raises, and always tells.

Each channel has lanes, each lane a bounded queue and a task. Messages to one address stay in one
lane, in order; a server that hangs holds up its own lane and nothing else. A place that was not
reached is looked for every 30 s, and `LinkUp` told when it is there again.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import zlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from chargepoint import log
from chargepoint.agent.notify import reach
from chargepoint.agent.notify.way import Outlet, Place, TellAlert, Undelivered, Way
from chargepoint.station.alerts.values import AlertEvent, Channel, LinkUp, Message, Settled

WAITING_MAX = 64
"""Messages that may wait in one lane; the engine keeps the rest."""

LANES = 3
TRY_S = 30.0
PROBE_EVERY_S = 30.0
PROBE_S = 5.0
PLACES_MAX = 16


class Dispatch:
    """`ways`: channels that send one by one. `outlets`: those that do their own queueing.

    `tell` is called in the loop's thread. An outlet is given `settled` as its own `tell`.
    """

    def __init__(
        self,
        ways: Sequence[Way],
        tell: TellAlert,
        now: Callable[[], float] = time.monotonic,
        probe_every_s: float = PROBE_EVERY_S,
    ) -> None:
        self._tell = tell
        self._now = now
        self._probe_every_s = probe_every_s
        self._ways = {way.channel: _Line(way, self.settled, self._unreached, now) for way in ways}
        self._outlets: dict[Channel, Outlet] = {}
        self._unreached_places: dict[Place, set[Channel]] = {}
        self._trying: dict[int, asyncio.Future[Settled]] = {}
        self._numbers = itertools.count(-1, -1)
        self._probing: asyncio.Task[None] | None = None

    def join(self, channel: Channel, outlet: Outlet) -> None:
        """Let `outlet` serve a channel."""
        self._outlets[channel] = outlet

    @property
    def failing(self) -> Mapping[Channel, str]:
        """Channels whose last attempt failed, with what was said."""
        lines = self._ways.items()
        return {channel: line.problem for channel, line in lines if line.problem}

    def start(self) -> None:
        """Begin to send; belongs to the running loop."""
        for line in self._ways.values():
            line.start()
        self._probing = asyncio.create_task(self._probe(), name="notify-probe")

    async def stop(self) -> None:
        """Send no more. What waits was told as nothing yet: the engine has it."""
        tasks = [task for line in self._ways.values() for task in line.tasks]
        if self._probing is not None:
            tasks.append(self._probing)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)

    def send(self, message: Message) -> None:
        """Have it sent; `Settled` follows in any case."""
        outlet = self._outlets.get(message.channel)
        if outlet is not None:
            outlet.send(message)
            return
        line = self._ways.get(message.channel)
        if line is None:
            self._failed(message, f"{message.channel} is not configured", retry=False)
        elif not line.take(message):
            self._failed(message, "too many messages wait already", retry=True)

    async def try_channel(self, message: Message) -> Settled:
        """Send it now and wait for what becomes of it, at most 30 s. Nothing is told."""
        number = next(self._numbers)
        outcome: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._trying[number] = outcome
        try:
            self.send(msgspec.structs.replace(message, delivery=number))
            async with asyncio.timeout(TRY_S):
                settled = await outcome
        except TimeoutError:
            settled = _settled(message, self._now(), "failed", f"no outcome within {TRY_S:g} s")
        finally:
            del self._trying[number]
        return msgspec.structs.replace(settled, delivery=message.delivery)

    def settled(self, event: AlertEvent) -> None:
        """Pass on what a channel tells; in the loop's thread."""
        if isinstance(event, Settled) and event.delivery < 0:
            trying = self._trying.get(event.delivery)
            if trying is not None and not trying.done():
                trying.set_result(event)
            return
        self._tell(event)

    def _failed(self, message: Message, detail: str, retry: bool) -> None:
        self.settled(_settled(message, self._now(), "failed", detail, retry))

    # --- Places that were not reached -------------------------------------------------------------

    def _unreached(self, place: Place, channel: Channel) -> None:
        if place in self._unreached_places or len(self._unreached_places) < PLACES_MAX:
            self._unreached_places.setdefault(place, set()).add(channel)

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(self._probe_every_s)
            for place in list(self._unreached_places):
                try:
                    connection = await reach.connect(place, PROBE_S)
                except Undelivered:
                    continue
                connection.close()
                channels = self._unreached_places.pop(place)
                self._tell(LinkUp(at_s=self._now(), channels=frozenset(channels)))


class _Line:
    """One channel: its lanes, and whether it works."""

    def __init__(
        self,
        way: Way,
        settled: Callable[[Settled], None],
        unreached: Callable[[Place, Channel], None],
        now: Callable[[], float],
    ) -> None:
        self._way = way
        self._settled = settled
        self._unreached = unreached
        self._now = now
        self._lanes: list[asyncio.Queue[Message]] = [
            asyncio.Queue(WAITING_MAX) for _ in range(LANES)
        ]
        self.tasks: list[asyncio.Task[None]] = []
        self.problem = ""
        self._since_s = 0.0
        self._log = log.get("notify")

    def start(self) -> None:
        name = f"notify-{self._way.channel}"
        self.tasks = [asyncio.create_task(self._run(lane), name=name) for lane in self._lanes]

    def take(self, message: Message) -> bool:
        """False when too much waits."""
        lane = self._lanes[zlib.crc32(message.address.encode()) % LANES]
        try:
            lane.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    async def _run(self, lane: asyncio.Queue[Message]) -> None:
        while True:
            message = await lane.get()
            self._settled(await self._attempt(message))

    async def _attempt(self, message: Message) -> Settled:
        try:
            async with asyncio.timeout(self._way.limit_s):
                reference = await self._way.send(message)
        except Undelivered as error:
            if error.place is not None:
                self._unreached(error.place, self._way.channel)
            return self._lost(message, error.detail, error.retry)
        except TimeoutError:
            return self._lost(message, f"not done within {self._way.limit_s:g} s", True)
        except OSError as error:
            return self._lost(message, str(error) or type(error).__name__, True)
        except Exception as error:  # a message must not end the station, whatever is wrong with it
            self._log.error("channel.broken", channel=self._way.channel.value, exc_info=error)
            return self._lost(message, f"internal error: {type(error).__name__}", False)
        if self.problem:
            lost_s = round(self._now() - self._since_s, 1)
            self._log.info("channel.recovered", channel=self._way.channel.value, lost_s=lost_s)
            self.problem = ""
        return _settled(message, self._now(), "sent", reference=reference)

    def _lost(self, message: Message, detail: str, retry: bool) -> Settled:
        if not self.problem:
            self._since_s = self._now()
            channel = self._way.channel.value
            self._log.warning("channel.failed", channel=channel, error=detail)
        self.problem = detail
        return _settled(message, self._now(), "failed", detail, retry)


def _settled(
    message: Message,
    at_s: float,
    state: str,
    detail: str = "",
    retry: bool = False,
    reference: str = "",
) -> Settled:
    assert state in ("sent", "failed")
    return Settled(
        at_s=at_s,
        delivery=message.delivery,
        state="sent" if state == "sent" else "failed",
        detail=detail,
        retry=retry,
        reference=reference,
    )
