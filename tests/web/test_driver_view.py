"""What a driver is told in each state; and that nothing else passes."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from chargepoint.catalog import entries, entry, languages
from chargepoint.config.prices import price_plan
from chargepoint.config.tariff import Tariff
from chargepoint.ipc.messages import Phase, StopCause
from chargepoint.ipc.service import AlertCounts, EvseStatus, StationStatus
from chargepoint.web.driver_figures import Ended
from chargepoint.web.driver_site import phone_link
from chargepoint.web.driver_state import RULES, TONES, state_of
from chargepoint.web.driver_view import DriverView, EvseView, driver_view
from chargepoint.web.driver_words import day, duration, money, price
from chargepoint.web.tariff_view import announced, price_lines
from tests.web.driver_samples import (
    NOW,
    SECRETS,
    STOPPED,
    config,
    evse,
    hazard,
    own_cost,
    reason,
    snapshot,
    station,
    told_cost,
)

# fmt: off
STATES = (
    # an EVSE as the agent tells it                                           to a driver
    (evse("Available"),                                                       "free"),
    (evse("Reserved"),                                                        "reserved"),
    (evse("Preparing", control=snapshot(connected=False)),                    "awaited"),
    (evse("Preparing"),                                                       "plugged"),
    (evse("Preparing", reasons=(reason("switching"),)),                       "approved"),
    (evse("Charging"),                                                        "charging"),
    (evse("SuspendedEV"),                                                     "paused_by_car"),
    (evse("SuspendedEVSE"),                                                   "paused_by_station"),
    (evse("Finishing", control=snapshot(**STOPPED)),                          "finished"),
    (evse("Finishing"),                                                       "occupied"),
    (evse("Unavailable"),                                                     "unavailable"),
    (evse("Unavailable", control=None),                                       "starting"),
    (evse("Unavailable", reasons=(reason("starting"),)),                      "starting"),
    (hazard("rcd_tripped"),                                                   "out_of_order"),
    (evse("Faulted", control=None, fault="control_lost"),                     "out_of_order"),
    (evse("Something"),                                                       "unknown"),
)
# fmt: on


def view(
    status: StationStatus | EvseStatus | None, language: str = "en", **changes: Any
) -> DriverView:
    told = station(status) if isinstance(status, EvseStatus) else status
    return driver_view(told, config(changes, evses=1), language, NOW)


def one(status: StationStatus | EvseStatus | None, language: str = "en", **c: Any) -> EvseView:
    return view(status, language, **c).evses[0]


def figures(told: EvseView) -> dict[str, str]:
    return {figure.id: figure.text for figure in told.figures}


@pytest.mark.parametrize(
    ("told", "wanted"), STATES, ids=[f"{s}-{n}" for n, (_, s) in enumerate(STATES)]
)
def test_a_state_of_the_agent_is_one_state_to_a_driver(told: EvseStatus, wanted: str) -> None:
    assert state_of(told) == wanted


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("told", "state"), STATES)
def test_each_state_has_a_headline_a_meaning_and_something_to_do(
    told: EvseStatus, state: str, language: str
) -> None:
    shown = one(told, language)
    assert shown.headline
    assert len(shown.about) > 10
    assert shown.todo or state == "out_of_order"
    assert shown.tone == TONES[state_of(told)]


def test_every_connector_state_of_ocpp_has_a_rule() -> None:
    known = {named for named, _, _ in RULES}
    assert known == {
        "Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing",
        "Reserved", "Unavailable", "Faulted",
    }  # fmt: skip


def test_a_station_that_is_not_reached_is_unknown_and_says_that_charging_goes_on() -> None:
    shown = view(None)
    assert not shown.reached
    assert shown.evses[0].state == "unknown"
    assert "not affected" in shown.evses[0].about
    assert shown.evses[0].urgent
    assert shown.site.phone == "+49 (30) 123-456"


def test_a_charge_shows_power_energy_duration_and_an_honest_time_left() -> None:
    shown = one(evse("Charging"))
    assert figures(shown) == {
        "power": "7.4 kW",
        "energy": "7.34 kWh",
        "duration": "1 h 05 min",
        "left": "unknown: the car does not tell",
    }
    assert (shown.power_kw, shown.energy_kwh, shown.duration_s) == (7.36, 7.345, 3900.0)


def test_german_numbers_have_a_comma() -> None:
    assert figures(one(evse("Charging"), "de"))["power"] == "7,4 kW"


def test_what_is_not_measured_is_unknown_and_not_zero() -> None:
    told = evse("Charging", meter=None)
    silent = msgspec.structs.replace(told.transaction, energy_wh=None, duration_s=None)
    shown = one(msgspec.structs.replace(told, transaction=silent))
    assert figures(shown)["power"] == "unknown"
    assert figures(shown)["energy"] == "unknown"
    assert figures(shown)["duration"] == "unknown"
    assert shown.power_kw is None


def test_a_free_place_shows_no_figures() -> None:
    assert one(evse("Available")).figures == ()


def test_the_figures_of_a_session_that_is_over_stay_until_the_car_leaves() -> None:
    told = station(evse("Finishing", control=snapshot(**STOPPED)))
    ended = {1: Ended(energy_kwh=12.3, duration_s=7200)}
    shown = driver_view(told, config(evses=1), "en", NOW, ended).evses[0]
    assert figures(shown) == {"energy": "12.30 kWh", "duration": "2 h 00 min"}
    free = driver_view(station(), config(evses=1), "en", NOW, ended).evses[0]
    assert free.figures == ()


def test_a_cost_of_the_csms_is_shown_with_its_words() -> None:
    shown = one(evse("Charging", cost=told_cost(price="0.49 per kWh", idle=True)))
    assert figures(shown)["cost"] == "€ 3.20"
    assert "0.49 per kWh" in shown.remarks
    assert "Time without charging is being charged for now." in shown.remarks
    over = snapshot(**STOPPED)
    final = one(evse("Finishing", control=over, cost=told_cost(final=True, text="Thank you")))
    assert figures(final)["cost_final"] == "€ 3.20"
    assert final.remarks == ("Thank you",)


def test_what_is_worked_out_here_is_shown_where_the_csms_tells_nothing() -> None:
    assert figures(one(evse("Charging", local_cost=own_cost()), "de"))["cost"] == "2,55 €"
    both = evse("Charging", local_cost=own_cost(), cost=told_cost())
    assert figures(one(both))["cost"] == "€ 3.20"


def test_nobody_sees_what_the_one_before_has_paid() -> None:
    for state in ("Available", "Preparing", "Reserved"):
        told = evse(state, local_cost=own_cost(final=True), cost=told_cost(text="Thank you"))
        shown = one(told)
        assert (shown.cost, shown.figures, shown.remarks) == (None, (), ())
    priced = evse("Preparing", cost=told_cost(price="0.39 per kWh for you"))
    assert one(priced).remarks == ("0.39 per kWh for you",)


def test_a_fault_is_told_in_the_words_for_drivers() -> None:
    shown = one(hazard("rcd_tripped"), "de")
    assert shown.about == entry("rcd_tripped", "de").driver
    assert shown.urgent
    assert shown.todo == ()


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", sorted(e.id for e in entries().values() if e.driver and e.stops))
def test_everything_that_stops_a_connector_reaches_the_driver(name: str, language: str) -> None:
    assert one(hazard(name), language).about == entry(name, language).driver


def test_a_warning_is_a_remark_beside_the_charge() -> None:
    shown = one(evse("Charging", control=snapshot(hazards=("temperature_high",))))
    assert shown.state == "charging"
    assert entry("temperature_high").driver in shown.remarks


def test_the_stopping_hazard_comes_before_one_that_warns() -> None:
    held = snapshot(hazards=("temperature_raised", "pe_lost"), phase=Phase.FAULTED)
    shown = one(evse("Faulted", fault="temperature_raised", control=held))
    assert shown.about == entry("pe_lost").driver
    assert shown.remarks == (entry("temperature_raised").driver,)


def test_a_refused_card_is_told() -> None:
    shown = one(evse("Preparing", reasons=(reason("authorization_refused", detail="Blocked"),)))
    assert shown.about.startswith("Your card was not accepted.")


def test_others_that_share_the_power_are_told_while_charging() -> None:
    bound = reason("limit_share", "limits", current_a=8.0, binding=True)
    shown = one(evse("Charging", reasons=(bound,)))
    assert shown.remarks[0].startswith("Others are charging too")
    assert shown.remarks[1] == "The charger gives at most 11.0 kW at the moment."


def test_a_reserved_place_says_until_when() -> None:
    today = evse("Reserved", reserved_until="2026-11-24T15:30:00Z")
    assert figures(one(today)) == {"reserved": "15:30"}
    later = evse("Reserved", reserved_until="2026-11-26T09:00:00Z")
    assert figures(one(later)) == {"reserved": "2026-11-26 09:00"}
    assert figures(one(evse("Available", reserved_until="2026-11-24T15:30:00Z"))) == {}


def test_without_a_reader_the_driver_is_sent_to_an_app() -> None:
    told = driver_view(station(), config({"evse.0.reader": ""}, evses=1), "en", NOW)
    assert told.evses[0].todo == ("Plug in your car and start charging with your provider's app.",)


def test_a_plug_that_is_held_fast_comes_free_with_the_key_of_the_car() -> None:
    shown = one(evse("Finishing", control=snapshot(locked=True, **STOPPED)))
    assert any("unlock the car" in line for line in shown.todo)
    left = one(evse("Finishing", control=snapshot(connected=False, stop_cause=StopCause.UNPLUGGED)))
    assert left.todo == ("The car has been unplugged. Please put the cable away too.",)


@pytest.mark.parametrize("language", languages())
def test_no_token_number_identity_or_address_of_a_system_gets_out(language: str) -> None:
    shown = driver_view(station(evse("Charging", 1), evse("Finishing", 2)), config(), language, NOW)
    text = msgspec.json.encode(shown).decode()
    assert [secret for secret in SECRETS if secret in text] == []


# --- Site, notices, prices ------------------------------------------------------------------------


def test_the_site_is_told_in_the_language_of_the_driver() -> None:
    assert view(None, "de").site.directions == "Ebene 2, links vom Aufzug"
    assert view(None, "de").site.nearby == ("Toiletten", "Café")
    assert view(None, **{"site.directions": {"en": "Level 2"}}).site.directions == "Level 2"


def test_a_phone_number_can_be_called_however_it_is_written() -> None:
    assert phone_link("+49 (30) 123-456") == "tel:+4930123456"
    assert phone_link("ask at the desk") == ""


def test_notices_hold_from_their_first_to_their_last_day() -> None:
    def shown(**days: date) -> tuple[str, ...]:
        notice = {"text": {"en": "Closed on Sunday"}, **days}
        return view(station(), **{"site.notice": [notice]}).notices

    assert shown() == ("Closed on Sunday",)
    assert shown(since=date(2026, 11, 24), until=date(2026, 11, 24)) == ("Closed on Sunday",)
    assert shown(since=date(2026, 11, 25)) == ()
    assert shown(until=date(2026, 11, 23)) == ()


def test_new_prices_are_announced_two_weeks_ahead() -> None:
    tariff = {"energy_price": 0.4, "change": [{"since": date(2026, 12, 8), "energy_price": 0.6}]}
    told = view(station(), tariff=tariff)
    assert told.notices == ("New prices from 8 December 2026: € 0.60 per kWh",)
    assert told.prices == ("€ 0.40 per kWh",)
    later = {"energy_price": 0.4, "change": [{"since": date(2026, 12, 9), "energy_price": 0.6}]}
    assert view(station(), tariff=later).notices == ()
    past = {"energy_price": 0.4, "change": [{"since": date(2026, 11, 24), "energy_price": 0.6}]}
    assert view(station(), tariff=past).prices == ("€ 0.60 per kWh",)


def test_prices_are_told_one_by_one() -> None:
    assert view(station(), "de").prices == (
        "0,49 € je kWh",
        "1,00 € je Ladevorgang",
        "6,00 € je Stunde, die das Auto nach dem Laden angesteckt bleibt; "
        "die ersten 30 min sind frei",
    )


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (30.5, "JPY", "JPY 30.5"),
        (30.0, "JPY", "JPY 30"),
        (0.2999, "EUR", "€ 0.2999"),
        (0.345, "EUR", "€ 0.345"),
        (0.25, "BHD", "BHD 0.250"),
    ],
)
def test_a_price_is_told_as_it_is_reckoned_with(amount: float, currency: str, told: str) -> None:
    assert price(amount, currency, "en") == told


def test_without_prices_the_provider_is_named_and_zero_is_free() -> None:
    assert price_lines(None, NOW, "en") == ("Your provider tells you the price.",)
    assert price_lines(price_plan(Tariff()), NOW, "en") == ("Charging is free of charge.",)
    assert announced(None, NOW.date(), "en") == ()


def test_maintenance_and_places_out_of_service_are_notices() -> None:
    counts = AlertCounts(open=0, unacknowledged=0, worst="", waiting=0, maintenance_s=60)
    told = station(evse("Unavailable", 1, enabled=False), alerts=counts)
    assert len(view(told).notices) == 2
    assert "working at this charger" in view(told).notices[0]


def test_times_amounts_and_days_are_written_as_people_do() -> None:
    assert duration(59, "en") == "under 1 min"
    assert duration(3599, "en") == "59 min"
    assert duration(3600 * 26 + 60, "de") == "26 h 01 min"
    assert money(1.5, "CHF", "de") == "1,50 CHF"
    assert money(1.5, "", "de") == "1,50"
    assert money(150, "JPY", "en") == "JPY 150"
    assert price(0.495, "EUR", "en") == "€ 0.495"
    assert day(date(2026, 3, 1), "de") == "1. März 2026"
