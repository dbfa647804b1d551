"""Bounds of one transfer: its time, its bytes, its speed, and whether it is still wanted.

Everything that moves bytes goes through `Transfer.moved`, which waits where a speed limit wants it
and raises when a bound is reached. A server that delivers a byte now and then is caught by the
time, one that delivers nothing by the time-out of the socket.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable

from chargepoint.agent.jobs.places import TransferError
from chargepoint.station.file_values import Problem

CHUNK_BYTES = 64 * 1024
STALL_S = 30.0
"""Longest silence of a server."""

TOTAL_S = 4 * 3600.0
REDIRECTS_MAX = 5


class Cancelled(Exception):
    """Nobody wants the transfer any more."""


class Transfer:
    """One attempt. `size_max`: bytes; `speed_max`: bytes per second, 0 for as fast as it goes."""

    def __init__(
        self,
        tls: Callable[[], ssl.SSLContext],
        size_max: int,
        speed_max: float = 0.0,
        stall_s: float = STALL_S,
        total_s: float = TOTAL_S,
        cancelled: threading.Event | None = None,
    ) -> None:
        self.tls = tls
        self.size_max = size_max
        self.stall_s = stall_s
        self.bytes = 0
        self._speed_max = speed_max
        self._cancelled = cancelled or threading.Event()
        self._began_s = time.monotonic()
        self._until_s = self._began_s + total_s

    def moved(self, count: int) -> None:
        """`count` more bytes have passed. Raises Cancelled or TransferError."""
        self.bytes += count
        if self._cancelled.is_set():
            raise Cancelled
        if self.bytes > self.size_max:
            raise TransferError(Problem.FAILED, f"more than {self.size_max} bytes")
        now_s = time.monotonic()
        if now_s > self._until_s:
            raise TransferError(Problem.FAILED, "it takes too long")
        if self._speed_max > 0:
            ahead_s = self.bytes / self._speed_max - (now_s - self._began_s)
            if ahead_s > 0 and self._cancelled.wait(min(ahead_s, 5.0)):
                raise Cancelled

    def fits(self, size: int) -> None:
        """Refuse a size that the server announces. Raises TransferError."""
        if size > self.size_max:
            raise TransferError(
                Problem.FAILED, f"{size} bytes, of which {self.size_max} are allowed"
            )
