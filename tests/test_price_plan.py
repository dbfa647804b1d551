"""Which prices are in force when: times of day, weekdays, changes, daylight saving time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.config.prices import price_plan
from chargepoint.config.tariff import Tariff, TariffChange, TariffWindow
from chargepoint.price_plan import PricePlan, PriceTable

D = Decimal
SUMMER = (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC))
"""Daylight saving time of Central Europe in 2026."""


def berlin(at: datetime) -> datetime:
    hours = 2 if SUMMER[0] <= at < SUMMER[1] else 1
    return at.astimezone(timezone(timedelta(hours=hours)))


def window(begin: str = "22:00", to: str = "06:00", **fields: Any) -> TariffWindow:
    return TariffWindow(begin=begin, to=to, **{"energy_price": 0.2, **fields})


def plan(*windows: TariffWindow, change: tuple[TariffChange, ...] = ()) -> PricePlan:
    return price_plan(Tariff(energy_price=0.4, window=windows, change=change), berlin)


def energy(plan_: PricePlan | PriceTable, text: str) -> Decimal:
    return plan_.at(datetime.fromisoformat(text)).energy


def hours(table: PriceTable, day: date, price: str) -> timedelta:
    """How long `price` holds on a local day."""
    since, until = _midnight(day), _midnight(day + timedelta(days=1))
    spans = [each for each in table.spans(since, until) if each.prices.energy == D(price)]
    return sum((each.until - each.since for each in spans), timedelta())


def _midnight(day: date) -> datetime:
    text = f"{day}T00:00"
    return next(
        at
        for hours_ in (1, 2)
        if berlin(at := datetime.fromisoformat(f"{text}+0{hours_}:00")).hour == 0
    )


def test_prices_of_the_file_become_exact_decimals() -> None:
    change = TariffChange(since=date(2027, 1, 1), energy_price=0.59)
    found = price_plan(Tariff(energy_price=0.1, idle_free_min=15, change=(change,)))
    assert str(found.prices.energy) == "0.1"
    assert str(found.table(date(2027, 1, 1)).prices.energy) == "0.59"


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-11-24T21:59:59+01:00", "0.4"),
        ("2026-11-24T22:00:00+01:00", "0.2"),
        ("2026-11-25T05:59:59+01:00", "0.2"),
        ("2026-11-25T06:00:00+01:00", "0.4"),
        ("2026-11-24T21:00:00Z", "0.2"),
    ],
)
def test_a_window_holds_from_its_first_minute_to_before_its_last(
    instant: str, expected: str
) -> None:
    assert energy(plan(window()), instant) == D(expected)


def test_a_window_belongs_to_the_day_on_which_it_begins() -> None:
    """27 November 2026 is a Friday."""
    fridays = plan(window(days=("fri",)))
    assert energy(fridays, "2026-11-27T23:00+01:00") == D("0.2")
    assert energy(fridays, "2026-11-28T05:00+01:00") == D("0.2")
    assert energy(fridays, "2026-11-27T05:00+01:00") == D("0.4")
    assert energy(fridays, "2026-11-28T23:00+01:00") == D("0.4")


def test_a_window_that_ends_when_it_begins_is_a_whole_day() -> None:
    sundays = plan(window("00:00", "00:00", days=("sun",)), window("00:00", "24:00", days=("mon",)))
    assert energy(sundays, "2026-11-28T23:59+01:00") == D("0.4")
    assert energy(sundays, "2026-11-29T00:00+01:00") == D("0.2")
    assert energy(sundays, "2026-11-30T23:59+01:00") == D("0.2")
    assert energy(sundays, "2026-12-01T00:00+01:00") == D("0.4")


def test_a_change_alters_what_holds_outside_of_windows_and_a_window_has_days_of_its_own() -> None:
    change = TariffChange(since=date(2027, 1, 1), energy_price=0.5)
    both = plan(
        window(until=date(2026, 12, 31)),
        window(since=date(2027, 1, 1), energy_price=0.3),
        change=(change,),
    )
    assert energy(both, "2026-12-31T12:00+01:00") == D("0.4")
    assert energy(both, "2026-12-31T23:00+01:00") == D("0.2")
    assert energy(both, "2027-01-01T00:00+01:00") == D("0.3")
    assert energy(both, "2027-01-01T12:00+01:00") == D("0.5")
    assert both.days() == (date(2027, 1, 1),)


@pytest.mark.parametrize(
    ("day", "night_h", "others_h"),
    [(date(2026, 3, 28), 8, 16), (date(2026, 3, 29), 7, 16), (date(2026, 10, 25), 9, 16)],
)
def test_days_of_23_and_25_hours_are_as_long_as_they_are(
    day: date, night_h: int, others_h: int
) -> None:
    table = plan(window()).table(day)
    assert hours(table, day, "0.2") == timedelta(hours=night_h)
    assert hours(table, day, "0.4") == timedelta(hours=others_h)


@pytest.mark.parametrize(
    ("day", "lasts_h"),
    [(date(2026, 3, 28), 1), (date(2026, 3, 29), 0), (date(2026, 10, 25), 2)],
)
def test_the_hour_that_is_skipped_does_not_come_and_the_repeated_one_comes_twice(
    day: date, lasts_h: int
) -> None:
    table = plan(window("02:00", "03:00")).table(day)
    assert hours(table, day, "0.2") == timedelta(hours=lasts_h)


def test_the_next_prices_are_found_over_nights_weekends_and_new_years() -> None:
    def coming(found: PricePlan, text: str) -> tuple[str, Decimal] | None:
        told = found.next_change(datetime.fromisoformat(text))
        return None if told is None else (berlin(told[0]).isoformat(), told[1].energy)

    nights = plan(window(days=("fri",)))
    assert coming(nights, "2026-11-24T12:00+01:00") == ("2026-11-27T22:00:00+01:00", D("0.2"))
    assert coming(nights, "2026-11-27T23:30+01:00") == ("2026-11-28T06:00:00+01:00", D("0.4"))
    year = plan(change=(TariffChange(since=date(2027, 1, 1), energy_price=0.5),))
    assert coming(year, "2026-12-30T12:00+01:00") == ("2027-01-01T00:00:00+01:00", D("0.5"))
    assert coming(year, "2026-12-01T12:00+01:00") is None
    assert coming(plan(), "2026-12-01T12:00+01:00") is None
    same = plan(window(energy_price=0.4))
    assert coming(same, "2026-12-01T12:00+01:00") is None
    autumn = coming(plan(window("22:00", "03:00")), "2026-10-25T00:30+02:00")
    assert autumn == ("2026-10-25T03:00:00+01:00", D("0.4"))


@settings(max_examples=60, deadline=None)
@given(
    begin_s=st.integers(0, 364 * 86400),
    lasts_s=st.integers(1, 3 * 86400),
    edges=st.lists(st.integers(0, 1439), min_size=2, max_size=4, unique=True),
    look=st.floats(0, 1),
)
def test_spans_cover_the_time_without_gaps_and_tell_what_is_in_force_in_them(
    begin_s: int, lasts_s: int, edges: list[int], look: float
) -> None:
    times = [f"{edge // 60:02d}:{edge % 60:02d}" for edge in sorted(edges)]
    pairs = zip(times[::2], times[1::2], strict=False)
    table = plan(*(window(begin, to) for begin, to in pairs)).table(date(2026, 1, 1))
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=begin_s)
    until = since + timedelta(seconds=lasts_s)
    spans = list(table.spans(since, until))
    assert (spans[0].since, spans[-1].until) == (since, until)
    assert all(a.until == b.since for a, b in pairwise(spans))
    for span in spans:
        inside = span.since + (span.until - span.since) * look
        assert table.at(min(inside, span.until - timedelta(microseconds=1))) == span.prices


def test_a_session_that_seems_to_last_for_years_is_not_cut_into_pieces() -> None:
    table = plan(window()).table(date(2026, 1, 1))
    since = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert len(list(table.spans(since, since + timedelta(days=20_000)))) == 1
