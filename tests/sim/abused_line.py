"""A serial line in virtual time between real bus and real slaves, and what it does to both.

`AbusedLine` is the `Port` of a `ModbusBus`; behind it stand the slaves of `hil.wire.rtu`. The clock
moves only while somebody waits here. What goes wrong is drawn from the world's seed.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass

from hal.bus.port import PortLost
from hil.wire.modbus import crc
from hil.wire.rtu import RtuSlaves

STUTTER_S = 0.003
TWIN_LATE_S = 0.004


@dataclass
class Clock:
    """Monotonic seconds of one world."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class LineAbuse:
    """What the line does to frames; all off is a healthy line. Ratios from 0 to 1."""

    request_lost: float = 0.0
    request_damaged: float = 0.0
    request_late: float = 0.0
    late_s: float = 0.0
    reply_lost: float = 0.0
    reply_damaged: float = 0.0
    noise: float = 0.0
    stutter: bool = False
    echo: bool = False
    twin: float = 0.0
    """A second device of the same address: collides, or answers just after the first."""
    silent: bool = False
    """Nothing gets through in either direction."""
    unplugged: bool = False

    @property
    def healthy(self) -> bool:
        return self == LineAbuse()


class AbusedLine:
    """Satisfies `hal.bus.port.Port`."""

    def __init__(self, clock: Clock, slaves: RtuSlaves, chance: random.Random) -> None:
        self._clock = clock
        self._slaves = slaves
        self._chance = chance
        self._order = itertools.count()
        self._requests: list[tuple[float, int, bytes]] = []
        self._coming: list[tuple[float, int, bytes]] = []
        self.abuse = LineAbuse()
        self.frames = 0
        self.spoiled = 0

    def write(self, data: bytes) -> None:
        self._check()
        self.frames += 1
        abuse, now_s = self.abuse, self._clock.now_s
        if abuse.echo:
            self._arrive(now_s + 0.0002, data)
        if abuse.silent or self._happens(abuse.request_lost):
            return
        if self._happens(abuse.request_damaged):
            data = self._damaged(data)
        delay_s = (
            self._chance.uniform(0.0, abuse.late_s) if self._happens(abuse.request_late) else 0.0
        )
        heapq.heappush(self._requests, (now_s + delay_s, next(self._order), data))

    def read(self, within_s: float) -> bytes:
        self._check()
        clock = self._clock
        until_s = clock.now_s + within_s
        while True:
            self._move()
            if self._coming and self._coming[0][0] <= clock.now_s:
                return heapq.heappop(self._coming)[2]
            if clock.now_s >= until_s:
                return b""
            clock.now_s = min(until_s, max(clock.now_s + 1e-6, self._next_s()))

    def close(self) -> None:
        self._coming.clear()

    def idle(self) -> None:
        """Let what is under way arrive while nobody waits for it."""
        self._move()

    # --- pieces -----------------------------------------------------------------------------------

    def _next_s(self) -> float:
        due = [self._slaves.next_s()]
        due += [queue[0][0] for queue in (self._requests, self._coming) if queue]
        return min(due)

    def _move(self) -> None:
        now_s = self._clock.now_s
        while self._requests and self._requests[0][0] <= now_s:
            self._slaves.hear(heapq.heappop(self._requests)[2], now_s)
        for piece in self._slaves.due(now_s):
            self._answer(piece, now_s)

    def _answer(self, piece: bytes, now_s: float) -> None:
        abuse = self.abuse
        if abuse.silent or abuse.unplugged or self._happens(abuse.reply_lost):
            return
        if self._happens(abuse.noise):
            piece = self._chance.randbytes(self._chance.randint(1, 12)) + piece
        if self._happens(abuse.reply_damaged):
            piece = self._damaged(piece)
        if self._happens(abuse.twin):
            if self._chance.random() < 0.5:
                piece = bytes(a & b for a, b in zip(piece, self._twin(piece), strict=True))
            else:
                self._arrive(now_s + TWIN_LATE_S, self._twin(piece))
            self.spoiled += 1
        if not abuse.stutter:
            self._arrive(now_s, piece)
            return
        for number, at in enumerate(range(0, len(piece), 3)):
            self._arrive(now_s + number * STUTTER_S, piece[at : at + 3])

    def _arrive(self, at_s: float, data: bytes) -> None:
        heapq.heappush(self._coming, (at_s, next(self._order), data))

    def _happens(self, ratio: float) -> bool:
        return ratio > 0.0 and self._chance.random() < ratio

    def _damaged(self, frame: bytes) -> bytes:
        """One to three bits flipped, or the tail cut off."""
        self.spoiled += 1
        if self._chance.random() < 0.2:
            return frame[: self._chance.randrange(len(frame))]
        damaged = bytearray(frame)
        for _ in range(self._chance.randint(1, 3)):
            damaged[self._chance.randrange(len(frame))] ^= 1 << self._chance.randrange(8)
        return bytes(damaged)

    def _twin(self, frame: bytes) -> bytes:
        """The same answer with other values and a right check sum."""
        if len(frame) < 6:
            return frame
        body = bytearray(frame[:-2])
        for at in range(3, len(body)):
            body[at] ^= self._chance.randrange(256)
        return bytes(body) + crc(bytes(body)).to_bytes(2, "little")

    def _check(self) -> None:
        if self.abuse.unplugged:
            raise PortLost("unplugged")
