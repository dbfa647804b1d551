"""One abused station: its processes, its plant, its judge, and people who plug in and out."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import GetStatus, LiftHazard, StationStatus
from hil.csms.server import CallFailed, Csms
from hil.stage import Stage, StageError
from tests.system.abuse.judge import PlantJudge

EVSES = (1, 2)
LEASE_S = 10.0
RECLOSE_S = 1.0
CHANGES: dict[str, Any] = {
    "safety.permission_lease_s": LEASE_S,
    "safety.limit_lease_s": 3.0,
    "safety.reclose_wait_s": RECLOSE_S,
    "safety.retry_waits_s": [1.0, 1.0, 1.0],
    "csms.retry_wait_min_s": 0.2,
    "csms.retry_random_range_s": 0.1,
    "csms.retry_doublings": 1,
    "ocpp.v16.AuthorizeRemoteTxRequests": False,
    "ocpp.v16.MeterValueSampleInterval": 1,
    "ocpp.v16.ConnectionTimeOut": 2,
    "log.level": "warning",
}
CLOSE_WITHIN_S = 30.0
"""A clean cycle: from the order to charge to the closed contact, right after an abuse."""
KEEP_EVERY_S = 0.2
FORGOTTEN_S = 2.5
"""An order to charge that no vehicle followed is forgotten by then (ConnectionTimeOut)."""


class Station:
    """`cycle` and `clean` are what people do; abuses work on `stage`, `judge` and the programs."""

    def __init__(self, directory: Path, csms: Csms, number: int, chance: random.Random) -> None:
        self.chance = chance
        self.csms = csms
        self.identity = f"ABUSE-{number}"
        self.stage = Stage(directory, csms.url, {**CHANGES, "station.id": self.identity})
        self.judge = PlantJudge(self.stage.config.simulator.http, LEASE_S, RECLOSE_S)
        self.cycles = 0
        self.charged = 0
        self.restarts = 0
        """Programs that ended by themselves and were started again, as a service manager does."""
        self.kept = {"control", "agent"}
        """Programs that are started again when they end."""
        self.agent_command: list[str] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.do(self._start_plant)
        for program in ("control", "agent"):
            await self.do(self.launch, program)
        self._keeper = asyncio.create_task(self._keep())
        await self.until(lambda: self.csms.connected(self.identity), 30.0, "the agent to connect")

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        self.judge.close()
        for process in self.stage.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
        await self.do(self.stage.stop)

    # --- Programs ---------------------------------------------------------------------------------

    def launch(self, program: str) -> None:
        if program == "agent" and self.agent_command is not None:
            self._run("agent", self.agent_command)
        else:
            self.stage.start(program)

    def process(self, program: str) -> subprocess.Popen[bytes]:
        return self.stage.processes[program]

    async def kill(self, program: str, number: int = signal.SIGKILL) -> None:
        """End a program that somebody else starts again."""
        self.kept.discard(program)
        await self.do(self.stage.end, program, number)

    async def revive(self, program: str) -> None:
        if program not in self.stage.processes:
            await self.do(self.launch, program)
        self.kept.add(program)

    def _start_plant(self) -> None:
        place = str(self.stage.config_path)
        self._run("simulate", [sys.executable, "-m", "tests.system.abuse.programs", "plant", place])
        self.stage.wait_until(self._plant_answers, 20.0, "the plant to answer", "simulate")

    def _plant_answers(self) -> bool:
        with contextlib.suppress(StageError):
            self.stage.state()
            return True
        return False

    def _run(self, program: str, command: list[str]) -> None:
        with (self.stage.directory / f"{program}.log").open("ab") as log:
            self.stage.processes[program] = subprocess.Popen(command, stdout=log, stderr=log)

    async def _keep(self) -> None:
        """Start again what ended by itself, and let the judge look at what brings no event."""
        while True:
            for program in tuple(self.kept):
                process = self.stage.processes.get(program)
                if process is not None and process.poll() is not None:
                    self.restarts += 1
                    with self.judge.disturbed.open():
                        await self.do(self.launch, program)
                        await asyncio.sleep(1.0)
            self.judge.check()
            await asyncio.sleep(KEEP_EVERY_S)

    # --- Plant ------------------------------------------------------------------------------------

    async def do(self, action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return await asyncio.to_thread(lambda: action(*arguments, **options))

    async def trouble(self, device: str, fault: str, active: bool, **more: float) -> None:
        body = {"fault": fault, "active": active, **more}
        await self.do(self.stage.post, f"/device/{device}/fault", body)

    async def fault(self, evse: int, fault: str, active: bool) -> None:
        body = {"fault": fault, "active": active}
        await self.do(self.stage.post, f"/evse/{evse}/fault", body)

    async def until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        if not await self.wait(condition, within_s):
            said = {name: self.stage.log(name)[-1500:] for name in ("control", "agent")}
            raise StageError(f"{self.identity}: waited {within_s:g} s for {what} in vain: {said}")

    async def wait(self, condition: Callable[[], bool], within_s: float) -> bool:
        deadline_s = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(0.02)
        return True

    # --- People -----------------------------------------------------------------------------------

    async def ask(self, evse: int) -> None:
        """Somebody wants to charge; whether that is heard depends."""
        order = {"connectorId": evse, "idTag": "ABUSE"}
        with contextlib.suppress(CallFailed, TimeoutError):
            call = self.csms.call(self.identity, "RemoteStartTransaction", order)
            await asyncio.wait_for(call, 1.5)

    def repair(self, evse: int) -> None:
        """A technician was there and lifts what is latched, if the agent lets him."""
        try:
            with ServiceClient(self.stage.config.agent_socket(), timeout_s=1.0) as client:
                status = next(iter(client.ask(GetStatus())), None)
                if not isinstance(status, StationStatus):
                    return
                for found in status.evses:
                    hazards = found.control.hazards if found.control is not None else ()
                    for hazard in hazards if found.evse == evse else ():
                        next(iter(client.ask(LiftHazard(evse=evse, hazard=hazard))), None)
        except (Unreachable, OSError):
            return

    async def cycle(self, evse: int) -> None:
        """Plug in, ask, charge a little, perhaps with a mishap, and pull the plug."""
        chance, outlet = self.chance, self.judge.outlet(evse)
        self.cycles += 1
        before = outlet.closings
        if chance.random() < 0.5:
            await self.do(self.repair, evse)
        await self.do(self.stage.plug_in, evse)
        await self.ask(evse)
        if await self.wait(lambda: outlet.closed, 3.5):
            await asyncio.sleep(chance.uniform(0.1, 1.2))
            await self._mishap(evse)
        await self.do(self.stage.unplug, evse)
        self.charged += outlet.closings > before
        await asyncio.sleep(chance.uniform(0.15, 0.5))
        for fault in tuple(outlet.faults):
            await self.fault(evse, fault, False)

    async def _mishap(self, evse: int) -> None:
        chance = self.chance
        kind = chance.choice(("", "", "", "pause", "emergency_stopped", "pilot_shorted", "coil"))
        match kind:
            case "pause":
                await self.do(self.stage.vehicle, evse, request="pause")
            case "coil":
                await self.fault(evse, "contactor_opened_alone", True)
            case "emergency_stopped" | "pilot_shorted":
                await self.fault(evse, kind, True)
        if kind:
            await asyncio.sleep(chance.uniform(0.1, 1.0))

    async def clean(self, evse: int) -> None:
        """After an abuse: nothing closes unasked, and an order to charge is followed."""
        outlet = self.judge.outlet(evse)
        await self.until(lambda: self.csms.connected(self.identity), 40.0, "the agent to be back")
        await asyncio.sleep(0.5)
        self.cycles += 1
        spans = self.judge.unasked.setdefault(evse, type(self.judge.disturbed)())
        before = outlet.closings
        deadline_s = time.monotonic() + CLOSE_WITHIN_S
        await self._idle(evse)
        with spans.open():
            await self.do(self.stage.plug_in, evse)
            await asyncio.sleep(0.5)
        while outlet.closings == before:
            if time.monotonic() > deadline_s:
                shown = await self.do(self.stage.state)
                raise StageError(
                    f"{self.identity}: a clean cycle does not charge at EVSE {evse}: "
                    f"{shown['evse'][str(evse)]}\n{self.stage.log('control')[-3000:]}"
                )
            await self.do(self.repair, evse)
            await self.ask(evse)
            await self.wait(lambda: outlet.closings > before, 3.0)
        self.charged += 1
        await asyncio.sleep(0.3)
        await self.do(self.stage.unplug, evse)
        await self.wait(lambda: not outlet.closed, 3.0)

    async def _idle(self, evse: int) -> None:
        """No transaction of before may be open any more: it would be leave to charge."""
        central = self.csms.central

        def ended() -> bool:
            return central.open_transaction(self.identity, evse) is None

        await self.wait(ended, 8.0)
        await asyncio.sleep(FORGOTTEN_S)
