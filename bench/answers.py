"""How fast a station answers a CSMS, and what a flood of requests does to its memory.

GetConfiguration with one key and with all of them, beside a bare script on the `ocpp` package that
answers the same from a table; GetCompositeSchedule of a day with 80 charging profiles.
The requests are spaced: beyond 50 a second the agent makes a CSMS wait on purpose. Environment:
BENCH_ANSWERS (requests per row, default 200), BENCH_FLOOD (default 20,000 requests at once).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.processes import pss_mb
from bench.table import median, quantile, show
from hil.csms.server import Csms
from hil.stage import Stage

REQUESTS = int(os.environ.get("BENCH_ANSWERS", "200"))
FLOOD = int(os.environ.get("BENCH_FLOOD", "20000"))
SPACE_S = 0.03
PLACES = (
    ("TxDefaultProfile", 0),
    ("TxDefaultProfile", 1),
    ("TxDefaultProfile", 2),
    ("ChargePointMaxProfile", 0),
)
LEVELS = 20
"""Stack levels that are filled at each place."""

PERIODS = 96
DAY_S = 86_400
ONE_KEY = {"key": ["HeartbeatInterval"]}
SCHEDULE = {"connectorId": 1, "duration": DAY_S, "chargingRateUnit": "A"}


async def row(title: str, csms: Csms, identity: str, action: str, payload: Any) -> list[Any]:
    """Round trips of one request, in milliseconds."""
    took_ms = []
    size = 0
    for _ in range(REQUESTS):
        await asyncio.sleep(SPACE_S)
        began_s = time.perf_counter()
        answer = await csms.call(identity, action, payload)
        took_ms.append(1000 * (time.perf_counter() - began_s))
        size = len(json.dumps(answer, separators=(",", ":")))
    return [title, size, median(took_ms), quantile(took_ms, 0.99), max(took_ms)]


def profile(number: int) -> dict[str, Any]:
    """A daily profile with a level of its own that fills a part of the day."""
    periods = [{"startPeriod": 900 * n, "limit": 6.0 + (n + number) % 26} for n in range(PERIODS)]
    return {
        "chargingProfileId": number,
        "stackLevel": number % LEVELS,
        "chargingProfilePurpose": PLACES[number // LEVELS][0],
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "startSchedule": "2026-01-01T00:00:00Z",
            "duration": 600 * (1 + number),
            "chargingSchedulePeriod": periods,
        },
    }


async def installed(csms: Csms, identity: str) -> int:
    """Fill every level of every place; how many profiles the station has then."""
    count = LEVELS * len(PLACES)
    for number in range(count):
        at = PLACES[number // LEVELS][1]
        payload = {"connectorId": at, "csChargingProfiles": profile(number)}
        answer = await csms.call(identity, "SetChargingProfile", payload)
        assert answer == {"status": "Accepted"}, number
        await asyncio.sleep(SPACE_S)
    return count


async def flood(csms: Csms, identity: str, pid: int) -> list[Any]:
    """Memory of the agent before, at its highest in, and after a flood."""
    before_mb = pss_mb(pid)
    station = csms._stations[identity]
    answered = lambda: sum(m.incoming and m.kind == "result" for m in csms.messages)  # noqa: E731
    csms.messages.clear()
    highest_mb = before_mb
    for number in range(FLOOD):
        await station.send(json.dumps([2, f"f{number}", "GetConfiguration", {}]))
        if number % 500 == 0:
            highest_mb = max(highest_mb, pss_mb(pid))
    for _ in range(20):
        await asyncio.sleep(0.5)
        highest_mb = max(highest_mb, pss_mb(pid))
    return [f"{FLOOD} requests at once", answered(), before_mb, highest_mb, pss_mb(pid)]


async def configuration(csms: Csms, identity: str, place: Path) -> list[list[Any]]:
    """Rows of GetConfiguration, each for the bare script and for the agent."""
    everything = await csms.call(identity, "GetConfiguration", {})
    answers = place / "answers.json"
    answers.write_text(json.dumps(everything))
    script = str(Path(__file__).with_name("bare_answers.py"))
    bare = await asyncio.create_subprocess_exec(sys.executable, script, csms.url, str(answers))
    try:
        await csms.wait_for(lambda: csms.connected("BARE"), 20)
        await asyncio.sleep(2)
        return [
            await row(f"{title}, {who}", csms, name, "GetConfiguration", payload)
            for title, payload in (("one key", ONE_KEY), ("all keys", {}))
            for who, name in (("bare", "BARE"), ("agent", identity))
        ]
    finally:
        bare.kill()
        await bare.wait()


async def measured(csms: Csms, stage: Stage, place: Path) -> None:
    identity = stage.config.station.id
    agent = stage.start("agent")
    if not await csms.wait_for(lambda: bool(csms.central.boots), 20):
        raise SystemExit(f"the agent did not boot\n{stage.log('agent')[-2000:]}")
    await asyncio.sleep(3)
    rows = await configuration(csms, identity, place)
    title = f"a day of {await installed(csms, identity)} profiles, agent"
    rows.append(await row(title, csms, identity, "GetCompositeSchedule", SCHEDULE))
    show(
        f"Round trips of {REQUESTS} requests each",
        ("request", "bytes", "median ms", "p99", "max"),
        rows,
    )
    show(
        "Memory of the agent in a flood",
        ("", "served", "before MB", "highest MB", "10 s later"),
        [await flood(csms, identity, agent.pid)],
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        async with Csms() as csms:
            stage = Stage(Path(place), csms.url)
            try:
                await measured(csms, stage, Path(place))
            finally:
                await asyncio.to_thread(stage.stop)


if __name__ == "__main__":
    asyncio.run(main())
