"""How long to wait before the next attempt to reach the CSMS (OCPP 2.0.1, RetryBackOff variables).

First wait: the minimum plus a random part. Each further failure doubles the wait and adds a new
random part, for a limited number of times; then it stays. Only a connection that proved itself
(the CSMS accepted us) starts this afresh: a 101 that dies within seconds is still a failure.
"""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """`random`: a number from 0 to 1, for instance `random.random`."""

    def __init__(
        self,
        *,
        wait_min_s: float,
        random_range_s: float,
        doublings: int,
        random: Callable[[], float],
    ) -> None:
        self._wait_min_s = wait_min_s
        self._random_range_s = random_range_s
        self._doublings = doublings
        self._random = random
        self._failures = 0
        self._wait_s = 0.0

    def next_wait_s(self, at_least_s: float = 0.0) -> float:
        """The wait after one more failure; `at_least_s`: what the other side asked for."""
        if self._failures == 0:
            self._wait_s = self._wait_min_s + self._random_part()
        elif self._failures <= self._doublings:
            self._wait_s = 2 * self._wait_s + self._random_part()
        self._failures += 1
        if at_least_s > self._wait_s:
            return at_least_s + self._random_part()
        return self._wait_s

    def proved(self) -> None:
        """The connection works: the next failure is a first one."""
        self._failures = 0

    def _random_part(self) -> float:
        return self._random() * self._random_range_s
