"""Each hazard: what raises it, what it does to a running charge, and what lifts it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from chargepoint.catalog import entries
from chargepoint.evse.evse import BoardLevel
from chargepoint.evse.hazards import HAZARDS, Reaction
from chargepoint.ipc.messages import (
    ContactorClosed,
    ContactorOpened,
    HazardCleared,
    HazardRaised,
    Phase,
    StopCause,
)
from hal.values import PilotLevels, PilotMode, Quality
from tests.evse.bench import TRAITS, Bench, charging


def test_the_table_and_the_catalogue_know_the_same_hazards() -> None:
    assert set(HAZARDS) == {entry.id for entry in entries().values() if entry.kind == "hazard"}


# --- Raising --------------------------------------------------------------------------------------

# fmt: off
AT_ONCE: list[tuple[str, dict[str, Any]]] = [
    # hazard              reading that shows it, while charging
    ("emergency_stopped", {"emergency_stopped": True}),
    ("rcd_tripped",       {"rcd_tripped": True}),
    ("pe_lost",           {"pe_lost": True}),
    ("breaker_tripped",   {"faults": frozenset({"breaker_tripped"})}),
    ("water_detected",    {"faults": frozenset({"water_detected"})}),
    ("watchdog_tripped",  {"watchdog_expired": True, "contactor_closed": False}),
    ("board_fault",       {"faults": frozenset({"pilot_generator"})}),
    ("diode_missing",     {"faults": frozenset({"diode_missing"})}),
]
# fmt: on


@pytest.mark.parametrize(("hazard", "fields"), AT_ONCE)
def test_an_alarm_opens_in_the_step_that_shows_it(hazard: str, fields: dict[str, Any]) -> None:
    bench = charging()
    bench.override = fields
    command = bench.tick()
    assert (command.closed, command.current_a) == (False, 0.0)
    assert bench.hazards == (hazard,)
    bench.run(1.0)
    assert bench.phase is Phase.FAULTED
    assert [fact.cause for fact in bench.told(ContactorOpened)] == [StopCause.HAZARD]
    assert [fact.hazard for fact in bench.told(HazardRaised)] == [hazard]


@pytest.mark.parametrize(
    ("hazard", "high_v"), [("pilot_shorted", 0.0), ("pilot_out_of_range", -6.0)]
)
def test_a_pilot_outside_its_states_opens_at_once_and_is_a_hazard_when_it_lasts(
    hazard: str, high_v: float
) -> None:
    bench = charging()
    bench.override = {"pilot": PilotLevels(high_v=high_v, low_v=high_v)}
    assert not bench.tick().closed
    assert bench.hazards == ()
    bench.run(0.1)
    assert bench.hazards == (hazard,)
    assert bench.command.pilot is PilotMode.STEADY


def test_a_single_wild_sample_opens_but_does_not_end_the_plug_in() -> None:
    bench = charging()
    bench.override = {"pilot": PilotLevels(high_v=0.0, low_v=0.0)}
    assert not bench.tick().closed
    bench.override = {}
    bench.until(Phase.ENERGISED)
    assert bench.told(HazardRaised) == []


def test_a_diode_that_vanishes_while_charging_opens_within_100_ms() -> None:
    bench = charging()
    bench.diode = False
    bench.run(0.1)
    assert (bench.command.closed, bench.hazards) == (False, ("diode_missing",))


def test_silence_opens_after_a_quarter_of_a_second() -> None:
    bench = charging()
    bench.answers = False
    bench.run(0.24)
    assert bench.command.closed
    bench.run(0.04)
    assert (bench.command.closed, bench.hazards) == (False, ("reading_stale",))


@pytest.mark.parametrize(
    ("level", "hazard"),
    [(BoardLevel.LOST, "board_lost"), (BoardLevel.REFUSED, "board_refused")],
)
def test_a_lost_or_foreign_board_opens_at_once(level: BoardLevel, hazard: str) -> None:
    bench = charging()
    bench.level = level
    assert not bench.tick().closed
    assert bench.hazards == (hazard,)


def test_a_sample_counter_that_stands_still_opens() -> None:
    bench = charging()
    bench.override = {"sample": 7}
    bench.run(0.3)
    assert (bench.command.closed, bench.hazards) == (False, ("reading_stale",))


def test_the_contactor_is_not_judged_by_a_measurement_that_stands_still() -> None:
    bench = charging()
    bench.override = {"sample": 7, "contactor_closed": True}
    bench.run(20.0)
    assert bench.hazards == ("reading_stale",)
    bench.override = {}
    bench.until(Phase.ENERGISED)


def test_a_vehicle_that_wanted_ventilation_takes_its_hazard_with_it() -> None:
    bench = charging()
    bench.vehicle = "D"
    bench.run(1.0)
    assert bench.phase is Phase.FAULTED
    bench.vehicle = "A"
    bench.run(0.1)
    assert (bench.phase, bench.hazards) == (Phase.IDLE, ())


def test_a_measurement_counts_from_when_it_was_made_not_from_when_it_was_read_last() -> None:
    bench = charging()
    bench.override = {"sample": bench.sample}
    bench.run(0.16)
    bench.answers = False
    bench.run(0.08)
    assert bench.command.closed
    bench.run(0.04)
    assert not bench.command.closed


def test_a_board_without_a_sample_counter_is_not_frozen() -> None:
    bench = charging()
    bench.override = {"sample": None}
    bench.run(5.0)
    assert bench.phase is Phase.ENERGISED


def test_alarms_of_a_suspect_reading_count() -> None:
    bench = charging()
    bench.quality = Quality.SUSPECT
    bench.override = {"rcd_tripped": True}
    assert not bench.tick().closed


def test_a_contactor_that_stays_closed_is_welded_and_only_service_clears_it() -> None:
    bench = charging()
    bench.override = {"contactor_closed": True}
    bench.vehicle = "A"
    bench.tick()
    bench.run(0.48)
    assert bench.hazards == ()
    bench.run(0.04)
    assert bench.hazards == ("contactor_welded",)
    assert bench.evse.snapshot().contactor_closed
    ok, detail = bench.evse.reset_hazard("contactor_welded")
    assert (ok, detail[:12]) == (False, "still there:")
    bench.override = {}
    bench.run(40.0)
    assert bench.hazards == ("contactor_welded",)
    assert bench.evse.reset_hazard("contactor_welded") == (True, "contactor_welded cleared")
    bench.run(0.1)
    assert (bench.phase, bench.hazards) == (Phase.IDLE, ())
    assert [fact.hazard for fact in bench.told(HazardCleared)] == ["contactor_welded"]


def test_a_contactor_that_does_not_close_is_tried_again_after_30_60_and_300_s() -> None:
    bench = Bench()
    bench.override = {"contactor_closed": False}
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.run(450.0)
    raised = bench.told(HazardRaised)
    assert [fact.hazard for fact in raised] == ["contactor_not_closing"] * 4
    waits_s = [b.at_s - a.at_s for a, b in pairwise(raised)]
    assert all(w < s < w + 5.0 for w, s in zip((30.0, 60.0, 300.0), waits_s, strict=True))
    assert "limit 0.25 s" in raised[0].detail
    assert bench.told(ContactorClosed) == []
    bench.vehicle = "A"
    bench.run(0.2)
    assert bench.hazards == ()


def test_a_contactor_that_opens_alone_is_a_hazard_when_nothing_explains_it() -> None:
    bench = charging()
    bench.override = {"contactor_closed": False}
    bench.run(0.08)
    assert bench.hazards == ()
    bench.run(0.06)
    assert bench.hazards == ("contactor_opened_alone",)
    bench.run(0.1)
    assert [fact.cause for fact in bench.told(ContactorOpened)] == [StopCause.HAZARD]


def test_a_board_that_opens_alone_when_the_vehicle_leaves_c_is_no_hazard() -> None:
    bench = charging()
    bench.override = {"contactor_closed": False}
    bench.tick()
    bench.vehicle = "B"
    bench.override = {}
    bench.run(3.0)
    assert bench.told(HazardRaised) == []
    assert [fact.cause for fact in bench.told(ContactorOpened)] == [StopCause.VEHICLE_PAUSED]


def test_proximity_lost_while_charging_opens() -> None:
    bench = charging(socket=True)
    bench.override = {"proximity_ohm": 65535.0}
    bench.run(0.7)
    assert not bench.command.closed
    assert bench.hazards == ("proximity_invalid",)


def test_a_cable_that_is_torn_out_of_a_locked_socket_waits_for_service() -> None:
    bench = charging(socket=True)
    bench.vehicle = "A"
    bench.override = {"proximity_ohm": 65535.0}
    assert not bench.tick().closed
    bench.run(0.4)
    assert bench.hazards == ("cable_cut",)
    bench.override = {}
    bench.run(60.0)
    assert bench.hazards == ("cable_cut",)
    assert not bench.command.locked


def test_a_cable_that_is_unplugged_at_the_vehicle_is_let_go_soon() -> None:
    bench = charging(socket=True)
    bench.vehicle = "A"
    bench.run(0.7)
    assert bench.command.locked
    bench.run(0.2)
    assert not bench.command.locked
    bench.run(5.0)
    assert bench.told(HazardRaised) == []


def test_a_cable_that_turns_unreadable_opens_until_it_is_unplugged() -> None:
    bench = charging(socket=True)
    bench.override = {"proximity_ohm": 30.0}
    bench.run(0.7)
    assert (bench.command.closed, bench.hazards) == (False, ("proximity_invalid",))
    bench.override = {}
    bench.run(60.0)
    assert bench.hazards == ("proximity_invalid",)
    bench.vehicle = "A"
    bench.run(0.2)
    assert bench.hazards == ()


def test_a_fixed_cable_ignores_the_proximity_contact() -> None:
    bench = charging(socket=False)
    bench.override = {"proximity_ohm": 10.0}
    bench.run(5.0)
    assert bench.phase is Phase.ENERGISED


# --- Meter and temperature ------------------------------------------------------------------------


def test_a_vehicle_that_takes_too_much_for_7_s_is_stopped_in_order() -> None:
    """(16 + 0.5) A × 1.1 = 18.15 A."""
    bench = charging()
    bench.run(5.0)
    bench.meter_a = (16.0, 18.2, 16.0)
    bench.run(6.9)
    assert bench.hazards == ()
    bench.run(0.2)
    assert (bench.phase, bench.hazards) == (Phase.STOPPING, ("over_current",))
    bench.run(6.5)
    assert bench.phase is Phase.FAULTED
    bench.vehicle = "A"
    bench.run(0.2)
    assert (bench.phase, bench.hazards) == (Phase.IDLE, ())


def test_a_vehicle_may_take_the_tolerance() -> None:
    bench = charging()
    bench.meter_a = (18.1,)
    bench.run(60.0)
    assert bench.phase is Phase.ENERGISED


def test_after_a_reduction_a_vehicle_has_5_s_before_the_grace_begins() -> None:
    bench = charging()
    bench.run(10.0)
    bench.meter_a = (16.0,)
    bench.limit_a = 8.0
    bench.run(11.9)
    assert bench.hazards == ()
    bench.run(0.3)
    assert bench.hazards == ("over_current",)


def test_a_silent_meter_proves_nothing() -> None:
    bench = charging()
    bench.run(5.0)
    bench.meter_a = (40.0,)
    bench.run(1.0)
    bench.meter_a = None
    bench.run(30.0)
    assert bench.phase is Phase.ENERGISED


def test_heat_stops_in_order_and_ends_with_hysteresis() -> None:
    bench = charging()
    bench.override = {"temperature_c": 70.0}
    bench.run(1.1)
    assert bench.phase is Phase.STOPPING
    assert bench.hazards == ("over_temperature", "temperature_high", "temperature_raised")
    bench.vehicle = "B"
    bench.override = {"temperature_c": 66.0}
    bench.run(60.0)
    assert bench.phase is Phase.FAULTED
    bench.override = {"temperature_c": 65.9}
    bench.run(10.1)
    assert bench.hazards == ("temperature_high", "temperature_raised")
    bench.until(Phase.OFFERING)


def test_heat_beyond_the_pause_opens_at_once() -> None:
    bench = charging()
    bench.override = {"temperature_c": 75.0}
    bench.run(1.1)
    assert not bench.command.closed
    assert "overheated" in bench.hazards


# fmt: off
STAIRCASE = [
    # C     offered A, of 16 A wanted and 32 A configured
    (64.9,  16.0),
    (65.0,  16.0),  # half of 32
    (68.0,  8.0),   # a quarter of 32
    (64.1,  8.0),   # 4 K below 68
    (63.9,  16.0),
    (61.0,  16.0),
    (60.9,  16.0),
]
# fmt: on


def test_heat_takes_current_away_in_steps_and_gives_it_back_with_hysteresis() -> None:
    bench = charging()
    for temperature_c, current_a in STAIRCASE:
        bench.override = {"temperature_c": temperature_c}
        bench.run(12.0)
        assert (bench.phase, bench.command.current_a) == (Phase.ENERGISED, current_a), temperature_c
    assert bench.hazards == ("temperature_raised",)


def test_derating_never_pauses_by_itself() -> None:
    bench = charging(current_max_a=16.0)
    bench.override = {"temperature_c": 69.0}
    bench.run(2.0)
    snapshot = bench.evse.snapshot()
    assert (snapshot.limit_a, snapshot.limited_by) == (6.0, "heat")
    assert bench.phase is Phase.ENERGISED


def test_a_silent_temperature_sensor_leaves_10_a() -> None:
    bench = charging()
    bench.override = {"temperature_c": None}
    bench.run(9.9)
    assert bench.command.current_a == 16.0
    bench.run(0.2)
    assert (bench.command.current_a, bench.hazards) == (10.0, ("temperature_sensor_lost",))
    bench.override = {}
    bench.run(15.1)
    assert (bench.command.current_a, bench.hazards) == (16.0, ())


def test_a_board_without_a_temperature_sensor_is_not_missing_one() -> None:
    bench = charging(traits=replace(TRAITS, has_temperature=False))
    bench.override = {"temperature_c": None}
    bench.run(30.0)
    assert bench.hazards == ()


def test_a_missing_temperature_does_not_end_the_heat() -> None:
    bench = charging()
    bench.override = {"temperature_c": 80.0}
    bench.run(1.1)
    bench.answers = False
    bench.run(60.0)
    assert "over_temperature" in bench.hazards


# --- Lifting --------------------------------------------------------------------------------------


def test_silence_that_ends_lets_the_charge_go_on() -> None:
    bench = charging()
    bench.answers = False
    bench.run(1.0)
    bench.answers = True
    bench.until(Phase.ENERGISED)
    assert bench.evse.snapshot().plug_in == 1
    assert [fact.hazard for fact in bench.told(HazardCleared)] == ["reading_stale"]


def test_a_released_emergency_stop_does_not_start_a_charge() -> None:
    bench = charging()
    bench.override = {"emergency_stopped": True}
    bench.run(1.0)
    bench.override = {}
    bench.run(60.0)
    assert bench.hazards == ("emergency_stopped",)
    bench.permit = False
    bench.evse.revoke()
    bench.run(0.1)
    assert bench.hazards == ()
    bench.permit = True
    bench.until(Phase.ENERGISED)


def test_a_residual_current_needs_an_unplugging_and_after_three_of_them_service() -> None:
    bench = charging()
    for _ in range(3):
        bench.override = {"rcd_tripped": True}
        bench.run(0.1)
        bench.override = {}
        bench.run(5.0)
        assert bench.hazards == ("rcd_tripped",)
        bench.vehicle = "A"
        bench.run(2.0)
        assert bench.hazards == ()
        bench.vehicle = "C"
        bench.until(Phase.ENERGISED)
    bench.override = {"rcd_tripped": True}
    bench.run(0.1)
    bench.override = {}
    bench.vehicle = "A"
    bench.run(5.0)
    assert bench.hazards == ("rcd_tripped",)
    assert bench.evse.reset_hazard("rcd_tripped") == (True, "rcd_tripped cleared")


def test_a_missing_diode_is_forgiven_with_the_next_vehicle() -> None:
    bench = Bench()
    bench.permit, bench.limit_a, bench.vehicle, bench.diode = True, 16.0, "B", False
    bench.until(Phase.FAULTED)
    bench.run(60.0)
    assert bench.hazards == ("diode_missing",)
    bench.vehicle, bench.diode = "A", True
    bench.run(1.0)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)


def test_what_is_not_active_cannot_be_reset() -> None:
    bench = charging()
    assert bench.evse.reset_hazard("rcd_tripped") == (False, "rcd_tripped is not active")
    assert bench.evse.reset_hazard("no_such") == (False, "no_such is not active")


# --- State F --------------------------------------------------------------------------------------


def test_state_f_is_shown_for_3_s_and_then_the_plug_is_watched_again() -> None:
    bench = charging()
    bench.override = {"rcd_tripped": True}
    bench.run(0.2)
    assert bench.command.pilot is PilotMode.FAULT
    assert bench.command.duty_ratio == 0.0
    bench.run(3.0)
    assert bench.command.pilot is PilotMode.STEADY
    bench.run(1.0)
    assert bench.hazards == ("rcd_tripped",)
    bench.vehicle, bench.override = "A", {}
    bench.run(2.0)
    assert (bench.phase, bench.evse.snapshot().connected) == (Phase.IDLE, False)


def test_state_f_can_be_left_out() -> None:
    bench = charging(signal_fault=False)
    bench.override = {"rcd_tripped": True}
    bench.run(1.0)
    assert bench.command.pilot is PilotMode.STEADY


def test_a_generator_stuck_at_minus_12_v_is_a_hazard_after_our_own_f_has_ended() -> None:
    bench = charging()
    bench.override = {"rcd_tripped": True}
    bench.run(0.2)
    bench.override = {"pilot": PilotLevels(high_v=-12.0, low_v=-12.0)}
    bench.run(4.0)
    assert "pilot_out_of_range" in bench.hazards


@pytest.mark.parametrize("hazard", HAZARDS.values(), ids=lambda hazard: hazard.id)
def test_a_hazard_that_only_stops_has_time_to_do_so(hazard: Any) -> None:
    """What may wait for the vehicle is listed here; everything else opens, or does not matter."""
    stops = hazard.id in (
        "over_current",
        "over_temperature",
        "under_voltage",
        "frequency_out_of_range",
        "simplified_pilot",
    )
    tells = hazard.id in (
        "lock_stuck",
        "phase_missing",
        "phase_rotation_wrong",
        "temperature_high",
        "temperature_raised",
        "temperature_sensor_lost",
    )
    assert (hazard.reaction is Reaction.STOP) is stops
    assert (hazard.reaction in (Reaction.WARN, Reaction.LIMIT)) is tells
    assert hazard.inhibits is not tells


def test_state_f_is_shown_for_3_s_then_x1() -> None:
    bench = charging()
    bench.override = {"emergency_stopped": True}
    shown = [bench.tick().pilot is PilotMode.FAULT for _ in range(250)]
    assert sum(shown) * 0.02 == pytest.approx(3.0, abs=0.05)
    assert not shown[-1]
