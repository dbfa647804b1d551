"""Programs are killed and stopped in the middle of a charge: power and books stay right."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

BOARD_WAIT_S = 15.0
"""Long enough for a crowded machine; the hil scenarios measure how long it takes."""
KILLS = int(os.environ.get("CHARGEPOINT_KILLS", "10"))
"""How often the agent is killed in one session; 200 for a thorough run."""


async def charging(world: Scene) -> None:
    """Both programs apart, one car charging."""
    await world.do(world.stage.start_simulator)
    world.stage.start("control")
    world.stage.start("agent")
    await world.booted()
    await world.do(world.stage.plug_in)
    await world.do(world.stage.card, CARD)
    await world.started()
    await world.status(1, "Charging")


def openings(world: Scene) -> int:
    return int(world.stage.state()["evse"]["1"]["contactor_operations"])


async def test_the_agent_killed_at_random_instants_changes_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    async with scene(tmp_path, changes={"simulator.speed": 1.0}) as world:
        await charging(world)
        before = await world.do(openings, world)
        for _ in range(KILLS):
            await world.do(world.stage.end, "agent", signal.SIGKILL)
            world.stage.start("agent")
            await world.pause(chance.uniform(0.0, 1.2))
            assert await world.contactor_closed()
        connects = world.csms.connects
        await world.until(
            lambda: world.csms.connects > connects or world.csms.connected(world.identity),
            "the agent to be back",
        )
        await world.do(world.stage.unplug)
        await world.stopped()
        (transaction,) = world.transactions
        assert transaction.stop is not None
        assert transaction.stop["meterStop"] == await world.register_wh()
        assert await world.do(openings, world) == before
        numbers = [sample["meterValue"][0]["timestamp"] for sample in transaction.samples]
        assert numbers == sorted(set(numbers))
        assert transaction.repeats == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_board_opens_by_itself_when_control_is_gone(tmp_path: Path, how: int) -> None:
    async with scene(tmp_path) as world:
        await charging(world)
        control = world.stage.processes["control"]
        control.send_signal(how)
        await world.do(
            world.stage.wait_until,
            lambda: not world.stage.state()["evse"]["1"]["contactor_closed"],
            BOARD_WAIT_S,
            "the board's watchdog",
        )
        if how == signal.SIGSTOP:
            control.send_signal(signal.SIGCONT)
        else:
            await world.do(control.wait)
            world.stage.start("control")
        await world.do(
            world.stage.wait_until,
            lambda: world.stage.state()["evse"]["1"]["contactor_closed"],
            60.0,
            "the charge to go on",
        )
        assert len(world.transactions) == 1
        await world.do(world.stage.unplug)
        await world.stopped()
        (transaction,) = world.transactions
        assert transaction.stop is not None
        assert transaction.stop["meterStop"] == await world.register_wh()


async def test_without_the_agent_the_failsafe_current_holds_and_then_it_stops(
    tmp_path: Path,
) -> None:
    leases = {"safety.limit_lease_s": 3.0, "safety.permission_lease_s": 10.0}
    async with scene(tmp_path, changes=leases) as world:
        await charging(world)
        await world.do(world.stage.end, "agent", signal.SIGKILL)

        def offered() -> float:
            return float(world.stage.state()["evse"]["1"]["offered_a"])

        await world.do(world.stage.wait_until, lambda: offered() == 6.0, 10.0, "6 A")
        await world.do(
            world.stage.wait_until,
            lambda: not world.stage.state()["evse"]["1"]["contactor_closed"],
            60.0,
            "the orderly stop",
        )


async def test_both_programs_gone_end_the_transaction_as_a_power_loss(tmp_path: Path) -> None:
    """TC_032_2."""
    async with scene(tmp_path) as world:
        await charging(world)
        await world.do(world.stage.end, "agent", signal.SIGKILL)
        await world.do(world.stage.end, "control", signal.SIGKILL)
        await world.do(
            world.stage.wait_until,
            lambda: not world.stage.state()["evse"]["1"]["contactor_closed"],
            BOARD_WAIT_S,
            "the board's watchdog",
        )
        world.stage.start("control")
        world.stage.start("agent")
        (transaction,) = await world.stopped()
        assert transaction.stop is not None
        assert transaction.stop["reason"] == "PowerLoss"
        assert transaction.stop["meterStop"] == await world.register_wh()
