"""Charging profiles over real processes: from the CSMS to the duty of the pilot."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

WITHIN_S = 1.0
"""From the answer, or the instant of the schedule, to the pilot."""
WAIT_S = 15.0
"""On a crowded machine; then one of the changes at least is as quick as it should be."""


def profile(*periods: tuple[int, float], **fields: Any) -> dict[str, Any]:
    """A TxDefaultProfile that begins now."""
    schedule = {
        "chargingRateUnit": "A",
        "startSchedule": datetime.now(UTC).isoformat(),
        "chargingSchedulePeriod": [{"startPeriod": s, "limit": limit} for s, limit in periods],
    }
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
        **fields,
    }


async def offered(world: Scene, current_a: float) -> float:
    """Seconds until the pilot offers `current_a` (duty per IEC 61851-1: A / 0.6 percent)."""
    begin = time.monotonic()
    while True:
        state = await world.do(world.stage.state)
        duty_ratio = state["evse"]["1"]["duty_ratio"]
        took_s = time.monotonic() - begin
        if abs(duty_ratio - current_a / 60) < 0.002:
            return took_s
        assert took_s < WAIT_S, f"{duty_ratio} after {took_s:.1f} s, expected {current_a} A"
        await asyncio.sleep(0.02)


async def give(world: Scene, connector: int, given: dict[str, Any]) -> dict[str, Any]:
    return await world.call("SetChargingProfile", connectorId=connector, csChargingProfiles=given)


async def test_profiles_and_their_periods_reach_the_pilot_within_a_second(tmp_path: Path) -> None:
    """TC_056, TC_066, TC_067: at once, and when a period begins; 0 A pauses."""
    async with scene(tmp_path) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        await world.status(1, "Charging")
        begin = datetime.now(UTC).replace(microsecond=0)
        given = profile((0, 10.0), (4, 8.0))
        assert await give(world, 1, given) == {"status": "Accepted"}
        took_s = [await offered(world, 10.0)]
        until_s = (begin + timedelta(seconds=4) - datetime.now(UTC)).total_seconds()
        await world.pause(max(0.0, until_s))
        took_s.append(await offered(world, 8.0))
        composite = await world.call("GetCompositeSchedule", connectorId=1, duration=60)
        assert composite["chargingSchedule"]["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 8.0, "numberPhases": 3}
        ]
        assert await world.call("ClearChargingProfile", id=1) == {"status": "Accepted"}
        took_s.append(await offered(world, 16.0))
        zero = profile((0, 0.0))
        assert await give(world, 1, zero) == {"status": "Accepted"}
        await world.status(1, "SuspendedEVSE")
        assert await give(world, 0, profile((0, 7.0), chargingProfileId=1)) == {
            "status": "Accepted"
        }
        await world.status(1, "Charging")
        took_s.append(await offered(world, 7.0))
        assert min(took_s) < WITHIN_S, took_s
