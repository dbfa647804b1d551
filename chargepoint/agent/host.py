"""The host and this program's own pace, watched beside the station: for health and for alerts.

The host is read every `READ_EVERY_S` in a thread of its own: a dead disk holds up nobody. How late
the event loop is, is what a sleep of known length takes too long.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint.agent.certificate_end import ends_at
from chargepoint.agent.clock import synchronised
from chargepoint.ipc.care import HostHealth
from hal.host import Host

READ_EVERY_S = 10.0
LEDGER_FILES = ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-journal")
LATE_EVERY_S = 0.5
LATE_OVER_S = 60.0
"""How far back `Lateness` looks."""


class HostWatch:
    """The last reading of the host; empty values until the first one is there."""

    def __init__(
        self,
        state_dir: Path,
        host: Host | None = None,
        clock: Callable[[], bool] = synchronised,
        every_s: float = READ_EVERY_S,
        web_certificate: Path | None = None,
    ) -> None:
        self._host = Host(state_dir) if host is None else host
        self._state_dir = state_dir
        self._clock = clock
        self._every_s = every_s
        self._web_certificate = web_certificate
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="host", daemon=True)
        self.health = NOTHING_READ
        """Replaced whole by the thread."""
        self.memory_bytes = 0
        self.store_bytes = 0
        self.web_ends_at: datetime | None = None
        """When the certificate of the pages ends."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it is not waited for, because a disk may hold it."""
        self._ending.set()

    def read(self) -> None:
        """Look once. Blocks on the disk."""
        reading = msgspec.structs.asdict(self._host.read())
        self.store_bytes = stored_bytes(self._state_dir)
        self.memory_bytes = self._host.resident_bytes()
        if self._web_certificate is not None:
            self.web_ends_at = ends_at(self._web_certificate)
        self.health = HostHealth(**reading, clock_synchronised=self._clock())

    def _run(self) -> None:
        while not self._ending.is_set():
            self.read()
            self._ending.wait(self._every_s)


def stored_bytes(directory: Path) -> int:
    """Size of the ledger with its journal."""
    total = 0
    for name in LEDGER_FILES:
        with contextlib.suppress(OSError):  # a journal comes and goes
            total += (directory / name).stat().st_size
    return total


class Lateness:
    """How much later than wanted the loop woke up, the worst of the last minute."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._worst: deque[tuple[float, float]] = deque()
        """Falling: a lateness is of interest until a later one was worse."""

    def note(self, late_s: float) -> None:
        """The loop was late by so much."""
        late_s = max(0.0, late_s)
        while self._worst and self._worst[-1][1] <= late_s:
            self._worst.pop()
        self._worst.append((self._now(), late_s))
        self._forget()

    @property
    def max_s(self) -> float:
        self._forget()
        return self._worst[0][1] if self._worst else 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            due_s = self._now() + LATE_EVERY_S
            await asyncio.sleep(LATE_EVERY_S)
            self.note(self._now() - due_s)

    def _forget(self) -> None:
        oldest_s = self._now() - LATE_OVER_S
        while self._worst and self._worst[0][0] < oldest_s:
            self._worst.popleft()


NOTHING_READ = HostHealth(
    model="",
    disk_free_bytes=None,
    disk_size_bytes=None,
    disk_written_bytes=None,
    disk_life_used=None,
    disk_read_only=None,
    memory_free_bytes=None,
    cpu_temperature_c=None,
    under_voltage=None,
    under_voltage_seen=None,
    throttled=None,
    load_1min=None,
    uptime_s=None,
    clock_synchronised=None,
)
