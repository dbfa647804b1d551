"""Prices in words, as `[tariff]` has them on a day, and those that are announced.

Shown only: what a transaction costs comes from the CSMS, or from the station.
"""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from chargepoint.catalog import phrase
from chargepoint.config.people import Tariff
from chargepoint.web.driver_words import day, in_language, price

ANNOUNCED_BEFORE = timedelta(days=14)
"""New prices are told so long ahead."""

PRICES = ("energy_price", "time_price", "idle_price", "start_price")


def tariff_on(tariff: Tariff, today: date) -> Tariff:
    """The tariff with all changes up to `today` made."""
    for change in sorted(tariff.change, key=lambda each: each.since):
        if change.since <= today:
            new = {key: value for key in PRICES if (value := getattr(change, key)) is not None}
            tariff = msgspec.structs.replace(tariff, **new)
    return tariff


def price_lines(tariff: Tariff | None, today: date, language: str, other: str) -> tuple[str, ...]:
    """One line for each price in force, and the note of the operator."""
    if tariff is None:
        return (phrase("driver.price.none", language),)
    note = in_language(tariff.note, language, other)
    return (*_prices(tariff_on(tariff, today), language), *([note] if note else []))


def announced(tariff: Tariff | None, today: date, language: str) -> tuple[str, ...]:
    """New prices that begin within the next two weeks."""
    if tariff is None:
        return ()
    coming = (change.since for change in tariff.change)
    return tuple(
        phrase(
            "driver.price.change",
            language,
            date=day(since, language),
            prices="; ".join(_prices(tariff_on(tariff, since), language)),
        )
        for since in sorted(set(coming))
        if today < since <= today + ANNOUNCED_BEFORE
    )


def _prices(tariff: Tariff, language: str) -> tuple[str, ...]:
    idle = "driver.price.idle_free" if tariff.idle_free_min else "driver.price.idle"
    rows = (
        ("driver.price.energy", tariff.energy_price),
        ("driver.price.start", tariff.start_price),
        ("driver.price.time", tariff.time_price),
        (idle, tariff.idle_price),
    )
    lines = tuple(
        phrase(
            key,
            language,
            price=price(amount, tariff.currency, language),
            minutes=f"{tariff.idle_free_min:g}",
        )
        for key, amount in rows
        if amount
    )
    return lines or (phrase("driver.price.free_of_charge", language),)
