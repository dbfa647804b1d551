"""How long to wait for a reply: measured per unit, bounded by the configuration.

Latency is the time from the end of our request to the start of the reply, so without the time that
the two frames take on the line. A unit that has answered often enough is given three times its
slowest recent latency, at least `FLOOR_S`; a new unit gets the whole `timeout_max_s`.
"""

from __future__ import annotations

from collections import deque

FLOOR_S = 0.03
"""Least patience: the 16 ms latency timer of USB adapters, and being scheduled late ourselves."""
MARGIN = 3.0
KNOWN_AFTER = 8
"""Replies before the measured latency is believed."""
RECENT = 64
PATIENT_EVERY = 4
"""Every fourth try after losses waits the full time, should the device have become slower."""
KEPT = 1024


class _Unit:
    __slots__ = ("misses", "recent", "slowest_s")

    def __init__(self) -> None:
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.slowest_s = 0.0
        self.misses = 0


class Latencies:
    """Reply times of all units of one bus."""

    def __init__(self, timeout_max_s: float) -> None:
        self.timeout_max_s = timeout_max_s
        self._units: dict[int, _Unit] = {}
        self._all: deque[float] = deque(maxlen=KEPT)

    def answered(self, unit: int, elapsed_s: float, line_s: float = 0.0) -> None:
        """Remember an answer: whole time since the request, and how much of it frames take."""
        self.late(unit, elapsed_s, line_s)
        self._units[unit].misses = 0

    def late(self, unit: int, elapsed_s: float, line_s: float = 0.0) -> None:
        """Remember an answer that was seen only after the deadline."""
        known = self._units.setdefault(unit, _Unit())
        self._all.append(elapsed_s)
        latency_s = max(0.0, elapsed_s - line_s)
        full = len(known.recent) == RECENT
        leaving = known.recent[0] if full else -1.0
        known.recent.append(latency_s)
        if latency_s >= known.slowest_s:
            known.slowest_s = latency_s
        elif leaving >= known.slowest_s:
            known.slowest_s = max(known.recent)

    def missed(self, unit: int) -> None:
        """Remember that `unit` did not answer in time."""
        self._units.setdefault(unit, _Unit()).misses += 1

    def allowance_s(self, unit: int) -> float:
        """How long `unit` may take before its reply begins."""
        known = self._units.get(unit)
        if known is None or len(known.recent) < KNOWN_AFTER:
            return self.timeout_max_s
        if known.misses % PATIENT_EVERY == PATIENT_EVERY - 1:
            return self.timeout_max_s
        allowance_s = max(FLOOR_S, MARGIN * known.slowest_s)
        if known.misses:
            allowance_s *= 2
        return min(allowance_s, self.timeout_max_s)

    def slowest_s(self) -> float:
        """Slowest recent latency of any unit; `timeout_max_s` while no unit has answered."""
        heard = [known.slowest_s for known in self._units.values() if known.recent]
        return min(max(heard), self.timeout_max_s) if heard else self.timeout_max_s

    def p99_s(self) -> float:
        """99th percentile of the time from request to whole reply; 0 before the first."""
        if not self._all:
            return 0.0
        ordered = sorted(self._all)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
