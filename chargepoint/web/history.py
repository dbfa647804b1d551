"""Power, current and temperature of each EVSE over the last minutes and hours, in memory.

Two rings for each quantity: one value a second for ten minutes, one in ten seconds for six hours.
What was not known is a gap, never a zero.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Callable, Mapping, Sequence

from chargepoint.web.live import Live
from chargepoint.web.observers import Observers
from hal.values import MeterReading

QUANTITIES = ("power_w", "current_a", "temperature_c")
FINE_S, FINE_COUNT = 1.0, 600
COARSE_S, COARSE_COUNT = 10.0, 2160
READING_AGE_MAX_S = 15.0
"""An older reading of a meter is a gap."""


class Ring:
    """The last `count` values; a NaN is a gap."""

    def __init__(self, count: int) -> None:
        self._values = array("f", [math.nan] * count)
        self._next = 0

    def put(self, value: float | None) -> None:
        self._values[self._next] = math.nan if value is None else value
        self._next = (self._next + 1) % len(self._values)

    def values(self, last: int | None = None) -> list[float | None]:
        """The last `last` values, the oldest first."""
        ordered = self._values[self._next :] + self._values[: self._next]
        kept = ordered if last is None else ordered[-last:]
        return [None if math.isnan(value) else round(value, 2) for value in kept]

    def mean(self, last: int) -> float | None:
        """Mean of the known ones among the last `last`."""
        known = [value for value in self.values(last) if value is not None]
        return sum(known) / len(known) if known else None


class History:
    """The rings of all EVSEs. `tick` is called once a second."""

    def __init__(
        self, evses: Sequence[int], observers: Observers, live: Live, now: Callable[[], float]
    ) -> None:
        self._observers = observers
        self._live = live
        self._now = now
        self._ticks = 0
        self._rings = {
            evse: {quantity: (Ring(FINE_COUNT), Ring(COARSE_COUNT)) for quantity in QUANTITIES}
            for evse in evses
        }

    def series(self, evse: int, fine: bool) -> dict[str, list[float | None]]:
        """Quantity -> values, the oldest first; the last one is now. Raises KeyError."""
        return {
            quantity: rings[0 if fine else 1].values()
            for quantity, rings in self._rings[evse].items()
        }

    def tick(self) -> None:
        """Take one sample of everything."""
        self._ticks += 1
        coarse = self._ticks % int(COARSE_S / FINE_S) == 0
        for evse, quantities in self._rings.items():
            sample = self.sample(evse)
            for quantity, (fine_ring, coarse_ring) in quantities.items():
                fine_ring.put(sample.get(quantity))
                if coarse:
                    coarse_ring.put(fine_ring.mean(int(COARSE_S / FINE_S)))

    def sample(self, evse: int) -> Mapping[str, float | None]:
        """The quantities as they are now."""
        meter = self.meter(evse)
        snapshot = self._observers.evses.get(evse)
        return {
            "power_w": None if meter is None else meter.power_w,
            "current_a": max(meter.current_a) if meter is not None and meter.current_a else None,
            "temperature_c": None if snapshot is None else snapshot.temperature_c,
        }

    def meter(self, evse: int) -> MeterReading | None:
        """The newest reading from either side; None when it is too old."""
        found = [self._observers.meters.get(evse)]
        if self._live.last is not None and self._live.last.status is not None:
            found += [one.meter for one in self._live.last.status.evses if one.evse == evse]
        readings = [one for one in found if one is not None]
        newest = max(readings, key=lambda one: one.taken_s, default=None)
        if newest is None or self._now() - newest.taken_s > READING_AGE_MAX_S:
            return None
        return newest

    async def run(self) -> None:
        """Sample once a second, until cancelled; a second that was missed is a gap."""
        due_s = self._now()
        while True:
            due_s += FINE_S
            behind_s = self._now() - due_s
            if behind_s > FINE_S:
                due_s += math.floor(behind_s)
            await asyncio.sleep(max(0.0, due_s - self._now()))
            self.tick()
