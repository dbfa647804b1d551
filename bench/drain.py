"""How fast a station gives away what it owes: 10,000 records, written while the CSMS was away.

A lean CSMS answers each call after a fixed delay. What that CSMS and the socket cost is measured in
the same run by `bare_drain.py`, which only sends ready frames and awaits the answers; the overhead
of the station is what a record takes beyond that: store, order, encoding, validation. Goal: at most
1 ms per record. Environment: BENCH_RECORDS, BENCH_DELAY_MS.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from websockets.asyncio.server import ServerConnection, serve

from bench.table import show
from chargepoint.agent.store import Store
from chargepoint.station.effects import Append
from chargepoint.station.records import (
    ChargingState,
    IdToken,
    Measurand,
    ReadingContext,
    Sample,
    SampledValue,
    Stamp,
    StopReason,
    TransactionEnded,
    TransactionId,
    TransactionStarted,
    TransactionUpdated,
    Trigger,
)
from hil.stage import Stage

RECORDS = int(os.environ.get("BENCH_RECORDS", "10000"))
DELAY_S = float(os.environ.get("BENCH_DELAY_MS", "0")) / 1000
OWED = {"StartTransaction", "StopTransaction", "MeterValues"}
PER_TRANSACTION = 4
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def records(boot: str) -> list[Append]:
    """Whole transactions of a start, two samples and an end each."""
    found = []
    for number in range(RECORDS // PER_TRANSACTION):
        first = number * PER_TRANSACTION + 1
        common: dict[str, Any] = {
            "transaction": TransactionId(f"bench-{number}"),
            "evse": 1,
            "connector": 1,
            "offline": True,
        }
        stamp = Stamp(boot=boot, at_s=100.0 + number)
        values = tuple(
            SampledValue(measurand=measurand, value=1234.5 + number)
            for measurand in (
                Measurand.ENERGY_ACTIVE_IMPORT_REGISTER,
                Measurand.POWER_ACTIVE_IMPORT,
                Measurand.CURRENT_IMPORT,
            )
        )
        sample = Sample(stamp=stamp, context=ReadingContext.SAMPLE_PERIODIC, values=values)
        charging = ChargingState.CHARGING
        batch = [
            TransactionStarted(
                sequence=first, number=0, stamp=stamp, id_token=IdToken(value="04A1B2C3"),
                meter_start_wh=number, trigger=Trigger.AUTHORIZED, charging_state=charging,
                **common,
            ),
            *(
                TransactionUpdated(
                    sequence=first + place, number=place, stamp=stamp, samples=(sample,),
                    trigger=Trigger.METER_VALUE_PERIODIC, charging_state=charging, **common,
                )
                for place in (1, 2)
            ),
            TransactionEnded(
                sequence=first + 3, number=3, stamp=stamp, meter_stop_wh=number + 1,
                reason=StopReason.LOCAL, trigger=Trigger.STOP_AUTHORIZED, **common,
            ),
        ]  # fmt: skip
        found += [Append(record=record, durable=True) for record in batch]
    return found


class LeanCsms:
    """Answers everything at once after the delay, and counts."""

    def __init__(self) -> None:
        self.received = 0
        self.order: list[str] = []
        self.first_s = self.last_s = 0.0
        self.done = asyncio.Event()

    async def serve(self, connection: ServerConnection) -> None:
        async for text in connection:
            frame = json.loads(text)
            if frame[0] == 2:
                if DELAY_S:
                    await asyncio.sleep(DELAY_S)
                await connection.send(json.dumps([3, frame[1], self.answer(frame[2], frame[3])]))

    def answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action in OWED:
            self.last_s = time.monotonic()
            self.first_s = self.first_s or self.last_s
            self.received += 1
            self.order.append(action)
            if self.received >= RECORDS:
                self.done.set()
        if action == "StartTransaction":
            return {"transactionId": self.received, "idTagInfo": {"status": "Accepted"}}
        if action == "BootNotification":
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            return {"status": "Accepted", "currentTime": now, "interval": 300}
        if action == "Heartbeat":
            return {"currentTime": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        return {}


async def bare(url: str) -> float:
    """Seconds that the bare client needs for as many messages."""
    script = str(Path(__file__).with_name("bare_drain.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, url, str(RECORDS), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    return float(printed)


async def main() -> None:
    csms = LeanCsms()
    with tempfile.TemporaryDirectory() as place:
        async with serve(csms.serve, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:  # type: ignore[list-item]
            port = server.sockets[0].getsockname()[1]
            stage = Stage(Path(place), f"ws://127.0.0.1:{port}/ocpp")
            store = Store(stage.config.state_dir, stage.config.run_dir)
            store.open()
            owed = records(BOOT)
            for begin in range(0, len(owed), 1000):
                store.apply(owed[begin : begin + 1000])
            store.close()
            bare_s = await bare(f"ws://127.0.0.1:{port}/ocpp")
            stage.start("agent")
            try:
                await asyncio.wait_for(csms.done.wait(), 120 + RECORDS * (DELAY_S + 0.01))
            except TimeoutError:
                raise SystemExit(
                    f"only {csms.received} of {RECORDS} arrived\n{stage.log('agent')[-2000:]}"
                ) from None
            finally:
                await asyncio.to_thread(stage.stop)
    took_s = csms.last_s - csms.first_s
    starts = csms.order[::PER_TRANSACTION]
    assert set(starts) == {"StartTransaction"}, "order was not kept"
    delay_ms = 1000 * bare_s / RECORDS
    each_ms = 1000 * took_s / (RECORDS - 1)
    show(
        f"Drain of {RECORDS} records, CSMS delay {DELAY_S * 1000:g} ms (goal: overhead ≤ 1 ms)",
        ("", "seconds", "ms per record", "overhead ms"),
        [
            ("bare client (the CSMS's delay)", bare_s, delay_ms, 0.0),
            ("agent", took_s, each_ms, each_ms - delay_ms),
        ],
    )


if __name__ == "__main__":
    asyncio.run(main())
