"""Unplug under load → open command seen on the wire, over real programs and ptys.

For each baud rate and each condition of the agent, several stages with two charging EVSEs each run
side by side; every event is one unplugging in C2. The plant notes the instant of the unplugging and
the instant at which the last byte of the open command had arrived. The *bus-time limit* is what the
line itself may cost: the reading and the slack transaction that may be under way, the other EVSE's
reading, the reading that shows the change, and the command, each with its gaps and turnaround.

Goals: p99.9 ≤ 1.5 × the limit and no event above 100 ms, whatever the agent does.
Environment: BENCH_EVENTS (per row, default 60), BENCH_STAGES (default 2), BENCH_BAUDS.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.table import quantile, show
from hil.csms.server import Csms
from hil.stage import Stage, StageError

EVENTS = int(os.environ.get("BENCH_EVENTS", "60"))
STAGES = int(os.environ.get("BENCH_STAGES", "2"))
BAUDS = [int(baud) for baud in os.environ.get("BENCH_BAUDS", "115200,19200").split(",")]
CONDITIONS = os.environ.get("BENCH_CONDITIONS", "healthy,flooded,stopped,killed").split(",")
TURNAROUND_S = 0.002
ROUND_EVENTS = 20
"""Events for which one permission lease must last while the agent is stopped or killed."""
CHANGES = {
    "safety.permission_lease_s": 600.0,
    "safety.failsafe_current_a": 6.0,
    "safety.reclose_wait_s": 1.0,
    "csms.retry_wait_min_s": 0.2,
    "csms.retry_random_range_s": 0.1,
    "ocpp.v16.AuthorizeRemoteTxRequests": False,
    "ocpp.v16.MeterValueSampleInterval": 0,
}


def bus_time_limit_s(baud: int) -> float:
    """Worst time on a line with two EVSEs from a change to the end of the open command."""
    character_s = 10 / baud
    gap_s = max(3.5 * character_s, 0.00175)

    def exchange_s(request: int, reply: int) -> float:
        return (request + reply) * character_s + TURNAROUND_S + 2 * gap_s

    read = exchange_s(8, 5 + 16)
    slack = exchange_s(8, 5 + 20)
    command = 8 * character_s + gap_s
    return 2 * read + slack + read + command


@dataclass
class Watch:
    """Hears the plant's events of one stage and pairs unpluggings with open commands."""

    stage: Stage
    delays_ms: list[float] = field(default_factory=list)
    _unplugged: dict[int, float] = field(default_factory=dict)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            for event in self.stage.events(timeout_s=3600):
                self._take(event)
        except OSError:
            return

    def _take(self, event: dict[str, Any]) -> None:
        kind, evse = event.get("type"), event.get("evse")
        if kind == "unplugged" and event.get("under_load") and evse is not None:
            self._unplugged[evse] = event["at_s"]
        elif kind == "contactor_commanded" and not event.get("closed") and evse in self._unplugged:
            self.delays_ms.append(1000 * (event["at_s"] - self._unplugged.pop(evse)))


class Scene:
    """One stage in one condition."""

    def __init__(self, place: Path, csms: Csms, baud: int, number: int) -> None:
        changes = {**CHANGES, "bus.0.baud": baud, "station.id": f"BENCH-{number}"}
        self.stage = Stage(place, csms.url, changes)
        self.csms = csms
        self.watch = Watch(self.stage)
        self.identity = self.stage.config.station.id
        self._flood: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await asyncio.to_thread(self.stage.start_simulator)
        self.watch.start()
        self.stage.start("control")
        self.stage.start("agent")
        await self._booted()

    async def stop(self) -> None:
        await asyncio.to_thread(self.stage.stop)

    async def measure(self, condition: str, events: int) -> None:
        """Unplug under load until `events` more delays are known.

        While the agent is there, each charge is a remote start of its own; without it the leases
        that it gave last long enough for a round of charges.
        """
        served = condition in ("healthy", "flooded")
        wanted = len(self.watch.delays_ms) + events
        while len(self.watch.delays_ms) < wanted:
            if not served:
                await asyncio.gather(*(self._charge(evse, remote=True) for evse in (1, 2)))
            await self._enter(condition)
            left = min(ROUND_EVENTS, wanted - len(self.watch.delays_ms))
            await asyncio.gather(*(self._cycles(evse, (left + 1) // 2, served) for evse in (1, 2)))
            await self._leave(condition)

    async def _cycles(self, evse: int, count: int, served: bool) -> None:
        for _ in range(count):
            await self._charge(evse, remote=served)
            await self._plant(lambda: self.stage.unplug(evse))
            await asyncio.sleep(0.4)
            if served:
                await self._status(evse, "Available")

    async def _charge(self, evse: int, remote: bool) -> None:
        """A vehicle at `evse` draws current; nothing to do if it does."""
        if self._evse(evse)["contactor_closed"]:
            return
        await self._plant(lambda: self.stage.plug_in(evse))
        if remote:
            await self._status(evse, "Preparing")
            order = {"connectorId": evse, "idTag": "BENCH"}
            await self.csms.call(self.identity, "RemoteStartTransaction", order)
        await self._until(lambda: self._evse(evse)["current_a"][0] > 1.0, "current")

    async def _status(self, evse: int, wanted: str) -> None:
        def reached() -> bool:
            status = self.csms.central.status.get((self.identity, evse), {})
            return bool(status.get("status") == wanted)

        if not await self.csms.wait_for(reached, 30):
            raise StageError(f"waited 30 s for {wanted} of EVSE {evse} in vain")

    async def _enter(self, condition: str) -> None:
        agent = self.stage.processes["agent"]
        if condition == "flooded":
            self._flood = asyncio.create_task(self._keep_flooding())
        elif condition == "stopped":
            agent.send_signal(signal.SIGSTOP)
        elif condition == "killed":
            await asyncio.to_thread(self.stage.end, "agent", signal.SIGKILL)

    async def _leave(self, condition: str) -> None:
        boots = len(self.csms.central.boots)
        if self._flood is not None:
            self._flood.cancel()
            self._flood = None
        elif condition == "stopped":
            self.stage.processes["agent"].send_signal(signal.SIGCONT)
            await asyncio.sleep(1.0)
        elif condition == "killed":
            self.stage.start("agent")
            await self._booted(boots)
        for evse in (1, 2):
            await self._plant(lambda evse=evse: self.stage.unplug(evse))  # type: ignore[misc]
            await self._status(evse, "Available")

    async def _keep_flooding(self) -> None:
        while True:
            calls = [self.csms.call(self.identity, "GetConfiguration", {}) for _ in range(50)]
            await asyncio.gather(*calls, return_exceptions=True)

    async def _booted(self, seen: int = 0) -> None:
        await self.csms.wait_for(
            lambda: any(
                identity == self.identity for identity, _ in self.csms.central.boots[seen:]
            ),
            20,
        )

    def _evse(self, evse: int) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.state()["evse"][str(evse)]
        return found

    async def _plant(self, action: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(action)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        def waits() -> None:
            self.stage.wait_until(condition, 30.0, what)

        await asyncio.to_thread(waits)


async def main() -> None:
    rows = []
    async with Csms() as csms:
        number = 0
        for baud in BAUDS:
            limit_ms = 1000 * bus_time_limit_s(baud)
            with tempfile.TemporaryDirectory() as place:
                scenes = []
                for _ in range(STAGES):
                    number += 1
                    scenes.append(Scene(Path(place) / str(number), csms, baud, number))
                try:
                    await asyncio.gather(*(scene.start() for scene in scenes))
                    for condition in CONDITIONS:
                        for scene in scenes:
                            scene.watch.delays_ms.clear()
                        each = EVENTS // STAGES
                        await asyncio.gather(*(s.measure(condition, each) for s in scenes))
                        delays = [ms for scene in scenes for ms in scene.watch.delays_ms]
                        rows.append(
                            (
                                f"{baud} baud, agent {condition}",
                                len(delays),
                                *(quantile(delays, share) for share in (0.5, 0.99, 0.999)),
                                max(delays),
                                limit_ms,
                                quantile(delays, 0.999) / limit_ms,
                            )
                        )
                except StageError as error:
                    raise SystemExit(str(error)) from error
                finally:
                    await asyncio.gather(*(scene.stop() for scene in scenes))
    show(
        "Unplug → open command on the wire, ms (goals: ratio ≤ 1.5, max ≤ 100)",
        ("condition", "events", "p50", "p99", "p99.9", "max", "bus limit", "p99.9 / limit"),
        rows,
    )


if __name__ == "__main__":
    asyncio.run(main())
