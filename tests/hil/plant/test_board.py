"""The reference board's firmware: watchdog, interlocks, lock, and no surprises."""

from __future__ import annotations

import pytest

from hal.values import PilotMode
from hil.plant.board import BoardOptions
from hil.plant.faults import set_fault
from hil.plant.pilot import mode_of
from tests.hil.plants import Outlet


def charging(options: BoardOptions) -> Outlet:
    outlet = Outlet(options=options)
    outlet.vehicle.plug_in()
    outlet.offer()
    for _ in range(15):
        outlet.board.hear(outlet.plant.now_s)
        outlet.pass_s(0.1)
    outlet.close()
    outlet.pass_s(0.1)
    assert outlet.evse.contactor.closed
    return outlet


def test_opens_by_itself_when_nothing_was_heard_for_the_watchdog_time() -> None:
    outlet = charging(BoardOptions())
    outlet.board.set_watchdog(1.0)
    outlet.board.hear(outlet.plant.now_s)
    outlet.pass_s(0.99)
    assert outlet.board.coil
    outlet.pass_s(0.03)
    assert not outlet.board.coil
    assert not outlet.evse.contactor.closed
    assert outlet.board.watchdog_expired
    assert mode_of(outlet.board.duty_ratio) is PilotMode.STEADY


def test_any_correct_frame_rearms_the_watchdog() -> None:
    outlet = charging(BoardOptions())
    outlet.board.set_watchdog(0.5)
    for _ in range(20):
        outlet.board.hear(outlet.plant.now_s)
        outlet.pass_s(0.4)
    assert outlet.board.coil


@pytest.mark.parametrize("closed", [False, True])
def test_the_expired_flag_goes_with_the_next_write_of_the_contactor(closed: bool) -> None:
    outlet = charging(BoardOptions(opens_alone=False))
    outlet.pass_s(3.0)
    outlet.board.hear(outlet.plant.now_s)
    outlet.pass_s(0.1)
    assert outlet.board.watchdog_expired
    outlet.board.set_contactor(closed)
    assert not outlet.board.watchdog_expired


def test_the_watchdog_runs_from_power_up_on_with_one_second() -> None:
    outlet = Outlet(options=BoardOptions())
    outlet.pass_s(0.99)
    assert not outlet.board.watchdog_expired
    outlet.pass_s(0.02)
    assert outlet.board.watchdog_expired


def test_a_watchdog_time_outside_its_range_is_refused() -> None:
    outlet = Outlet()
    assert not outlet.board.set_watchdog(0.1)
    assert not outlet.board.set_watchdog(11.0)
    assert outlet.board.watchdog_s == 1.0


def test_opens_alone_15_ms_after_the_pilot_left_c() -> None:
    outlet = charging(BoardOptions(watchdog=False))
    outlet.vehicle.unplug()
    outlet.plant.touch()
    outlet.pass_s(0.014)
    assert outlet.board.coil
    outlet.pass_s(0.002)
    assert not outlet.board.coil
    assert "board_opened_alone" in outlet.events()


def test_a_board_without_that_ability_waits_for_the_command() -> None:
    outlet = charging(BoardOptions(watchdog=False, opens_alone=False))
    outlet.vehicle.unplug()
    outlet.pass_s(5.0)
    assert outlet.board.coil
    assert outlet.evse.contactor.closed


@pytest.mark.parametrize("cause", ["rcd_fault", "stop_pressed"])
def test_opens_alone_on_residual_current_and_on_the_emergency_stop(cause: str) -> None:
    outlet = charging(BoardOptions(watchdog=False))
    setattr(outlet.evse, cause, True)
    outlet.plant.touch()
    assert not outlet.board.coil


def test_stays_open_after_opening_alone_until_opened_and_closed_again() -> None:
    outlet = charging(BoardOptions(watchdog=False))
    outlet.evse.rcd_fault = True
    outlet.plant.touch()
    outlet.evse.rcd_fault = False
    outlet.pass_s(1.0)
    outlet.board.set_contactor(True)
    assert not outlet.board.coil
    outlet.board.set_contactor(False)
    outlet.board.set_contactor(True)
    assert outlet.board.coil


def test_does_not_close_while_no_vehicle_asks() -> None:
    outlet = Outlet()
    outlet.pass_s(1.0)
    outlet.close()
    assert not outlet.board.coil


def test_the_lock_takes_a_quarter_of_a_second() -> None:
    outlet = Outlet()
    outlet.board.set_lock(True, outlet.plant.now_s)
    outlet.pass_s(0.2)
    assert not outlet.board.locked
    outlet.pass_s(0.1)
    assert outlet.board.locked


def test_a_frozen_board_shows_old_levels_and_a_standing_counter() -> None:
    outlet = Outlet()
    outlet.pass_s(1.0)
    outlet.board.freeze(True)
    sample = outlet.board.sample
    outlet.vehicle.plug_in()
    outlet.pass_s(1.0)
    assert outlet.board.sample == sample
    assert outlet.board.senses is not None
    assert outlet.board.senses.pilot.high_v == 12.0


def test_the_self_test_reports_a_trip_for_half_a_second() -> None:
    outlet = Outlet()
    outlet.board.test_rcd(outlet.plant.now_s)
    outlet.pass_s(0.03)
    assert not outlet.board.rcd_tripped
    outlet.pass_s(0.05)
    assert outlet.board.rcd_tripped
    outlet.pass_s(0.5)
    assert not outlet.board.rcd_tripped


def test_a_broken_monitor_does_not_notice_its_test_but_a_residual_current() -> None:
    outlet = Outlet()
    set_fault(outlet.evse, "rcd_test_failed", True, 0.0)
    outlet.board.test_rcd(outlet.plant.now_s)
    outlet.pass_s(0.1)
    assert not outlet.board.rcd_tripped
    set_fault(outlet.evse, "rcd_tripped", True, outlet.plant.now_s)
    outlet.pass_s(0.1)
    assert outlet.board.rcd_tripped


def test_the_watchdog_is_exact_also_after_a_self_test_and_with_no_interlock() -> None:
    """Instants that have passed must not hide one to come."""
    outlet = Outlet(options=BoardOptions(opens_alone=False))
    outlet.board.set_watchdog(2.0)
    outlet.board.hear(0.0)
    outlet.board.test_rcd(0.0)
    outlet.close()
    outlet.pass_s(1.99)
    assert outlet.board.coil
    outlet.pass_s(0.02)
    assert not outlet.board.coil


# --- Lock -----------------------------------------------------------------------------------------


def locked(outlet: Outlet, wanted: bool) -> bool:
    outlet.board.set_lock(wanted, outlet.plant.now_s)
    outlet.pass_s(0.3)
    return outlet.board.locked


def test_a_jammed_bolt_does_not_go_in_but_comes_out() -> None:
    outlet = Outlet()
    assert locked(outlet, True)
    set_fault(outlet.evse, "connector_not_locked", True, outlet.plant.now_s)
    outlet.pass_s(1.0)
    assert outlet.board.locked
    assert not locked(outlet, False)
    assert not locked(outlet, True)
    set_fault(outlet.evse, "connector_not_locked", False, outlet.plant.now_s)
    outlet.pass_s(1.0)
    assert not outlet.board.locked
    locked(outlet, False)
    assert locked(outlet, True)


def test_a_sprung_bolt_opens_at_once_and_does_not_hold() -> None:
    outlet = Outlet()
    locked(outlet, True)
    set_fault(outlet.evse, "lock_opened", True, outlet.plant.now_s)
    assert not outlet.board.locked
    locked(outlet, False)
    assert not locked(outlet, True)


def test_a_stuck_bolt_stays_in_until_it_is_freed_and_told_again() -> None:
    outlet = Outlet()
    locked(outlet, True)
    set_fault(outlet.evse, "lock_stuck", True, outlet.plant.now_s)
    assert locked(outlet, False)
    set_fault(outlet.evse, "lock_stuck", False, outlet.plant.now_s)
    locked(outlet, True)
    assert not locked(outlet, False)


# --- Phases ---------------------------------------------------------------------------------------


def test_phases_are_not_switched_under_load() -> None:
    outlet = charging(BoardOptions(watchdog=False))
    assert not outlet.board.set_one_phase(True, outlet.plant.now_s)
    outlet.pass_s(1.0)
    assert not outlet.evse.one_phase


def test_one_phase_leaves_l2_and_l3_without_voltage_and_current() -> None:
    outlet = Outlet()
    assert outlet.board.set_one_phase(True, 0.0)
    outlet.charge()
    assert outlet.evse.outlet_v == (230.0, 0.0, 0.0)
    assert outlet.evse.current_a == pytest.approx((16.0, 0.0, 0.0), abs=0.05)


def test_a_stuck_phase_switch_stays_and_says_so() -> None:
    outlet = Outlet()
    set_fault(outlet.evse, "phase_switch_stuck", True, 0.0)
    outlet.board.set_one_phase(True, 0.0)
    outlet.pass_s(1.0)
    assert not outlet.evse.one_phase
    set_fault(outlet.evse, "phase_switch_stuck", False, 1.0)
    outlet.pass_s(0.1)
    assert outlet.evse.one_phase
