"""A sign of life outwards: what is dead cannot raise an alarm, so somebody else has to miss it.

Sent only while the station does its work; that the CSMS is away is no reason to be silent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from chargepoint import log
from chargepoint.agent.notify.exchange import HttpRequest, exchange
from chargepoint.agent.notify.trust import Roots
from chargepoint.agent.notify.way import Undelivered
from chargepoint.config.alerts import DeadMan

TIMEOUT_S = 10.0
JITTER = 0.1
"""Share of the interval; a street of chargers must not call at the same instant."""

FAILURES_MAX = 3
"""In a row, after which it counts as failing."""


class SignOfLife:
    """`alive`: whether the station does its work. Runs as a task until it is cancelled."""

    def __init__(
        self,
        settings: DeadMan,
        alive: Callable[[], bool],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._alive = alive
        self._chance = chance
        self._roots = Roots()
        self._failures = 0
        self._since_s = 0.0
        self._said = ""
        self._log = log.get("notify")

    @property
    def problem(self) -> str:
        """What the service said last, when it has failed several times in a row; else empty."""
        return self._said if self._failures >= FAILURES_MAX else ""

    async def run(self) -> None:
        while True:
            if self._alive():
                await self._ping()
            spread = 1.0 + JITTER * (2.0 * self._chance() - 1.0)
            await asyncio.sleep(self._settings.every_s * spread)

    async def _ping(self) -> None:
        try:
            request = HttpRequest(url=self._settings.url, method="GET")
            await exchange(request, self._roots, TIMEOUT_S)
        except Undelivered as error:
            if not self._failures:
                self._since_s = time.monotonic()
                self._log.warning("dead_man.failed", error=error.detail)
            self._failures += 1
            self._said = error.detail
        else:
            if self._failures:
                lost_s = round(time.monotonic() - self._since_s, 1)
                self._log.info("dead_man.recovered", lost_s=lost_s)
            self._failures = 0
