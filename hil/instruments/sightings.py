"""What the instruments of a rig saw, in order, each with how well its instant is known.

A quantity that is polled changes somewhere between two readings: its instant is the middle, and
half of the gap is added to the instrument's own doubt. An event has an instant of its own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hil.instruments.recorder import RecorderBroken

KEPT_MAX = 12_000
LOST_S = 2.0
"""An instrument that has said nothing for this long counts as broken."""


class Quantity(Enum):
    """What is seen."""

    CONTACT = "outlet live"
    OFFER = "pilot duty"
    TOLD = "contactor command"
    S2 = "vehicle asks"
    TOLD_PHASES = "phase command"
    TOLD_TEST = "self-test command"
    CURRENT = "current"
    OUTLET = "outlet voltage"
    LOCKED = "plug locked"
    READING = "board reading"
    ACT = "done to the station"


@dataclass(frozen=True, slots=True)
class Seen:
    """One value of one quantity from `at_s` on; the instant is right to ± `doubt_s`."""

    at_s: float
    quantity: Quantity
    value: Any
    doubt_s: float


class Sightings:
    """Written by the threads of the instruments, read by the bench."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._news = threading.Condition()
        self._seen: dict[Quantity, deque[Seen]] = {one: deque(maxlen=KEPT_MAX) for one in Quantity}
        self._checked_s: dict[Quantity, float] = {}
        self._broken: dict[Quantity, str] = {}

    def begin(self) -> None:
        """Forget all but the latest value of each quantity, for the next scenario."""
        with self._news:
            for seen in self._seen.values():
                while len(seen) > 1:
                    seen.popleft()

    # --- instruments -----------------------------------------------------------------------------

    def happened(self, quantity: Quantity, value: object, at_s: float, doubt_s: float) -> None:
        """An event whose instant is known; equal values in a row count once."""
        with self._news:
            latest = self._latest(quantity)
            if latest is None or latest.value != value:
                self._seen[quantity].append(Seen(at_s, quantity, value, doubt_s))
            self._checked(quantity, at_s)

    def sampled(
        self, quantity: Quantity, value: object, at_s: float, doubt_s: float, every: bool = False
    ) -> None:
        """A reading. `every`: keep equal ones too, for curves."""
        with self._news:
            latest = self._latest(quantity)
            half_s = max(at_s - self._checked_s.get(quantity, at_s), 0.0) / 2
            if every or latest is None or latest.value != value:
                self._seen[quantity].append(Seen(at_s - half_s, quantity, value, doubt_s + half_s))
            self._checked(quantity, at_s)

    def failed(self, quantity: Quantity, problem: str) -> None:
        """A reading that did not come."""
        with self._news:
            self._broken[quantity] = problem

    # --- bench -----------------------------------------------------------------------------------

    def latest(self, quantity: Quantity) -> Seen | None:
        with self._news:
            return self._latest(quantity)

    def since(self, quantity: Quantity, begin_s: float) -> list[Seen]:
        """All from `begin_s` on, in order."""
        with self._news:
            return [one for one in self._seen[quantity] if one.at_s >= begin_s]

    def run(self, quantity: Quantity, holds: Callable[[Any], bool]) -> Seen | None:
        """The beginning of the time during which it holds up to now; None: it does not hold."""
        begin: Seen | None = None
        with self._news:
            for one in reversed(self._seen[quantity]):
                if not holds(one.value):
                    break
                begin = one
        return begin

    def check(self, quantities: Iterable[Quantity]) -> None:
        """Raises RecorderBroken when one of these, read at intervals, is silent for too long."""
        with self._news:
            now_s = self._clock()
            for one in quantities:
                silent_s = now_s - self._checked_s.get(one, now_s)
                if silent_s > LOST_S or (one in self._broken and one not in self._checked_s):
                    problem = self._broken.get(one, "silent")
                    raise RecorderBroken(f"{one.value}: no reading: {problem}")

    def fresh(self, quantity: Quantity, after_s: float) -> bool:
        """Whether an instrument has looked at it after that instant."""
        with self._news:
            return self._checked_s.get(quantity, float("-inf")) >= after_s

    def wait(self, within_s: float) -> None:
        """Until something is seen, at most `within_s`."""
        with self._news:
            self._news.wait(within_s)

    def _latest(self, quantity: Quantity) -> Seen | None:
        seen = self._seen[quantity]
        return seen[-1] if seen else None

    def _checked(self, quantity: Quantity, at_s: float) -> None:
        self._checked_s[quantity] = max(at_s, self._checked_s.get(quantity, at_s))
        self._news.notify_all()
