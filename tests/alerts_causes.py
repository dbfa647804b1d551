"""What makes each condition true, and what ends it: one row each, for `alerts_provoked`."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from chargepoint.evse.hazards import HAZARDS
from tests.alerts_world import World

Step = Callable[[World], Awaitable[object]]
When = Literal["at rest", "plugged in", "charging", "unplugged"]

SLOW_S = 30.0
FORGOTTEN_S = 90.0
"""The steps that the safety program remembers, 512, take so long when it is idle."""

STOP_S = 0.2
"""Longer than a tick may take, shorter than what makes a reading stale."""


async def nothing(world: World) -> None:
    """It ends by itself."""


@dataclass(frozen=True)
class Cause:
    """`begin` makes it true, `end` ends it, `after` puts the rest back once everything was seen."""

    said: str
    begin: Step
    end: Step = nothing
    after: Step = nothing
    within_s: float = 10.0
    """The station itself may wait so long before it says so, or says that it is over."""


# --- Hazards --------------------------------------------------------------------------------------


def hazard(name: str, when: When = "at rest", evse: int = 1, within_s: float = 10.0) -> Cause:
    """A fault of the plant at an EVSE, and its end; a technician resets what waits for one."""

    async def begin(world: World) -> None:
        if when in ("charging", "unplugged"):
            await world.session(evse)
        await world.fault(name, True, evse)
        if when == "plugged in":
            await world.plug(evse)
        if when == "unplugged":
            await world.unplug(evse)

    async def end(world: World) -> None:
        await world.fault(name, False, evse)
        await world.unplug(evse)
        await asyncio.sleep(1.0)
        await world.command("evse", str(evse), "reset-hazard", name, "--yes")

    so = {
        "at rest": "",
        "plugged in": ", then a vehicle plugs in and has leave",
        "charging": " while a vehicle charges",
        "unplugged": " while a vehicle charges, then unplugged",
    }[when]
    socket = " (socket)" if evse == 2 else ""
    said = f"simulator: {name.replace('_', ' ')} at EVSE {evse}{socket}{so}"
    return Cause(said, begin, end, within_s=within_s)


async def _one_phase(world: World) -> None:
    await world.session()
    await world.fault("phase_switch_stuck", True)
    schedule = {
        "chargingRateUnit": "A",
        "startSchedule": datetime.now(UTC).isoformat(),
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0, "numberPhases": 1}],
    }
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    }
    await world.scene.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile)


async def _all_phases(world: World) -> None:
    await world.fault("phase_switch_stuck", False)
    await world.scene.call("ClearChargingProfile")
    await world.unplug()
    await asyncio.sleep(1.0)
    await world.command("evse", "1", "reset-hazard", "phase_switch_stuck", "--yes")


async def _moves_again(world: World) -> None:
    """Freed, the bolt waits for the next command: that of the next session."""
    await world.fault("lock_stuck", False, 2)
    await world.session(2)
    await world.end_session(2)


async def _stands_still(world: World) -> None:
    await world.session()
    await world.stop_control(2.5)


async def _another_board(world: World) -> None:
    await world.fault("board_refused", True)
    await world.fault("board_lost", True)
    await asyncio.sleep(2.0)
    await world.fault("board_lost", False)


async def _own_board(world: World) -> None:
    await world.fault("board_refused", False)


OTHER_HAZARDS: dict[str, Cause] = {
    "contactor_not_closing": hazard("contactor_not_closing", "plugged in"),
    "contactor_opened_alone": hazard("contactor_opened_alone", "charging"),
    "diode_missing": hazard("diode_missing", "plugged in"),
    "simplified_pilot": hazard("simplified_pilot", "plugged in"),
    "ventilation_missing": hazard("ventilation_missing", "charging"),
    "over_current": hazard("over_current", "charging"),
    "rcd_test_failed": hazard("rcd_test_failed", "unplugged"),
    "proximity_invalid": hazard("proximity_invalid", "charging", 2),
    "cable_cut": hazard("cable_cut", "charging", 2),
    "connector_not_locked": hazard("connector_not_locked", "plugged in", 2),
    "lock_opened": hazard("lock_opened", "charging", 2),
    "lock_stuck": replace(hazard("lock_stuck", "unplugged", 2, SLOW_S), end=_moves_again),
    "temperature_sensor_lost": hazard("temperature_sensor_lost", within_s=SLOW_S),
    "phase_switch_stuck": Cause(
        "simulator: phase switch stuck at EVSE 1 while a vehicle charges, then the CSMS allows "
        "one phase only",
        _one_phase,
        _all_phases,
    ),
    "watchdog_tripped": Cause(
        "SIGSTOP of the safety program for 2.5 s while a vehicle charges",
        _stands_still,
        World.unplug,
        within_s=SLOW_S,
    ),
    "board_refused": Cause(
        "simulator: another board answers after a silence", _another_board, _own_board
    ),
}


# --- The station ----------------------------------------------------------------------------------


def device(name: str, what: str, within_s: float = 10.0, **more: Any) -> Cause:
    async def begin(world: World) -> None:
        await world.post(f"/device/{name}/fault", fault=what, active=True, **more)

    async def end(world: World) -> None:
        await world.post(f"/device/{name}/fault", fault=what, active=False)

    share = f", {more['ratio']:.0%} of the frames" if more else ""
    said = f"simulator: `{name}` {what.replace('_', ' ')}{share}"
    return Cause(said, begin, end, within_s=within_s)


def reading(**facts: Any) -> Cause:
    """A reading of the host that says so."""

    async def begin(world: World) -> None:
        world.host(**facts)

    async def end(world: World) -> None:
        world.host()

    said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in facts.items())
    return Cause(f"reading of the host: {said}", begin, end)


async def _waits(world: World) -> None:
    await world.session()
    await world.command("ocpp", "disconnect")


async def _waits_no_more(world: World) -> None:
    await world.command("ocpp", "connect")
    await world.end_session()


async def _refused(world: World) -> None:
    world.scene.csms.behaviour.refuse["StopTransaction"] = "InternalError"
    await world.session()
    await world.end_session()


async def _sent_again(world: World) -> None:
    world.scene.csms.behaviour.refuse.clear()
    for row in (await world.command("ocpp", "transactions", "--json")).splitlines():
        for number in json.loads(row)["refused"]:
            await world.command("ocpp", "resend", str(number))


STRANGER = "04D1D2D3D4D5D6"


async def _listed(world: World, version: int, *tokens: str) -> None:
    entries = [{"idTag": token, "idTagInfo": {"status": "Accepted"}} for token in tokens]
    await world.scene.call(
        "SendLocalList", listVersion=version, updateType="Full", localAuthorizationList=entries
    )


async def _contradicted(world: World) -> None:
    await _listed(world, 1, STRANGER)
    world.scene.csms.behaviour.token_status[STRANGER] = "Blocked"
    await asyncio.to_thread(world.stage.card, STRANGER)


async def _another_list(world: World) -> None:
    await _listed(world, 2)


async def _agent_stopped(world: World) -> None:
    assert world.agent is not None
    world.agent.send_signal(signal.SIGSTOP)
    await asyncio.sleep(3.0)
    world.agent.send_signal(signal.SIGCONT)


async def _control_slowed(world: World) -> None:
    """With a vehicle, so that it is not idle for most of the time: a stop has to meet a step."""
    await asyncio.to_thread(world.stage.plug_in)
    for _ in range(50):
        await world.stop_control(STOP_S)
        await asyncio.sleep(0.07)


async def _blocked(world: World) -> None:
    await world.session()
    await world.post("/evse/1/ev", request="pause")


async def _warmer(world: World) -> None:
    for degrees in range(40, 58, 2):
        await world.post("/evse/1/temperature", celsius=degrees)
        await asyncio.sleep(0.6)


async def _cooler(world: World) -> None:
    await world.post("/evse/1/temperature", celsius=25)


async def _three_fail(world: World) -> None:
    for _ in range(3):
        await world.session()
        await world.fault("emergency_stopped", True)
        await world.scene.status(1, "Faulted")
        await world.unplug()
        await world.fault("emergency_stopped", False)
        await world.scene.status(1, "Available")


async def _one_succeeds(world: World) -> None:
    await asyncio.sleep(6.0)
    await world.session()
    await asyncio.sleep(3.0)
    await world.end_session()


async def _no_time(world: World) -> None:
    """Another boot, of which no source of time is left."""
    await world.reconfigure({"csms.url": "ws://127.0.0.1:9/ocpp"}, boot="boot-3")


async def _network_time(world: World) -> None:
    world.host(network_time=True)


async def _csms_again(world: World) -> None:
    world.host()
    await world.reconfigure({"csms.url": world.csms_url})


def _sim(days: float) -> Step:
    async def step(world: World) -> None:
        ends = datetime.now(UTC) + timedelta(days=days)
        await world.reconfigure({"alerts.modem.sim_expires": ends.date().isoformat()})

    return step


def _certificate(days: float) -> Step:
    async def step(world: World) -> None:
        await asyncio.to_thread(world.certificate, days)

    return step


def _pings(status: int) -> Step:
    async def step(world: World) -> None:
        world.pings.statuses[:] = [status]

    return step


async def _new_parts(world: World) -> None:
    """A visit at which contactors and connectors were replaced."""
    tasks = [f"--task={part}/{evse}" for part in ("contactor", "connector") for evse in (1, 2)]
    await world.command("maintenance", "record", "parts replaced", *tasks)


def _plugged(times: int) -> Step:
    async def step(world: World) -> None:
        await _new_parts(world)
        await world.reconfigure(
            {"maintenance.connector_plug_ins": 4, "maintenance.warn_ratio": 0.5}
        )
        await world.ready()
        for _ in range(times):
            await asyncio.to_thread(world.stage.plug_in)
            await world.scene.status(1, "Preparing")
            await world.end_session()

    return step


async def _two_closings(world: World) -> None:
    await _new_parts(world)
    await world.reconfigure({"maintenance.contactor_operations": 2})
    await world.ready()
    for _ in range(2):
        await world.session()
        await world.end_session()


async def _usual_lives(world: World) -> None:
    await world.reconfigure({"maintenance": None})


CAUSES: dict[str, Cause] = {
    **{name: hazard(name) for name in HAZARDS},
    **OTHER_HAZARDS,
    "csms_offline": Cause(
        "`chargepoint ocpp disconnect`",
        lambda world: world.command("ocpp", "disconnect"),
        lambda world: world.command("ocpp", "connect"),
        within_s=SLOW_S,
    ),
    "records_waiting": Cause("a session without the CSMS", _waits, _waits_no_more),
    "records_refused": Cause("the CSMS refuses StopTransaction", _refused, _sent_again),
    "problem_reported": Cause(
        "a report on the service socket",
        lambda world: world.report(),
        lambda world: world.command("alerts", "ack", "all"),
    ),
    "program_failed": Cause("SIGKILL of the agent", World.restart),
    "power_lost": Cause(
        "SIGKILL, and another boot of the host", lambda world: world.restart("boot-2")
    ),
    "restarts_unusual": Cause(
        "SIGKILL of the safety program, three times",
        lambda world: world.restart_control(3),
        within_s=SLOW_S,
    ),
    "control_lost": Cause(
        "SIGKILL of the safety program, started again after 3 s",
        lambda world: world.restart_control(away_s=3.0),
    ),
    "agent_late": Cause("SIGSTOP of the agent for 3 s", _agent_stopped, within_s=SLOW_S),
    "control_late": Cause(
        f"SIGSTOP of the safety program for {STOP_S:g} s, again and again",
        _control_slowed,
        World.unplug,
        within_s=FORGOTTEN_S,
    ),
    "local_list_conflict": Cause(
        "the CSMS refuses a card that its own list has; another list", _contradicted, _another_list
    ),
    "device_lost": device("nfc", "silent"),
    "reader_lost": device("nfc2", "silent"),
    "meter_lost": device("meter1", "silent", SLOW_S),
    "bus_errors": device("safety", "noise", SLOW_S, ratio=0.3),
    "modem_failed": device("gsm", "no_network"),
    "dead_man_failing": Cause(
        "the service for signs of life answers 500", _pings(500), _pings(204), within_s=SLOW_S
    ),
    "station_blocked": Cause("a vehicle that only rests", _blocked, World.end_session),
    "station_unused": Cause(
        "last use 20 days ago in the store; a vehicle plugs in",
        lambda world: world.last_used(20.0),
        World.plug,
        World.unplug,
        within_s=SLOW_S,
    ),
    "sessions_failing": Cause(
        "three sessions ended by the emergency stop; one that succeeds", _three_fail, _one_succeeds
    ),
    "temperature_rising": Cause("simulator: 2 degrees more every 0.6 s", _warmer, _cooler),
    "tampered": hazard("door_open"),
    "clock_untrusted": Cause(
        "a boot without network time, clock module and CSMS; network time comes",
        _no_time,
        _network_time,
        _csms_again,
        within_s=SLOW_S,
    ),
    "certificate_expiring": Cause(
        "the certificate of the pages ends in 5 days; another file",
        _certificate(5.0),
        _certificate(400.0),
    ),
    "sim_expiring": Cause(
        "`sim_expires` in 5 days; another date", _sim(5.0), _sim(400.0), within_s=SLOW_S
    ),
    "maintenance_due": Cause(
        "2 plug-ins with a connector rated for 4, warned at half; `maintenance record`",
        _plugged(2),
        _new_parts,
        _usual_lives,
    ),
    "maintenance_overdue": Cause(
        "4 plug-ins with a connector rated for 4; `maintenance record`",
        _plugged(4),
        _new_parts,
        _usual_lives,
    ),
    "contactor_worn": Cause(
        "2 sessions with a contactor rated for 2; `maintenance record`",
        _two_closings,
        _new_parts,
        _usual_lives,
    ),
    "disk_full_soon": reading(disk_free_bytes=10_000_000, disk_size_bytes=32_000_000_000),
    "disk_worn": reading(disk_life_used=0.95),
    "disk_read_only": reading(disk_read_only=True),
    "host_hot": reading(cpu_temperature_c=85.0),
    "host_under_voltage": reading(under_voltage=True),
}
HURTFUL = ("power_lost", "program_failed", "clock_untrusted", "restarts_unusual")
"""They leave something behind that others would be mistaken for, so they come last."""
