"""Whole sessions over real processes: message order, content, and kWh to the Wh."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.stage_csms import CARD, OTHER, Scene, scene

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("each_csms")]


async def bill_is_the_register_difference(world: Scene, evse: int = 1) -> None:
    """meterStop is what the meter shows; between start and stop something flowed."""
    transaction = next(t for t in world.transactions if t.start["connectorId"] == evse)
    assert transaction.stop is not None
    assert transaction.stop["meterStop"] == await world.register_wh(evse)
    assert transaction.energy_wh is not None
    assert transaction.energy_wh > 0


async def test_plug_first_then_card_and_the_card_again_ends_it(tmp_path: Path) -> None:
    """TC_003, TC_068."""
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.status(1, "Preparing")
        await world.do(world.stage.card, CARD)
        transaction = await world.started()
        await world.status(1, "Charging")
        await world.sampled(transaction)
        await world.do(world.stage.card, CARD)
        await world.stopped()
        await world.status(1, "Finishing")
        await world.do(world.stage.unplug)
        await world.status(1, "Available")
        assert transaction.start["idTag"] == CARD
        assert transaction.stop is not None
        assert transaction.stop["reason"] == "Local"
        assert transaction.stop["idTag"] == CARD
        await bill_is_the_register_difference(world)
        story = [line for line in world.story() if not line.startswith("status 0")]
        order = [
            "BootNotification",
            "status 1 Available",
            "status 1 Preparing",
            "Authorize",
            "StartTransaction",
            "status 1 Charging",
            "StopTransaction",
            "status 1 Finishing",
            "status 1 Available",
        ]
        places = []
        for line in order:
            places.append(story.index(line, places[-1] + 1 if places else 0))
        assert places == sorted(places)


async def test_card_first_then_plug(tmp_path: Path) -> None:
    """TC_004_1."""
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.card, CARD)
        await world.until(lambda: "Authorize" in world.story(), "Authorize")
        assert world.transactions == []
        await world.do(world.stage.plug_in)
        transaction = await world.started()
        await world.status(1, "Charging")
        await world.sampled(transaction)
        await world.do(world.stage.unplug)
        await world.stopped()
        assert transaction.stop is not None
        assert transaction.stop["reason"] == "EVDisconnected"
        assert "idTag" not in transaction.stop
        await world.status(1, "Available")
        await bill_is_the_register_difference(world)


async def test_remote_start_and_remote_stop(tmp_path: Path) -> None:
    """TC_010, TC_012, TC_028."""
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.status(1, "Preparing")
        answer = await world.call("RemoteStartTransaction", connectorId=1, idTag="REMOTE01")
        assert answer == {"status": "Accepted"}
        transaction = await world.started()
        assert transaction.start["idTag"] == "REMOTE01"
        await world.status(1, "Charging")
        await world.sampled(transaction)
        answer = await world.call("RemoteStopTransaction", transactionId=transaction.id)
        assert answer == {"status": "Accepted"}
        await world.stopped()
        assert transaction.stop is not None
        assert transaction.stop["reason"] == "Remote"
        await bill_is_the_register_difference(world)
        await world.status(1, "Finishing")
        again = await world.call("RemoteStopTransaction", transactionId=transaction.id)
        assert again == {"status": "Rejected"}


async def test_a_pause_by_the_vehicle_suspends_and_does_not_end_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        transaction = await world.started()
        await world.status(1, "Charging")
        await world.do(world.stage.vehicle, 1, request="pause")
        await world.status(1, "SuspendedEV")
        assert not await world.contactor_closed()
        await world.do(world.stage.vehicle, 1, request="charge")
        await world.status(1, "Charging")
        await world.sampled(transaction, len(transaction.samples) + 3)
        assert transaction.stop is None
        await world.do(world.stage.unplug)
        await world.stopped()
        assert len(world.transactions) == 1
        await bill_is_the_register_difference(world)


async def test_two_evses_share_one_reader_and_their_sessions_stay_apart(tmp_path: Path) -> None:
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.plug_in, 2)
        await world.status(2, "Preparing")
        await world.do(world.stage.card, CARD)
        second = await world.started()
        assert second.start["connectorId"] == 2
        await world.status(2, "Charging")
        await world.do(world.stage.plug_in, 1)
        await world.status(1, "Preparing")
        await world.do(world.stage.card, OTHER)
        first = await world.started(2)
        assert first.start["connectorId"] == 1
        await world.status(1, "Charging")
        await world.sampled(first)
        await world.do(world.stage.card, CARD)
        await world.until(lambda: second.stop is not None, "the end of EVSE 2")
        assert first.stop is None
        await bill_is_the_register_difference(world, 2)
        await world.do(world.stage.card, OTHER)
        await world.stopped(2)
        await bill_is_the_register_difference(world, 1)


async def test_a_card_that_the_csms_refuses_starts_nothing(tmp_path: Path) -> None:
    """TC_023_4."""
    async with scene(tmp_path) as world:
        world.csms.behaviour.token_status[CARD] = "Blocked"
        await world.start()
        await world.do(world.stage.plug_in)
        await world.status(1, "Preparing")
        await world.do(world.stage.card, CARD)
        await world.until(lambda: "Authorize" in world.story(), "Authorize")
        await world.do(world.stage.card, OTHER)
        await world.started()
        assert [t.start["idTag"] for t in world.transactions] == [OTHER]
