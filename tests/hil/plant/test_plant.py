"""The plant as a whole: energy, supply, temperature, meter faults, and that it repeats exactly."""

from __future__ import annotations

import pytest

from hil.plant.board import BoardOptions
from hil.plant.evse import PlantEvse
from hil.plant.faults import FAULTS, set_fault
from hil.plant.meter import EnergyMeter
from hil.plant.plant import Plant
from hil.plant.simple_board import SimpleBoard
from hil.plant.vehicle import Traits, Vehicle
from tests.hil.plants import METER_WH, Outlet


def energy_wh(outlet: Outlet) -> float:
    return outlet.meter.now.energy_import_wh - METER_WH


def test_energy_is_the_integral_of_power() -> None:
    """16 A x 3 x 230 V = 11.04 kW; six minutes are 1104 Wh."""
    outlet = Outlet(traits=Traits(current_max_a=16.0))
    outlet.charge()
    outlet.offer(16.0 / 60.0)
    outlet.pass_s(10.0)
    before = energy_wh(outlet)
    outlet.pass_s(360.0)
    assert energy_wh(outlet) - before == pytest.approx(1104.0, rel=1e-6)


def test_speed_scales_energy_and_battery_but_no_delay() -> None:
    slow, fast = Outlet(), Outlet(speed=60.0)
    for outlet in (slow, fast):
        outlet.charge()
    assert slow.plant.now_s == fast.plant.now_s
    assert energy_wh(fast) == pytest.approx(60.0 * energy_wh(slow))
    content = [outlet.vehicle.battery.content_wh - 24_000.0 for outlet in (slow, fast)]
    assert content[1] == pytest.approx(60.0 * content[0])


def test_no_energy_flows_with_an_open_contactor() -> None:
    outlet = Outlet()
    outlet.vehicle.plug_in()
    outlet.offer()
    outlet.pass_s(600.0)
    assert energy_wh(outlet) == 0.0


def test_an_outage_drops_the_contactor_and_ends_the_current() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.plant.grid.on = False
    outlet.pass_s(0.1)
    assert not outlet.evse.contactor.closed
    assert outlet.meter.now.voltage_v == (0.0, 0.0, 0.0)
    assert outlet.evse.current_a == (0.0, 0.0, 0.0)


def test_a_phase_without_voltage_carries_no_current() -> None:
    outlet = Outlet()
    outlet.plant.grid.nominal_v = (230.0, 0.0, 225.0)
    outlet.charge()
    assert outlet.meter.now.current_a == pytest.approx((16.0, 0.0, 16.0), abs=0.05)
    assert outlet.meter.now.power_w == pytest.approx(16.0 * 455.0, rel=0.01)


def test_a_frozen_meter_goes_on_counting_inside() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.meter.freeze(True)
    shown = outlet.meter.values.energy_import_wh
    outlet.pass_s(60.0)
    assert outlet.meter.values.energy_import_wh == shown
    outlet.meter.freeze(False)
    assert outlet.meter.values.energy_import_wh > shown + 150.0


def test_a_jump_adds_50_kwh_once() -> None:
    meter = EnergyMeter(1, 1000.0)
    meter.jump()
    assert meter.now.energy_import_wh == 51_000.0


def test_current_warms_the_enclosure() -> None:
    outlet = Outlet(traits=Traits(current_max_a=32.0))
    outlet.charge()
    outlet.offer(0.5333)
    outlet.pass_s(3600.0)
    assert outlet.evse.enclosure.temperature_c == pytest.approx(47.0, abs=1.0)


def test_a_supply_meter_measures_all_outlets_together() -> None:
    outlet = Outlet()
    total = EnergyMeter(3, 0.0)
    outlet.plant.supply_meters["grid"] = total
    outlet.charge()
    assert total.now.power_w == pytest.approx(outlet.meter.now.power_w)
    assert total.now.energy_import_wh == pytest.approx(energy_wh(outlet))


def test_the_same_calls_give_the_same_plant() -> None:
    stories = []
    for _ in range(2):
        outlet = Outlet(options=BoardOptions())
        outlet.charge()
        outlet.pass_s(12.3)
        stories.append([event.as_json() for event in outlet.plant.record.after(0)])
    assert stories[0] == stories[1]
    assert len(stories[0]) > 3


def test_large_and_small_steps_lead_to_the_same_energy() -> None:
    large, small = Outlet(), Outlet()
    for outlet in (large, small):
        outlet.charge()
    large.pass_s(100.0)
    for _ in range(1000):
        small.pass_s(0.1)
    assert energy_wh(small) == pytest.approx(energy_wh(large), rel=1e-3)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_is_set_and_cleared_leaves_no_trace(fault: str) -> None:
    outlet = Outlet()
    outlet.pass_s(1.0)
    clean = (outlet.evse.pilot, outlet.evse.proximity_ohm, outlet.evse.contactor.closed)
    set_fault(outlet.evse, fault, True, outlet.plant.now_s)
    assert outlet.evse.faults == {fault}
    outlet.pass_s(1.0)
    set_fault(outlet.evse, fault, False, outlet.plant.now_s)
    outlet.pass_s(1.0)
    assert outlet.evse.faults == set()
    assert (outlet.evse.pilot, outlet.evse.proximity_ohm, outlet.evse.contactor.closed) == clean
    outlet.charge()
    assert outlet.evse.current_a[0] == pytest.approx(16.0, abs=0.05)


def test_events_of_a_charge_come_in_order() -> None:
    outlet = Outlet()
    outlet.charge()
    outlet.vehicle.unplug()
    outlet.pass_s(0.1)
    assert outlet.events() == [
        "pilot_changed",
        "pilot_changed",
        "s2_closed",
        "contactor_closed",
        "pilot_changed",
        "s2_opened",
        "board_opened_alone",
        "contactor_opened",
    ]


# --- A controller that runs the pilot itself ------------------------------------------------------


def simple() -> tuple[Plant, PlantEvse, SimpleBoard]:
    board = SimpleBoard(32.0)
    vehicle, meter = Vehicle(Traits()), EnergyMeter(3, METER_WH)
    evse = PlantEvse(1, phases=3, connector="cable", vehicle=vehicle, board=board, meter=meter)
    return Plant({1: evse}), evse, board


def test_a_simple_controller_closes_by_itself_when_the_vehicle_asks() -> None:
    plant, evse, board = simple()
    board.permit(16.0, plant.now_s)
    evse.vehicle.plug_in()
    plant.advance(10.0)
    assert evse.contactor.closed
    assert evse.current_a[0] == pytest.approx(16.0, abs=0.05)


def test_a_simple_controller_keeps_its_current_when_the_host_is_silent() -> None:
    plant, evse, board = simple()
    board.permit(10.0, plant.now_s)
    evse.vehicle.plug_in()
    plant.advance(3600.0)
    assert evse.current_a[0] == pytest.approx(10.0, abs=0.05)


def test_a_simple_controller_opens_when_nothing_is_permitted() -> None:
    plant, evse, board = simple()
    board.permit(16.0, plant.now_s)
    evse.vehicle.plug_in()
    plant.advance(10.0)
    board.permit(0.0, plant.now_s)
    plant.advance(20.0)
    assert not evse.contactor.closed


def test_a_simple_controller_fails_on_a_missing_diode_and_recovers_when_unplugged() -> None:
    plant, evse, board = simple()
    board.permit(16.0, plant.now_s)
    set_fault(evse, "diode_missing", True, plant.now_s)
    evse.vehicle.plug_in()
    plant.advance(5.0)
    assert board.failed
    assert not evse.contactor.closed
    evse.vehicle.unplug()
    plant.touch()
    plant.advance(6.0)
    assert not board.failed
