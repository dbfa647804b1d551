"""Resets by the CSMS restart the real programs, and what they interrupt is told in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.stage_csms import CARD, scene

pytestmark = pytest.mark.system


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
async def test_a_reset_ends_the_charge_restarts_the_programs_and_boots_again(
    tmp_path: Path, kind: str, reason: str
) -> None:
    """Z1 to Z4, TC_015, TC_016."""
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        transaction = await world.started()
        await world.status(1, "Charging")
        await world.sampled(transaction)
        assert await world.call("Reset", type=kind) == {"status": "Accepted"}
        await world.stopped()
        await world.until(lambda: len(world.central.boots) == 2, "the second BootNotification")
        assert transaction.stop is not None
        assert transaction.stop["reason"] == reason
        assert transaction.stop["meterStop"] == await world.register_wh()
        assert not await world.contactor_closed()
        assert world.stage.processes["run"].poll() is None
        await world.do(world.stage.unplug)
        await world.status(1, "Available")


async def test_unavailable_set_by_the_csms_survives_a_restart(tmp_path: Path) -> None:
    """S9: also the one that had to wait for the end of a transaction."""
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        await world.started()
        await world.status(1, "Charging")
        answer = await world.call("ChangeAvailability", connectorId=1, type="Inoperative")
        assert answer == {"status": "Scheduled"}
        await world.do(world.stage.unplug)
        await world.stopped()
        await world.status(1, "Unavailable")
        world.central.status.clear()
        await world.call("Reset", type="Hard")
        await world.until(lambda: len(world.central.boots) == 2, "the second BootNotification")
        await world.status(1, "Unavailable")
        await world.status(2, "Available")
        await world.call("ChangeAvailability", connectorId=1, type="Operative")
        await world.status(1, "Available")
