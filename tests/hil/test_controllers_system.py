"""`chargepoint simulate` and the safety program on the examples with boards of other makers."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from hil.instruments.leases import Leases
from hil.instruments.programs import SafetyProgram
from hil.stage import Stage, changed, example

pytestmark = pytest.mark.system

# fmt: off
CHANGES = {  #  what stands for hardware in an example
    "relay_contactor": {"bus.0.port": "safety.tty"},
}
# fmt: on
BOARDS = {"relay_contactor": "pilot"}
WAIT_S = 60.0
"""The hil scenarios say how long things take."""


def staged(name: str, directory: Path) -> Stage:
    raw = example(f"{name}.toml")
    if raw["bus"][0]["kind"] == "modbus-tcp":
        with socket.create_server(("127.0.0.1", 0)) as probe:
            raw = changed(raw, {"bus.0.tcp_port": probe.getsockname()[1]})
    return Stage(directory, raw=raw, changes=CHANGES.get(name))


@pytest.mark.parametrize("name", ["openevse", "bender", "phoenix", "relay_contactor"])
def test_a_vehicle_is_served_from_plug_in_to_unplug(name: str, tmp_path: Path) -> None:
    with staged(name, tmp_path) as stage:

        def evse() -> dict[str, Any]:
            found: dict[str, Any] = stage.state()["evse"]["1"]
            return found

        def closed() -> bool:
            return bool(evse()["contactor_closed"])

        stage.start_simulator()
        program = SafetyProgram(stage, BOARDS.get(name, "controller"))
        program.start()
        leases = Leases(stage.config.control_socket("safety"))
        leases.start()
        stage.wait_until(lambda: leases.connected, WAIT_S, "the lease holder")
        leases.permit(1, 13.0)
        stage.plug_in()
        stage.wait_until(closed, WAIT_S, "the contactor to close")
        stage.wait_until(lambda: evse()["current_a"][0] > 12.5, WAIT_S, "13 A")
        stage.vehicle(request="pause")
        stage.wait_until(lambda: not closed(), WAIT_S, "the contactor to open in the pause")
        stage.vehicle(request="charge")
        stage.wait_until(closed, WAIT_S, "the contactor to close after the pause")
        leases.revoke(1)
        stage.wait_until(lambda: not closed(), WAIT_S, "the contactor to open without leave")
        stage.wait_until(lambda: evse()["offered_a"] == 0.0, WAIT_S, "the offer to end")
        stage.unplug()
        # A crowded test machine may make readings late; nothing else has a reason.
        assert leases.told(1) <= {"reading_stale"}
        leases.stop()
        program.stop()
