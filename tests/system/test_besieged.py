"""The real programs under hostile frames: nothing closes, ends, or is written astray."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from hil.csms.server import CallFailed
from tests.fuzz.frames import Hostile
from tests.fuzz.siege import PUT_RIGHT
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

SEED = 11
BURSTS, BURST = 14, 100
"""Twice as many frames as the station takes in that time: the rest has to wait or is refused."""

RSS_GROWTH_MAX_MB = 16.0
LOG_MAX_BYTES = 150_000
DISK_MAX_BYTES = 4_000_000
WATCH = Path(__file__).resolve().parents[1] / "fuzz" / "watch"


def rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("this kernel tells no VmRSS")


async def burst(world: Scene, hostile: Hostile) -> None:
    """Frames as fast as the socket takes them; the connection may end under it."""
    await world.until(lambda: world.csms.connected(world.identity), "a connection")
    station = world.csms._stations[world.identity]
    with suppress(ConnectionClosed):
        for _ in range(BURST):
            frame = hostile.frame()
            with suppress(UnicodeEncodeError):  # a lone surrogate cannot be sent at all
                await station.send(frame)


def astray(world: Scene, watched: Path) -> set[str]:
    """Paths that were written outside the directories of the station."""
    own = (world.stage.config.state_dir, world.stage.config.run_dir)
    allowed = (*(f"{path.resolve()}/" for path in own), "/dev/")
    paths = {line for line in watched.read_text("utf-8", "replace").splitlines() if line}
    assert any(path.startswith(allowed[0]) for path in paths), "the watch saw nothing"
    return {path for path in paths if not f"{path}/".startswith(allowed)}


async def test_hostile_frames_close_nothing_end_nothing_and_write_nothing_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R6, CQ8, CQ9: two cars plugged in and no card; afterwards a card starts a session."""
    watched = tmp_path / "written.txt"
    hostile = Hostile(random.Random(SEED), without=("Reset",))
    async with scene(tmp_path / "stage", strict=False) as world:
        await world.do(world.stage.start_simulator)
        monkeypatch.setenv(
            "PYTHONPATH",
            os.pathsep.join([str(WATCH), *filter(None, [os.environ.get("PYTHONPATH")])]),
        )
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        monkeypatch.setenv("CHARGEPOINT_WATCH", str(watched))
        world.stage.start("control")
        agent = world.stage.start("agent")
        await world.booted()
        for evse in (1, 2):
            await world.do(world.stage.plug_in, evse)
            await world.status(evse, "Preparing")
        memory = []
        for _ in range(BURSTS):
            await burst(world, hostile)
            await world.pause(1.0)
            assert all(process.poll() is None for process in world.stage.processes.values())
            assert not await world.contactor_closed(1)
            assert not await world.contactor_closed(2)
            memory.append(rss_mb(agent.pid))
        assert memory[-1] - memory[2] <= RSS_GROWTH_MAX_MB, memory
        assert world.transactions == []
        assert len(world.stage.log("agent")) <= LOG_MAX_BYTES
        state = world.stage.config.state_dir
        assert sum(file.stat().st_size for file in state.rglob("*")) <= DISK_MAX_BYTES
        await put_right(world)
        await world.do(world.stage.card, CARD)
        await world.started()
        await world.until(lambda: world.status_of(1) == "Charging", "charging")
        assert astray(world, watched) == set()


async def put_right(world: Scene) -> None:
    """What the hostile side changed is undone, and the first car is plugged in again."""
    await world.pause(6.0)  # until the last frames that had to wait are dealt with
    await asyncio.gather(*(world.do(world.stage.unplug, evse) for evse in (1, 2)))
    for action, payload in PUT_RIGHT:
        with suppress(CallFailed):
            await world.call(action, **payload)
    await world.status(1, "Available")
    await world.do(world.stage.plug_in)
    await world.status(1, "Preparing")
