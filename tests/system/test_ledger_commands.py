"""`ocpp transactions`, `resend` and `export` beside the real programs, and after their end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.csms.central import Behaviour
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system


async def called(world: Scene, *arguments: str) -> str:
    """What the command prints. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "chargepoint.cli.main", "ocpp", *arguments]
    command += ["--config", str(world.stage.config_path)]

    def run() -> str:
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()

    return str(await world.do(run))


async def transactions(world: Scene) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (await called(world, "transactions", "--json")).splitlines()
    ]


async def test_a_refused_stop_is_seen_exported_and_sent_again(tmp_path: Path) -> None:
    behaviour = Behaviour(refuse={"StopTransaction": "InternalError"})
    changes = {"ocpp.v16.TransactionMessageAttempts": 1}
    async with scene(tmp_path, behaviour, changes, strict=False) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        started = await world.started()
        await world.status(1, "Charging")
        (running,) = await transactions(world)
        assert (running["running"], running["csms_id"]) == (True, started.id)

        await world.do(world.stage.card, CARD)
        await world.status(1, "Finishing")
        await world.until(lambda: "StopTransaction" in world.story(), "a refused stop")
        await world.pause(1.0)
        (refused,) = await transactions(world)
        assert refused["state"] == "refused"
        (sequence,) = refused["refused"]

        file = tmp_path / "records.jsonl"
        await called(world, "export", str(file))
        (line,) = [json.loads(line) for line in file.read_text().splitlines()]
        assert (line["sequence"], line["code"]) == (sequence, "InternalError")
        assert CARD not in file.read_text()

        world.csms.behaviour.refuse.clear()
        await called(world, "resend", str(sequence))
        await world.stopped()
        assert started.stop is not None
        assert started.stop["transactionId"] == started.id
        await world.pause(1.0)
        (delivered,) = await transactions(world)
        assert (delivered["state"], delivered["energy_wh"]) == (
            "acknowledged",
            started.stop["meterStop"] - started.start["meterStart"],
        )

        await world.do(world.stage.stop)
        assert await transactions(world) == [delivered]
