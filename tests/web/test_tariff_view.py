"""Prices by time of day and costs by part, in the words of the driver's page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from chargepoint.config.prices import price_plan
from chargepoint.config.tariff import Tariff, TariffWindow, Weekday
from chargepoint.ipc.service import CostPart, EvseStatus
from chargepoint.web.driver_view import EvseView, driver_view
from chargepoint.web.tariff_view import announced, price_lines, price_rows
from tests.web.driver_samples import NOW, STOPPED, config, evse, own_cost, snapshot, station


def one(told: EvseStatus, language: str = "en", **changes: Any) -> EvseView:
    return driver_view(station(told), config(changes, evses=1), language, NOW).evses[0]


def test_prices_by_time_of_day_say_what_holds_now_and_from_when_the_next_does() -> None:
    night = TariffWindow(begin="22:00", to="06:00", energy_price=0.3)
    weekend = TariffWindow(begin="06:00", to="22:00", days=("sat", "sun"), energy_price=0)
    tariff = Tariff(energy_price=0.4, start_price=1, window=(weekend, night))
    plan = price_plan(tariff, lambda at: at)
    assert price_lines(plan, NOW, "en") == (
        "€ 0.40 per kWh",
        "€ 1.00 per session",
        "From 22:00: € 0.30 per kWh",
    )
    friday = datetime(2026, 11, 27, 23, tzinfo=UTC)
    assert price_lines(plan, friday, "de")[-1] == "Ab Sa 06:00: 0,00 € je kWh"
    assert [(row.when, row.prices) for row in price_rows(plan, NOW, "de")] == [
        ("täglich 22:00–06:00", ("0,30 € je kWh",)),
        ("Sa, So 06:00–22:00", ("0,00 € je kWh",)),
        ("Zu allen anderen Zeiten", ("0,40 € je kWh",)),
    ]
    assert price_rows(price_plan(Tariff(energy_price=0.4)), NOW, "en") == ()


def test_new_windows_are_announced_with_their_hours() -> None:
    since = date(2026, 12, 1)
    days: tuple[Weekday, ...] = ("mon", "tue", "wed", "fri")
    night = TariffWindow(begin="22:00", to="24:00", days=days, since=since, energy_price=0.3)
    plan = price_plan(Tariff(energy_price=0.4, window=(night,)), lambda at: at)
    assert announced(plan, NOW.date(), "en") == (
        "New prices from 1 December 2026: € 0.40 per kWh. Mon–Wed, Fri 22:00–00:00: € 0.30 per kWh",
    )


def test_the_tax_is_told_with_the_prices() -> None:
    taxed = {"energy_price": 0.4, "tax_percent": 8.1}
    within = driver_view(station(), config({"tariff": taxed}), "de", NOW)
    assert within.prices[-1] == "Die Preise enthalten 8,1 % MwSt."
    on_top = config({"tariff": {**taxed, "prices_include_tax": False}})
    told = driver_view(station(), on_top, "en", NOW)
    assert told.prices[-1] == "8.1 % tax is added to these prices."


@pytest.mark.parametrize("final", [False, True])
def test_a_cost_is_told_by_its_parts_also_after_the_end(final: bool) -> None:
    parts = (CostPart(id="energy", amount=1.55), CostPart(id="start", amount=1.0))
    state = {"control": snapshot(**STOPPED)} if final else {}
    told = evse(
        "Finishing" if final else "Charging",
        local_cost=own_cost(parts=parts, tax=0.41, final=final),
        **state,
    )
    shown = one(told, **{"tariff.tax_percent": 19})
    assert [(each.id, each.label, each.text) for each in shown.cost_parts] == [
        ("energy", "Energy", "€ 1.55"),
        ("start", "Start", "€ 1.00"),
        ("tax_in", "Tax in it (19 %)", "€ 0.41"),
    ]


def test_a_cost_of_one_part_needs_no_list() -> None:
    one_part = own_cost(parts=(CostPart(id="energy", amount=2.55),))
    assert one(evse("Charging", local_cost=one_part)).cost_parts == ()


def test_a_cost_without_the_time_of_day_is_called_the_most() -> None:
    shown = one(evse("Charging", local_cost=own_cost(provisional=True)), "de")
    assert [each.text for each in shown.figures if each.id == "cost_most"] == ["2,55 €"]
    assert shown.remarks[-1].startswith("Die Ladestation kannte nicht immer die Uhrzeit")
