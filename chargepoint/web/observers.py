"""What the safety programs say, seen by an observer: states, readings, health.

One connection per safety bus; one that breaks is opened again after a pause. Observers cannot
command anything, and control drops one that does not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from chargepoint.ipc import messages as m
from chargepoint.ipc.client import ControlSession
from chargepoint.ipc.codec import BadLine, decode_fact, encode
from hal.values import MeterReading

RETRY_WAITS_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class Observers:
    """`evses`, `meters` and `health` as last heard; an entry of a lost program goes with it."""

    def __init__(self, sockets: Mapping[str, Path]) -> None:
        """`sockets`: safety bus -> socket of its program."""
        self._sockets = sockets
        self.evses: dict[int, m.EvseSnapshot] = {}
        self.meters: dict[int, MeterReading] = {}
        self.health: dict[str, m.Health] = {}
        self.connected: set[str] = set()
        self.changed = asyncio.Event()
        """Set with every fact that a page shows; whoever waits for it clears it."""

    async def run(self) -> None:
        """Observe until cancelled."""
        async with asyncio.TaskGroup() as group:
            for bus, path in self._sockets.items():
                group.create_task(self._observe(bus, path), name=f"observe {bus}")

    async def _observe(self, bus: str, path: Path) -> None:
        failures = 0
        while True:
            began_s = time.monotonic()
            with contextlib.suppress(OSError, BadLine, ValueError):
                await self._connection(bus, path)
            steady = time.monotonic() - began_s > RETRY_WAITS_S[-1]
            failures = 0 if steady else failures + 1
            await asyncio.sleep(RETRY_WAITS_S[min(failures, len(RETRY_WAITS_S) - 1)])

    async def _connection(self, bus: str, path: Path) -> None:
        session = ControlSession("web", observer=True)
        reader, writer = await asyncio.open_unix_connection(str(path), limit=m.LINE_MAX_BYTES)
        evses: set[int] = set()
        try:
            writer.write(encode(session.hello()))
            while line := await reader.readline():
                self._heard(bus, decode_fact(line), evses)
        finally:
            self.connected.discard(bus)
            self.health.pop(bus, None)
            for evse in evses:
                self.evses.pop(evse, None)
                self.meters.pop(evse, None)
            self.changed.set()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _heard(self, bus: str, fact: m.AnyFact, evses: set[int]) -> None:
        match fact:
            case m.Snapshot(evses=snapshots):
                self.connected.add(bus)
                self.evses |= {one.evse: one for one in snapshots}
                evses |= {one.evse for one in snapshots}
            case m.Observed(evse=snapshot):
                self.evses[snapshot.evse] = snapshot
            case m.Measured(evse=evse, meter=meter):
                self.meters[evse] = meter
                return
            case m.Health():
                self.health[bus] = fact
                return
            case _:
                return
        self.changed.set()
