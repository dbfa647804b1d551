"""Local lists and reservations over real processes, killed in between."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.stage_csms import CARD, OTHER, Scene, scene

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("each_csms")]

ACCEPTED = {"status": "Accepted"}


async def send(world: Scene, version: int, update: str, **entries: str | None) -> Any:
    """SendLocalList with a status for each token, None to remove it."""
    rows = [
        {"idTag": token} | ({"idTagInfo": {"status": status}} if status else {})
        for token, status in entries.items()
    ]
    return await world.call(
        "SendLocalList", listVersion=version, updateType=update, localAuthorizationList=rows
    )


async def version(world: Scene) -> int:
    return int((await world.call("GetLocalListVersion"))["listVersion"])


async def started(world: Scene) -> None:
    await world.do(world.stage.start_simulator)
    world.stage.start("control")
    world.stage.start("agent")
    await world.booted()


async def killed(world: Scene) -> None:
    """The agent is killed where it stands, and comes back."""
    world.central.boots.clear()
    world.central.status.clear()
    await world.do(world.stage.end, "agent", signal.SIGKILL)
    world.stage.start("agent")
    await world.until(lambda: bool(world.central.boots), "BootNotification")


async def test_a_list_outlives_a_kill_and_decides_without_the_csms(tmp_path: Path) -> None:
    """TC_008_1, TC_042_2, TC_043, TC_043_2: taken, kept, changed, and used offline."""
    async with scene(tmp_path) as world:
        await started(world)
        assert await version(world) == 0
        assert await send(world, 4, "Full", **{CARD: "Accepted", OTHER: "Accepted"}) == ACCEPTED
        assert await send(world, 5, "Differential", **{OTHER: "Blocked"}) == ACCEPTED
        await killed(world)
        await world.status(1, "Available")
        assert await version(world) == 5
        old = await send(world, 5, "Differential", **{OTHER: "Accepted"})
        assert old == {"status": "VersionMismatch"}
        await world.csms.stop()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, OTHER)
        await world.pause(1.0)
        assert not await world.contactor_closed()
        await world.do(world.stage.card, CARD)
        await world.do(
            world.stage.wait_until,
            lambda: bool(world.stage.state()["evse"]["1"]["contactor_closed"]),
            20.0,
            "a closed contactor",
        )


async def test_a_reservation_outlives_a_kill_and_is_for_its_holder(tmp_path: Path) -> None:
    """TC_046_1, TC_051, TC_052: Reserved, refused to a stranger, used by the holder."""
    async with scene(tmp_path) as world:
        await started(world)
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        wanted = {"connectorId": 1, "expiryDate": until, "idTag": CARD, "reservationId": 7}
        assert await world.call("ReserveNow", **wanted) == ACCEPTED
        await world.status(1, "Reserved")
        await killed(world)
        await world.status(1, "Reserved")
        await world.do(world.stage.plug_in)
        start = await world.call("RemoteStartTransaction", idTag=OTHER, connectorId=1)
        assert start == {"status": "Rejected"}
        await world.do(world.stage.card, CARD)
        transaction = await world.started()
        assert transaction.start["reservationId"] == 7
        gone = await world.call("CancelReservation", reservationId=7)
        assert gone == {"status": "Rejected"}
        wanted["connectorId"], wanted["reservationId"] = 2, 8
        assert await world.call("ReserveNow", **wanted) == ACCEPTED
        await world.status(2, "Reserved")
        assert await world.call("CancelReservation", reservationId=8) == ACCEPTED
        await world.status(2, "Available")
