"""What stands at the far end of a serial line, as a machine: bytes and instants in, bytes out."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable
from typing import Protocol


class Talker(Protocol):
    """Driven by the thread of a line, or by a test with its own time."""

    def hear(self, data: bytes, now_s: float) -> None:
        """Bytes arrived, all at `now_s` as far as the pty can tell."""
        ...

    def due(self, now_s: float) -> Iterable[bytes]:
        """What goes onto the line by `now_s`."""
        ...

    def next_s(self) -> float:
        """Instant at which `due` should be asked again; inf when only `hear` can bring news."""
        ...


class Outbox:
    """Bytes with the instant at which they have passed the line."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()

    def put(self, at_s: float, data: bytes) -> None:
        heapq.heappush(self._heap, (at_s, next(self._order), data))

    def take(self, now_s: float) -> list[bytes]:
        """Everything that is due, earliest first."""
        taken = []
        while self._heap and self._heap[0][0] <= now_s:
            taken.append(heapq.heappop(self._heap)[2])
        return taken

    def next_s(self) -> float:
        return self._heap[0][0] if self._heap else float("inf")

    def clear(self) -> None:
        self._heap.clear()
