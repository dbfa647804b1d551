"""Threads for what would hold up the pages: few, and a short queue in front of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

THREADS = 2
WAITING_MAX = 8

P = ParamSpec("P")
T = TypeVar("T")


class Busy(Exception):
    """Too much is asked for at a time."""


class Work:
    """Calls functions in threads of its own."""

    def __init__(self, threads: int = THREADS, waiting_max: int = WAITING_MAX) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self._room = threads + waiting_max
        self._taken = 0

    async def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `call`. Raises Busy, and what `call` raises."""
        if self._taken >= self._room:
            raise Busy
        self._taken += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: call(*args, **kwargs))
        finally:
            self._taken -= 1

    def stop(self) -> None:
        """Wait for nobody."""
        self._executor.shutdown(wait=False, cancel_futures=True)
