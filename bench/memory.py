"""Memory and CPU of both programs, idle and charging.

PSS is the kernel's proportional set size; CPU is the share of one core over the window, from the
process's own accounting. Goals: control + agent ≤ 60 MB PSS, idle ≤ 3 % of a core.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.processes import pss_mb, used
from bench.table import show
from hil.csms.server import Csms
from hil.stage import Stage

WINDOW_S = float(os.environ.get("BENCH_WINDOW_S", "20"))
PROGRAMS = ("control", "agent")


async def window(stage: Stage) -> dict[str, tuple[float, float]]:
    """Per program: PSS in MB and share of a core in percent over the window."""
    pids = {name: stage.processes[name].pid for name in PROGRAMS}
    began_s, before = time.monotonic(), {name: used(pid) for name, pid in pids.items()}
    await asyncio.sleep(WINDOW_S)
    took_s = time.monotonic() - began_s
    return {
        name: (pss_mb(pid), 100 * used(pid).since(before[name]).cpu_s / took_s)
        for name, pid in pids.items()
    }


async def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        async with Csms() as csms:
            stage = Stage(Path(place), csms.url)
            await asyncio.to_thread(stage.start_simulator)
            stage.start("control")
            stage.start("agent")
            await csms.wait_for(lambda: bool(csms.central.boots), 20)
            await asyncio.sleep(3)
            idle = await window(stage)
            await asyncio.to_thread(stage.plug_in)
            await asyncio.to_thread(stage.card, "04A1B2C3")
            started = await csms.wait_for(lambda: bool(csms.central.transactions), 20)
            if not started:
                raise SystemExit("no transaction started")
            charging = await window(stage)
            await asyncio.to_thread(stage.stop)
    rows = []
    for state, figures in (("idle", idle), ("charging", charging)):
        rows += [(f"{name}, {state}", *figures[name]) for name in PROGRAMS]
        rows.append((f"both, {state}", *(sum(v) for v in zip(*figures.values(), strict=True))))
    show(
        f"Memory and CPU over {WINDOW_S:g} s (goals: both ≤ 60 MB, idle ≤ 3 %)",
        ("program", "PSS MB", "CPU %"),
        rows,
    )


if __name__ == "__main__":
    asyncio.run(main())
