"""The CSMS goes away: everything arrives later, once, in order, with the right transaction ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.csms.central import Behaviour, Central
from hil.csms.server import Csms
from hil.stage import free_port
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("each_csms")]

OFFLINE = {
    "ocpp.v16.AllowOfflineTxForUnknownId": True,
    "ocpp.v16.WebSocketPingInterval": 5,
}


async def replaced(world: Scene, port: int) -> None:
    """A new CSMS on the same port with the memory of the old one."""
    world.csms = type(world.csms)(world.central, port=port)
    await world.csms.start()


async def plugged_and_charging_offline(world: Scene) -> None:
    """A car charges although nobody can be asked."""
    await world.do(world.stage.plug_in)
    await world.do(world.stage.card, CARD)
    await world.do(world.stage.wait_until, lambda: closed(world), 60.0, "a closed contactor")


def closed(world: Scene) -> bool:
    return bool(world.stage.state()["evse"]["1"]["contactor_closed"])


async def test_a_whole_session_without_the_csms_arrives_later_in_order(tmp_path: Path) -> None:
    """TC_039."""
    port = free_port()
    async with scene(tmp_path, changes=OFFLINE, port=port) as world:
        await world.start()
        await world.csms.stop()
        await plugged_and_charging_offline(world)
        await world.do(world.stage.unplug)
        await world.do(world.stage.wait_until, lambda: not closed(world), 15.0, "open")
        await replaced(world, port)
        (transaction,) = await world.stopped()
        assert transaction.start["idTag"] == CARD
        assert transaction.stop is not None
        assert transaction.stop["transactionId"] == transaction.id
        assert transaction.stop["reason"] == "EVDisconnected"
        assert transaction.stop["meterStop"] == await world.register_wh()
        assert transaction.start["timestamp"] < transaction.stop["timestamp"]
        owed = ("StartTransaction", "StopTransaction", "MeterValues")
        story = [line for line in world.story(without=()) if line in owed]
        assert story[0] == "StartTransaction"
        assert story[-1] == "StopTransaction"
        await world.csms.stop()


async def test_a_start_without_the_csms_is_delivered_while_the_car_still_charges(
    tmp_path: Path,
) -> None:
    """TC_037_1."""
    port = free_port()
    async with scene(tmp_path, changes=OFFLINE, port=port) as world:
        await world.start()
        await world.csms.stop()
        await plugged_and_charging_offline(world)
        await replaced(world, port)
        transaction = await world.started()
        await world.sampled(transaction)
        await world.do(world.stage.card, CARD)
        await world.stopped()
        assert transaction.stop is not None
        assert transaction.stop["transactionId"] == transaction.id
        await world.csms.stop()


async def test_an_agent_killed_in_between_loses_and_doubles_nothing(tmp_path: Path) -> None:
    port = free_port()
    async with scene(tmp_path, changes=OFFLINE, port=port) as world:
        await world.do(world.stage.start_simulator)
        world.stage.start("control")
        world.stage.start("agent")
        await world.booted()
        await world.csms.stop()
        await plugged_and_charging_offline(world)
        await world.do(world.stage.end, "agent", 9)
        assert await world.contactor_closed()
        world.stage.start("agent")
        await replaced(world, port)
        transaction = await world.started()
        assert await world.contactor_closed()
        await world.do(world.stage.unplug)
        await world.stopped()
        assert len(world.transactions) == 1
        assert transaction.repeats == 0
        assert transaction.stop is not None
        assert transaction.stop["meterStop"] == await world.register_wh()
        await world.csms.stop()


async def test_a_refused_stop_is_quarantined_and_blocks_nothing(tmp_path: Path) -> None:
    changes = {"ocpp.v16.TransactionMessageAttempts": 2}
    behaviour = Behaviour(refuse={"StopTransaction": "InternalError"})
    async with scene(tmp_path, behaviour, changes) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        await world.started()
        await world.status(1, "Charging")
        await world.do(world.stage.unplug)
        stops = lambda: world.story().count("StopTransaction")  # noqa: E731
        await world.until(lambda: stops() >= 2, "two attempts")
        world.csms.behaviour.refuse.clear()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        second = await world.started(2)
        await world.status(1, "Charging")
        await world.do(world.stage.unplug)
        await world.until(lambda: second.stop is not None, "the second stop")
        assert stops() == 3


async def test_a_csms_that_boots_us_pending_and_then_accepts(tmp_path: Path) -> None:
    """TC_002."""
    behaviour = Behaviour(boot_status="Pending", interval_s=1)
    async with scene(tmp_path, behaviour) as world:
        await world.do(world.stage.start_simulator)
        world.stage.start("run")
        await world.until(lambda: len(world.central.boots) >= 1, "the first boot")
        answer = await world.call("GetConfiguration", key=["HeartbeatInterval"])
        assert answer["configurationKey"][0]["key"] == "HeartbeatInterval"
        refused = await world.call("RemoteStartTransaction", connectorId=1, idTag="X")
        assert refused == {"status": "Rejected"}
        assert set(world.story()) == {"BootNotification"}
        behaviour.boot_status = "Accepted"
        await world.status(1, "Available")


async def test_central_books_survive_a_new_socket(each_csms: type[Csms]) -> None:
    """Guards the helper of this module: a replaced CSMS keeps its books."""
    central = Central()
    async with each_csms(central) as csms:
        port = int(csms.page_url.rsplit(":", 1)[1].strip("/"))
    async with each_csms(central, port=port) as again:
        assert again.central is central
