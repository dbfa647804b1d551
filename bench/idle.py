"""What a station costs that does nothing: processor time of its programs beside a bare script.

A station of two EVSEs stands idle on the simulator: nothing plugged in, connected to its CSMS.
Beside it, on a simulated line of its own, `bare_line.py` asks the same registers as often as
control does, and decides nothing. Both are looked at over the same seconds, so whatever else the
machine does meets both alike: the ratio tells more than the percent. Simulators are not counted.

The share of a core is user and system time from /proc; wakes are waits that ended in a thread.
Goal: control + agent ≤ 3 % of a core.
Environment: BENCH_WINDOW_S (default 20), BENCH_ROUNDS (default 3).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.processes import Used, used
from bench.table import median, show
from chargepoint.config import Config
from chargepoint.control.loop import METER_EVERY_S
from chargepoint.control.main import QUIET_TICK_S
from hal.register_map import load
from hil.csms.server import Csms
from hil.stage import Stage, free_port

WINDOW_S = float(os.environ.get("BENCH_WINDOW_S", "20"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SETTLED_S = 10.0
"""After this long self-tests are over and everything is loaded."""

PROGRAMS = ("control", "agent", "web")
BARE = "bare script"


def requests(config: Config) -> list[list[float]]:
    """What control asks of its line while nothing is plugged in: unit, address, count, period."""
    asked: list[list[float]] = []
    for device in config.device:
        if device.map:
            board = device.driver == "pilot-board"
            every_s = QUIET_TICK_S if board else METER_EVERY_S
            for block in load(device.map).blocks("reading", 125 if board else None):
                asked.append([device.unit, block.address, block.count, every_s])
    return asked


def bare(stage: Stage) -> subprocess.Popen[bytes]:
    """The bare script on the line of `stage`."""
    bus = next(one for one in stage.config.bus if one.name == "safety")
    script = str(Path(__file__).with_name("bare_line.py"))
    port = str(stage.config.run_dir / bus.port)
    command = [sys.executable, script, port, str(bus.baud), json.dumps(requests(stage.config))]
    return subprocess.Popen(command)


async def window(pids: dict[str, int]) -> dict[str, Used]:
    """What each process uses in WINDOW_S."""
    before = {name: used(pid) for name, pid in pids.items()}
    await asyncio.sleep(WINDOW_S)
    return {name: used(pid).since(before[name]) for name, pid in pids.items()}


def together(found: list[Used]) -> Used:
    return Used(
        user_s=sum(one.user_s for one in found),
        system_s=sum(one.system_s for one in found),
        wakes=sum(one.wakes for one in found),
    )


async def measured(place: Path) -> list[dict[str, Used]]:
    """The windows of one run of everything."""
    async with Csms() as csms:
        stage = Stage(place / "station", csms.url, {"web.listen": f"127.0.0.1:{free_port()}"})
        other = Stage(place / "bare", None)
        with stage, other:
            await asyncio.to_thread(stage.start_simulator)
            await asyncio.to_thread(other.start_simulator)
            for program in PROGRAMS:
                stage.start(program)
            script = other.processes[BARE] = bare(other)
            if not await csms.wait_for(lambda: bool(csms.central.boots), 20):
                raise SystemExit("no BootNotification")
            await asyncio.sleep(SETTLED_S)
            pids = {name: stage.processes[name].pid for name in PROGRAMS} | {BARE: script.pid}
            windows = [await window(pids) for _ in range(ROUNDS)]
            await asyncio.to_thread(other.end, BARE)
            return windows


def row(name: str, windows: list[Used], yardstick: list[Used]) -> tuple[object, ...]:
    percent = 100 / WINDOW_S
    ratios = [one.cpu_s / bare.cpu_s for one, bare in zip(windows, yardstick, strict=True)]
    return (
        name,
        percent * median([one.user_s for one in windows]),
        percent * median([one.system_s for one in windows]),
        percent * median([one.cpu_s for one in windows]),
        median(ratios),
        median([one.wakes / WINDOW_S for one in windows]),
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        windows = await measured(Path(place))
    yardstick = [found[BARE] for found in windows]
    rows = [row(name, [found[name] for found in windows], yardstick) for name in windows[0]]
    both = [together([found["control"], found["agent"]]) for found in windows]
    rows.insert(2, row("control + agent", both, yardstick))
    show(
        f"Idle, medians of {ROUNDS} windows of {WINDOW_S:g} s (goal: control + agent ≤ 3 %)",
        ("program", "user %", "system %", "CPU %", "× bare", "wakes/s"),
        rows,
    )


if __name__ == "__main__":
    asyncio.run(main())
