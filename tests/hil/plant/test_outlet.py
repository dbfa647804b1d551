"""What stands between grid and vehicle: contactors in series, feed, cable, temperature; vices."""

from __future__ import annotations

import math

import pytest

from hal.values import PilotState
from hil.plant.board import BoardOptions
from hil.plant.faults import set_fault
from hil.plant.relay import RelayBank
from hil.plant.relay_wiring import RelayWiring
from hil.plant.temperature import AMBIENT_C
from tests.hil.plants import Outlet


def with_fault(outlet: Outlet, fault: str, active: bool = True, settle_s: float = 0.1) -> Outlet:
    set_fault(outlet.evse, fault, active, outlet.plant.now_s)
    outlet.pass_s(settle_s)
    return outlet


def opened(outlet: Outlet) -> None:
    outlet.board.set_contactor(False)
    outlet.pass_s(0.2)


# --- Contactors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["contactor_welded", "second_contactor_welded"])
def test_one_welded_contactor_of_two_carries_nothing(fault: str) -> None:
    outlet = Outlet()
    outlet.charge()
    with_fault(outlet, fault)
    opened(outlet)
    assert outlet.evse.second is not None
    assert outlet.evse.contactor.closed is (fault == "contactor_welded")
    assert outlet.evse.second.closed is (fault != "contactor_welded")
    assert outlet.evse.outlet_v == (0.0, 0.0, 0.0)
    assert outlet.evse.current_a == (0.0, 0.0, 0.0)


def test_both_welded_leave_the_outlet_live() -> None:
    outlet = Outlet()
    outlet.charge()
    with_fault(outlet, "contactor_welded")
    with_fault(outlet, "second_contactor_welded")
    opened(outlet)
    assert outlet.evse.outlet_v == (230.0, 230.0, 230.0)
    assert outlet.evse.current_a[0] > 10.0
    assert outlet.board.senses is not None
    assert outlet.board.senses.output_live


def test_without_a_second_contactor_the_first_alone_decides() -> None:
    outlet = Outlet(options=BoardOptions(watchdog=False, has_second_contact=False))
    outlet.charge()
    assert outlet.evse.second is None
    with_fault(outlet, "contactor_welded")
    opened(outlet)
    assert outlet.evse.current_a[0] > 10.0


def test_a_board_driven_by_hand_closes_past_its_interlocks_and_lets_go_afterwards() -> None:
    outlet = with_fault(Outlet(), "contactor_driven", settle_s=0.3)
    assert outlet.evse.chain_closed
    assert not outlet.board.told_closed
    with_fault(outlet, "contactor_driven", False, settle_s=0.3)
    assert not outlet.evse.chain_closed


def test_a_bridged_outlet_is_live_with_open_contactors() -> None:
    outlet = with_fault(Outlet(), "output_live")
    assert not outlet.evse.chain_closed
    assert outlet.board.senses is not None
    assert outlet.board.senses.output_live
    with_fault(outlet, "output_live", False)
    assert not outlet.board.senses.output_live


# --- Feed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "voltage_v", "frequency_hz", "clockwise"),
    [
        ("over_voltage", (276.0, 276.0, 276.0), 50.0, True),
        ("under_voltage", (161.0, 161.0, 161.0), 50.0, True),
        ("frequency_out_of_range", (230.0, 230.0, 230.0), 46.0, True),
        ("phase_missing", (230.0, 0.0, 230.0), 50.0, True),
        ("phase_rotation_wrong", (230.0, 230.0, 230.0), 50.0, False),
    ],
)
def test_a_fault_of_the_feed_is_seen_by_the_meter(
    fault: str, voltage_v: tuple[float, ...], frequency_hz: float, clockwise: bool
) -> None:
    outlet = with_fault(Outlet(), fault)
    shown = outlet.meter.values
    assert shown.voltage_v == pytest.approx(voltage_v)
    assert (shown.frequency_hz, shown.clockwise) == (frequency_hz, clockwise)
    with_fault(outlet, fault, False)
    assert outlet.meter.values.voltage_v == (230.0, 230.0, 230.0)
    assert outlet.meter.values.frequency_hz == 50.0
    assert outlet.meter.values.clockwise


def test_a_tripped_breaker_drops_the_contactor_and_leaves_no_voltage() -> None:
    outlet = Outlet()
    outlet.charge()
    with_fault(outlet, "breaker_tripped")
    assert not outlet.evse.contactor.closed
    assert outlet.meter.values.voltage_v == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("fault", ["breaker_tripped", "water_detected"])
def test_a_contact_of_the_station_is_told_to_the_board(fault: str) -> None:
    outlet = with_fault(Outlet(), fault)
    assert outlet.board.senses is not None
    assert outlet.board.senses.faults == {fault}
    with_fault(outlet, fault, False)
    assert outlet.board.senses.faults == set()


def test_a_meter_behind_the_contactor_shows_voltage_only_while_it_is_closed() -> None:
    outlet = Outlet(meter_behind=True)
    outlet.pass_s(0.1)
    assert outlet.meter.values.voltage_v == (0.0, 0.0, 0.0)
    assert outlet.meter.values.frequency_hz == 0.0
    outlet.charge()
    assert outlet.meter.values.voltage_v == (230.0, 230.0, 230.0)


# --- Cable, temperature, inputs -------------------------------------------------------------------


def test_a_cut_cable_takes_pilot_proximity_and_current_with_it() -> None:
    outlet = Outlet()
    outlet.charge()
    with_fault(outlet, "cable_cut", settle_s=0.01)
    assert outlet.evse.pilot_state is PilotState.A
    assert outlet.evse.proximity_ohm == 65_535.0
    assert outlet.evse.current_a == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("fault", "temperature_c"),
    [
        ("temperature_raised", 62.0),
        ("temperature_high", 66.0),
        ("over_temperature", 72.0),
        ("overheated", 78.0),
    ],
)
def test_hot_spots_are_a_step_above_the_station_s_limits(fault: str, temperature_c: float) -> None:
    outlet = with_fault(Outlet(), fault)
    assert outlet.evse.enclosure.temperature_c == temperature_c
    with_fault(outlet, fault, False)
    assert outlet.evse.enclosure.temperature_c == pytest.approx(AMBIENT_C, abs=1.0)


def test_a_held_temperature_stays_whatever_flows_and_a_lost_sensor_shows_nothing() -> None:
    outlet = Outlet()
    outlet.evse.enclosure.held_c = 40.0
    outlet.charge()
    outlet.pass_s(600.0)
    assert outlet.board.senses is not None
    assert outlet.board.senses.temperature_c == 40.0
    with_fault(outlet, "temperature_sensor_lost")
    assert math.isnan(outlet.board.senses.temperature_c)
    assert outlet.evse.enclosure.temperature_c == 40.0


@pytest.mark.parametrize("fault", ["pe_lost", "tilted", "door_open"])
def test_the_board_s_inputs_follow(fault: str) -> None:
    outlet = with_fault(Outlet(), fault)
    assert getattr(outlet.board.senses, fault) is True
    with_fault(outlet, fault, False)
    assert getattr(outlet.board.senses, fault) is False


# --- Vices of vehicles ----------------------------------------------------------------------------


def test_a_simplified_pilot_never_shows_b_and_takes_at_most_10_a() -> None:
    outlet = with_fault(Outlet(), "simplified_pilot")
    outlet.vehicle.plug_in()
    outlet.pass_s(0.0)
    assert outlet.evse.pilot_state is PilotState.C
    outlet.offer()
    outlet.pass_s(0.5)
    outlet.close()
    outlet.pass_s(6.0)
    assert outlet.evse.current_a[0] == pytest.approx(10.0, abs=0.05)
    outlet.offer(1.0)
    outlet.pass_s(5.0)
    assert outlet.evse.pilot_state is PilotState.C
    assert outlet.evse.current_a[0] == 0.0


def test_a_single_phase_can_be_overdrawn() -> None:
    outlet = Outlet()
    outlet.charge()
    with_fault(outlet, "over_current_one_phase")
    assert outlet.evse.current_a == pytest.approx((16.0, 26.0, 16.0), abs=0.1)


def test_a_slow_vehicle_takes_forty_seconds_to_its_current() -> None:
    outlet = with_fault(Outlet(), "vehicle_slow")
    outlet.charge()
    assert outlet.evse.current_a[0] < 3.0
    outlet.pass_s(40.0)
    assert outlet.evse.current_a[0] == pytest.approx(16.0, abs=0.05)


# --- A contactor on relays ------------------------------------------------------------------------


def on_relays() -> tuple[Outlet, RelayBank]:
    bank = RelayBank()
    wiring = RelayWiring(
        bank=bank, output=0, aux_input=0, aux_mirror=True, lock_output=1, lock_input=1
    )
    outlet = Outlet(wiring=wiring)
    outlet.plant.relays["relays"] = bank
    outlet.plant.touch()
    return outlet, bank


def test_a_contactor_on_a_relay_follows_it_and_not_the_board() -> None:
    outlet, bank = on_relays()
    outlet.board.set_contactor(True)
    bank.flash(0, True, outlet.plant.now_s + 1.0)
    outlet.pass_s(0.99)
    assert outlet.evse.contactor.closed
    assert bank.inputs[0] is False
    outlet.pass_s(0.03)
    assert not outlet.evse.contactor.closed
    assert bank.inputs[0] is True


def test_a_lock_on_a_relay_shows_its_bolt_at_an_input() -> None:
    outlet, bank = on_relays()
    bank.switch(1, True)
    outlet.pass_s(0.3)
    assert bank.inputs[1] is True
    with_fault(outlet, "lock_opened")
    assert bank.inputs[1] is False
