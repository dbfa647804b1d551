"""What boards may be able to do beyond the least: self-test, phases, second contact, inputs; and
what a meter on the safety bus shows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from chargepoint.evse.hazards import HAZARDS
from chargepoint.ipc.messages import (
    ContactorClosed,
    ContactorOpened,
    HazardRaised,
    Phase,
    RcdTested,
    StopCause,
)
from hal.values import MeterReading, PilotMode
from tests.evse.bench import TRAITS, Bench, charging

TESTABLE = replace(TRAITS, has_rcd_test=True)
SWITCHING = replace(TRAITS, has_phase_switch=True)


# --- Self-test of the residual-current monitor ----------------------------------------------------


def test_nothing_is_offered_before_the_monitor_has_passed_its_test() -> None:
    bench = Bench(traits=TESTABLE)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.run(0.4)
    assert (bench.command.pilot, bench.told(RcdTested)) == (PilotMode.STEADY, [])
    bench.until(Phase.OFFERING, within_s=1.0)
    assert [fact.passed for fact in bench.told(RcdTested)] == [True]
    assert bench.told(HazardRaised) == [], "the trip of a test is no hazard"
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)


def test_each_vehicle_gets_a_test_of_its_own_and_none_while_it_charges() -> None:
    bench = charging(traits=TESTABLE)
    bench.run(60.0)
    assert len(bench.told(RcdTested)) == 1
    bench.vehicle = "A"
    bench.run(3.0)
    assert len(bench.told(RcdTested)) == 2
    bench.run(60.0)
    assert len(bench.told(RcdTested)) == 2


def test_an_idle_station_is_tested_once_a_day() -> None:
    bench = Bench(traits=TESTABLE)
    bench.run(3.0)
    bench.now_s += 86_400.0
    bench.run(3.0)
    assert [fact.passed for fact in bench.told(RcdTested)] == [True, True]


def test_a_monitor_that_does_not_trip_forbids_energy_and_is_tested_again() -> None:
    bench = Bench(traits=TESTABLE)
    bench.rcd_tests = False
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.run(28.0)
    assert bench.hazards == ("rcd_test_failed",)
    assert [fact.detail for fact in bench.told(RcdTested)] == ["did not trip within 1.2 s"]
    bench.rcd_tests = True
    bench.until(Phase.ENERGISED, within_s=15.0)
    assert bench.hazards == ()


def test_the_pauses_between_failed_tests_grow() -> None:
    bench = Bench(traits=TESTABLE)
    bench.rcd_tests = False
    bench.run(440.0)
    ends_s = [fact.at_s for fact in bench.told(RcdTested)]
    waits_s = [later - earlier for earlier, later in pairwise(ends_s)]
    assert [round(wait_s - 1.2) for wait_s in waits_s] == [30, 60, 300]


def test_a_monitor_that_does_not_let_go_has_failed_and_tripped() -> None:
    bench = Bench(traits=TESTABLE)
    bench.until(Phase.IDLE)
    while not bench.command.test_rcd:
        bench.tick()
    bench.override = {"rcd_tripped": True}
    bench.run(2.9)
    assert bench.hazards == ()
    bench.run(0.4)
    assert bench.hazards == ("rcd_tripped", "rcd_test_failed")
    assert bench.told(RcdTested)[0].detail == "did not release within 3 s"


def test_a_monitor_that_has_tripped_already_is_not_tested() -> None:
    bench = Bench(traits=TESTABLE)
    bench.override = {"rcd_tripped": True}
    bench.run(4.0)
    assert (bench.hazards, bench.told(RcdTested)) == (("rcd_tripped",), [])


def test_what_a_test_of_before_a_restart_left_behind_is_no_residual_current() -> None:
    bench = Bench(traits=TESTABLE)
    bench.override = {"rcd_tripped": True}
    bench.run(1.0)
    bench.override = {}
    bench.run(3.0)
    assert [fact.passed for fact in bench.told(RcdTested)] == [True]
    assert bench.told(HazardRaised) == []


def test_a_test_that_is_cut_short_is_waited_out_and_repeated() -> None:
    bench = Bench(traits=TESTABLE)
    while not bench.command.test_rcd:
        bench.tick()
    bench.answers = False
    bench.run(0.5)
    bench.answers, bench.override = True, {"rcd_tripped": True}
    bench.run(1.0)
    bench.override = {}
    bench.run(5.0)
    assert [fact.hazard for fact in bench.told(HazardRaised)] == ["reading_stale"]
    assert [fact.passed for fact in bench.told(RcdTested)] == [True]


def test_a_trip_that_stays_is_believed_after_3_s() -> None:
    bench = Bench(traits=TESTABLE)
    bench.override = {"rcd_tripped": True}
    bench.run(2.9)
    assert not bench.hazards
    bench.run(0.3)
    assert bench.hazards == ("rcd_tripped",)


def test_the_test_can_be_left_out() -> None:
    bench = Bench(traits=TESTABLE, rcd_test=False)
    bench.rcd_tests = False
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.until(Phase.ENERGISED)


# --- One and three phases -------------------------------------------------------------------------


def switching(**settings: Any) -> Bench:
    return charging(traits=SWITCHING, phase_switching=True, **settings)


def want(bench: Bench, phases: int) -> None:
    bench.evse.renew_limit(16.0, bench.now_s + 8.0, bench.now_s, phases)


def test_phases_change_only_with_the_contactor_open_and_the_pilot_at_rest() -> None:
    bench = switching()
    want(bench, 1)
    bench.tick()
    assert (bench.phase, bench.command.phases, bench.command.closed) == (Phase.STOPPING, 3, True)
    bench.vehicle = "B"
    while bench.command.phases == 3:
        bench.tick()
        assert bench.command.phases == 3 or not bench.command.closed
    changed_s = bench.now_s
    assert bench.command.pilot is PilotMode.STEADY
    bench.until(Phase.OFFERING)
    assert bench.now_s - changed_s >= 15.0
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    assert bench.evse.snapshot().phases == 1
    assert [fact.cause for fact in bench.told(ContactorOpened)] == [StopCause.PHASE_SWITCH]


def test_a_second_change_waits_for_five_minutes() -> None:
    bench = switching()
    want(bench, 1)
    bench.vehicle = "B"
    bench.until(Phase.CONNECTED)
    bench.until(Phase.OFFERING)
    want(bench, 3)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    bench.run(200.0)
    assert (bench.phase, bench.command.phases) == (Phase.ENERGISED, 1)
    bench.run(100.0)
    assert bench.command.phases == 3


@pytest.mark.parametrize("settings", [{"phase_switching": False}, {"phases": 1}])
def test_phases_stay_where_they_may_not_be_switched(settings: dict[str, Any]) -> None:
    bench = charging(**({"phase_switching": True, "traits": SWITCHING} | settings))
    before = bench.command.phases
    want(bench, 3 if before == 1 else 1)
    bench.run(20.0)
    assert (bench.phase, bench.command.phases) == (Phase.ENERGISED, before)


def test_a_phase_contactor_that_does_not_follow_forbids_energy() -> None:
    bench = switching()
    bench.override = {"phases": 3}
    want(bench, 1)
    bench.vehicle = "B"
    bench.until(Phase.FAULTED)
    assert bench.hazards == ("phase_switch_stuck",)
    bench.override = {"phases": 1}
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED, within_s=60.0)


# --- A second contact, voltage and current behind the contactor -----------------------------------


def test_both_contacts_must_close() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.override = {"second_closed": False}
    bench.run(6.0)
    assert bench.hazards == ("contactor_not_closing",)
    assert bench.told(HazardRaised)[0].detail.startswith("second contactor open")
    assert bench.told(ContactorClosed) == []


def test_a_second_contact_that_opens_alone_is_noticed() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    while bench.phase is not Phase.ENERGISED:
        bench.override = {"second_closed": bench.command.closed}
        bench.tick()
    bench.override = {"second_closed": False}
    bench.run(0.2)
    assert bench.hazards == ("contactor_opened_alone",)


def test_a_second_contact_that_welds_is_a_weld() -> None:
    bench = charging()
    bench.override = {"second_closed": True}
    bench.run(1.0)
    bench.vehicle = "A"
    bench.run(0.7)
    assert bench.hazards == ("contactor_welded",)
    assert bench.told(HazardRaised)[0].persists
    assert bench.phase is Phase.FAULTED


def test_the_contact_of_l2_and_l3_stays_open_with_one_phase() -> None:
    bench = switching()
    want(bench, 1)
    bench.override = {"second_closed": False, "phases": 1}
    bench.vehicle = "B"
    bench.until(Phase.CONNECTED)
    bench.until(Phase.OFFERING)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    bench.run(5.0)
    assert bench.hazards == ()


def test_voltage_behind_the_open_contactor_waits_for_service() -> None:
    bench = charging()
    bench.vehicle = "A"
    bench.override = {"output_live": True}
    bench.run(0.9)
    assert not bench.hazards
    bench.run(0.2)
    assert bench.hazards == ("output_live",)
    bench.override = {}
    bench.run(100.0)
    assert bench.hazards == ("output_live",)
    assert bench.evse.reset_hazard("output_live")[0]


def measured(voltage_v: float, current_a: float) -> MeterReading:
    return MeterReading(
        taken_s=0.0, voltage_v=(voltage_v,) * 3, current_a=(current_a, 0.0, 0.0), frequency_hz=50.0
    )


def test_current_through_an_open_contactor_is_a_weld_whatever_the_contact_says() -> None:
    bench = charging()
    bench.vehicle = "A"
    for step in range(8):
        bench.meter = measured(230.0 + step, 3.0)
        bench.tick()
        bench.meter = None
        bench.run(1.0)
    assert bench.hazards == ("contactor_welded",)
    assert bench.told(HazardRaised)[0].detail.startswith("3.0 A with the contactor open")


def test_a_meter_that_stands_still_proves_no_weld() -> None:
    bench = charging()
    bench.meter = measured(230.0, 16.0)
    bench.run(3.0)
    bench.vehicle = "A"
    bench.run(30.0)
    assert bench.hazards == ()


def test_a_meter_on_the_vehicles_side_shows_a_weld_by_its_voltage() -> None:
    bench = charging(meter_behind_contactor=True)
    bench.vehicle = "A"
    for step in range(8):
        bench.meter = measured(230.0 + step, 0.0)
        bench.tick()
        bench.meter = None
        bench.run(1.0)
    assert bench.hazards == ("output_live",)


def test_a_meter_on_the_vehicles_side_is_dark_while_the_contactor_is_open() -> None:
    bench = Bench(meter_behind_contactor=True)
    for step in range(10):
        bench.meter = measured(0.1 * step, 0.0)
        bench.tick()
        bench.meter = None
        bench.run(1.0)
    assert bench.hazards == ()


# --- Mains ----------------------------------------------------------------------------------------


def supplied(bench: Bench, duration_s: float, **fields: Any) -> None:
    """A reading each second, of a supply with these fields."""
    for step in range(round(duration_s)):
        good = measured(230.0 + 0.1 * (step % 2), 16.0 if bench.command.closed else 0.0)
        bench.meter = replace(good, **fields)
        bench.tick()
        bench.meter = None
        for _ in range(7):
            bench.tick(0.14)


# fmt: off
SUPPLIES = [
    # hazard                  what the meter shows                      lasts  phase then
    ("over_voltage",           {"voltage_v": (230.0, 265.0, 230.0)},      3.0, Phase.FAULTED),
    ("under_voltage",          {"voltage_v": (230.0, 230.0, 183.0)},      5.0, Phase.STOPPING),
    ("under_voltage",          {"voltage_v": (20.0, 230.0, 230.0)},       5.0, Phase.STOPPING),
    ("frequency_out_of_range", {"frequency_hz": 47.4},                    5.0, Phase.STOPPING),
    ("frequency_out_of_range", {"frequency_hz": 51.6},                    5.0, Phase.STOPPING),
    ("phase_missing",          {"voltage_v": (230.0, 230.0, 3.0)},        5.0, Phase.ENERGISED),
    ("phase_rotation_wrong",   {"phase_sequence_ok": False},              5.0, Phase.ENERGISED),
]
# fmt: on


@pytest.mark.parametrize(("hazard", "fields", "lasts_s", "phase"), SUPPLIES)
def test_a_bad_supply_is_noticed_and_forgiven(
    hazard: str, fields: dict[str, Any], lasts_s: float, phase: Phase
) -> None:
    bench = charging()
    supplied(bench, lasts_s, **fields)
    assert hazard in bench.hazards
    assert bench.phase is phase
    supplied(bench, 58.0)
    assert (hazard in bench.hazards) is HAZARDS[hazard].inhibits
    supplied(bench, 20.0)
    assert bench.hazards == ()
    assert bench.phase is Phase.ENERGISED


# fmt: off
GOOD_SUPPLIES = [
    {"voltage_v": (264.0, 230.0, 230.0)},
    {"voltage_v": (185.0, 230.0, 230.0)},
    {"frequency_hz": 47.5},
    {"frequency_hz": 51.5},
    {"frequency_hz": None},
    {"voltage_v": (230.0,)},
    {"voltage_v": ()},
    {"phase_sequence_ok": True},
]
# fmt: on


@pytest.mark.parametrize("fields", GOOD_SUPPLIES)
def test_a_supply_within_its_limits_is_left_alone(fields: dict[str, Any]) -> None:
    bench = charging()
    supplied(bench, 8.0, **fields)
    assert bench.told(HazardRaised) == []


def test_a_short_sag_is_left_alone() -> None:
    bench = charging()
    supplied(bench, 2.0, voltage_v=(150.0,) * 3)
    supplied(bench, 10.0)
    assert bench.told(HazardRaised) == []


# --- Inputs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hazard", "field"), [("tilted", "tilted"), ("door_open", "door_open")])
def test_a_contact_of_the_enclosure_opens_after_half_a_second(hazard: str, field: str) -> None:
    bench = charging()
    bench.override = {field: True}
    bench.run(0.4)
    assert bench.command.closed
    bench.run(0.2)
    assert (bench.command.closed, bench.hazards) == (False, (hazard,))


def test_nothing_closes_on_what_has_not_lasted_yet() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    bench.vehicle = "C"
    bench.override = {"tilted": True}
    bench.run(0.4)
    assert bench.told(ContactorClosed) == []
    bench.override = {}
    bench.until(Phase.ENERGISED)
    assert bench.told(HazardRaised) == []


def test_closing_the_door_does_not_start_a_charge() -> None:
    bench = charging()
    bench.override = {"door_open": True}
    bench.run(1.0)
    bench.override = {}
    bench.run(60.0)
    assert bench.hazards == ("door_open",)
    bench.permit = False
    bench.evse.revoke()
    bench.run(0.1)
    bench.permit = True
    bench.until(Phase.ENERGISED)


def test_a_station_that_was_tilted_waits_for_service() -> None:
    bench = charging()
    bench.override = {"tilted": True}
    bench.run(1.0)
    bench.override, bench.vehicle = {}, "A"
    bench.run(100.0)
    assert bench.hazards == ("tilted",)


def test_earth_that_comes_back_is_believed_after_a_minute() -> None:
    bench = charging()
    bench.override = {"pe_lost": True}
    bench.run(0.1)
    bench.override = {}
    bench.run(59.0)
    assert bench.hazards == ("pe_lost",)
    bench.until(Phase.ENERGISED, within_s=10.0)


# --- Restarts -------------------------------------------------------------------------------------

KEPT = [hazard.id for hazard in HAZARDS.values() if hazard.persists]


@pytest.mark.parametrize("hazard", KEPT)
def test_a_hazard_of_before_a_restart_holds_until_service(hazard: str) -> None:
    bench = Bench()
    assert bench.evse.latch_hazard(hazard, "found before")[0]
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.run(100.0)
    assert (bench.hazards, bench.phase) == ((hazard,), Phase.FAULTED)
    raised = bench.told(HazardRaised)
    assert [(fact.hazard, fact.detail) for fact in raised] == [(hazard, "found before")]
    assert bench.evse.reset_hazard(hazard)[0]
    bench.until(Phase.ENERGISED)


def test_what_lifts_by_itself_cannot_be_latched_from_outside() -> None:
    bench = Bench()
    assert not bench.evse.latch_hazard("board_lost", "")[0]
    assert not bench.evse.latch_hazard("no_such", "")[0]
    bench.run(1.0)
    assert bench.hazards == ()


# --- Sleeping vehicles and simplified pilots ------------------------------------------------------


def test_a_vehicle_that_ignores_the_offer_is_shown_state_f_once() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    offered_s = bench.now_s
    bench.until(Phase.WAKING)
    assert 30.0 <= bench.now_s - offered_s < 30.1
    bench.run(3.9)
    assert bench.command.pilot.value == "fault"
    bench.run(0.3)
    assert bench.command.pilot.value == "steady"
    bench.until(Phase.OFFERING)
    bench.run(300.0)
    assert bench.phase is Phase.OFFERING
    assert bench.told(HazardRaised) == []
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)


def test_a_vehicle_that_had_energy_and_paused_is_left_in_peace() -> None:
    bench = charging()
    bench.vehicle = "B"
    bench.run(300.0)
    assert bench.phase is Phase.OFFERING
    assert bench.evse.snapshot().stop_cause is StopCause.VEHICLE_PAUSED


def test_a_vehicle_that_sleeps_after_our_own_pause_is_woken() -> None:
    bench = charging()
    bench.limit_a = 0.0
    bench.tick()
    bench.vehicle = "B"
    bench.run(60.0)
    bench.limit_a = 16.0
    bench.until(Phase.OFFERING)
    bench.until(Phase.WAKING, within_s=31.0)


def test_waking_can_be_left_out_or_repeated() -> None:
    for settings, times in (({"wake_up": False}, 0), ({"wake_attempts": 3}, 3)):
        bench = Bench(**settings)
        bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
        seen, before = 0, bench.phase
        for _ in range(round(200.0 / 0.1)):
            bench.tick(0.1)
            seen += bench.phase is Phase.WAKING and before is not Phase.WAKING
            before = bench.phase
        assert seen == times


def test_waking_ends_when_the_leave_does() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.WAKING)
    bench.permit = False
    bench.evse.revoke()
    bench.run(0.1)
    assert (bench.phase, bench.command.pilot) == (Phase.CONNECTED, PilotMode.STEADY)


def test_a_simplified_pilot_gets_10_a() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.until(Phase.ENERGISED)
    assert bench.command.current_a == 10.0
    assert bench.evse.snapshot().limited_by == "pilot"
    bench.vehicle = "B"
    bench.run(1.0)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    bench.run(6.0)
    assert bench.command.current_a == 16.0, "it has an S2 after all"


def test_a_simplified_pilot_can_be_refused() -> None:
    bench = Bench(simplified_pilot_refused=True)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.run(10.0)
    assert (bench.phase, bench.hazards) == (Phase.FAULTED, ("simplified_pilot",))
    bench.vehicle = "A"
    bench.run(0.2)
    bench.vehicle = "B"
    bench.until(Phase.OFFERING)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)


def test_less_than_the_least_current_is_a_pause() -> None:
    bench = charging(current_min_a=8.0)
    bench.limit_a = 7.9
    bench.tick()
    assert bench.phase is Phase.STOPPING
    bench.vehicle, bench.limit_a = "B", 8.0
    bench.until(Phase.OFFERING)


def test_the_binding_limit_is_named() -> None:
    bench = charging()
    assert bench.evse.snapshot().limited_by == "lease"
    bench.limit_a = 40.0
    bench.tick()
    assert bench.evse.snapshot().limited_by == "configuration"
    bench.limit_a = None
    bench.run(11.0)
    assert bench.evse.snapshot().limited_by == "failsafe"
    bench = charging(socket=True)
    bench.override = {"proximity_ohm": 1500.0}
    bench.run(0.2)
    assert bench.evse.snapshot().limited_by == "cable"
