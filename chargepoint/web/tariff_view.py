"""Prices in words: those in force now, when others begin, and those that are announced.

Shown only: what a transaction costs comes from the CSMS, or from the station.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from chargepoint.catalog import phrase
from chargepoint.price_plan import KINDS, Kind, PricePlan, Prices, PriceTable, PriceWindow
from chargepoint.web.driver_words import day, price, soon, weekdays

ANNOUNCED_BEFORE = timedelta(days=14)
"""New prices are told so long ahead."""


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Some hours of the week, and what is paid in them."""

    when: str
    prices: tuple[str, ...]


def price_lines(plan: PricePlan | None, now: datetime, language: str) -> tuple[str, ...]:
    """One line for each price in force at `now` (aware), the tax, and when the next begin."""
    if plan is None:
        return (phrase("driver.price.none", language),)
    lines = [*_prices(plan, plan.at(now), language), *_tax(plan, language)]
    coming = plan.next_change(now)
    if coming is not None:
        at, prices = coming
        kinds = changed(plan.at(now), prices)
        when = soon(plan.local(at), plan.local(now), language)
        told = "; ".join(_prices(plan, prices, language, kinds))
        lines.append(phrase("driver.price.next", language, when=when, prices=told))
    return tuple(lines)


def price_rows(plan: PricePlan | None, now: datetime, language: str) -> tuple[PriceRow, ...]:
    """The windows of the day and what holds outside of them; empty: one price all day."""
    if plan is None:
        return ()
    table = plan.table_at(now)
    kinds = changed(table.prices, *(each.over(table.prices) for each in table.windows))
    rows = [(_when(each, language), each.over(table.prices)) for each in _in_order(table)]
    if rows:
        rows.append((phrase("driver.price.other_times", language), table.prices))
    return tuple(
        PriceRow(when=when, prices=_prices(plan, prices, language, kinds)) for when, prices in rows
    )


def announced(plan: PricePlan | None, today: date, language: str) -> tuple[str, ...]:
    """New prices that begin within the next two weeks."""
    if plan is None:
        return ()
    return tuple(
        phrase(
            "driver.price.change",
            language,
            date=day(since, language),
            prices=_in_one_line(plan, plan.table(since), language),
        )
        for since in plan.days()
        if today < since <= today + ANNOUNCED_BEFORE
    )


def changed(usual: Prices, *others: Prices) -> tuple[Kind, ...]:
    """The prices that are not the same everywhere."""
    return tuple(
        kind
        for kind in KINDS
        if any(getattr(each, kind) != getattr(usual, kind) for each in others)
    )


def _in_order(table: PriceTable) -> list[PriceWindow]:
    return sorted(table.windows, key=lambda each: (each.days, each.begin_min))


def _in_one_line(plan: PricePlan, table: PriceTable, language: str) -> str:
    """Base prices, and those of each window."""
    told = ["; ".join(_prices(plan, table.prices, language))]
    for window in _in_order(table):
        inside = window.over(table.prices)
        kinds = changed(table.prices, inside)
        prices = "; ".join(_prices(plan, inside, language, kinds))
        told.append(f"{_when(window, language)}: {prices}")
    return ". ".join(told)


def _when(window: PriceWindow, language: str) -> str:
    """`Mon–Fri 22:00–06:00`"""
    hours = f"{_clock(window.begin_min)}–{_clock(window.end_min)}"
    return f"{weekdays(window.days, language)} {hours}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _tax(plan: PricePlan, language: str) -> tuple[str, ...]:
    if not plan.tax_percent:
        return ()
    key = "driver.price.tax_in" if plan.tax_included else "driver.price.tax_on_top"
    percent = _plain(plan.tax_percent).replace(".", phrase("driver.decimal", language))
    return (phrase(key, language, percent=percent),)


def _prices(
    plan: PricePlan, prices: Prices, language: str, kinds: tuple[Kind, ...] = ()
) -> tuple[str, ...]:
    """A line for each of `kinds`; without them for each price that is not zero."""
    idle = "driver.price.idle_free" if plan.idle_free_min else "driver.price.idle"
    rows: tuple[tuple[Kind, str], ...] = (
        ("energy", "driver.price.energy"),
        ("start", "driver.price.start"),
        ("time", "driver.price.time"),
        ("idle", idle),
    )
    lines = tuple(
        phrase(
            key,
            language,
            price=price(float(getattr(prices, kind)), plan.currency, language),
            minutes=_plain(plan.idle_free_min),
        )
        for kind, key in rows
        if (kind in kinds if kinds else getattr(prices, kind))
    )
    return lines or (phrase("driver.price.free_of_charge", language),)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
