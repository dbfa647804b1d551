"""Which prices are in force when: the tariff of the station as a timetable.

The station reckons by it, the driver's page shows it. Base prices hold unless something else does:

- A *change* sets the base prices from a day on.
- A *window* sets prices for times of day and weekdays, by the clock on the wall: the hour that a
  change of daylight saving time repeats counts twice, the one that it skips does not come. Its
  prices stand above the base prices and are not touched by changes; it may have a first and a
  last day of its own.

A session keeps the `PriceTable` of the day on which it began: base prices and windows. Within it
the prices follow the time of day. Pure: the time zone comes as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

ZERO = Decimal(0)
Kind = Literal["energy", "time", "idle", "start"]
KINDS: tuple[Kind, ...] = ("energy", "time", "idle", "start")

MINOR_UNITS = {"BHD": 3, "CLP": 0, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3,
               "PYG": 0, "TND": 3, "UGX": 0, "VND": 0}  # fmt: skip
"""Decimals of currencies that do not have two (ISO 4217)."""

DAY_MIN = 24 * 60
QUARTER = timedelta(minutes=15)
"""Offsets from UTC change at full quarters of an hour."""

SPLIT_MAX = timedelta(days=400)
"""No session lasts longer: one that seems to had a wrong clock, and is not split."""

LOOK_AHEAD = timedelta(days=8)
"""A week of windows, and a day."""

Local = Callable[[datetime], datetime]
"""An aware instant as the clock at the site shows it."""


def minor_units(currency: str) -> int:
    """Decimals in which amounts of `currency` are paid."""
    return MINOR_UNITS.get(currency, 2)


def in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid, in the currency of the plan."""

    energy: Decimal = ZERO
    """Per kWh."""
    time: Decimal = ZERO
    """Per hour of the transaction."""
    idle: Decimal = ZERO
    """Per hour plugged in after the vehicle has stopped charging."""
    start: Decimal = ZERO
    """Per transaction."""


class NewPrices(msgspec.Struct, frozen=True, kw_only=True):
    """Prices that are set; None: as they are."""

    energy: Decimal | None = None
    time: Decimal | None = None
    idle: Decimal | None = None
    start: Decimal | None = None

    def over(self, prices: Prices) -> Prices:
        """`prices` with what is set here."""
        new = {name: price for name in KINDS if (price := getattr(self, name)) is not None}
        return msgspec.structs.replace(prices, **new)


class PriceChange(NewPrices, frozen=True, kw_only=True):
    """New base prices from a day on."""

    since: date


class PriceWindow(NewPrices, frozen=True, kw_only=True):
    """Prices for some hours of some weekdays."""

    begin_min: int
    """Minute of the day."""
    length_min: int
    """Up to a whole day; it may go on into the next one, whichever weekday that is."""
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Weekdays on which it begins; Monday is 0."""
    since: date | None = None
    until: date | None = None
    """The last day."""

    @property
    def end_min(self) -> int:
        """Minute of the day at which it ends."""
        return (self.begin_min + self.length_min) % DAY_MIN

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether it is in force when the clock shows `minute` of the day on a `weekday`."""
        since_min = minute - self.begin_min
        if weekday in self.days and 0 <= since_min < self.length_min:
            return True
        return (weekday - 1) % 7 in self.days and since_min + DAY_MIN < self.length_min


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time with the same prices."""

    since: datetime
    until: datetime
    prices: Prices


class PriceTable(msgspec.Struct, frozen=True, kw_only=True):
    """The prices that were promised on one day."""

    prices: Prices
    windows: tuple[PriceWindow, ...] = ()
    local: Local = in_utc

    def at(self, instant: datetime) -> Prices:
        """The prices in force at an aware instant."""
        clock = self.local(instant)
        weekday, minute = clock.weekday(), clock.hour * 60 + clock.minute
        for window in self.windows:
            if window.holds(weekday, minute):
                return window.over(self.prices)
        return self.prices

    def varies(self, kind: Kind) -> bool:
        """Whether that price depends on the time of day."""
        return any(getattr(each, kind) is not None for each in self.windows)

    @property
    def dearest(self) -> Prices:
        """The highest price of each kind."""
        return dearest([self.prices, *(each.over(self.prices) for each in self.windows)])

    def next_edge(self, instant: datetime) -> datetime | None:
        """The next instant at which other prices may begin; None: there is none."""
        marks = {edge for each in self.windows for edge in (each.begin_min, each.end_min)}
        return _next_mark(instant, marks, self.local) if marks else None

    def spans(self, since: datetime, until: datetime) -> Iterator[Span]:
        """The time from `since` to `until`, cut where other prices may begin."""
        at = since
        while at < until:
            edge = self.next_edge(at) if until - since <= SPLIT_MAX else None
            end = until if edge is None else min(edge, until)
            yield Span(since=at, until=end, prices=self.at(at))
            at = end


class PricePlan(msgspec.Struct, frozen=True, kw_only=True):
    """`[tariff]` of the configuration, in decimals."""

    currency: str
    prices: Prices = Prices()
    idle_free_min: Decimal = ZERO
    """Minutes of each pause that cost nothing."""
    changes: tuple[PriceChange, ...] = ()
    windows: tuple[PriceWindow, ...] = ()
    tax_percent: Decimal = ZERO
    tax_included: bool = True
    """The prices contain the tax; else it comes on top."""
    local: Local = in_utc

    def table(self, day: date) -> PriceTable:
        """What is promised to those who begin on `day`."""
        prices = self.prices
        for change in sorted(self.changes, key=lambda each: each.since):
            if change.since <= day:
                prices = change.over(prices)
        windows = tuple(
            window
            for window in self.windows
            if (window.since is None or window.since <= day)
            and (window.until is None or day <= window.until)
        )
        return PriceTable(prices=prices, windows=windows, local=self.local)

    def table_at(self, instant: datetime) -> PriceTable:
        """What is promised to those who begin at an aware instant."""
        return self.table(self.local(instant).date())

    def at(self, instant: datetime) -> Prices:
        """What somebody pays who begins at an aware instant."""
        return self.table_at(instant).at(instant)

    def days(self) -> tuple[date, ...]:
        """Days from which on something else is promised, in order."""
        found = {change.since for change in self.changes}
        found |= {window.since for window in self.windows if window.since is not None}
        found |= {
            window.until + timedelta(days=1)
            for window in self.windows
            if window.until is not None and window.until < date.max
        }
        return tuple(sorted(found))

    def tables(self) -> tuple[PriceTable, ...]:
        """Everything that is, was or will be promised."""
        return tuple(self.table(day) for day in (date.min, *self.days()))

    def next_change(self, instant: datetime) -> tuple[datetime, Prices] | None:
        """When, within a week, other prices than those of `instant` begin, and which."""
        now, at, end = self.at(instant), instant, instant + LOOK_AHEAD
        marks = {edge for each in self.windows for edge in (each.begin_min, each.end_min)}
        marks |= {0} if self.days() else set()
        while marks and at < end:
            at = _next_mark(at, marks, self.local)
            prices = self.at(at)
            if prices != now:
                return at, prices
        return None


def dearest(several: Iterable[Prices]) -> Prices:
    """The highest price of each kind."""
    known = tuple(several)
    return Prices(**{name: max(getattr(each, name) for each in known) for name in KINDS})


def _next_mark(instant: datetime, marks: Iterable[int], local: Local) -> datetime:
    """When the clock next shows one of the minutes of the day `marks`, or is itself put forward
    or back."""
    clock = local(instant)
    midnight = clock.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    passed = clock.replace(tzinfo=None) - midnight
    day = timedelta(days=1)
    ahead = min((timedelta(minutes=mark) - passed) % day or day for mark in marks)
    found = instant.astimezone(UTC) + ahead
    offset = clock.utcoffset()
    if local(found).utcoffset() == offset:
        return found
    return _shift(instant, found, offset, local)


def _shift(instant: datetime, until: datetime, offset: timedelta | None, local: Local) -> datetime:
    """The first quarter of an hour after `instant` at which the clock has another offset."""
    whole = instant.astimezone(UTC).replace(second=0, microsecond=0)
    at = whole - timedelta(minutes=whole.minute % 15) + QUARTER
    while at < until and local(at).utcoffset() == offset:
        at += QUARTER
    return min(at, until)
