"""`[tariff]` of the configuration as the station reckons with it."""

from __future__ import annotations

from decimal import Decimal

from chargepoint.config.people import Tariff
from chargepoint.station.tariff import PriceChange, Prices, TariffSettings


def tariff_settings(tariff: Tariff) -> TariffSettings:
    """`[tariff]` in decimals. Days are those of the host's time zone."""
    return TariffSettings(
        currency=tariff.currency,
        prices=Prices(
            energy=_decimal(tariff.energy_price),
            time=_decimal(tariff.time_price),
            idle=_decimal(tariff.idle_price),
            start=_decimal(tariff.start_price),
        ),
        idle_free_min=_decimal(tariff.idle_free_min),
        changes=tuple(
            PriceChange(
                since=change.since,
                energy=_given(change.energy_price),
                time=_given(change.time_price),
                idle=_given(change.idle_price),
                start=_given(change.start_price),
            )
            for change in tariff.change
        ),
        day_of=lambda at: at.astimezone().date(),
    )


def _decimal(value: float) -> Decimal:
    """As it stands in the file: 0.49, and not its nearest binary fraction."""
    return Decimal(str(value))


def _given(value: float | None) -> Decimal | None:
    return None if value is None else _decimal(value)
