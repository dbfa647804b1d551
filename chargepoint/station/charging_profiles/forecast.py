"""Composite schedules: the limits of a stretch of time in the unit that was asked for. Pure.

The limit of one EVSE, or the expected total of the station (OCPP 1.6, section 9.7 of the rules).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from chargepoint.station.charging_profiles.composite import (
    CompositePeriod,
    CompositeSchedule,
    joined,
    merged,
    spans,
)
from chargepoint.station.charging_profiles.profile import RateUnit
from chargepoint.station.charging_profiles.timeline import Limit, Place, Timeline, smallest

DURATION_MAX_S = 7 * 86_400
"""Longest schedule that is given: everything that recurs has recurred once."""

PERIODS_MAX = 1000
"""Most periods that are given; the schedule ends before the next one."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One EVSE, or the station: its hardware and the layers of its profiles."""

    place: Place
    layers: tuple[Timeline, ...]
    ceiling_a: float = math.inf
    """Less than the hardware: what people here allow, or the cable that is plugged in."""

    @property
    def limit(self) -> Limit:
        """What can be had without any profile."""
        return Limit(min(self.place.current_max_a, self.ceiling_a), self.place.phases)


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    evse: int
    begin: int
    duration_s: int
    unit: RateUnit
    known: bool
    """Whether seconds of the axis are Unix seconds."""


def of_evse(stretch: Stretch, load: Load, station: Load) -> CompositeSchedule:
    """What one EVSE may draw: its own limit, the station's, and what its hardware allows."""
    end = stretch.begin + stretch.duration_s
    rows = [spans(each.layers, stretch.begin, end) for each in (load, station)]
    hardware = _within(load.limit, station.limit)
    spanned = []
    for begin, _, (own, common) in merged(rows):
        limit = _within(hardware, own, common)
        value = rounded(load.place.amount(limit, stretch.unit))
        spanned.append((begin - stretch.begin, value, limit.phases))
    return _schedule(stretch, joined(spanned))


def of_station(stretch: Stretch, charging: Sequence[Load], station: Load) -> CompositeSchedule:
    """What all transactions may draw together; without any, what they could."""
    end = stretch.begin + stretch.duration_s
    rows = [spans(each.layers, stretch.begin, end) for each in (station, *charging)]
    spanned = []
    for begin, _, (common, *own) in merged(rows):
        whole = _within(station.limit, common)
        value = station.place.amount(whole, stretch.unit)
        phases = whole.phases
        if charging:
            limits = [_within(load.limit, limit) for limit, load in zip(own, charging, strict=True)]
            total = sum(
                load.place.amount(limit, stretch.unit)
                for limit, load in zip(limits, charging, strict=True)
            )
            value = min(value, total)
            phases = min(phases, max(limit.phases for limit in limits))
        spanned.append((begin - stretch.begin, rounded(value), phases))
    return _schedule(stretch, joined(spanned))


def rounded(value: float) -> float:
    """`value` with one decimal, never above it."""
    return math.floor(value * 10 + 1e-6) / 10


def _within(hardware: Limit, *limits: Limit | None) -> Limit:
    return smallest(hardware, *limits) or hardware


def _schedule(stretch: Stretch, periods: tuple[CompositePeriod, ...]) -> CompositeSchedule:
    duration_s = stretch.duration_s
    if len(periods) > PERIODS_MAX:
        duration_s = periods[PERIODS_MAX].start_s
    return CompositeSchedule(
        evse=stretch.evse,
        starts_at=datetime.fromtimestamp(stretch.begin, UTC) if stretch.known else None,
        duration_s=duration_s,
        unit=stretch.unit,
        periods=periods[:PERIODS_MAX],
    )
