"""The station at a real broker: its picture, commands from there, and its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.stage import Stage
from tests.agent.notify.brokers import broker, listening

pytestmark = pytest.mark.system

BASE = "chargepoint/CP-1"
STATE = f"{BASE}/evse/1/state"


async def test_the_picture_follows_the_vehicle_and_a_switch_takes_the_evse_out_of_service(
    tmp_path: Path,
) -> None:
    with broker(tmp_path) as served:
        changes = {
            "station.id": "CP-1",
            "mqtt": {"host": "127.0.0.1", "port": served.port, "commands": True},
        }
        with Stage(tmp_path, changes=changes) as stage:
            stage.start_simulator()
            stage.start("run")
            async with listening(served.port, "#") as listener:
                await listener.until(lambda: listener.last(STATE) == "Available", 60.0)
                stage.plug_in()
                await listener.until(lambda: listener.last(STATE) == "Preparing")
                stage.unplug()
                await listener.until(lambda: listener.last(STATE) == "Available")

                listener.publish(f"{BASE}/evse/1/local_limit/set", "10")
                limit = f"{BASE}/evse/1/local_limit"
                await listener.until(lambda: listener.last(limit) == "10")
                listener.publish(f"{BASE}/evse/1/local_limit/set", "3")
                await listener.until(lambda: f"{BASE}/error" in listener.messages)
                assert "found `3`" in json.loads(listener.messages[f"{BASE}/error"][0])["error"]

                listener.publish(f"{BASE}/evse/1/enabled/set", "OFF")
                await listener.until(lambda: listener.last(STATE) == "Unavailable")
                enabled = f"{BASE}/evse/1/enabled"
                await listener.until(lambda: listener.last(enabled) == "OFF")

                assert listener.last(f"{BASE}/online") == "online"
                stage.end("run")
                await listener.until(lambda: listener.last(f"{BASE}/online") == "offline")
            lines = (stage.config.state_dir / "audit.log").read_text().splitlines()
            audited = [json.loads(line) for line in lines]
            assert [(line["user"], line["action"], line["ok"]) for line in audited] == [
                ("mqtt", "SetLocalLimit", True),
                ("mqtt", "SetEvseEnabled", True),
            ]
