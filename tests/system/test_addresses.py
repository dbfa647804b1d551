"""Two central systems and the real programs: fall over, go on, and say so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.csms.central import Central
from hil.csms.server import Csms
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system


async def link(world: Scene) -> dict[str, Any]:
    """What `chargepoint ocpp status --json` says of the link."""
    config = str(world.stage.config_path)
    command = [
        sys.executable,
        "-m",
        "chargepoint.cli.main",
        "ocpp",
        "status",
        "--json",
        "--config",
        config,
    ]
    done = await world.do(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["csms"])


async def test_a_session_begun_at_one_central_system_is_ended_at_the_other(tmp_path: Path) -> None:
    """Both serve the same books, as two front ends of one CSMS do."""
    async with Csms(Central()) as first:
        changes = {"csms.return_after_s": 0.5}
        async with scene(tmp_path, changes=changes) as world:
            first.central = world.central
            text = world.stage.config_path.read_text()
            both = json.dumps([first.url, world.csms.url])
            old = f'url = "{world.csms.url}"'
            assert old in text
            world.stage.config_path.write_text(text.replace(old, f"urls = {both}"))
            await world.start()
            said = await link(world)
            assert (said["state"], said["address"], len(said["urls"])) == ("accepted", 1, 2)
            await world.do(world.stage.plug_in)
            await world.do(world.stage.card, CARD)
            await world.started()
            await first.stop()
            await world.until(lambda: world.csms.connected(world.identity), "the other address")
            assert (await link(world))["address"] == 2
            await world.do(world.stage.unplug)
            (ended,) = await world.stopped()
            assert ended.stop is not None
            await first.start()
            await world.until(lambda: first.connected(world.identity), "the first address again")
            assert (await link(world))["address"] == 1
            assert len(world.central.boots) == 1
