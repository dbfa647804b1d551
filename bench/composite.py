"""Composite schedule of many profiles over a day, against the slow reference of the tests.

The reference asks every profile at every second; it is sampled and scaled up, and must agree where
it was sampled. Also: what the limit in force costs, which the station asks for after every event.
Environment: BENCH_PROFILES (default and most 100), BENCH_SAMPLES (seconds of the reference, default
300).
"""

from __future__ import annotations

import os
import random
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.table import median, show
from chargepoint.station.charging_profiles.profile import RateUnit
from tests.station.profile_sets import NOW, ZERO_S, limits_of, text
from tests.station.slow_schedule import DEFAULT, MAX, TX, Connector, SlowStation

PROFILES = int(os.environ.get("BENCH_PROFILES", "100"))
SAMPLES = int(os.environ.get("BENCH_SAMPLES", "300"))
DAY_S = 86_400
REPEATS = 5
FIRST = int(NOW.timestamp())
PERIODS = 96


def station(hiding: bool) -> SlowStation:
    """PROFILES profiles at five places; `hiding`: each covers everything below it."""
    began = FIRST - 100
    connectors = {n: Connector(phases=3, current_max_a=32, began=began) for n in (1, 2)}
    slow = SlowStation(connectors)
    dice = random.Random(1)
    places = ((TX, 1), (DEFAULT, 1), (DEFAULT, 0), (MAX, 0), (DEFAULT, 2))
    for number in range(PROFILES):
        purpose, at = places[number % len(places)]
        daily = number % 2 == 0
        schedule: dict[str, Any] = {
            "chargingRateUnit": "A",
            "startSchedule": text(-DAY_S * 3 + dice.randint(0, DAY_S)),
            "chargingSchedulePeriod": [
                {"startPeriod": 900 * n, "limit": float(dice.randint(6, 32))}
                for n in range(PERIODS)
            ],
        }
        if not hiding:
            schedule["duration"] = dice.randint(600, 7200)
        profile = {
            "chargingProfileId": number,
            "stackLevel": number // len(places),
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Daily" if daily or not hiding else "Weekly",
            "chargingSchedule": schedule,
        }
        slow.set(at, profile, FIRST)
    return slow


def timed(work: Callable[[], object]) -> float:
    """Median of several runs, in seconds."""
    took = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return median(took)


def row(title: str, slow: SlowStation) -> tuple[object, ...]:
    ours = limits_of(slow)
    ours_s = timed(lambda: ours.composite(1, DAY_S, RateUnit.AMPERE, ZERO_S))
    composite = ours.composite(1, DAY_S, RateUnit.AMPERE, ZERO_S)
    seconds = sorted(random.Random(2).sample(range(DAY_S), SAMPLES))
    begin = time.perf_counter()
    wanted = [slow.composite(1, FIRST + second, FIRST, "A") for second in seconds]
    slow_s = (time.perf_counter() - begin) * DAY_S / SAMPLES
    starts = [period.start_s for period in composite.periods]
    for second, value in zip(seconds, wanted, strict=True):
        period = composite.periods[bisect_right(starts, second) - 1]
        assert (period.limit, period.phases) == value, second
    calls = 1000
    later = iter(range(1, DAY_S * 7, DAY_S * 7 // calls))
    next_s = timed(lambda: [ours.limit(1, ZERO_S + next(later)) for _ in range(150)]) / 150
    again_s = timed(lambda: [ours.limit(1, ZERO_S) for _ in range(calls)]) / calls
    fresh_s = timed(lambda: limits_of(slow).limit(1, ZERO_S)) - timed(lambda: limits_of(slow))
    return (
        title, len(slow.given), len(composite.periods), ours_s * 1000, slow_s, slow_s / ours_s,
        fresh_s * 1000, next_s * 1e6, again_s * 1e6,
    )  # fmt: skip


def main() -> None:
    show(
        "Composite schedule of one EVSE over 24 h",
        (
            "",
            "profiles",
            "periods",
            "ours ms",
            "reference s",
            "ratio",
            "new limit ms",
            "next µs",
            "again µs",
        ),
        [
            row("each hides all below", station(hiding=True)),
            row("short ones, many gaps", station(hiding=False)),
        ],
    )


if __name__ == "__main__":
    main()
