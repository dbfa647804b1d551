"""The sequences of Annex A, played on a board made of numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargepoint.evse.evse import BoardLevel, Evse, EvseSettings, Inputs
from chargepoint.ipc.messages import (
    ContactorClosed,
    ContactorOpened,
    HazardRaised,
    LeaseExpired,
    Observed,
    Phase,
    PilotChanged,
    StopCause,
)
from hal.values import BoardReading, BoardTraits, PilotMode, PilotState, Quality
from tests.evse.bench import TRAITS, Bench, charging


def opened(bench: Bench) -> ContactorOpened:
    facts = bench.told(ContactorOpened)
    assert len(facts) == 1, facts
    fact = facts[0]
    assert isinstance(fact, ContactorOpened)
    return fact


# --- Start ----------------------------------------------------------------------------------------


def test_it_stays_in_starting_until_the_board_was_prepared_and_read() -> None:
    bench = Bench()
    bench.level, bench.answers = BoardLevel.UNHEARD, False
    bench.run(5.0)
    assert (bench.phase, bench.hazards) == (Phase.STARTING, ())
    bench.level, bench.answers = BoardLevel.HEARD, True
    bench.tick()
    assert bench.phase is Phase.IDLE


def test_a_contactor_found_closed_at_start_that_opens_on_command_is_no_hazard() -> None:
    bench = Bench()
    bench.override = {"contactor_closed": True, "contactor_commanded": True}
    bench.run(0.3)
    assert (bench.phase, bench.command.closed) == (Phase.STARTING, False)
    bench.override = {}
    bench.tick()
    assert (bench.phase, bench.hazards) == (Phase.IDLE, ())


def test_a_contactor_that_stays_closed_at_start_is_welded() -> None:
    bench = Bench()
    bench.override = {"contactor_closed": True}
    bench.run(1.0)
    assert (bench.phase, bench.hazards) == (Phase.FAULTED, ("contactor_welded",))


def test_a_coil_driven_by_somebody_else_is_a_hazard_of_its_own() -> None:
    bench = Bench()
    bench.run(1.0)
    bench.override = {"contactor_commanded": True}
    bench.tick()
    assert bench.hazards == ("contactor_driven",)


def test_a_vehicle_found_at_start_is_offered_a_current_only_with_permission() -> None:
    bench = Bench()
    bench.vehicle = "C"
    bench.run(2.0)
    assert (bench.phase, bench.command.pilot) == (Phase.WAITING, PilotMode.STEADY)


# --- Sequences ------------------------------------------------------------------------------------


def test_plugging_in_is_told_and_nothing_is_offered_without_permission() -> None:
    """Sequence 1.1."""
    bench = Bench()
    bench.limit_a = 16.0
    bench.run(0.1)
    bench.vehicle = "B"
    bench.run(2.0)
    snapshot = bench.evse.snapshot()
    assert (snapshot.phase, snapshot.connected, snapshot.plug_in) == (Phase.CONNECTED, True, 1)
    assert (bench.command.pilot, bench.command.closed) == (PilotMode.STEADY, False)
    changes = [(fact.before, fact.pilot) for fact in bench.told(PilotChanged)]
    assert changes == [(None, PilotState.A), (PilotState.A, PilotState.B)]


def test_unplugging_from_b_ends_the_plug_in() -> None:
    """Sequence 2.1."""
    bench = Bench()
    bench.vehicle = "B"
    bench.until(Phase.CONNECTED)
    bench.vehicle = "A"
    assert bench.until(Phase.IDLE) <= 0.1
    bench.vehicle = "B"
    bench.until(Phase.CONNECTED)
    assert bench.evse.snapshot().plug_in == 2


def test_permission_starts_the_oscillator_with_the_duty_of_the_limit() -> None:
    """Sequence 3."""
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    assert bench.command.pilot is PilotMode.OFFER
    assert (bench.command.current_a, bench.command.duty_ratio) == (16.0, 0.2666)
    assert not bench.command.closed


def test_the_contactor_closes_within_3_s_after_the_vehicle_asks() -> None:
    """Sequence 4."""
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    bench.run(2.0)
    bench.vehicle = "C"
    assert bench.until(Phase.ENERGISED) < 0.2
    assert bench.evse.snapshot().contactor_closed
    assert [fact.operations for fact in bench.told(ContactorClosed)] == [1]


def test_a_direct_change_from_a_to_c_takes_all_checks_of_the_long_way() -> None:
    bench = Bench()
    bench.permit, bench.limit_a = True, 10.0
    bench.run(0.1)
    bench.vehicle = "C"
    assert bench.until(Phase.ENERGISED) < 3.0
    assert bench.evse.snapshot().plug_in == 1


def test_s2_opening_opens_the_contactor_in_the_same_step_and_keeps_the_offer() -> None:
    """Sequence 8.1."""
    bench = charging()
    bench.vehicle = "B"
    command = bench.tick()
    assert (command.closed, command.pilot, bench.phase) == (False, PilotMode.OFFER, Phase.OPENING)
    bench.run(1.0)
    assert (bench.phase, bench.command.pilot) == (Phase.OFFERING, PilotMode.OFFER)
    assert (opened(bench).cause, opened(bench).under_load) == (StopCause.VEHICLE_PAUSED, False)
    assert bench.evse.snapshot().stop_cause is StopCause.VEHICLE_PAUSED


def test_unplugging_under_load_opens_in_the_same_step() -> None:
    """Sequence 2.2."""
    bench = charging()
    bench.vehicle = "A"
    assert not bench.tick().closed
    bench.run(1.0)
    assert (bench.phase, bench.command.pilot) == (Phase.IDLE, PilotMode.STEADY)
    assert (opened(bench).cause, opened(bench).under_load) == (StopCause.UNPLUGGED, True)


def test_a_stop_by_the_evse_lets_the_vehicle_ramp_down() -> None:
    """Sequences 10.1 and 8.2."""
    bench = charging()
    bench.permit = False
    bench.evse.revoke()
    command = bench.tick()
    assert (bench.phase, command.closed, command.pilot) == (Phase.STOPPING, True, PilotMode.STEADY)
    bench.run(2.0)
    assert bench.command.closed
    bench.vehicle = "B"
    assert not bench.tick().closed
    bench.run(0.5)
    assert bench.phase is Phase.CONNECTED
    assert (opened(bench).cause, opened(bench).under_load) == (StopCause.REVOKED, False)


def test_a_vehicle_that_does_not_ramp_down_is_cut_off_after_6_s() -> None:
    """Sequence 10.2."""
    bench = charging()
    bench.permit = False
    bench.evse.revoke()
    bench.tick()
    bench.run(5.98)
    assert bench.command.closed
    bench.tick()
    assert not bench.command.closed
    bench.run(1.0)
    assert (bench.phase, opened(bench).cause) == (Phase.WAITING, StopCause.REVOKED)
    assert opened(bench).under_load


def test_a_limit_below_6_a_pauses_and_a_limit_above_resumes() -> None:
    """Sequences 10 and 9.2; there is no duty for a current between 0 and 6 A."""
    bench = charging()
    bench.limit_a = 5.9
    bench.tick()
    assert (bench.phase, bench.command.current_a) == (Phase.STOPPING, 0.0)
    bench.vehicle = "B"
    bench.until(Phase.CONNECTED)
    assert opened(bench).cause is StopCause.LIMIT_BELOW_MINIMUM
    bench.limit_a = 6.0
    bench.until(Phase.OFFERING)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    snapshot = bench.evse.snapshot()
    assert (snapshot.plug_in, snapshot.operations, snapshot.stop_cause) == (1, 2, None)


def test_x1_is_held_for_3_s_before_the_next_offer() -> None:
    """Sequence 9.2."""
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    bench.limit_a = 0.0
    bench.until(Phase.CONNECTED)
    bench.limit_a = 16.0
    assert bench.until(Phase.OFFERING) == pytest.approx(3.0, abs=0.021)


def test_the_contactor_closes_again_at_the_earliest_5_s_after_it_opened() -> None:
    bench = charging()
    bench.vehicle = "B"
    bench.tick()
    opened_s = bench.now_s
    bench.run(2.5)
    bench.vehicle = "C"
    bench.until(Phase.CLOSING)
    assert bench.now_s - opened_s == pytest.approx(5.0, abs=0.021)


def test_a_vehicle_that_comes_back_too_early_waits_in_x1() -> None:
    """More than 3 s of C2 without energy would break sequence 4."""
    bench = charging()
    bench.vehicle = "B"
    bench.run(0.3)
    bench.vehicle = "C"
    assert bench.until(Phase.WAITING) <= 3.1
    assert bench.command.pilot is PilotMode.STEADY
    assert bench.until(Phase.ENERGISED) == pytest.approx(3.3, abs=0.3)


def test_closings_can_be_kept_further_apart() -> None:
    bench = charging(closing_pause_s=10.0)
    closed_s = bench.told(ContactorClosed)[0].at_s
    bench.vehicle = "B"
    bench.run(3.0)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    assert bench.told(ContactorClosed)[1].at_s - closed_s >= 10.0


def test_state_d_is_served_with_ventilation() -> None:
    bench = charging(ventilated=True)
    bench.vehicle = "D"
    bench.run(5.0)
    assert (bench.phase, bench.evse.snapshot().pilot) == (Phase.ENERGISED, PilotState.D)


def test_state_d_is_not_served_without_ventilation() -> None:
    bench = charging()
    bench.vehicle = "D"
    bench.run(0.1)
    assert (bench.command.closed, bench.hazards) == (False, ("ventilation_missing",))


def test_a_vehicle_is_not_energised_before_its_diode_was_seen() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle, bench.diode = True, 16.0, "C", False
    bench.run(10.0)
    assert (bench.phase, bench.hazards) == (Phase.FAULTED, ("diode_missing",))
    assert bench.told(ContactorClosed) == []


# --- Current --------------------------------------------------------------------------------------


def test_a_lower_limit_acts_at_once_and_a_higher_one_waits_for_the_vehicle() -> None:
    """Sequences 5 and 6."""
    bench = charging()
    bench.limit_a = 10.0
    assert bench.tick().current_a == 10.0
    bench.run(5.0)
    bench.limit_a = 12.0
    assert bench.tick().current_a == 12.0
    bench.run(1.0)
    bench.limit_a = 14.0
    bench.run(3.0)
    assert bench.command.current_a == 12.0
    bench.run(1.5)
    assert bench.command.current_a == 14.0


def test_the_offer_is_the_smallest_of_all_limits() -> None:
    bench = charging(socket=True, current_max_a=25.0)
    bench.limit_a = 80.0
    bench.run(6.0)
    assert bench.command.current_a == 25.0
    bench.override = {"proximity_ohm": 680.0}
    bench.run(0.2)
    assert bench.command.current_a == 20.0
    assert bench.evse.snapshot().cable_current_a == 20.0


def test_a_cable_that_was_changed_while_the_board_was_silent_bounds_the_first_offer() -> None:
    """The vehicle was never seen to leave, so this is the same plug-in with a thinner cable."""
    bench = Bench(socket=True, current_max_a=32.0)
    bench.permit, bench.limit_a, bench.vehicle = True, 32.0, "B"
    bench.override = {"proximity_ohm": 100.0}
    bench.until(Phase.OFFERING)
    bench.run(0.1)
    assert bench.command.current_a == 32.0
    bench.answers = False
    bench.run(5.0)
    bench.answers, bench.override = True, {"proximity_ohm": 1500.0}
    offers = [bench.tick().current_a for _ in range(500)]
    assert (max(offers), bench.evse.snapshot().plug_in) == (13.0, 1)


def test_a_socket_whose_board_cannot_read_the_cable_offers_13_a_at_most() -> None:
    traits = BoardTraits(
        watchdog_s=1.0,
        opens_alone=True,
        runs_pilot=False,
        current_max_a=32.0,
        has_contactor_feedback=False,
        has_rcd=False,
        has_proximity=False,
        has_lock=False,
        has_temperature=False,
    )
    bench = charging(socket=True, traits=traits)
    assert bench.command.current_a == 13.0


# --- A silent board -------------------------------------------------------------------------------


def test_a_contactor_is_not_known_to_be_open_before_the_watchdog_of_a_silent_board() -> None:
    """The command may not have arrived: until then energy may flow on."""
    bench = charging()
    bench.answers = False
    bench.run(1.0)
    assert (bench.command.closed, bench.phase) == (False, Phase.FAULTED)
    assert bench.evse.snapshot().contactor_closed is None
    assert bench.told(ContactorOpened) == []
    bench.run(TRAITS.watchdog_s or 0.0)
    assert bench.evse.snapshot().contactor_closed is False
    assert opened(bench).cause is StopCause.HAZARD


def test_a_contactor_whose_board_has_no_watchdog_is_not_known_to_be_open_until_it_is_heard() -> (
    None
):
    bench = charging(traits=replace(TRAITS, watchdog_s=None))
    bench.answers = False
    bench.run(60.0)
    assert bench.evse.snapshot().contactor_closed is None
    bench.answers = True
    bench.run(0.1)
    assert bench.evse.snapshot().contactor_closed is False


def test_a_contactor_that_was_seen_open_stays_so_while_its_board_is_silent() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.answers = False
    bench.run(60.0)
    assert bench.evse.snapshot().contactor_closed is False


# --- Leases ---------------------------------------------------------------------------------------


def test_after_the_limit_lease_the_failsafe_current_is_offered() -> None:
    bench = charging(failsafe_current_a=8.0)
    bench.limit_a = None
    bench.run(8.1)
    assert (bench.command.current_a, bench.phase) == (8.0, Phase.ENERGISED)
    assert [fact.lease for fact in bench.told(LeaseExpired)] == ["limit"]
    assert bench.evse.snapshot().limit_expired


def test_a_failsafe_current_below_6_a_pauses() -> None:
    bench = charging(failsafe_current_a=0.0)
    bench.limit_a = None
    bench.run(8.1)
    assert bench.phase is Phase.STOPPING


def test_after_the_permission_lease_it_stops_in_order() -> None:
    bench = charging()
    bench.permit = False
    bench.run(59.9)
    assert bench.phase is Phase.ENERGISED
    bench.run(0.2)
    assert (bench.phase, bench.command.closed) == (Phase.STOPPING, True)
    bench.run(6.5)
    assert opened(bench).cause is StopCause.PERMISSION_EXPIRED
    assert [fact.lease for fact in bench.told(LeaseExpired)] == ["permission"]


def test_no_permission_holds_longer_than_the_cap() -> None:
    bench = charging(permission_lease_s=20.0)
    bench.permit = False
    bench.evse.renew_permission(1e12, bench.now_s)
    bench.run(20.5)
    assert bench.phase is Phase.STOPPING


def test_an_evil_limit_offers_nothing() -> None:
    bench = charging()
    for current_a in (float("nan"), -16.0):
        bench.limit_a = current_a
        bench.tick()
        assert bench.command.current_a == 0.0


# --- Service and end ------------------------------------------------------------------------------


def test_an_inoperative_evse_stops_in_order_and_stays_out_of_service() -> None:
    bench = charging()
    bench.evse.set_operative(False)
    bench.tick()
    assert bench.phase is Phase.STOPPING
    bench.vehicle = "B"
    bench.run(1.0)
    assert (bench.phase, opened(bench).cause) == (Phase.OUT_OF_SERVICE, StopCause.INOPERATIVE)
    bench.run(30.0)
    assert bench.phase is Phase.OUT_OF_SERVICE
    bench.evse.set_operative(True)
    bench.until(Phase.OFFERING)


def test_an_orderly_shut_down_ramps_down_and_comes_to_rest() -> None:
    bench = charging()
    bench.evse.shut_down()
    bench.tick()
    assert (bench.phase, bench.evse.at_rest) == (Phase.STOPPING, False)
    bench.vehicle = "B"
    bench.run(0.1)
    assert bench.evse.at_rest
    assert opened(bench).cause is StopCause.SHUTDOWN
    bench.vehicle = "C"
    bench.run(20.0)
    assert not bench.command.closed


def test_an_immediate_shut_down_opens_in_the_next_step() -> None:
    bench = charging()
    bench.evse.shut_down(immediate=True)
    command = bench.tick()
    assert (command.closed, command.pilot) == (False, PilotMode.STEADY)


def test_an_orderly_shut_down_cannot_soften_an_immediate_one() -> None:
    bench = charging()
    bench.evse.shut_down(immediate=True)
    bench.evse.shut_down()
    assert not bench.tick().closed


# --- Lock -----------------------------------------------------------------------------------------


def test_a_socket_is_locked_before_the_contactor_closes_and_until_it_is_open() -> None:
    bench = Bench(socket=True)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.override = {"locked": False}
    bench.until(Phase.OFFERING)
    bench.run(0.5)
    assert (bench.command.locked, bench.command.closed) == (True, False)
    bench.override = {}
    bench.until(Phase.ENERGISED)
    bench.vehicle = "A"
    assert bench.tick().locked
    bench.run(1.0)
    assert not bench.command.locked


def test_a_socket_stays_locked_while_the_auxiliary_contact_says_closed() -> None:
    bench = charging(socket=True)
    bench.override = {"contactor_closed": True}
    bench.vehicle = "A"
    bench.run(10.0)
    assert bench.hazards[0] == "contactor_welded"
    assert bench.command.locked


def test_a_socket_stays_locked_while_nobody_knows_whether_the_contactor_is_open() -> None:
    bench = charging(socket=True)
    bench.answers = bench.permit = False
    bench.evse.revoke()
    bench.run(5.0)
    assert (bench.phase, bench.command.locked) == (Phase.FAULTED, True)
    bench.answers, bench.vehicle = True, "B"
    bench.run(2.0)
    assert not bench.command.locked


def test_a_lock_that_does_not_follow_is_driven_again_and_then_a_hazard() -> None:
    bench = Bench(socket=True)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.override = {"locked": False}
    driven = 0
    while bench.hazards == ():
        before = bench.command.locked
        driven += bench.tick().locked and not before
        assert bench.now_s < 1015.0
    assert driven == 1 + 5
    assert bench.hazards == ("connector_not_locked",)
    assert bench.told(ContactorClosed) == []
    bench.run(10.0)
    assert not bench.command.locked, "a fault lets go of the plug"
    bench.vehicle, bench.override = "A", {}
    bench.run(0.2)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)


def test_a_plug_that_needs_a_second_push_is_locked_by_the_second_drive() -> None:
    bench = Bench(socket=True)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.override = {"locked": False}
    bench.run(1.3)
    assert not bench.command.locked
    bench.override = {}
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    assert bench.told(HazardRaised) == []


def test_a_lock_that_springs_open_while_charging_opens_the_contactor() -> None:
    bench = charging(socket=True)
    bench.override = {"locked": False}
    bench.run(0.1)
    assert (bench.command.closed, bench.hazards) == (False, ("lock_opened",))
    bench.vehicle, bench.override = "A", {}
    bench.run(0.2)
    assert bench.hazards == ()


def test_a_lock_that_does_not_release_is_tried_again_for_ever_and_told_once() -> None:
    bench = charging(socket=True)
    bench.override = {"locked": True}
    bench.permit = False
    bench.evse.revoke()
    bench.vehicle = "B"
    bench.run(12.0)
    assert bench.hazards == ("lock_stuck",)
    assert bench.phase is Phase.CONNECTED, "a warning, not a fault"
    driven = 0
    for _ in range(round(130.0 / 0.1)):
        before = bench.command.locked
        driven += (not bench.tick(0.1).locked) and before
    assert driven == 2
    bench.override = {}
    bench.run(2.0)
    assert bench.hazards == ()
    assert [fact.hazard for fact in bench.told(HazardRaised)] == ["lock_stuck"]


def test_a_lock_without_a_switch_gets_a_second_to_travel() -> None:
    bench = Bench(socket=True)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.override = {"locked": None}
    while not bench.command.locked:
        bench.tick()
    locked_s = bench.now_s
    bench.until(Phase.CLOSING)
    assert 1.0 <= bench.now_s - locked_s < 1.1


def test_a_fault_lets_go_of_the_plug_after_5_s() -> None:
    bench = charging(socket=True)
    bench.override = {"rcd_tripped": True}
    bench.run(4.9)
    assert bench.command.locked
    bench.run(0.6)
    assert not bench.command.locked


def test_the_plug_is_free_when_the_permission_is_over() -> None:
    bench = charging(socket=True)
    bench.permit = False
    bench.evse.revoke()
    bench.tick()
    bench.vehicle = "B"
    bench.until(Phase.CONNECTED)
    assert not bench.command.locked


def test_a_shorted_pilot_frees_the_plug() -> None:
    bench = charging(socket=True)
    bench.vehicle = "E"
    bench.run(1.0)
    assert not bench.command.locked


def test_unlock_is_refused_while_the_contactor_is_closed() -> None:
    assert charging(socket=True).evse.unlock() == (False, "contactor is closed")


def test_unlock_is_refused_where_there_is_no_lock() -> None:
    bench = Bench()
    bench.tick()
    assert bench.evse.unlock() == (False, "this connector has no lock")


def test_an_unlocked_connector_is_not_energised_until_the_next_permission() -> None:
    bench = Bench(socket=True)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    assert bench.evse.unlock() == (True, "released")
    bench.vehicle = "C"
    bench.run(10.0)
    assert (bench.command.locked, bench.command.closed) == (False, False)
    bench.permit = False
    bench.evse.revoke()
    bench.run(1.0)
    bench.permit = True
    bench.until(Phase.ENERGISED)
    assert bench.command.locked


# --- Other boards ---------------------------------------------------------------------------------

OWN_PILOT = BoardTraits(
    watchdog_s=None,
    opens_alone=True,
    runs_pilot=True,
    current_max_a=16.0,
    has_contactor_feedback=False,
    has_rcd=False,
    has_proximity=False,
    has_lock=False,
    has_temperature=False,
)
BLIND = {"contactor_closed": None, "contactor_commanded": None, "oscillating": None}


def test_a_board_that_runs_the_pilot_goes_through_the_same_phases() -> None:
    bench = Bench(traits=OWN_PILOT)
    bench.override = dict(BLIND)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    assert (bench.evse.snapshot().contactor_closed, bench.command.current_a) == (True, 16.0)
    bench.vehicle = "B"
    bench.run(1.0)
    assert opened(bench).cause is StopCause.VEHICLE_PAUSED


def test_leases_take_the_current_of_a_board_that_runs_the_pilot_to_zero() -> None:
    bench = Bench(traits=OWN_PILOT)
    bench.override = dict(BLIND)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.until(Phase.ENERGISED)
    bench.permit = False
    bench.run(60.1)
    assert (bench.command.current_a, bench.command.pilot) == (0.0, PilotMode.STEADY)


def test_hazards_take_the_current_of_a_board_that_runs_the_pilot_to_zero() -> None:
    bench = Bench(traits=OWN_PILOT)
    bench.override = dict(BLIND)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.until(Phase.ENERGISED)
    bench.override["faults"] = frozenset({"rcd_tripped"})
    assert bench.tick().current_a == 0.0


def test_a_board_that_runs_the_pilot_may_take_its_time_to_open() -> None:
    bench = Bench(traits=OWN_PILOT)
    bench.override = {"contactor_closed": None, "oscillating": None}
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.until(Phase.ENERGISED)
    bench.override["contactor_commanded"] = True
    bench.evse.shut_down(immediate=True)
    bench.run(9.0)
    assert bench.hazards == ()
    bench.run(2.0)
    assert bench.hazards == ("contactor_driven",)


def test_without_feedback_the_contactor_counts_as_closed_after_the_time_it_takes() -> None:
    bench = charging()
    bench = Bench()
    bench.override = {"contactor_closed": None, "contactor_commanded": None}
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.until(Phase.CLOSING)
    assert bench.until(Phase.ENERGISED) == pytest.approx(0.25, abs=0.03)


# --- Telling --------------------------------------------------------------------------------------


def test_the_whole_is_told_when_anything_changed_and_only_then() -> None:
    bench = charging()
    bench.run(1.0)
    told = len(bench.told(Observed))
    bench.run(5.0)
    assert len(bench.told(Observed)) == told
    bench.limit_a = 12.0
    bench.tick()
    bench.tick()
    last = bench.told(Observed)[-1]
    assert (last.evse.limit_a, last.evse.offered_a) == (12.0, 12.0)


def test_temperature_is_told_by_the_degree() -> None:
    bench = Bench()
    bench.run(0.1)
    told = len(bench.told(Observed))
    for temperature_c in (30.3, 30.9, 29.5, 31.0, 31.5, 30.1, 29.9):
        bench.override = {"temperature_c": temperature_c}
        bench.tick()
    temperatures = [fact.evse.temperature_c for fact in bench.told(Observed)[told:]]
    assert temperatures == [31.0, 29.9]


def test_facts_carry_no_number_of_their_own() -> None:
    bench = charging()
    assert {fact.seq for fact in bench.facts} == {0}


def test_the_deadline_is_the_next_instant_at_which_something_ends_by_itself() -> None:
    bench = charging()
    assert bench.evse.deadline_s() == pytest.approx(bench.now_s + 0.25)
    bench = charging(stale_after_s=100.0)
    assert bench.evse.deadline_s() == pytest.approx(bench.now_s + 8.0)
    bench.permit, bench.limit_a = False, None
    bench.evse.revoke()
    bench.tick()
    assert bench.evse.deadline_s() == pytest.approx(bench.now_s + 6.0)


def test_a_suspect_reading_neither_keeps_alive_nor_confirms() -> None:
    bench = charging()
    bench.quality = Quality.SUSPECT
    bench.run(0.24)
    assert bench.command.closed
    bench.run(0.04)
    assert (bench.command.closed, bench.hazards) == (False, ("reading_stale",))


def test_an_old_reading_counts_as_none() -> None:
    evse = Evse(EvseSettings(evse=1), TRAITS)
    old = BoardReading(taken_s=10.0, pilot=PilotState.B, contactor_closed=False)
    outputs = evse.step(Inputs(reading=old), 20.0)
    assert (evse.snapshot().pilot, evse.snapshot().phase) == (None, Phase.FAULTED)
    assert not outputs.command.closed


def test_what_the_board_states_of_itself_when_prepared_is_adopted() -> None:
    bench = charging()
    bench.evse.adopt(replace(TRAITS, current_max_a=10.0))
    assert bench.tick().current_a == 10.0
