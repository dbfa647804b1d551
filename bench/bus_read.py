"""`bus read` at full speed while two EVSEs charge: what it does to the ticks of control.

One station, windows without and with a reader in turns, so that whatever else the machine does
meets both alike. The reader asks through the agent, one request after the other. p99 and the
longest tick are control's own figures (`Health`, the last ten seconds); each window is longer than
that before its figure is taken.

Goal: p99 with a reader ≤ 1.2 × without, in the same run.
Environment: BENCH_WINDOW_S (default 15), BENCH_ROUNDS (default 3).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.table import median, show
from chargepoint.ipc.care import BusAnswer, GetHealth, HealthStatus, TransactBus
from chargepoint.ipc.client import ServiceClient
from hil.csms.server import Csms
from hil.stage import Stage

WINDOW_S = float(os.environ.get("BENCH_WINDOW_S", "15"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CHANGES = {"ocpp.v16.MeterValueSampleInterval": 0}


@dataclass
class Window:
    """What one window came to."""

    p99_ms: float
    longest_ms: float
    ticks_per_s: float
    reads_per_s: float
    timeouts: int


class Reader:
    """Reads six registers of a meter again and again, as fast as they are answered."""

    def __init__(self, stage: Stage) -> None:
        self._client = ServiceClient(stage.config.agent_socket())
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        request = TransactBus(bus="safety", unit=11, function=4, address=0, count=6)
        while not self._ending.is_set():
            for answer in self._client.ask(request):
                self.done += isinstance(answer, BusAnswer)


def health(stage: Stage) -> HealthStatus:
    answer = next(ServiceClient(stage.config.agent_socket()).ask(GetHealth()))
    assert isinstance(answer, HealthStatus)
    return answer


def window(stage: Stage, reading: bool) -> Window:
    """Let WINDOW_S pass with or without a reader."""
    reader = Reader(stage)
    before, began_s = health(stage), time.monotonic()
    if reading:
        reader.start()
    time.sleep(WINDOW_S)
    after, took_s = health(stage), time.monotonic() - began_s
    if reading:
        reader.stop()
    return Window(
        p99_ms=after.loops[0].tick_p99_s * 1000,
        longest_ms=after.loops[0].tick_max_s * 1000,
        ticks_per_s=(after.loops[0].ticks - before.loops[0].ticks) / took_s,
        reads_per_s=reader.done / took_s,
        timeouts=after.buses[0].timeouts - before.buses[0].timeouts,
    )


def running(csms: Csms, count: int) -> bool:
    return len(csms.central.transactions) == count


async def main() -> None:
    found: dict[bool, list[Window]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as place:
        async with Csms() as csms:
            stage = Stage(Path(place), csms.url, CHANGES)
            await asyncio.to_thread(stage.start_simulator)
            stage.start("control")
            stage.start("agent")
            await csms.wait_for(lambda: bool(csms.central.boots), 20)
            await asyncio.sleep(3)  # readers are opened after the first word to the CSMS
            for evse in (1, 2):
                await asyncio.to_thread(stage.plug_in, evse)
                await asyncio.to_thread(stage.card, f"04A1B2C{evse}")
                if not await csms.wait_for(partial(running, csms, evse), 30):
                    raise SystemExit(f"no transaction started at EVSE {evse}")
            await asyncio.sleep(WINDOW_S)
            for _ in range(ROUNDS):
                for reading in (False, True):
                    found[reading].append(await asyncio.to_thread(window, stage, reading))
            await asyncio.to_thread(stage.stop)
    rows = [
        (
            "with a reader" if reading else "without",
            median([one.p99_ms for one in windows]),
            median([one.longest_ms for one in windows]),
            median([one.ticks_per_s for one in windows]),
            median([one.reads_per_s for one in windows]),
            sum(one.timeouts for one in windows),
        )
        for reading, windows in found.items()
    ]
    ratio = rows[1][1] / rows[0][1]
    rows.append(("ratio", ratio, rows[1][2] / rows[0][2], rows[1][3] / rows[0][3], "", ""))
    show(
        f"Ticks of control, two EVSEs charging, {ROUNDS} windows of {WINDOW_S:g} s each "
        "(goal: p99 ratio ≤ 1.2)",
        ("", "p99 ms", "longest ms", "ticks/s", "reads/s", "timeouts"),
        rows,
    )


if __name__ == "__main__":
    asyncio.run(main())
