"""What a transaction costs by the station's own tariff; shown, never billed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from chargepoint.price_plan import PriceChange, PricePlan, Prices, PriceWindow
from chargepoint.station import events as ev
from chargepoint.station.cost import LocalCost, in_words, rounded
from chargepoint.station.events import EvsePhase
from tests.station.world import World

D = Decimal


def tariff(changes: tuple[PriceChange, ...] = (), free_min: str = "0", **prices: str) -> PricePlan:
    return PricePlan(
        currency="EUR",
        prices=Prices(**{name: D(price) for name, price in prices.items()}),
        idle_free_min=D(free_min),
        changes=changes,
    )


def cost(world: World) -> LocalCost:
    found = world.station.local_cost(1)
    assert found is not None
    return found


def start(settings: PricePlan, **fields: object) -> World:
    """A charge that has just begun."""
    world = World(tariff=settings, **fields)  # type: ignore[arg-type]
    world.plug_in()
    world.card("04A1")
    return world


def test_energy_is_priced_by_the_register() -> None:
    world = start(tariff(energy="0.49"))
    world.wait(600.0, step_s=5.0)
    register_wh = int(world.evses[1].energy_wh)
    begun_wh = world.station.overview(world.now_s).evses[0].transaction
    assert begun_wh is not None
    flowed = D(register_wh - begun_wh.meter_start_wh) / 1000
    assert abs(cost(world).cost - D("0.49") * flowed) < D("0.02")
    assert cost(world).cost > D("0.80")


def test_the_start_and_the_time_have_a_price() -> None:
    world = start(tariff(start="1.00", time="6.00"))
    assert cost(world).cost == D("1.00")
    world.wait(600.0, step_s=5.0)
    assert cost(world).cost == D("2.00")


def test_time_after_the_vehicle_is_done_is_priced_beyond_the_free_minutes() -> None:
    world = start(tariff(idle="6.00", free_min="10"))
    world.wait(60.0, step_s=5.0)
    world.asks(1, False)
    world.wait(600.0, step_s=5.0)
    assert (cost(world).cost, cost(world).idle) == (D("0.00"), False)
    world.wait(600.0, step_s=5.0)
    assert (cost(world).cost, cost(world).idle) == (D("1.00"), True)


def test_a_vehicle_that_goes_on_charging_pays_no_more_idle_time_and_keeps_what_it_owes() -> None:
    world = start(tariff(idle="6.00"))
    world.wait(60.0, step_s=5.0)
    world.asks(1, False)
    world.wait(600.0, step_s=5.0)
    world.asks(1, True)
    world.wait(1200.0, step_s=5.0)
    assert (cost(world).cost, cost(world).idle) == (D("1.00"), False)


def test_waiting_before_the_first_energy_is_not_idle_time() -> None:
    world = World(tariff=tariff(idle="60.00"))
    world.asks(1, False)
    world.plug_in()
    world.card("04A1")
    world.wait(600.0, step_s=5.0)
    assert world.evses[1].phase is EvsePhase.OFFERING
    assert cost(world).cost == D("0.00")


def test_a_pause_that_the_station_makes_is_not_idle_time() -> None:
    world = start(tariff(idle="60.00"))
    world.wait(60.0, step_s=5.0)
    world.hazard(1, "over_temperature")
    world.wait(300.0, step_s=5.0)
    assert cost(world).cost == D("0.00")


def test_the_last_cost_stands_until_the_vehicle_leaves() -> None:
    world = start(tariff(start="2.00"))
    world.wait(30.0)
    world.card("04A1")
    world.wait(10.0)
    assert (cost(world).cost, cost(world).final) == (D("2.00"), True)
    world.unplug()
    world.wait(1.0)
    assert world.station.local_cost(1) is None


def test_the_time_of_a_transaction_ends_with_it() -> None:
    world = start(tariff(time="6.00"))
    world.wait(600.0, step_s=5.0)
    world.card("04A1")
    world.wait(600.0, step_s=5.0)
    assert cost(world).cost in (D("1.00"), D("1.01"))


def test_a_restart_of_the_agent_keeps_the_idle_time() -> None:
    world = start(tariff(idle="6.00"))
    world.wait(60.0, step_s=5.0)
    world.asks(1, False)
    world.wait(600.0, step_s=5.0)
    world.kill_agent()
    assert cost(world).cost == D("1.00")


def test_prices_of_the_day_of_the_start_hold_to_the_end() -> None:
    changes = (
        PriceChange(since=date(2026, 11, 25), start=D("3.00")),
        PriceChange(since=date(2026, 11, 24), energy=D("0.10"), start=D("2.00")),
    )
    settings = tariff(changes, start="1.00", energy="0.00")
    world = start(settings)
    assert cost(world).price == "2 EUR per charge, 0.1 EUR per kWh"
    wall = world.station.clock.now(world.now_s)
    assert wall is not None
    assert settings.table(date(2026, 11, 23)).prices == Prices(start=D("1.00"))
    assert settings.table(date(2026, 12, 1)).prices == Prices(start=D("3.00"), energy=D("0.10"))


def test_while_the_day_is_not_known_the_dearest_price_counts_and_the_cost_says_so() -> None:
    online = {("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}
    changes = (PriceChange(since=date(2027, 1, 1), start=D("2.00")),)
    world = start(tariff(changes, start="1.00"), online=False, variables=online)
    assert (cost(world).cost, cost(world).provisional) == (D("2.00"), True)
    assert cost(world).price == "at most 2 EUR per charge"
    world.accept()
    assert (cost(world).cost, cost(world).provisional) == (D("1.00"), False)
    world = start(tariff(start="1.00"), online=False, variables=online)
    assert (cost(world).cost, cost(world).provisional) == (D("1.00"), False)


def test_without_a_tariff_there_is_no_cost() -> None:
    world = World()
    world.charging()
    assert world.station.local_cost(1) is None


def test_the_power_that_went_ends_the_cost_with_the_transaction() -> None:
    world = start(tariff(start="2.00", idle="6.00"))
    world.wait(60.0, step_s=5.0)
    world.kill_both(host=True)
    world.accept()
    world.wait(60.0)
    assert world.station.overview(world.now_s).evses[0].transaction is None
    world.unplug()
    world.tell(ev.Ticked(at_s=world.now_s))
    assert world.station.local_cost(1) is None


def night(energy: str = "0.10", **prices: str) -> PricePlan:
    """Cheap from 08:30 to 09:00; the charges of these tests begin at 08:16:40."""
    inside = PriceWindow(begin_min=510, length_min=30, energy=D(energy), time=D("0.60"))
    return msgspec.structs.replace(tariff(energy="1.00", **prices), windows=(inside,))


def test_energy_is_cut_where_the_price_changes_though_no_reading_is_taken_there() -> None:
    """800 s of 11 kW at 1.00, then 700 s at 0.10: 2.444 and 0.214."""
    world = start(night())
    world.wait(1500.0, step_s=7.0)
    assert cost(world).price == "0.1 EUR per kWh, 0.6 EUR per hour"
    kinds = {part.id: part.amount for part in cost(world).parts}
    assert abs(kinds["energy"] - D("2.66")) <= D("0.01")
    assert kinds["time"] == D("0.12")
    assert sum(kinds.values()) == cost(world).cost


def lived(dies_s: tuple[int, ...]) -> LocalCost:
    """Charging, a pause, charging over a change of the price, a pause; the agent dies for 20 s."""
    world = start(night(idle="6.00"))
    for now_s in range(0, 1600, 20):
        if now_s in (300, 600, 1400):
            world.asks(1, now_s == 600)
        if now_s in dies_s:
            world.kill_agent(away_s=20.0)
        else:
            world.wait(20.0, step_s=10.0)
    return cost(world)


def test_deaths_of_the_agent_change_nothing_in_the_cost() -> None:
    whole = lived(())
    assert {part.id for part in whole.parts} == {"energy", "time", "idle"}
    assert lived((40, 400, 780, 1500)) == whole
    assert lived((320, 1200)) == whole


def test_a_power_cut_ends_time_and_idle_time_and_keeps_what_was_owed_until_then() -> None:
    world = start(tariff(time="6.00", idle="6.00", start="1.00"))
    world.wait(60.0, step_s=5.0)
    world.asks(1, False)
    world.wait(2700.0, step_s=5.0)
    before = cost(world)
    world.kill_both(host=True, away_s=7200.0)
    world.accept()
    world.wait(60.0)
    after = cost(world)
    assert after.final
    assert world.ends[-1].stamp.boot == "host-1"
    lost = before.cost - after.cost
    assert D(0) <= lost <= D("3.10")  # the last quarter of an hour, at 12.00 per hour
    assert {part.id for part in after.parts} == {"start", "time", "idle"}


def test_a_cost_of_times_of_day_is_provisional_until_the_time_is_known() -> None:
    variables = {("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}
    world = start(night("1.50"), online=False, variables=variables)
    world.wait(600.0, step_s=5.0)
    told = cost(world)
    assert told.provisional
    assert abs(told.cost - D("2.85")) <= D("0.01")  # 1.833 kWh at 1.50, 10 min at 0.60
    world.accept()
    assert not cost(world).provisional
    assert abs(cost(world).cost - D("1.83")) <= D("0.01")


def test_a_register_that_rolls_over_adds_nothing_and_takes_nothing_away() -> None:
    world = World(tariff=tariff(energy="1.00"))
    world.meter(1, 999_000.0)
    world.plug_in()
    world.card("04A1")
    world.meter(1, 999_010.0)
    world.wait(60.0, step_s=5.0)
    before = cost(world).cost
    for register_wh in (5.0, 20.0, 35.0, 50.0):
        world.now_s += 5.0
        world.meter(1, register_wh)
        assert cost(world).cost == before
    world.wait(30.0)
    assert (cost(world).cost, cost(world).final) == (before, True)


def test_a_tax_on_top_is_a_part_of_the_cost_and_one_within_is_told_beside_it() -> None:
    taxed = msgspec.structs.replace(tariff(start="10.00"), tax_percent=D(19))
    told = cost(start(taxed))
    assert (told.cost, told.tax, len(told.parts)) == (D("10.00"), D("1.60"), 1)
    told = cost(start(msgspec.structs.replace(taxed, tax_included=False)))
    assert (told.cost, told.tax) == (D("11.90"), D("1.90"))
    assert [(part.id, part.amount) for part in told.parts] == [
        ("start", D("10.00")),
        ("tax", D("1.90")),
    ]


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1.005", "EUR", "1.01"),
        ("1.0049999", "EUR", "1.00"),
        ("149.5", "JPY", "150"),
        ("1.0005", "KWD", "1.001"),
        ("0", "EUR", "0.00"),
    ],
)
def test_an_amount_is_rounded_as_its_currency_wants_it(
    amount: str, currency: str, expected: str
) -> None:
    assert str(rounded(D(amount), currency)) == expected


def test_prices_have_words() -> None:
    settings = tariff(energy="0.49", idle="6", free_min="30")
    words = "0.49 EUR per kWh, 6 EUR per hour plugged in when done after 30 min"
    assert in_words(settings, settings.prices) == words
    assert in_words(tariff(), Prices()) == "free of charge"
