"""The conditions of the table, each at its edges, and what leave and safety consist of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chargepoint.evse import situation as conditions
from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.situation import Shutdown, Situation, asks, may_offer, may_stay_closed
from hal.values import PilotState

A, B, C, D, E, F = PilotState
SETTINGS = EvseSettings(evse=1, closing_pause_s=10.0)
GOOD = Situation(pilot=C, diode=Diode.PASSED, permitted=True, feedback=False)


def test_with_nothing_against_it_there_is_leave_and_safety() -> None:
    assert may_offer(GOOD)
    assert may_stay_closed(GOOD)


# fmt: off
AGAINST_AN_OFFER = [
    {"permitted": False}, {"operative": False}, {"limited": True}, {"stop_hazard": True},
    {"open_hazard": True}, {"rewiring": True}, {"untested": True},
    {"shutdown": Shutdown.ORDERLY}, {"shutdown": Shutdown.IMMEDIATE},
]
AGAINST_STAYING = [
    {"pilot": None}, {"pilot": A}, {"pilot": B}, {"pilot": D}, {"pilot": E}, {"pilot": F},
    {"diode": Diode.UNKNOWN}, {"diode": Diode.FAILED}, {"open_hazard": True},
    {"shutdown": Shutdown.IMMEDIATE},
]
# fmt: on


@pytest.mark.parametrize("change", AGAINST_AN_OFFER, ids=str)
def test_each_of_these_alone_ends_the_offer(change: dict[str, Any]) -> None:
    assert not may_offer(replace(GOOD, **change))


@pytest.mark.parametrize("change", AGAINST_STAYING, ids=str)
def test_each_of_these_alone_opens(change: dict[str, Any]) -> None:
    assert not may_stay_closed(replace(GOOD, **change))


@pytest.mark.parametrize("change", [c for c in AGAINST_AN_OFFER if c not in AGAINST_STAYING])
def test_what_only_ends_the_offer_leaves_time_to_ramp_down(change: dict[str, Any]) -> None:
    assert may_stay_closed(replace(GOOD, **change))


@pytest.mark.parametrize("pilot", [None, *PilotState])
def test_ventilation_makes_a_request_of_state_d_and_of_nothing_else(pilot: PilotState) -> None:
    assert asks(Situation(pilot=pilot, ventilated=True)) is (pilot in (C, D))
    assert asks(Situation(pilot=pilot)) is (pilot is C)


# fmt: off
EDGES: list[tuple[str, dict[str, Any], bool]] = [
    ("prepared",       {},                                            True),
    ("prepared",       {"ready": False},                              False),
    ("prepared",       {"feedback": True},                            False),
    ("prepared",       {"feedback": None},                            True),
    ("hazard",         {},                                            False),
    ("hazard",         {"open_hazard": True},                         True),
    ("hazard",         {"stop_hazard": True},                         True),
    ("plugged",        {"pilot": A},                                  False),
    ("plugged",        {"pilot": B},                                  True),
    ("plugged",        {"pilot": C},                                  True),
    ("plugged",        {"pilot": D},                                  True),
    ("plugged",        {"pilot": E},                                  False),
    ("plugged",        {"pilot": None},                               False),
    ("allowed",        {"steady_s": 3.0},                             True),
    ("allowed",        {"steady_s": 2.99},                            False),
    ("allowed",        {"steady_s": 3.0, "pilot": A},                 False),
    ("allowed",        {"steady_s": 3.0, "pilot": B, "open_s": 0.0},  True),
    ("allowed",        {"steady_s": 2.9, "pilot": B},                 False),
    ("allowed",        {"open_s": 4.99},                              False),
    ("allowed",        {"open_s": 5.0},                               True),
    ("allowed",        {"closing_s": 9.99},                           False),
    ("allowed",        {"closing_s": 10.0},                           True),
    ("allowed",        {"permitted": False},                          False),
    ("allowed",        {"steady_s": 2.9, "open_s": 4.9},              False),
    ("ev_ready",       {},                                            True),
    ("ev_ready",       {"unlocked": True},                            False),
    ("ev_ready",       {"feedback": True},                            False),
    ("ev_ready",       {"feedback": None},                            True),
    ("ev_ready",       {"suspect": True},                             False),
    ("ev_ready",       {"pilot": B},                                  False),
    ("ev_ready",       {"permitted": False},                          False),
    ("ev_ready",       {"diode": Diode.UNKNOWN},                      False),
    ("ev_ready",       {"open_s": 4.99},                              False),
    ("ev_ready",       {"open_s": 5.0, "closing_s": 10.0},            True),
    ("ev_ready",       {"closing_s": 9.99},                           False),
    ("kept_waiting",   {"asking_s": 3.0, "elapsed_s": 3.0},           True),
    ("kept_waiting",   {"asking_s": 2.99, "elapsed_s": 9.0},          False),
    ("kept_waiting",   {"asking_s": 9.0, "elapsed_s": 2.99},          False),
    ("kept_waiting",   {"asking_s": 9.0, "elapsed_s": 9.0, "pilot": B}, False),
    ("closed",         {"feedback": True},                            True),
    ("closed",         {"feedback": False, "elapsed_s": 9.0},         False),
    ("closed",         {"feedback": None, "elapsed_s": 0.24},         False),
    ("closed",         {"feedback": None, "elapsed_s": 0.25},         True),
    ("woken",          {"elapsed_s": 3.99},                           False),
    ("woken",          {"elapsed_s": 4.0},                            True),
    ("ramped_down",    {"elapsed_s": 5.99},                           False),
    ("ramped_down",    {"elapsed_s": 6.0},                            True),
    ("opened",         {"feedback": False},                           True),
    ("opened",         {"feedback": True, "elapsed_s": 9.0},          False),
    ("opened",         {"feedback": None, "elapsed_s": 0.24},         False),
    ("opened",         {"feedback": None, "elapsed_s": 0.25},         True),
    ("hazard_opened",  {"stop_hazard": True},                         True),
    ("hazard_opened",  {"stop_hazard": True, "feedback": True, "elapsed_s": 0.49}, False),
    ("hazard_opened",  {"stop_hazard": True, "feedback": True, "elapsed_s": 0.5}, True),
    ("hazard_opened",  {"stop_hazard": True, "feedback": None, "elapsed_s": 0.1}, False),
    ("hazard_opened",  {"elapsed_s": 9.0},                            False),
    ("opened_unplugged", {"pilot": A},                                True),
    ("opened_unplugged", {"pilot": A, "feedback": True},              False),
    ("opened_unplugged", {"pilot": B},                                False),
    ("opened_inoperative", {"operative": False},                      True),
    ("opened_inoperative", {"operative": False, "feedback": True},    False),
    ("opened_inoperative", {},                                        False),
    ("opened_offering", {"pilot": B, "steady_s": 0.0},                True),
    ("opened_offering", {"pilot": B, "steady_s": 0.02},               False),
    ("opened_offering", {"pilot": A, "steady_s": 0.0},                False),
    ("opened_offering", {"steady_s": 0.0, "feedback": True},          False),
    ("opened_offering", {"steady_s": 0.0, "permitted": False},        False),
    ("opened_plugged", {"pilot": B},                                  True),
    ("opened_plugged", {"pilot": B, "feedback": True},                False),
    ("opened_plugged", {"pilot": A},                                  False),
    ("lifted_unplugged", {"pilot": A, "stop_hazard": True},           False),
    ("lifted_unplugged", {"pilot": B},                                False),
    ("lifted_plugged", {"pilot": B},                                  True),
    ("lifted_plugged", {"pilot": B, "open_hazard": True},             False),
    ("lifted_plugged", {"pilot": A},                                  False),
    ("operative_unplugged", {"pilot": A, "operative": False},         False),
    ("operative_unplugged", {"pilot": B},                             False),
    ("operative_plugged", {"pilot": B},                               True),
    ("operative_plugged", {"pilot": B, "operative": False},           False),
    ("operative_plugged", {"pilot": A},                               False),
]
# fmt: on


@pytest.mark.parametrize(("name", "change", "expected"), EDGES)
def test_a_condition_holds_up_to_its_edge(
    name: str, change: dict[str, Any], expected: bool
) -> None:
    condition = getattr(conditions, name)
    assert bool(condition(replace(GOOD, **change), SETTINGS)) is expected
