"""Numbers, amounts, times and days as the drivers of one language write them."""

from __future__ import annotations

from datetime import date

from chargepoint.catalog import phrase

SIGNS = {"EUR": "€", "GBP": "£", "USD": "$"}
"""Currencies that are better known by their sign."""

MINOR_UNITS = {"BHD": 3, "CLP": 0, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3,
               "PYG": 0, "TND": 3, "UGX": 0, "VND": 0}  # fmt: skip
"""Decimals of currencies that have not two (ISO 4217)."""


def number(value: float, digits: int, language: str) -> str:
    """`value` with so many digits behind the decimal sign."""
    return f"{value:.{digits}f}".replace(".", phrase("driver.decimal", language))


def money(amount: float, currency: str, language: str, digits: int | None = None) -> str:
    """An amount with its currency; with an empty currency the amount alone."""
    usual = MINOR_UNITS.get(currency, 2)
    text = number(amount, usual if digits is None else digits, language)
    if not currency:
        return text
    shown = SIGNS.get(currency, currency)
    return phrase("driver.money", language, amount=text, currency=shown)


def price(amount: float, currency: str, language: str) -> str:
    """A price: cents, and tenths of a cent only where there are some."""
    whole = round(amount * 100, 6) == round(amount * 100)
    return money(amount, currency, language, None if whole else 3)


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


def in_language(texts: dict[str, str], language: str, other: str) -> str:
    """The text in `language`, else in `other`, else in whichever there is."""
    for each in (language, other, *texts):
        if texts.get(each):
            return texts[each]
    return ""
