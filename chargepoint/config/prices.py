"""`[tariff]` as the timetable of prices that the station reckons by and the pages show."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from chargepoint.config.tariff import (
    WEEKDAYS,
    Tariff,
    TariffChange,
    TariffWindow,
    window_minutes,
)
from chargepoint.price_plan import Local, PriceChange, PricePlan, Prices, PriceWindow


def host_time(at: datetime) -> datetime:
    """`at` in the time zone of the host, daylight saving time included."""
    return at.astimezone()


def price_plan(tariff: Tariff, local: Local = host_time) -> PricePlan:
    """`[tariff]` in decimals."""
    return PricePlan(
        currency=tariff.currency,
        prices=Prices(
            energy=_decimal(tariff.energy_price),
            time=_decimal(tariff.time_price),
            idle=_decimal(tariff.idle_price),
            start=_decimal(tariff.start_price),
        ),
        idle_free_min=_decimal(tariff.idle_free_min),
        changes=tuple(
            PriceChange(since=change.since, **_new_prices(change)) for change in tariff.change
        ),
        windows=tuple(_window(window) for window in tariff.window),
        tax_percent=_decimal(tariff.tax_percent or 0.0),
        tax_included=tariff.prices_include_tax,
        local=local,
    )


def _window(window: TariffWindow) -> PriceWindow:
    begin_min, length_min = window_minutes(window)
    return PriceWindow(
        begin_min=begin_min,
        length_min=length_min,
        days=tuple(sorted({WEEKDAYS.index(day) for day in window.days})),
        since=window.since,
        until=window.until,
        **_new_prices(window),
    )


def _new_prices(new: TariffChange | TariffWindow) -> dict[str, Decimal | None]:
    return {
        "energy": _given(new.energy_price),
        "time": _given(new.time_price),
        "idle": _given(new.idle_price),
        "start": _given(new.start_price),
    }


def _decimal(value: float) -> Decimal:
    """As it stands in the file: 0.49, and not its nearest binary fraction."""
    return Decimal(str(value))


def _given(value: float | None) -> Decimal | None:
    return None if value is None else _decimal(value)
