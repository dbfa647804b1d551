"""What waits for the station: one bounded queue from all links, in order of arrival.

Levels (how an EVSE is, what a meter shows) are replaced by newer ones when the queue is long; that
loses nothing. Frames of the CSMS wait outside, in the socket, until there is room. Of everything
else what does not fit is dropped and counted; only a program that hangs gets there.
"""

from __future__ import annotations

import asyncio
from collections import deque

from chargepoint.agent.core import FrameReceived, Happening
from chargepoint.station.events import ClockRead, EvseObserved, MeterRead, TokenPresented

CROWDED = 200
"""Length from which on levels are replaced and frames have to wait."""

LENGTH_MAX = 2000


class Inbox:
    """Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._waiting: deque[Happening] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, happening: Happening) -> None:
        """Add; never waits."""
        length = len(self._waiting)
        if length >= CROWDED:
            self._room.clear()
            if self._replaced(happening):
                return
        if length >= LENGTH_MAX or (length >= CROWDED and isinstance(happening, TokenPresented)):
            self.dropped += 1
            return
        self._waiting.append(happening)
        self._wake()

    async def put_frame(self, frame: FrameReceived) -> None:
        """Add when there is room."""
        await self._room.wait()
        self.put(frame)

    def take(self) -> Happening | None:
        """The oldest, or None."""
        if not self._waiting:
            return None
        happening = self._waiting.popleft()
        if len(self._waiting) < CROWDED // 2:
            self._room.set()
        return happening

    async def wait(self, until_s: float) -> None:
        """Return when something waits, or at `until_s` of the loop's clock."""
        if self._waiting:
            return
        loop = asyncio.get_running_loop()
        self._arrived = loop.create_future()
        timer = loop.call_at(until_s, self._wake)
        try:
            await self._arrived
        finally:
            timer.cancel()
            self._arrived = None

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def _replaced(self, happening: Happening) -> bool:
        """Put a newer level in the place of the older one."""
        name = _level(happening)
        if name is None:
            return False
        for index, waiting in enumerate(self._waiting):
            if _level(waiting) == name:
                self._waiting[index] = happening
                return True
        return False


def _level(happening: Happening) -> tuple[str, int] | None:
    """What a level is about; None for what must not be lost."""
    match happening:
        case EvseObserved(view=view):
            return "evse", view.evse
        case MeterRead(evse=evse):
            return "meter", evse
        case ClockRead():
            return "clock", 0
    return None
