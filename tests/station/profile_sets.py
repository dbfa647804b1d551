"""Random charging profiles around one instant, and stations that have them.

Times lie close together, so that a minute sees starts, ends and recurrences of many of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from chargepoint.ocpp.v16.smart_charging import profile as read
from chargepoint.station.charging_limits import ChargingLimits
from chargepoint.station.charging_profiles.book import Book, Installed
from chargepoint.station.charging_profiles.profile import problem
from chargepoint.station.clock import Clock, ClockTrust
from chargepoint.station.desk import Desk
from chargepoint.station.records import Stamp, TransactionId
from chargepoint.station.settings import EvseSettings, StationSettings
from tests.station.slow_schedule import DEFAULT, MAX, TX, Connector, SlowStation

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ZERO_S = 5000.0
"""Monotonic second of NOW."""
SECONDS = 60


def text(second: float) -> str:
    """`second` after NOW as OCPP spells it."""
    return (NOW + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


def random_profile(dice: random.Random, purpose: str) -> dict[str, Any]:
    """A legal profile that has something to say in the minute after NOW."""
    kind = dice.choice(["Absolute", "Recurring", "Relative"])
    unit = dice.choice("AAW")
    starts = sorted({0, *(dice.randint(1, 70) for _ in range(dice.randint(0, 4)))})
    schedule: dict[str, Any] = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [random_period(dice, start, unit) for start in starts],
    }
    profile: dict[str, Any] = {
        "chargingProfileId": dice.randint(1, 9),
        "stackLevel": dice.randint(0, 3),
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    }
    start = dice.randint(-40, 50)
    if kind == "Recurring":
        profile["recurrencyKind"] = dice.choice(["Daily", "Weekly"])
        start -= dice.choice([0, 1, 3, 7, 14]) * 86_400
    if kind != "Relative" or dice.random() < 0.2:
        schedule["startSchedule"] = text(start)
    if dice.random() < 0.5:
        schedule["duration"] = dice.choice([1, 5, 20, 60, 86_400, 90_000, 700_000])
    if dice.random() < 0.3:
        profile["validFrom"] = text(dice.choice([dice.randint(0, 59), -50_000]))
    if dice.random() < 0.3:
        profile["validTo"] = text(dice.choice([dice.randint(1, 59), 50_000]))
    return profile


def random_period(dice: random.Random, start: int, unit: str) -> dict[str, Any]:
    limit = dice.choice([0, 6, 16, 32, dice.randint(0, 400) / 10])
    period: dict[str, Any] = {"startPeriod": start, "limit": limit}
    if unit == "W":
        period["limit"] = dice.choice(
            [0, 1380, 3680, 11_000, 22_000, dice.randint(0, 250_000) / 10]
        )
    if dice.random() < 0.4:
        period["numberPhases"] = dice.randint(1, 3)
    return period


@dataclass
class Pair:
    """The same station twice: ours, and the slow one."""

    ours: ChargingLimits
    slow: SlowStation


def random_pair(seed: int, most: int = 10) -> Pair:
    """A station with up to `most` profiles."""
    dice = random.Random(seed)
    connectors = {
        n: Connector(
            phases=dice.choice([1, 3, 3]),
            current_max_a=dice.choice([16, 32]),
            began=_unix(-dice.randint(0, 90)) if dice.random() < 0.6 else None,
        )
        for n in range(1, dice.choice([1, 2]) + 1)
    }
    slow = SlowStation(connectors, supply_a=dice.choice([None, None, 25]))
    for _ in range(dice.randint(0, most)):
        purpose = dice.choice([MAX, DEFAULT, DEFAULT, TX])
        busy = [n for n, it in connectors.items() if it.began is not None]
        places = {MAX: [0], DEFAULT: [0, *connectors], TX: busy}[purpose]
        profile = random_profile(dice, purpose)
        if places and problem(read(profile), NOW) is None:
            slow.set(dice.choice(places), profile, _unix(-dice.randint(0, 30)))
    return Pair(limits_of(slow), slow)


def limits_of(slow: SlowStation) -> ChargingLimits:
    """Our limits over what the slow station has."""
    settings = StationSettings(
        id="TEST",
        current_max_a=slow.supply_a,
        evses=tuple(
            EvseSettings(id=n, phases=it.phases, current_max_a=float(it.current_max_a))
            for n, it in slow.connectors.items()
        ),
    )
    clock = Clock(Desk("boot"), {}, settings.built_at)
    clock.told(NOW, ClockTrust.NTP, ZERO_S)
    sessions: Mapping[int, Any] = {n: _session(n, it) for n, it in slow.connectors.items()}
    book = Book()
    for given in slow.given:
        bound = given.profile["chargingProfilePurpose"] == TX
        entry = Installed(
            profile=read(given.profile),
            evse=given.connector,
            received=Stamp(boot="boot", at_s=_monotonic(given.second)),
            transaction=TransactionId(f"tx-{given.connector}") if bound else None,
        )
        added = book.with_(entry)
        assert added is not None
        book = added
    return ChargingLimits(clock, "boot", settings, sessions, lambda: book)


def _session(number: int, it: Connector) -> Any:
    """What `ChargingLimits` looks at of a session."""
    if it.began is None:
        return SimpleNamespace(transaction=None)
    started = Stamp(boot="boot", at_s=_monotonic(it.began))
    return SimpleNamespace(transaction=SimpleNamespace(id=f"tx-{number}", started=started))


def _unix(second: int) -> int:
    return int(NOW.timestamp()) + second


def _monotonic(second: int) -> float:
    return second - NOW.timestamp() + ZERO_S
