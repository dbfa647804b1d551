"""A technician's tools at a station that charges: through real programs and a real line."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from tests.system.stage_csms import CARD, OTHER, Scene, scene

pytestmark = pytest.mark.system


async def command(world: Scene, *arguments: str) -> tuple[int, Any]:
    """Exit code and JSON (or text) of `chargepoint ARGUMENTS --json`."""

    def run() -> tuple[int, Any]:
        process = begun(world, *arguments)
        said, complained = process.communicate(timeout=60)
        try:
            return process.returncode, json.loads(said)
        except ValueError:
            return process.returncode, said + complained

    return await world.do(run)


def begun(world: Scene, *arguments: str) -> Popen[str]:
    line = [sys.executable, "-m", "chargepoint.cli.main", *arguments, "--json"]
    line += ["--config", str(world.stage.config_path)]
    return Popen(line, stdout=PIPE, stderr=PIPE, text=True)


async def test_a_charging_station_is_read_and_not_disturbed(tmp_path: Path) -> None:
    async with scene(tmp_path) as world:
        await world.do(world.stage.start_simulator)
        for program in ("control", "agent"):
            world.stage.start(program)
        await world.booted()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        await world.status(1, "Charging")

        code, [voltage] = await command(
            world, "bus", "read", "safety", "meter1", "--name", "voltage_l1"
        )
        assert (code, round(voltage["value"])) == (0, 230)

        code, said = await command(world, "bus", "write", "safety", "board1", "1", "900", "--yes")
        assert code == 1
        assert "writing to a board is refused while a vehicle is connected" in said

        waiting = begun(world, "token", "test", "--within", "120")
        while waiting.poll() is None:  # until somebody waits for it, the card is ignored
            await world.do(world.stage.card, OTHER)
            await world.pause(1.0)
        said, _ = await world.do(waiting.communicate)
        seen = json.loads(said)
        assert seen["token"] == f"…{OTHER[-4:]}"
        assert OTHER not in said
        assert len(world.central.transactions) == 1, "the card has done nothing"

        code, lines = await command(world, "log", "--source", "agent", "--event", "contactor.")
        assert code == 0
        assert lines["event"] == "contactor.closed"

        code, _ = await command(world, "bundle", str(tmp_path / "b.zip"))
        assert code == 0
        with zipfile.ZipFile(tmp_path / "b.zip") as archive:
            assert {"health.json", "doctor.json", "diagnostics/status.json"} <= set(
                archive.namelist()
            )
            assert all(CARD not in archive.read(name).decode() for name in archive.namelist())

        code, [stats] = await command(world, "bus", "stats", "safety")
        assert stats["loop"]["connected"]
        state = await world.do(world.stage.state)
        assert state["evse"]["1"]["contactor_closed"], "it charges on"
