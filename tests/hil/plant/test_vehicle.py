"""The vehicle: when it closes and opens S2, and how its current follows."""

from __future__ import annotations

import pytest

from hal.values import PilotState
from hil.plant.battery import Battery
from hil.plant.pilot import Diode
from hil.plant.vehicle import Request, Traits
from tests.hil.plants import Outlet

# fmt: off
TAPER = [  #  charge, share of the full power
    (0.0,    1.0),
    (0.8,    1.0),
    (0.8975, 0.525),   #  half of the taper: 0.05 + 0.95 x 0.5
    (0.994,  0.0549),
    (0.995,  0.0),
]
# fmt: on


def test_closes_s2_only_after_it_has_seen_a_valid_duty() -> None:
    outlet = Outlet(traits=Traits(s2_delay_s=0.7))
    outlet.vehicle.plug_in()
    outlet.pass_s(60.0)
    assert outlet.evse.pilot_state is PilotState.B
    outlet.offer()
    outlet.pass_s(0.66)
    assert outlet.evse.pilot_state is PilotState.B
    outlet.pass_s(0.08)
    assert outlet.evse.pilot_state is PilotState.C


def test_draws_nothing_before_the_contactor_closes() -> None:
    outlet = Outlet()
    outlet.vehicle.plug_in()
    outlet.offer()
    outlet.pass_s(20.0)
    assert outlet.evse.current_a == (0.0, 0.0, 0.0)


def test_ramps_to_the_offered_current_within_four_seconds() -> None:
    outlet = Outlet()
    outlet.vehicle.plug_in()
    outlet.offer()
    outlet.pass_s(1.5)
    outlet.close()
    outlet.pass_s(1.0)
    assert outlet.evse.current_a[0] < 3.0
    outlet.pass_s(3.0)
    assert outlet.evse.current_a == pytest.approx((16.0, 16.0, 16.0), abs=0.05)


def test_follows_a_lower_duty_within_five_seconds() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.offer(0.10)
    outlet.pass_s(5.0)
    assert outlet.evse.current_a[0] == pytest.approx(6.0, abs=0.01)


def test_takes_no_more_than_its_own_charger_can() -> None:
    outlet = Outlet(traits=Traits(current_max_a=10.0))
    outlet.charge()
    assert outlet.evse.current_a[0] == pytest.approx(10.0)


def test_a_single_phase_vehicle_loads_one_phase() -> None:
    outlet = Outlet(traits=Traits(phases=1))
    outlet.charge()
    assert outlet.evse.current_a == pytest.approx((16.0, 0.0, 0.0), abs=0.05)


def test_opens_s2_within_three_seconds_of_the_oscillator_going_off() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.offer(1.0)
    outlet.pass_s(3.0)
    assert outlet.vehicle.s2_closed is False
    assert outlet.evse.current_a[0] == 0.0


def test_a_vehicle_that_ignores_the_pilot_goes_on_drawing() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.vehicle.ignores_pilot = True
    outlet.offer(1.0)
    outlet.pass_s(10.0)
    assert outlet.vehicle.s2_closed is True
    assert outlet.evse.current_a[0] >= 6.0


def test_a_pause_reduces_the_current_before_s2_opens() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.vehicle.request = Request.PAUSE
    outlet.pass_s(0.5)
    assert outlet.vehicle.s2_closed is True
    assert outlet.evse.current_a[0] < 16.0
    outlet.pass_s(1.0)
    assert outlet.evse.pilot_state is PilotState.B


def test_a_wish_for_ventilation_is_state_d() -> None:
    outlet = Outlet()
    outlet.vehicle.plug_in()
    outlet.vehicle.request = Request.VENTILATION
    outlet.offer()
    outlet.pass_s(1.5)
    assert outlet.evse.pilot_state is PilotState.D


def test_a_sleeping_vehicle_wakes_after_state_f() -> None:
    outlet = Outlet()
    outlet.vehicle.sleepy = True
    outlet.vehicle.plug_in()
    outlet.offer()
    outlet.pass_s(30.0)
    assert outlet.evse.pilot_state is PilotState.B
    outlet.offer(0.0)
    outlet.pass_s(4.0)
    outlet.offer()
    outlet.pass_s(1.5)
    assert outlet.evse.pilot_state is PilotState.C


def test_an_overdrawing_vehicle_exceeds_the_over_current_limit() -> None:
    outlet = Outlet()
    outlet.vehicle.overdraws = True
    outlet.charge()
    outlet.pass_s(3.0)
    assert outlet.evse.current_a[0] > (16.0 + 0.5) * 1.1


def test_current_ends_at_once_when_the_plug_is_pulled() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.vehicle.unplug()
    outlet.plant.touch()
    assert outlet.evse.current_a == (0.0, 0.0, 0.0)
    assert outlet.evse.pilot_state is PilotState.A


def test_the_next_vehicle_wants_to_charge_again() -> None:
    outlet = Outlet()
    outlet.vehicle.plug_in()
    outlet.vehicle.request = Request.PAUSE
    outlet.vehicle.unplug()
    outlet.vehicle.plug_in()
    assert outlet.vehicle.request is Request.CHARGE


def test_without_a_diode_the_plant_shows_a_symmetric_pilot() -> None:
    outlet = Outlet()
    outlet.vehicle.plug_in()
    outlet.vehicle.diode = Diode.MISSING
    outlet.offer()
    assert outlet.evse.pilot.high_v == pytest.approx(-outlet.evse.pilot.low_v)


def test_a_full_battery_ends_the_charge_and_stays_full() -> None:
    outlet = Outlet(traits=Traits(battery_wh=1000.0, charge_ratio=0.9))
    outlet.charge()
    outlet.pass_s(1800.0)
    assert outlet.vehicle.battery.full
    assert outlet.vehicle.s2_closed is False
    assert outlet.evse.current_a[0] == 0.0


@pytest.mark.parametrize(("charge_ratio", "taper_ratio"), TAPER)
def test_the_battery_takes_less_and_less(charge_ratio: float, taper_ratio: float) -> None:
    assert Battery(1000.0, charge_ratio).taper_ratio == pytest.approx(taper_ratio, abs=0.001)


def test_the_battery_keeps_92_percent_of_what_arrives() -> None:
    battery = Battery(60_000.0, 0.5)
    battery.take(1000.0)
    assert battery.content_wh == pytest.approx(30_920.0)
