"""A stage with its CSMS for system tests: real processes, real serial lines, loopback only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hil.csms.central import Behaviour, Central, Transaction
from hil.csms.server import Csms
from hil.stage import Stage, changed, example

STALE_AFTER_S = 1.0
"""Simulator and programs share a busy machine: a quarter of a second may pass unheard."""
QUICK = {
    "csms.retry_wait_min_s": 0.2,
    "csms.retry_random_range_s": 0.2,
    "csms.retry_doublings": 1,
    "ocpp.v16.MeterValueSampleInterval": 1,
    "ocpp.v16.TransactionMessageRetryInterval": 1,
    "safety.stale_after_s": STALE_AFTER_S,
    "safety.reclose_wait_s": 1.0,
    "simulator.speed": 60.0,
    "device.4.options": {"absent_s": 0.5},
}
WAIT_S = 60.0
SERVER: type[Csms] = Csms
"""Which central system a scene gets; the fixture `each_csms` changes it."""
CARD, OTHER = "04A1B2C3D4E5F6", "04FFEEDDCCBBAA"


class Scene:
    """What the tests say: short verbs over a stage and its CSMS."""

    def __init__(self, stage: Stage, csms: Csms) -> None:
        self.stage, self.csms = stage, csms
        self.identity = stage.config.station.id

    @property
    def central(self) -> Central:
        return self.csms.central

    @property
    def transactions(self) -> list[Transaction]:
        return list(self.central.transactions.values())

    async def do(self, action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return await asyncio.to_thread(lambda: action(*arguments, **options))

    async def pause(self, duration_s: float) -> None:
        """Let real time pass: these are real processes."""
        await asyncio.sleep(duration_s)

    async def start(self) -> None:
        """The plant and the whole station, up to Available."""
        await self.do(self.stage.start_simulator)
        self.stage.start("run")
        await self.booted()

    async def booted(self) -> None:
        await self.until(lambda: bool(self.central.boots), "BootNotification")
        await self.status(1, "Available")

    async def until(
        self, condition: Callable[[], bool], what: str, within_s: float = WAIT_S
    ) -> None:
        if not await self.csms.wait_for(condition, within_s):
            raise AssertionError(
                f"waited {within_s:g} s for {what} in vain; heard {self.story()[-25:]}\n"
                + "\n".join(self.stage.log(name)[-3000:] for name in ("run", "agent", "control"))
            )

    async def status(self, connector: int, wanted: str) -> None:
        def reached() -> bool:
            return bool(self.status_of(connector) == wanted)

        await self.until(reached, f"{wanted} of connector {connector}")

    def status_of(self, connector: int) -> str:
        return str(self.central.status.get((self.identity, connector), {}).get("status"))

    async def stopped(self, count: int = 1) -> list[Transaction]:
        """The first `count` transactions, once all of them have ended."""

        def ended() -> bool:
            return len([t for t in self.transactions if t.stop is not None]) >= count

        await self.until(ended, f"{count} StopTransaction")
        return self.transactions

    async def started(self, count: int = 1) -> Transaction:
        await self.until(lambda: len(self.transactions) >= count, f"{count} StartTransaction")
        return self.transactions[count - 1]

    async def sampled(self, transaction: Transaction, count: int | None = None) -> None:
        """So many samples; without a number two more than now, so that something has flowed."""
        wanted = len(transaction.samples) + 2 if count is None else count
        await self.until(lambda: len(transaction.samples) >= wanted, f"{wanted} samples")

    async def call(self, action: str, **payload: Any) -> dict[str, Any]:
        return await self.csms.call(self.identity, action, payload)

    async def register_wh(self, evse: int = 1) -> int:
        """What the meter of this EVSE shows, floored to whole Wh."""
        state = await self.do(self.stage.state)
        return int(state["evse"][str(evse)]["energy_wh"])

    async def contactor_closed(self, evse: int = 1) -> bool:
        state = await self.do(self.stage.state)
        return bool(state["evse"][str(evse)]["contactor_closed"])

    def story(self, *, without: tuple[str, ...] = ("Heartbeat", "MeterValues")) -> list[str]:
        """Calls of the station in order; status notifications as `status N State`."""
        told = []
        for message in self.csms.messages:
            if not message.incoming or message.kind != "call" or message.action in without:
                continue
            if message.action == "StatusNotification":
                told.append(f"status {message.payload['connectorId']} {message.payload['status']}")
            else:
                told.append(message.action)
        return told


@asynccontextmanager
async def scene(
    directory: Path,
    behaviour: Behaviour | None = None,
    changes: Mapping[str, Any] | None = None,
    port: int = 0,
    strict: bool = True,
) -> AsyncIterator[Scene]:
    """A CSMS that listens and a stage whose programs are not started yet.

    `strict`: whatever the station sent must have been legal.
    """
    raw = changed(example(), QUICK)
    async with SERVER(Central(behaviour), port=port) as csms:
        stage = Stage(directory, csms.url, changes, raw)
        made = Scene(stage, csms)
        try:
            yield made
        finally:
            await asyncio.to_thread(stage.stop)
            assert not strict or made.central.violations == []
