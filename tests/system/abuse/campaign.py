"""Phases of one station: an abuse, plug cycles under it, the abuse taken back, a clean cycle."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hil.csms.server import Csms
from hil.stage import StageError
from tests.system.abuse.station import EVSES, Station
from tests.system.abuse.troubles import ABUSES

CYCLES_PER_PHASE = 3
"""At each EVSE, before the clean one."""
SETTLE_S = 0.3


@dataclass
class Result:
    """What one station went through."""

    cycles: int = 0
    charged: int = 0
    restarts: int = 0
    violations: list[str] = field(default_factory=list)
    prompt_s: list[float] = field(default_factory=list)
    loose_s: list[float] = field(default_factory=list)
    phases: Counter[str] = field(default_factory=Counter)


async def phase(station: Station, name: str, cycles: int = CYCLES_PER_PHASE) -> None:
    """One abuse. Raises StageError when the station does not charge afterwards."""
    abuse = asyncio.ensure_future(ABUSES[name](station))
    try:
        await asyncio.gather(*(_cycles(station, evse, cycles) for evse in EVSES))
        if abuse.done():
            abuse.result()  # An abuse that ended by itself failed.
    finally:
        abuse.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await abuse
    with station.judge.disturbed.open():
        await asyncio.sleep(SETTLE_S)
    await asyncio.gather(*(station.clean(evse) for evse in EVSES))


async def _cycles(station: Station, evse: int, count: int) -> None:
    for _ in range(count):
        await station.cycle(evse)


async def one(
    directory: Path, csms: Csms, number: int, seed: int, plan: Sequence[str], until_s: float
) -> Result:
    """One station through the phases of `plan`, or as many as there is time for."""
    station = Station(directory, csms, number, random.Random(seed))
    result = Result()
    try:
        await station.start()
        for name in plan:
            if time.monotonic() > until_s:
                break
            result.phases[name] += 1
            before = len(station.judge.violations)
            await phase(station, name)
            for found in station.judge.violations[before:]:
                result.violations.append(f"{station.identity}, seed {seed}, {name}: {found}")
    except (StageError, OSError) as error:
        done = ", ".join(result.phases)
        result.violations.append(f"{station.identity}, seed {seed}, after {done}: {error}")
    finally:
        await station.stop()
    result.cycles, result.charged = station.cycles, station.charged
    result.restarts = station.restarts
    result.prompt_s, result.loose_s = station.judge.prompt_s, station.judge.loose_s
    return result


async def campaign(cycles: int, stations: int, seed: int, minutes: float) -> list[Result]:
    """Stations side by side until `cycles` were played, or time is up."""
    until_s = time.monotonic() + 60.0 * minutes
    each = -(-cycles // (stations * len(EVSES) * (CYCLES_PER_PHASE + 1)))
    async with Csms() as csms:
        with tempfile.TemporaryDirectory(prefix="abuse") as place:
            return await asyncio.gather(
                *(
                    one(Path(place) / str(n), csms, n, seed + n, plan(seed + n, each), until_s)
                    for n in range(stations)
                )
            )


def plan(seed: int, phases: int) -> list[str]:
    """Every abuse comes as often as every other, in an order of its own for each seed."""
    chance, found = random.Random(seed), list[str]()
    while len(found) < phases:
        names = list(ABUSES)
        chance.shuffle(names)
        found += names
    return found[:phases]
