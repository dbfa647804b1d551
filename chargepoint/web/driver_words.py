"""Numbers, amounts, times and days as the drivers of one language write them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from chargepoint.catalog import phrase
from chargepoint.price_plan import minor_units

SIGNS = {"EUR": "€", "GBP": "£", "USD": "$"}
"""Currencies that are better known by their sign."""

PRICE_DIGITS = 6
"""Decimals of a price at most."""


def number(value: float, digits: int, language: str) -> str:
    """`value` with so many digits behind the decimal sign."""
    return f"{value:.{digits}f}".replace(".", phrase("driver.decimal", language))


def money(amount: float, currency: str, language: str, digits: int | None = None) -> str:
    """An amount with its currency; with an empty currency the amount alone."""
    usual = minor_units(currency)
    text = number(amount, usual if digits is None else digits, language)
    if not currency:
        return text
    shown = SIGNS.get(currency, currency)
    return phrase("driver.money", language, amount=text, currency=shown)


def price(amount: float, currency: str, language: str) -> str:
    """A price with all its decimals, and no fewer than amounts of its currency have."""
    decimals = len(f"{amount:.{PRICE_DIGITS}f}".rstrip("0").partition(".")[2])
    return money(amount, currency, language, max(decimals, minor_units(currency)))


def duration(seconds: float, language: str) -> str:
    """`12 min`, `1 h 05 min`; below a minute in words."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return phrase("driver.moment", language)
    if minutes < 60:
        return phrase("driver.minutes", language, minutes=minutes)
    return phrase("driver.hours", language, hours=minutes // 60, minutes=f"{minutes % 60:02d}")


def day(value: date, language: str) -> str:
    """`24 November 2026`"""
    month = phrase(f"driver.month.{value.month}", language)
    return phrase("driver.date", language, day=value.day, month=month, year=value.year)


def soon(at: datetime, now: datetime, language: str) -> str:
    """`22:00` of today, `Sat 06:00` of another day of the coming week."""
    text = at.strftime("%H:%M")
    return text if at.date() == now.date() else f"{weekday(at.weekday(), language)} {text}"


def weekday(number_: int, language: str) -> str:
    """`Mon`; Monday is 0."""
    return phrase(f"driver.weekday.{number_ + 1}", language)


def weekdays(numbers: Iterable[int], language: str) -> str:
    """`Mon–Fri`, `Sat, Sun`, `daily`."""
    found = sorted(numbers)
    if len(found) == 7:
        return phrase("driver.daily", language)
    runs: list[list[int]] = []
    for number_ in found:
        if runs and number_ == runs[-1][-1] + 1:
            runs[-1].append(number_)
        else:
            runs.append([number_])
    told = []
    for run in runs:
        names = [weekday(each, language) for each in run]
        told += [f"{names[0]}–{names[-1]}"] if len(run) > 2 else names
    return ", ".join(told)


def in_language(texts: dict[str, str], language: str, other: str) -> str:
    """The text in `language`, else in `other`, else in whichever there is."""
    for each in (language, other, *texts):
        if texts.get(each):
            return texts[each]
    return ""
