"""What people at the station set, through real programs: the pilot follows, the CSMS hears."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.ipc.care import DrivePilot, SetEvseEnabled, SetLocalLimit
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import Done, GetStatus, StationStatus
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

DUTY = {10: 0.1666, 16: 0.2666}
"""Duty of a pilot that offers so many A (IEC 61851-1, Annex A), rounded down."""


async def ask(world: Scene, request: Any) -> Any:
    def asked() -> Any:
        with ServiceClient(world.stage.config.agent_socket(), timeout_s=15.0) as client:
            return next(client.ask(request))

    for _ in range(100):  # it boots at the CSMS before it listens here
        try:
            return await world.do(asked)
        except Unreachable:
            await world.pause(0.1)
    return await world.do(asked)


async def duty_ratio(world: Scene, evse: int) -> float:
    state = await world.do(world.stage.state)
    return float(state["evse"][str(evse)]["duty_ratio"])


async def duty_becomes(world: Scene, evse: int, wanted: float) -> None:
    for _ in range(100):
        if abs(await duty_ratio(world, evse) - wanted) < 0.001:
            return
        await world.pause(0.1)
    raise AssertionError(f"duty {await duty_ratio(world, evse)}, expected {wanted}")


async def signal_begins(world: Scene, evse: int, duty_ratio: float) -> None:
    """The safety program is told of the service a moment after the CSMS."""
    for _ in range(50):
        if (await ask(world, DrivePilot(evse=evse, duty_ratio=duty_ratio, hold_s=30.0))).ok:
            return
        await world.pause(0.1)
    raise AssertionError("no signal on the pilot")


async def binding_becomes(world: Scene, evse: int, reason: str) -> None:
    for _ in range(100):
        status = await ask(world, GetStatus())
        assert isinstance(status, StationStatus)
        found = status.evses[evse - 1].reasons[0].id
        if found == reason:
            return
        await world.pause(0.1)
    raise AssertionError(f"EVSE {evse}: {found}, expected {reason}")


async def test_limits_service_and_signals_set_at_the_station_reach_the_pilot(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as world:
        await world.do(world.stage.start_simulator)
        for program in ("control", "agent"):
            world.stage.start(program)
        await world.booted()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        await world.status(1, "Charging")
        await duty_becomes(world, 1, DUTY[16])
        assert await ask(world, SetLocalLimit(evse=1, current_a=10.0)) == Done(
            ok=True, detail="at most 10 A per phase"
        )
        await duty_becomes(world, 1, DUTY[10])
        await binding_becomes(world, 1, "limit_local")

        refused = await ask(world, DrivePilot(evse=2, duty_ratio=0.5, hold_s=30.0))
        assert refused == Done(ok=False, detail="the EVSE is in service")
        assert (await ask(world, SetEvseEnabled(evse=2, enabled=False))).ok
        await world.status(2, "Unavailable")
        await signal_begins(world, 2, 0.5)
        await duty_becomes(world, 2, 0.5)
        await world.do(world.stage.plug_in, 2)
        await duty_becomes(world, 2, 1.0)
        assert not await world.contactor_closed(2)

        await world.do(world.stage.end, "agent")
        world.stage.start("agent")
        await world.until(lambda: len(world.central.boots) > 1, "a second BootNotification")
        await duty_becomes(world, 1, DUTY[10])
        await binding_becomes(world, 2, "disabled_here")
