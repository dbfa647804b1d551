"""`[tariff]`: what drivers are shown as price and cost."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from chargepoint.config.reading import Section, Text

Price = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TimeOfDay = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", description="a time of day such as 22:00"
    ),
]
PRICES = ("energy_price", "time_price", "idle_price", "start_price")
"""Keys that each table of prices may have."""

ROWS_MAX = 50
"""Changes, and windows."""


class TariffChange(Section, frozen=True):
    """`[[tariff.change]]`: prices that hold from a day on; what is left out stays."""

    since: date
    energy_price: Price | None = None
    time_price: Price | None = None
    idle_price: Price | None = None
    start_price: Price | None = None


class TariffWindow(Section, frozen=True):
    """`[[tariff.window]]`: prices for times of day; what is left out is as outside of it.

    Local time of the station. It belongs to the days on which it begins.
    """

    begin: TimeOfDay = msgspec.field(name="from")
    to: TimeOfDay
    """Not after `from`: on the next day."""
    days: tuple[Weekday, ...] = WEEKDAYS
    since: date | None = None
    until: date | None = None
    """The last day on which it is in force."""
    energy_price: Price | None = None
    time_price: Price | None = None
    idle_price: Price | None = None
    start_price: Price | None = None


class Tariff(Section, frozen=True):
    """`[tariff]`: shown to drivers. What the CSMS tells wins; nothing is billed by it here."""

    currency: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Z]{3}$", description="a currency such as EUR")
    ] = "EUR"
    energy_price: Price = 0.0
    """Per kWh."""
    time_price: Price = 0.0
    """Per hour of the transaction."""
    idle_price: Price = 0.0
    """Per hour plugged in after the vehicle has stopped charging."""
    idle_free_min: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0
    start_price: Price = 0.0
    """Per transaction."""
    tax_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    """Shown as a line of the cost; None: none."""
    prices_include_tax: bool = True
    """Else it comes on top of the prices."""
    note: dict[str, Text] = {}
    """Language -> e.g. `Members charge for less`."""
    change: tuple[TariffChange, ...] = ()
    window: tuple[TariffWindow, ...] = ()


def minute_of(text: str) -> int:
    """Minute of the day of `22:00`."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def window_minutes(window: TariffWindow) -> tuple[int, int]:
    """Minute of the day at which a window begins, and how many minutes it lasts."""
    begin = minute_of(window.begin)
    return begin, (minute_of(window.to) - begin - 1) % (24 * 60) + 1
