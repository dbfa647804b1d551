"""The plant in real time: one clock, one lock, for all threads that touch it.

    with world as now_s:      # the plant is locked and has reached now_s
        world.plant...

Every access first brings the plant up to now, so that it needs no loop of its own to be right; the
simulator's ticker only keeps events from being late. Inside, nothing waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hil.plant.plant import Plant


class World:
    """Owner of the plant."""

    def __init__(self, plant: Plant, clock: Callable[[], float] = time.monotonic) -> None:
        self.plant = plant
        self.clock = clock
        self._lock = threading.RLock()

    def __enter__(self) -> float:
        self._lock.acquire()
        now_s = self.clock()
        self.plant.advance(now_s)
        return now_s

    def __exit__(self, *exception: object) -> None:
        self._lock.release()
