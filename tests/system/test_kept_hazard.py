"""A hazard that no restart mends, through real programs that are killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from chargepoint.ipc.client import ControlClient, ServiceClient, Unreachable
from chargepoint.ipc.messages import Snapshot
from chargepoint.ipc.service import Done, LiftHazard
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system


def hazards(world: Scene) -> tuple[str, ...]:
    """What the safety program holds against EVSE 1; empty too while it is not there."""
    config = world.stage.config
    path = config.control_socket(config.safety_buses()[0])
    try:
        with ControlClient(path, "test", observer=True, timeout_s=5.0) as client:
            snapshot = next(fact for fact in client.facts() if isinstance(fact, Snapshot))
    except Unreachable:
        return ()
    return snapshot.evses[0].hazards


def lift(world: Scene) -> Done:
    with ServiceClient(world.stage.config.agent_socket()) as client:
        answer = next(client.ask(LiftHazard(evse=1, hazard="tilted")))
    assert isinstance(answer, Done)
    return answer


async def killed_and_started(world: Scene) -> None:
    """Both programs are gone at once, as with the power, and start again."""
    boots = len(world.central.boots)
    for program in ("agent", "control"):
        await world.do(world.stage.end, program, signal.SIGKILL)
    for program in ("control", "agent"):
        world.stage.start(program)
    await world.until(lambda: len(world.central.boots) > boots, "BootNotification")


async def test_a_tilted_station_stays_faulted_until_a_technician_says_otherwise(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as world:
        await world.do(world.stage.start_simulator)
        for program in ("control", "agent"):
            world.stage.start(program)
        await world.booted()
        fault = {"fault": "tilted", "active": True}
        await world.do(world.stage.post, "/evse/1/fault", fault)
        await world.status(1, "Faulted")
        await world.do(world.stage.post, "/evse/1/fault", fault | {"active": False})

        await killed_and_started(world)
        await world.do(
            world.stage.wait_until,
            lambda: "tilted" in hazards(world),
            10.0,
            "the safety program to be told",
        )
        await world.status(1, "Faulted")
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        await world.pause(2.0)
        assert not await world.contactor_closed()

        await world.do(world.stage.unplug)
        assert (await world.do(lift, world)).ok
        await world.status(1, "Available")
        await killed_and_started(world)
        await world.do(world.stage.plug_in)
        await world.status(1, "Preparing")
        await world.do(world.stage.card, CARD)
        await world.started()
        await world.status(1, "Charging")
