"""One profile on an axis of whole seconds: what it says at a second, and until when. Pure.

The axis counts Unix seconds while the time is known, else monotonic seconds. On the latter only
what is relative to this boot can be placed; a profile that needs the time of day is *unsure* there
and gives one limit that is safe at any time: its lowest, but no less than a vehicle needs to
charge. A clock that was never set must not stop a charger for good.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime

import msgspec

from chargepoint.station.charging_profiles.book import Installed
from chargepoint.station.charging_profiles.profile import Kind, Period, Purpose, RateUnit
from chargepoint.station.records import Stamp

CURRENT_MIN_A = 6.0
"""IEC 61851-1: less cannot be offered, so it pauses."""

NEVER = 1 << 60
"""A second that does not come."""


class Limit(msgspec.Struct, frozen=True):
    """How much may be drawn."""

    current_a: float
    """Per phase."""
    phases: int


def smallest(*limits: Limit | None) -> Limit | None:
    """The limit that keeps all of `limits`; None: none of them limits."""
    given = [limit for limit in limits if limit is not None]
    if len(given) < 2:
        return given[0] if given else None
    return Limit(min(limit.current_a for limit in given), min(limit.phases for limit in given))


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The electrical place for which limits are converted."""

    voltage_v: float
    """Nominal, phase to neutral; conversions never take the measured one."""
    phases: int
    current_max_a: float

    @property
    def limit(self) -> Limit:
        """What the hardware allows."""
        return Limit(self.current_max_a, self.phases)

    def converted(self, period: Period, unit: RateUnit) -> Limit:
        """The limit of `period` as current per phase.

        More phases than there are: the limit stands as it is (errata 3.34), so W are divided by
        the phases that exist.
        """
        phases = min(period.phases or 3, self.phases)
        if unit is RateUnit.AMPERE:
            return Limit(period.limit, phases)
        return Limit(period.limit / (self.voltage_v * phases), phases)

    def amount(self, limit: Limit, unit: RateUnit) -> float:
        """`limit` in `unit`."""
        if unit is RateUnit.AMPERE:
            return limit.current_a
        return limit.current_a * self.voltage_v * limit.phases


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """How instants become whole seconds."""

    boot: str
    zero_s: float
    """Unix time of monotonic second 0; 0 while it is not known."""
    known: bool
    wall: Callable[[Stamp], datetime | None]
    """Time of a stamp of any boot."""

    def second(self, at_s: float) -> int:
        """Monotonic second `at_s` of this boot."""
        return math.floor(self.zero_s + at_s)

    def at_s(self, second: int) -> float:
        """The monotonic second at which `second` begins."""
        return second - self.zero_s

    def of(self, instant: datetime | None, absent: int) -> int:
        """A time of day, `absent` for None; only while the time is known."""
        return absent if instant is None else math.floor(instant.timestamp())

    def of_stamp(self, stamp: Stamp) -> int | None:
        """A stamp; None when its boot has no place on this axis."""
        if stamp.boot == self.boot:
            return self.second(stamp.at_s)
        wall = self.wall(stamp) if self.known else None
        return None if wall is None else math.floor(wall.timestamp())


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """One profile at one place of the axis."""

    starts: tuple[int, ...]
    limits: tuple[Limit, ...]
    first: int = 0
    """Second at which the schedule begins, for the first time if it recurs."""
    duration_s: int = NEVER
    every_s: int = NEVER
    valid_from: int = -NEVER
    valid_to: int = NEVER
    sure: bool = True
    """False: only that the profile exists is known, not what it says now."""

    @property
    def fallback(self) -> Limit:
        """The limit that is safe at any time."""
        lowest_a = min(limit.current_a for limit in self.limits)
        phases = min(limit.phases for limit in self.limits)
        return Limit(max(lowest_a, CURRENT_MIN_A), phases)

    def at(self, second: int) -> tuple[Limit | None, int]:
        """What holds at `second` (None: the profile says nothing), and the next change.

        The next change may be one in name only.
        """
        if second < self.valid_from:
            return None, self.valid_from
        if second >= self.valid_to:
            return None, NEVER
        if second < self.first:
            return None, min(self.first, self.valid_to)
        begin = self.first + (second - self.first) // self.every_s * self.every_s
        again = min(begin + self.every_s, self.valid_to)
        end = min(begin + self.duration_s, again)
        if second >= end:
            return None, again
        following = bisect_right(self.starts, second - begin)
        until = begin + self.starts[following] if following < len(self.starts) else end
        return self.limits[following - 1], min(until, end)


def timeline(entry: Installed, place: Place, axis: Axis, began: int) -> Timeline:
    """`entry` on `axis`; `began`: second at which the transaction began, or would begin."""
    profile, schedule = entry.profile, entry.profile.schedule
    windowed = profile.valid_from is not None or profile.valid_to is not None
    line = Timeline(
        starts=tuple(period.start_s for period in schedule.periods),
        limits=tuple(place.converted(period, schedule.unit) for period in schedule.periods),
        duration_s=NEVER if schedule.duration_s is None else schedule.duration_s,
    )
    relative = profile.kind is Kind.RELATIVE
    unplaced = not axis.known and (windowed or not relative)
    first = _relative_start(entry, axis, began) if relative else axis.of(schedule.starts_at, 0)
    if unplaced or first is None:
        return msgspec.structs.replace(line, sure=False)
    recurrency = profile.recurrency if profile.kind is Kind.RECURRING else None
    return msgspec.structs.replace(
        line,
        first=first,
        every_s=NEVER if recurrency is None else recurrency.every_s,
        valid_from=axis.of(profile.valid_from, -NEVER),
        valid_to=axis.of(profile.valid_to, NEVER),
    )


def _relative_start(entry: Installed, axis: Axis, began: int) -> int | None:
    """A relative station limit has no transaction: it counts from its arrival."""
    if entry.profile.purpose is not Purpose.STATION_MAX:
        return began
    schedule = entry.profile.schedule
    if len(schedule.periods) == 1 and schedule.duration_s is None:
        return 0  # it says the same at all times
    return axis.of_stamp(entry.received)
