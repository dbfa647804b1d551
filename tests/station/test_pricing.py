"""Prices and costs: kept, shown, asked for meter values, and the vehicle that leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from chargepoint.station import effects as ef
from chargepoint.station.effects import Verdict
from chargepoint.station.prices import Cost, FinalCostTold, MeterTrigger, RunningCostTold
from chargepoint.station.prices import UserPriceTold as PriceTold
from chargepoint.station.records import (
    ChargingState,
    ConnectorUnplugged,
    IdToken,
    ReadingContext,
    TransactionStarted,
)
from tests.station.world import FIRST_CSMS_ID, FIRST_WH, WALL, World

IDLE_FEE = ("CustomTariff", "IdleFeeAfterStop")
DEFAULT = ("CustomTariff", "DefaultPrice")
OPEN = ("AuthCtrlr", "OfflineTxForUnknownIdEnabled")


def priced(variables: Mapping[tuple[str, str], str] | None = None) -> World:
    return World(variables=variables, prices=True)


def price(world: World, token: str, **texts: str) -> Verdict | None:
    told = {language.replace("any", ""): text for language, text in texts.items()}
    return world.ask(
        lambda call: PriceTold(
            call=call, at_s=world.now_s, id_token=IdToken(value=token), texts=told
        )
    )


def running(
    world: World,
    cost: float,
    *,
    trigger: MeterTrigger | None = None,
    idle: bool = False,
    number: int = FIRST_CSMS_ID,
) -> Verdict | None:
    return world.ask(
        lambda call: RunningCostTold(
            call=call, at_s=world.now_s, transaction=number, cost=cost, idle=idle, trigger=trigger
        )
    )


def final(world: World, cost: float, number: int = FIRST_CSMS_ID) -> Verdict | None:
    return world.ask(
        lambda call: FinalCostTold(
            call=call, at_s=world.now_s, transaction=number, cost=cost, texts={"": "Thank you"}
        )
    )


def shown(world: World) -> Cost | None:
    return world.station.pricing.shown(1)


def stopped(world: World) -> None:
    """The transaction has ended, the vehicle is still there."""
    world.card("04A1")
    world.wait(10.0)


# --- What is shown --------------------------------------------------------------------------------


def test_without_the_feature_nothing_is_understood_and_no_key_exists() -> None:
    world = World()
    assert price(world, "04A1", any="0.30 per kWh") is Verdict.NOT_SUPPORTED
    assert world.station.device_model.get("CustomTariff", "Enabled") is None


def test_a_feature_that_is_switched_off_understands_nothing() -> None:
    world = priced({("CustomTariff", "Enabled"): "false"})
    assert price(world, "04A1", any="0.30 per kWh") is Verdict.NOT_SUPPORTED


def test_the_price_of_a_token_is_shown_with_its_transaction() -> None:
    world = priced()
    assert price(world, "04a1", any="0.30 per kWh") is Verdict.ACCEPTED
    world.charging(token="04A1")
    assert shown(world) == Cost(price="0.30 per kWh")


def test_a_price_that_comes_after_the_start_is_shown_too_in_the_set_language() -> None:
    world = priced({("CustomTariff", "Language"): "de"})
    world.charging()
    price(world, "04A1", any="0.30 per kWh", de="0,30 je kWh")
    assert shown(world) == Cost(price="0,30 je kWh")


@pytest.mark.parametrize(("online", "text"), [(True, "at the page"), (False, "0.50 offline")])
def test_without_a_price_the_default_one_holds(online: bool, text: str) -> None:
    default = '{"priceText":"at the page","priceTextOffline":"0.50 offline"}'
    world = priced({DEFAULT: default, OPEN: "true"})
    if not online:
        world.away()
    world.charging()
    assert shown(world) == Cost(price=text)


@pytest.mark.parametrize(
    "value", ["none", "[]", '{"priceTextOffline":"x"}', '{"priceText":5}', "0", "null"]
)
def test_a_default_price_that_is_none_is_refused(value: str) -> None:
    world = priced()
    assert world.set(*DEFAULT, value) is Verdict.REJECTED


def test_running_and_final_cost_follow_each_other() -> None:
    world = priced()
    world.charging()
    assert running(world, 1.25) is Verdict.ACCEPTED
    assert shown(world) == Cost(cost=1.25)
    assert running(world, 1.50, idle=True) is Verdict.ACCEPTED
    assert shown(world) == Cost(cost=1.50, idle=True)
    stopped(world)
    assert final(world, 2.0) is Verdict.ACCEPTED
    cost = shown(world)
    assert cost is not None
    assert (cost.cost, cost.final, cost.text) == (2.0, True, "Thank you")


def test_the_cost_of_an_unknown_transaction_is_refused() -> None:
    world = priced()
    world.charging()
    assert running(world, 1.0, number=77) is Verdict.REJECTED
    assert final(world, 1.0, number=77) is Verdict.REJECTED


def test_the_cost_of_a_transaction_is_not_shown_to_the_next_one() -> None:
    world = priced()
    world.charging()
    running(world, 1.25)
    stopped(world)
    world.card("04A1")
    world.wait(5.0)
    assert len(world.starts) == 2
    assert shown(world) == Cost()


def test_prices_of_many_tokens_do_not_fill_the_memory() -> None:
    world = priced()
    for number in range(1000):
        price(world, f"T{number}", any="x")
    world.charging(token="T0")
    assert shown(world) == Cost()


# --- Meter values for the CSMS's sums -------------------------------------------------------------


def reports(world: World) -> list[ef.ReportMeterValues]:
    return world.of(ef.ReportMeterValues)


def test_meter_values_are_sent_when_the_wanted_energy_is_reached_once() -> None:
    world = priced()
    world.charging()
    running(world, 1.0, trigger=MeterTrigger(energy_wh=FIRST_WH + 500.0))
    world.wait(60.0)
    assert reports(world) == []
    world.wait(120.0)
    (report,) = reports(world)
    assert report.csms_transaction_id == FIRST_CSMS_ID
    assert report.samples[0].context is ReadingContext.OTHER


def test_meter_values_are_sent_at_the_wanted_time_once() -> None:
    world = priced()
    world.charging()
    wanted_s = world.now_s + 30.5
    running(world, 1.0, trigger=MeterTrigger(at=WALL + timedelta(seconds=wanted_s)))
    world.wait(30.0)
    assert reports(world) == []
    world.wait(30.0)
    (report,) = reports(world)
    assert report.samples[0].stamp.at_s == pytest.approx(wanted_s)


def test_a_time_that_has_passed_is_told_at_once() -> None:
    world = priced()
    world.charging()
    running(world, 1.0, trigger=MeterTrigger(at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert len(reports(world)) == 1


def test_meter_values_are_sent_when_the_power_crosses_the_wanted_one_either_way() -> None:
    world = priced()
    world.charging()
    running(world, 1.0, trigger=MeterTrigger(power_w=1000.0))
    world.wait(5.0)
    assert reports(world) == []
    world.asks(1, asks=False)
    world.wait(5.0)
    assert len(reports(world)) == 1
    world.asks(1, asks=True)
    world.wait(5.0)
    assert len(reports(world)) == 2


def test_meter_values_are_sent_when_a_wanted_state_begins() -> None:
    world = priced()
    world.charging()
    wanted = frozenset({ChargingState.SUSPENDED_EV})
    running(world, 1.0, trigger=MeterTrigger(states=wanted))
    world.wait(5.0)
    assert reports(world) == []
    world.asks(1, asks=False)
    world.wait(5.0)
    assert len(reports(world)) == 1


def test_a_later_cost_without_a_trigger_ends_the_watch() -> None:
    world = priced()
    world.charging()
    running(world, 1.0, trigger=MeterTrigger(energy_wh=FIRST_WH + 500.0))
    running(world, 1.1)
    world.wait(300.0, step_s=5.0)
    assert reports(world) == []


# --- The vehicle that leaves ----------------------------------------------------------------------


def left(world: World) -> list[ConnectorUnplugged]:
    return [r for r in world.csms.records if isinstance(r, ConnectorUnplugged)]


def test_a_vehicle_that_leaves_after_the_end_is_told_with_its_transaction() -> None:
    world = priced({IDLE_FEE: "true"})
    world.charging()
    stopped(world)
    world.wait(600.0, step_s=10.0)
    assert left(world) == []
    world.unplug()
    world.wait(5.0)
    (record,) = left(world)
    assert record.transaction == world.starts[0].transaction
    place = world.csms.records.index(record)
    assert world.csms.used_ids[place] == FIRST_CSMS_ID


def test_it_is_told_after_a_restart_in_between_and_after_a_time_offline() -> None:
    world = priced({IDLE_FEE: "true", OPEN: "true"})
    world.away()
    world.charging()
    stopped(world)
    world.kill_agent()
    world.unplug()
    world.wait(5.0)
    world.accept()
    world.wait(5.0)
    (record,) = left(world)
    place = world.csms.records.index(record)
    assert world.csms.used_ids[place] == FIRST_CSMS_ID


@pytest.mark.parametrize("fee", ["true", "false"])
def test_a_vehicle_whose_leaving_ended_the_transaction_is_not_told_twice(fee: str) -> None:
    world = priced({IDLE_FEE: fee})
    world.charging()
    world.unplug()
    world.wait(20.0)
    assert left(world) == []


def test_without_the_fee_nothing_is_told() -> None:
    world = priced()
    world.charging()
    stopped(world)
    world.unplug()
    world.wait(5.0)
    assert left(world) == []


def test_a_new_transaction_on_the_same_plug_ends_the_idle_time() -> None:
    world = priced({IDLE_FEE: "true"})
    world.charging()
    stopped(world)
    world.card("04A1")
    world.wait(5.0)
    world.unplug()
    world.wait(20.0)
    assert len([r for r in world.csms.records if isinstance(r, TransactionStarted)]) == 2
    assert left(world) == []
