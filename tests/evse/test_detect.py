"""What each detection says at its limits; how long it must last stands in the table of hazards."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.evse.detect import contactor, mains, station, vehicle
from chargepoint.evse.observation import BoardLevel, Observation
from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said, words
from hal.values import BoardReading, MeterReading, PilotLevels, PilotState

A, B, C, D, E, F = PilotState
SETTINGS = EvseSettings(evse=1)
T = 100.0
LEAK = said("current_behind", current_a=9.0, limit_a=0.5)


def reading(**fields: Any) -> dict[str, BoardReading]:
    """A reading at T, both the newest and the newest good one."""
    one = BoardReading(**({"taken_s": T, "pilot": C} | fields))
    return {"reading": one, "newest": one}


def supply(*voltage_v: float, **fields: Any) -> dict[str, MeterReading]:
    return {"mains": MeterReading(taken_s=T, voltage_v=voltage_v, **fields)}


SHUT, WELD = {"contactor_closed": True}, {"contactor_closed": True, "contactor_commanded": False}
OPEN = {"contactor_closed": False}
SECOND = {"contactor_closed": True, "second_closed": False}

TORN = {"lock_commanded": True, "proximity_used": True, "cable_coded_a": 0.0, "pilot": A}
"""What a cable leaves behind that was torn out of a locked socket."""

# fmt: off
SEEN: list[tuple[Any, dict[str, Any], bool]] = [
    # Contactor: 0.5 s to open, 0.25 s to close
    (contactor.contactor_welded, {**reading(**WELD), "opened_s": T - 0.5},             True),
    (contactor.contactor_welded, {**reading(**WELD), "opened_s": T - 0.49},            False),
    (contactor.contactor_welded, {**reading(**WELD)},                                  False),
    (contactor.contactor_welded, {"opened_s": T - 9},                                  False),
    (contactor.contactor_welded, {**reading(**OPEN), "opened_s": T - 9},               False),
    (contactor.contactor_welded, {**reading(**OPEN, second_closed=True), "opened_s": T - 9}, True),
    (contactor.contactor_welded, {**reading(contactor_closed=None), "opened_s": T - 9}, False),
    (contactor.contactor_welded, {**reading(contactor_closed=True, contactor_commanded=True),
                                  "opened_s": T - 9},                                  False),
    (contactor.contactor_welded, {**reading(**OPEN), "opened_s": T - 9, "leaking": LEAK}, True),
    (contactor.contactor_driven, {**reading(contactor_commanded=True), "opened_s": T - 0.5}, True),
    (contactor.contactor_driven, {**reading(contactor_commanded=True), "opened_s": T - 0.4}, False),
    (contactor.contactor_driven, {**reading(contactor_commanded=True)},                False),
    (contactor.contactor_driven, {**reading(contactor_commanded=False), "opened_s": T - 9}, False),
    (contactor.contactor_driven, {"opened_s": T - 9},                                  False),
    (contactor.contactor_not_closing, {**reading(**OPEN), "closed_s": T - 0.25},       True),
    (contactor.contactor_not_closing, {**reading(**OPEN), "closed_s": T - 0.24},       False),
    (contactor.contactor_not_closing, {**reading(**OPEN)},                             False),
    (contactor.contactor_not_closing, {**reading(**OPEN), "closed_s": T - 9, "confirmed": True},
                                                                                       False),
    (contactor.contactor_not_closing, {**reading(**SHUT), "closed_s": T - 9},          False),
    (contactor.contactor_not_closing, {**reading(contactor_closed=None), "closed_s": T - 9}, False),
    (contactor.contactor_not_closing, {"closed_s": T - 9},                             False),
    (contactor.contactor_not_closing, {**reading(**SECOND), "closed_s": T - 9},        True),
    (contactor.contactor_not_closing, {**reading(**SECOND), "closed_s": T - 9, "phases": 1}, False),
    (contactor.contactor_opened_alone, {**reading(**OPEN), "closed_s": T, "confirmed": True}, True),
    (contactor.contactor_opened_alone, {**reading(**OPEN), "closed_s": T},             False),
    (contactor.contactor_opened_alone, {**reading(**OPEN), "confirmed": True},         False),
    (contactor.contactor_opened_alone, {"closed_s": T, "confirmed": True},             False),
    (contactor.contactor_opened_alone, {**reading(**SHUT), "closed_s": T, "confirmed": True},
                                                                                       False),
    (contactor.output_live, {**reading(output_live=True), "opened_s": T - 0.5},        True),
    (contactor.output_live, {**reading(output_live=True), "opened_s": T - 0.4},        False),
    (contactor.output_live, {**reading(output_live=True)},                             False),
    (contactor.output_live, {**reading(output_live=False), "opened_s": T - 9},         False),
    (contactor.output_live, {"opened_s": T - 9},                                       False),
    (contactor.output_live, {"live": LEAK},                                         True),
    (contactor.output_live, {**reading(output_live=True), "opened_s": T, "live": LEAK}, True),
    (contactor.phase_switch_stuck, {**reading(phases=1), "phases_s": T - 0.5},         True),
    (contactor.phase_switch_stuck, {**reading(phases=1), "phases_s": T - 0.4},         False),
    (contactor.phase_switch_stuck, {**reading(phases=1)},                              False),
    (contactor.phase_switch_stuck, {**reading(phases=None), "phases_s": T - 9},        False),
    (contactor.phase_switch_stuck, {**reading(phases=3), "phases_s": T - 9},           False),
    (contactor.phase_switch_stuck, {"phases_s": T - 9},                                False),
    # Mains: 230 V; 1.15, 0.8 and 0.2 of it are 264.5, 184 and 46 V
    (mains.over_voltage,  supply(230, 230, 264.6),     True),
    (mains.over_voltage,  supply(230, 230, 264.4),     False),
    (mains.over_voltage,  {},                          False),
    (mains.under_voltage, supply(230, 183.9, 230),     True),
    (mains.under_voltage, supply(230, 184.1, 230),     False),
    (mains.under_voltage, supply(230, 46.1, 230),      True),
    (mains.under_voltage, supply(230, 45.9, 230),      False),
    (mains.under_voltage, supply(45.9, 230, 230),      True),
    (mains.under_voltage, {},                          False),
    (mains.phase_missing, supply(230, 45.9, 230),      True),
    (mains.phase_missing, supply(230, 46.1, 230),      False),
    (mains.phase_missing, supply(45.9, 230, 230),      True),
    (mains.phase_missing, supply(0, 0, 0),             False),
    (mains.phase_missing, {},                          False),
    (mains.frequency_out_of_range, supply(230, frequency_hz=47.49), True),
    (mains.frequency_out_of_range, supply(230, frequency_hz=47.5),  False),
    (mains.frequency_out_of_range, supply(230, frequency_hz=51.5),  False),
    (mains.frequency_out_of_range, supply(230, frequency_hz=51.51), True),
    (mains.frequency_out_of_range, supply(230, frequency_hz=0.0),   False),
    (mains.frequency_out_of_range, supply(230, frequency_hz=None),  False),
    (mains.frequency_out_of_range, {},                              False),
    (mains.phase_rotation_wrong, supply(230, 230, 230, phase_sequence_ok=False), True),
    (mains.phase_rotation_wrong, supply(230, 230, 230, phase_sequence_ok=True),  False),
    (mains.phase_rotation_wrong, supply(230, 230, 230, phase_sequence_ok=None),  False),
    (mains.phase_rotation_wrong, {},                                             False),
    # Station
    (station.emergency_stopped, reading(emergency_stopped=True),       True),
    (station.emergency_stopped, reading(emergency_stopped=None),       False),
    (station.emergency_stopped, {},                                    False),
    (station.rcd_tripped, reading(rcd_tripped=True),                   True),
    (station.rcd_tripped, reading(rcd_tripped=False),                  False),
    (station.rcd_tripped, {**reading(rcd_tripped=True), "rcd_testing": True}, False),
    (station.rcd_tripped, {},                                          False),
    (station.rcd_test_failed, {"rcd_failure": said("no_trip", limit_s=1.2)},         True),
    (station.rcd_test_failed, {},                                      False),
    (station.pe_lost, reading(pe_lost=True),                           True),
    (station.pe_lost, reading(pe_lost=False),                          False),
    (station.pe_lost, {},                                              False),
    (station.tilted, reading(tilted=True),                             True),
    (station.tilted, reading(tilted=False),                            False),
    (station.tilted, {},                                               False),
    (station.door_open, reading(door_open=True),                       True),
    (station.door_open, reading(door_open=False),                      False),
    (station.door_open, {},                                            False),
    (station.breaker_tripped, reading(faults=frozenset({"breaker_tripped"})), True),
    (station.breaker_tripped, reading(faults=frozenset({"water_detected"})),  False),
    (station.water_detected, reading(faults=frozenset({"water_detected"})),   True),
    (station.water_detected, {},                                       False),
    (station.temperature_raised, reading(temperature_c=60.0),          True),
    (station.temperature_raised, reading(temperature_c=59.9),          False),
    (station.over_temperature, reading(temperature_c=70.0),            True),
    (station.over_temperature, reading(temperature_c=69.9),            False),
    (station.overheated, reading(temperature_c=75.0),                  True),
    (station.overheated, reading(temperature_c=74.9),                  False),
    (station.overheated, reading(temperature_c=None),                  False),
    (station.overheated, {},                                           False),
    (station.overheated, {**reading(temperature_c=71.0), "active": {"overheated"}}, True),
    (station.overheated, {**reading(temperature_c=70.9), "active": {"overheated"}}, False),
    (station.over_temperature, {**reading(temperature_c=66.0), "active": {"over_temperature"}},
                                                                       True),
    (station.temperature_raised, {**reading(temperature_c=56.0), "active": {"temperature_raised"}},
                                                                       True),
    (station.overheated, {**reading(temperature_c=72.0), "active": {"over_temperature"}}, False),
    (station.temperature_high, {**reading(temperature_c=66.0), "derating": 1}, True),
    (station.temperature_high, {**reading(temperature_c=66.0)},        False),
    (station.temperature_high, {**reading(temperature_c=None), "derating": 1}, False),
    (station.temperature_high, {"derating": 1},                        False),
    (station.temperature_sensor_lost, {"temperature_missing_s": 10.0}, True),
    (station.temperature_sensor_lost, {"temperature_missing_s": 9.9},  False),
    (station.reading_stale, {"reading_age_s": 0.25},                   False),
    (station.reading_stale, {"reading_age_s": 0.26},                   True),
    (station.reading_stale, {"sample_age_s": 0.25},                    False),
    (station.reading_stale, {"sample_age_s": 0.26},                    True),
    (station.reading_stale, {"reading_age_s": 9.0, "board": BoardLevel.LOST}, False),
    (station.board_lost,    {"board": BoardLevel.LOST},                True),
    (station.board_lost,    {"board": BoardLevel.REFUSED},             False),
    (station.board_refused, {"board": BoardLevel.REFUSED},             True),
    (station.board_refused, {"board": BoardLevel.UNHEARD},             False),
    (station.watchdog_tripped, {**reading(watchdog_expired=True), "closed_s": T - 0.25}, True),
    (station.watchdog_tripped, {**reading(watchdog_expired=True), "closed_s": T - 0.24}, False),
    (station.watchdog_tripped, {**reading(watchdog_expired=True)},     False),
    (station.watchdog_tripped, {**reading(watchdog_expired=False), "closed_s": T - 9}, False),
    (station.watchdog_tripped, {"closed_s": T - 9},                    False),
    # Vehicle
    (vehicle.pilot_shorted, {"pilot": E, "pilot_raw": E},              True),
    (vehicle.pilot_shorted, {"pilot": E, "pilot_raw": B},              False),
    (vehicle.pilot_shorted, {"pilot": C, "pilot_raw": E},              False),
    (vehicle.pilot_shorted, {"pilot": F, "pilot_raw": F},              False),
    (vehicle.pilot_out_of_range, {"pilot": F, "pilot_raw": F},         True),
    (vehicle.pilot_out_of_range, {"pilot": F, "pilot_raw": F, "fault_shown": True}, False),
    (vehicle.pilot_out_of_range, {"pilot": C, "pilot_raw": F},         False),
    (vehicle.pilot_out_of_range, {"pilot": F, "pilot_raw": B},         False),
    (vehicle.pilot_out_of_range, {"pilot": E, "pilot_raw": E},         False),
    (vehicle.diode_missing, {"diode": Diode.FAILED},                   True),
    (vehicle.diode_missing, {"diode": Diode.UNKNOWN},                  False),
    (vehicle.diode_missing, {"diode": Diode.PASSED},                   False),
    (vehicle.ventilation_missing, {"pilot": D},                        True),
    (vehicle.ventilation_missing, {"pilot": C},                        False),
    (vehicle.simplified_pilot, {"simplified": True},                   False),
    (vehicle.proximity_invalid, {"proximity_used": True, "connected": True}, True),
    (vehicle.proximity_invalid, {"proximity_used": True, "connected": True, "cable_coded_a": 0.0},
                                                                       True),
    (vehicle.proximity_invalid, {"proximity_used": True, "connected": True, "cable_coded_a": 20.0},
                                                                       False),
    (vehicle.proximity_invalid, {"proximity_used": True},              False),
    (vehicle.proximity_invalid, {"connected": True},                   False),
    (vehicle.cable_cut, {**TORN, **reading(locked=True)},              True),
    (vehicle.cable_cut, {**TORN, **reading(locked=True), "lock_commanded": False},  False),
    (vehicle.cable_cut, {**TORN, **reading(locked=False)},             False),
    (vehicle.cable_cut, {**TORN, **reading(locked=None)},              False),
    (vehicle.cable_cut, {**TORN, **reading(locked=True), "proximity_used": False},  False),
    (vehicle.cable_cut, {**TORN, **reading(locked=True), "cable_coded_a": None},    False),
    (vehicle.cable_cut, {**TORN, **reading(locked=True), "cable_coded_a": 20.0},    False),
    (vehicle.cable_cut, {**TORN, **reading(locked=True), "pilot": C},    False),
    (vehicle.cable_cut, {**TORN, **reading(locked=True), "pilot": None},            False),
    (vehicle.cable_cut, TORN,                                          False),
    (vehicle.connector_not_locked, {"lock_failed": True},              True),
    (vehicle.connector_not_locked, {"lock_failed": True, "closed_s": T}, False),
    (vehicle.connector_not_locked, {},                                 False),
    (vehicle.lock_opened, {**reading(locked=False), "closed_s": T, "lock_commanded": True}, True),
    (vehicle.lock_opened, {**reading(locked=True), "closed_s": T, "lock_commanded": True}, False),
    (vehicle.lock_opened, {**reading(locked=None), "closed_s": T, "lock_commanded": True}, False),
    (vehicle.lock_opened, {**reading(locked=False), "lock_commanded": True}, False),
    (vehicle.lock_opened, {**reading(locked=False), "closed_s": T},    False),
    (vehicle.lock_opened, {"closed_s": T, "lock_commanded": True},     False),
    (vehicle.lock_stuck, {"lock_stuck": True},                         True),
    (vehicle.lock_stuck, {},                                           False),
    (vehicle.over_current, {"offered_a": 16.0, "current_max_a": 18.1},  False),
    (vehicle.over_current, {"offered_a": 16.0, "current_max_a": 18.2},  True),
    (vehicle.over_current, {"offered_a": 6.0, "current_max_a": 7.1},   False),
    (vehicle.over_current, {"offered_a": 6.0, "current_max_a": 7.2},   True),
    (vehicle.over_current, {"offered_a": 6.0, "current_max_a": None},  False),
]
# fmt: on


@pytest.mark.parametrize(("detect", "fields", "expected"), SEEN)
def test_a_detection_holds_up_to_its_limit(
    detect: Any, fields: dict[str, Any], expected: bool
) -> None:
    found = detect(Observation(now_s=T, **fields), SETTINGS)
    assert (found is not None) is expected
    assert found != ""


# fmt: off
OTHER_SETTINGS = [
    (vehicle.ventilation_missing, {"pilot": D}, {"ventilated": True}, False),
    (vehicle.simplified_pilot, {"simplified": True}, {"simplified_pilot_refused": True}, True),
    (vehicle.simplified_pilot, {}, {"simplified_pilot_refused": True}, False),
    (mains.phase_missing, supply(230, 0.0, 0.0), {"phases": 1}, False),
    (mains.under_voltage, supply(100.0), {"nominal_v": 120.0}, False),
    (mains.over_voltage, supply(250.0), {"nominal_v": 200.0, "over_voltage_ratio": 1.25}, False),
    (mains.under_voltage, supply(100.0), {"nominal_v": 200.0, "under_voltage_ratio": 0.5}, False),
    (mains.under_voltage, supply(200.0, 40.0), {"nominal_v": 200.0}, True),
    (mains.phase_missing, supply(200.0, 40.0), {"nominal_v": 200.0}, False),
    (vehicle.over_current, {"offered_a": 39.5, "current_max_a": 44.0}, {}, False),
    (mains.over_voltage, supply(139.0), {"nominal_v": 120.0}, True),
]
# fmt: on


@pytest.mark.parametrize(("detect", "fields", "settings", "expected"), OTHER_SETTINGS)
def test_a_detection_follows_the_settings(
    detect: Any, fields: dict[str, Any], settings: dict[str, Any], expected: bool
) -> None:
    found = detect(Observation(now_s=T, **fields), EvseSettings(evse=1, **settings))
    assert (found is not None) is expected


# fmt: off
WORDS = [
    (contactor.contactor_welded, {**reading(**WELD), "opened_s": T - 0.75},
     "contactor closed 0.75 s after the open command, limit 0.5 s"),
    (contactor.contactor_welded, {**reading(**OPEN, second_closed=True), "opened_s": T - 0.75},
     "second contactor closed 0.75 s after the open command, limit 0.5 s"),
    (contactor.contactor_not_closing, {**reading(**OPEN), "closed_s": T - 0.5},
     "contactor open 0.50 s after the close command, limit 0.25 s"),
    (contactor.contactor_opened_alone, {**reading(**SECOND), "closed_s": T, "confirmed": True},
     "second contactor open while commanded closed"),
    (contactor.phase_switch_stuck, {**reading(phases=1), "phases_s": 0.0},
     "1 phase(s), 3 commanded"),
    (mains.over_voltage, supply(230, 270, 280), "L2 270 V, limit 264 V"),
    (mains.under_voltage, supply(230, 170, 160), "L2 170 V, limit 184 V"),
    (mains.phase_missing, supply(230, 230, 1), "L3 1 V, limit 46 V"),
    (station.reading_stale, {"reading_age_s": 9.0}, "no good reading for more than 0.25 s"),
    (station.reading_stale, {"sample_age_s": 9.0}, "same sample number for more than 0.25 s"),
    (vehicle.proximity_invalid, {"proximity_used": True, "connected": True, "cable_coded_a": 0.0},
     "vehicle connected, no cable"),
    (vehicle.proximity_invalid, {"proximity_used": True, "connected": True},
     "vehicle connected, no valid coding"),
    (vehicle.pilot_shorted, {**reading(pilot=PilotLevels(high_v=0.5, low_v=-11.9)), "pilot": E,
                             "pilot_raw": E}, "high 0.5 V, low -11.9 V"),
    (vehicle.pilot_shorted, {**reading(pilot=E), "pilot": E, "pilot_raw": E}, "state E"),
    (vehicle.over_current, {"offered_a": 16.0, "current_max_a": 20.0},
     "20.0 A, limit 18.2 A for 16.0 A offered"),
]
# fmt: on


@pytest.mark.parametrize(("detect", "fields", "text"), WORDS)
def test_a_detection_says_what_was_found_against_what(
    detect: Any, fields: dict[str, Any], text: str
) -> None:
    assert words(detect(Observation(now_s=T, **fields), SETTINGS)) == text


def test_an_alarm_counts_even_in_a_reading_that_is_suspect_otherwise() -> None:
    good = BoardReading(taken_s=T, pilot=C)
    for alarm in ("emergency_stopped", "rcd_tripped", "pe_lost", "tilted", "door_open"):
        newest = BoardReading(**{"taken_s": T, "pilot": C, alarm: True})
        seen = Observation(now_s=T, reading=good, newest=newest)
        assert getattr(station, alarm)(seen, SETTINGS) is not None
