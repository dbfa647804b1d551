"""Start of the process → BootNotification at the CSMS, beside a bare script.

In turn, so that a change of the machine's speed hits both: the agent alone, the whole station with
`run`, and `bare_script.py`. Figures are medians in ms and the ratio to the bare script. Byte code
is brought up to date first, as installing does: compiling a changed module takes up to 10 ms.
"""

from __future__ import annotations

import asyncio
import compileall
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.table import median, quantile, show
from hil.csms.server import Csms
from hil.stage import Stage

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))


async def time_to_boot(csms: Csms, command: list[str]) -> float:
    """Milliseconds from starting `command` to its BootNotification; the process is ended."""
    seen = len(csms.central.boots)
    began_s = time.monotonic()
    process = await asyncio.to_thread(
        subprocess.Popen, command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    arrived = await csms.wait_for(lambda: len(csms.central.boots) > seen, 20)
    took_s = time.monotonic() - began_s
    process.terminate()
    await asyncio.to_thread(process.wait)
    if not arrived:
        raise SystemExit(f"no BootNotification from {command}")
    return took_s * 1000


async def main() -> None:
    for package in ("chargepoint", "hal"):
        compileall.compile_dir(ROOT / package, quiet=1)
    python = [sys.executable, "-m", "chargepoint.cli.main"]
    bare = [sys.executable, str(Path(__file__).with_name("bare_script.py"))]
    times: dict[str, list[float]] = {"bare script": [], "agent": [], "whole station": []}
    with tempfile.TemporaryDirectory() as place:
        async with Csms() as csms:
            stage = Stage(Path(place), csms.url)
            await asyncio.to_thread(stage.start_simulator)
            config = ["--config", str(stage.config_path)]
            commands = {
                "bare script": [*bare, csms.url],
                "agent": [*python, "agent", *config],
                "whole station": [*python, "run", *config],
            }
            for number in range(ROUNDS + 1):
                for name, command in commands.items():
                    took = await time_to_boot(csms, command)
                    if number:
                        times[name].append(took)
            await asyncio.to_thread(stage.stop)
    yardstick = median(times["bare script"])
    show(
        f"Start → BootNotification, {ROUNDS} rounds (goal: agent ≤ 1.5 × bare script)",
        ("program", "median ms", "p90 ms", "ratio"),
        [
            (name, median(values), quantile(values, 0.9), median(values) / yardstick)
            for name, values in times.items()
        ],
    )


if __name__ == "__main__":
    asyncio.run(main())
