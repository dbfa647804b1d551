"""Controllers that run the pilot themselves: what each does of its own accord."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from hil.plant.bender_board import BenderBoard
from hil.plant.evse import PlantEvse
from hil.plant.faults import set_fault
from hil.plant.meter import EnergyMeter
from hil.plant.openevse_board import Function, OpenEvseBoard
from hil.plant.own_pilot import OwnPilot
from hil.plant.phoenix_board import PhoenixBoard
from hil.plant.plant import Plant
from hil.plant.vehicle import Traits, Vehicle
from tests.hil.plants import METER_WH


@dataclass
class Stand:
    """One controller with everything around it."""

    plant: Plant
    evse: PlantEvse

    def pass_s(self, duration_s: float) -> None:
        self.plant.touch()
        self.plant.advance(self.plant.now_s + duration_s)

    def fault(self, fault: str, active: bool = True) -> None:
        set_fault(self.evse, fault, active, self.plant.now_s)

    @property
    def now_s(self) -> float:
        return self.plant.now_s


def stand(board: OwnPilot, connector: Literal["socket", "cable"] = "cable") -> Stand:
    vehicle, meter = Vehicle(Traits(current_max_a=32.0)), EnergyMeter(3, METER_WH)
    evse = PlantEvse(1, phases=3, connector=connector, vehicle=vehicle, board=board, meter=meter)
    return Stand(Plant({1: evse}), evse)


# --- OpenEVSE -------------------------------------------------------------------------------------


def openevse() -> tuple[Stand, OpenEvseBoard]:
    board = OpenEvseBoard(32.0)
    one = stand(board)
    one.evse.vehicle.plug_in()
    one.pass_s(8.0)
    assert one.evse.current_a[0] == pytest.approx(32.0, abs=0.1)
    return one, board


def test_a_missed_heartbeat_lowers_the_current_and_opens_nothing() -> None:
    one, board = openevse()
    board.supervise(10, 6, one.now_s)
    one.pass_s(9.9)
    assert board.output_a == 32.0
    one.pass_s(3.0)
    assert board.output_a == 6.0
    assert one.evse.contactor.closed
    assert not board.pulse(one.now_s)


def test_setting_the_heartbeat_anew_clears_the_miss_and_raises_nothing() -> None:
    one, board = openevse()
    board.supervise(10, 6, one.now_s)
    one.pass_s(12.0)
    board.supervise(10, 6, one.now_s)
    assert board.pulse(one.now_s)
    assert board.output_a == 6.0


def test_an_acknowledged_miss_jumps_to_the_configured_maximum() -> None:
    one, board = openevse()
    board.set_current(10, one.now_s)
    board.supervise(10, 6, one.now_s)
    one.pass_s(12.0)
    board.acknowledge(one.now_s)
    assert board.output_a == 32.0


def test_sleep_gives_a_stubborn_vehicle_three_seconds_and_disable_none() -> None:
    one, board = openevse()
    one.fault("vehicle_ignores_pilot")
    board.do(Function.ASLEEP, one.now_s)
    one.pass_s(2.9)
    assert one.evse.contactor.closed
    one.pass_s(0.2)
    assert not one.evse.contactor.closed
    one, board = openevse()
    board.do(Function.DISABLED, one.now_s)
    one.pass_s(0.05)
    assert not one.evse.contactor.closed
    assert board.duty_ratio == 0.0
    assert board.evse_state == 0xFF


def test_a_current_outside_the_range_is_clamped() -> None:
    _, board = openevse()
    assert board.set_current(48, 0.0) == 32
    assert board.set_current(1, 0.0) == 6


def test_the_flags_tell_relay_and_vehicle() -> None:
    one, board = openevse()
    assert (board.evse_state, board.flags) == (0x03, 0x0140)
    board.do(Function.ASLEEP, one.now_s)
    one.pass_s(4.0)
    assert (board.evse_state, board.flags) == (0xFE, 0x0100)
    one.evse.vehicle.unplug()
    one.pass_s(0.5)
    assert board.flags == 0


def test_a_ground_fault_is_counted_and_stays_until_the_vehicle_has_left() -> None:
    one, board = openevse()
    one.fault("rcd_tripped")
    one.pass_s(0.1)
    assert board.evse_state == 0x06
    assert board.trips["residual"] == 1
    one.fault("rcd_tripped", False)
    one.pass_s(5.0)
    assert board.evse_state == 0x06
    one.evse.vehicle.unplug()
    one.pass_s(0.5)
    assert board.evse_state == 0x01


def test_it_does_not_close_for_a_vehicle_that_needs_ventilation() -> None:
    board = OpenEvseBoard(32.0)
    one = stand(board)
    one.fault("ventilation_missing")
    one.evse.vehicle.plug_in()
    one.pass_s(3.0)
    assert (board.evse_state, board.flags & 0x0002) == (0x04, 0x0002)
    assert not one.evse.contactor.closed


# --- Bender ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("safe_a", "output_a", "closed"), [(0, 0.0, False), (10, 10.0, True)])
def test_a_silent_host_leaves_the_safe_current(safe_a: int, output_a: float, closed: bool) -> None:
    board = BenderBoard(32.0, socket=False)
    board.safe_current_a, board.timeout_s = safe_a, 15
    one = stand(board)
    one.evse.vehicle.plug_in()
    one.pass_s(14.0)
    assert board.output_a == 32.0
    one.pass_s(12.0)
    assert board.output_a == output_a
    assert one.evse.contactor.closed is closed
    board.hear(one.now_s)
    assert board.output_a == 32.0


def test_the_socket_is_locked_before_the_contactor_closes_and_free_after_it_opened() -> None:
    board = BenderBoard(32.0, socket=True)
    one = stand(board, "socket")
    one.fault("connector_not_locked")
    one.evse.vehicle.plug_in()
    one.pass_s(1.5)
    assert not one.evse.contactor.closed
    one.pass_s(3.0)
    assert board.failure == "unlockable"
    one.evse.vehicle.unplug()
    one.fault("connector_not_locked", False)
    one.pass_s(1.0)
    one.evse.vehicle.plug_in()
    one.pass_s(3.0)
    assert one.evse.contactor.closed
    assert board.lock is not None
    assert board.lock.locked
    board.hear(one.now_s)
    board.limit(0.0, one.now_s)
    one.pass_s(4.0)
    assert not one.evse.contactor.closed
    assert not board.lock.locked


def test_a_lock_that_springs_open_under_load_opens_the_contactor() -> None:
    board = BenderBoard(32.0, socket=True)
    one = stand(board, "socket")
    one.evse.vehicle.plug_in()
    one.pass_s(4.0)
    one.fault("lock_opened")
    one.pass_s(0.1)
    assert board.failure == "unlocked"
    assert not one.evse.contactor.closed


# --- Phoenix --------------------------------------------------------------------------------------


def test_it_charges_only_while_enabled_and_names_its_state() -> None:
    board = PhoenixBoard(16.0)
    one = stand(board)
    one.evse.vehicle.plug_in()
    one.pass_s(3.0)
    assert board.letter == "B"
    board.enable(True, one.now_s)
    one.pass_s(5.0)
    assert board.letter == "C"
    assert one.evse.current_a[0] == pytest.approx(16.0, abs=0.1)
    board.enable(False, one.now_s)
    one.pass_s(5.0)
    assert board.letter == "B"
    assert not one.evse.contactor.closed


@pytest.mark.parametrize(
    ("fault", "failure"),
    [("diode_missing", "diode"), ("rcd_tripped", "residual"), ("contactor_welded", "contactor")],
)
def test_a_failure_shows_f_until_the_vehicle_has_left(fault: str, failure: str) -> None:
    board = PhoenixBoard(16.0)
    one = stand(board)
    one.fault(fault)
    one.evse.vehicle.plug_in()
    board.enable(fault != "contactor_welded", one.now_s)
    one.pass_s(3.0)
    assert (board.letter, board.failure) == ("F", failure)
    one.fault(fault, False)
    one.evse.vehicle.unplug()
    one.pass_s(0.5)
    assert board.letter == "A"
