"""Pilot levels and duty by the numbers of IEC 61851-1 Annex A."""

from __future__ import annotations

import pytest

from hal.values import PilotMode, PilotState
from hil.plant.pilot import (
    CONNECTED_OHM,
    READY_OHM,
    VENTILATION_OHM,
    Diode,
    Short,
    current_from_duty,
    levels,
    mode_of,
    state_of,
)

# fmt: off
LEVELS = [  #  load, level at the EVSE, state
    (None,            12.00, PilotState.A),
    (CONNECTED_OHM,    8.98, PilotState.B),
    (READY_OHM,        6.00, PilotState.C),
    (VENTILATION_OHM,  2.93, PilotState.D),
]
DUTIES = [  #  percent, ampere (clause "interpretation by the vehicle")
    (0.0, 0.0), (2.9, 0.0), (5.0, 0.0), (7.5, 0.0), (8.0, 6.0), (9.9, 6.0), (10.0, 6.0),
    (16.67, 10.0), (26.67, 16.0), (53.33, 32.0), (85.0, 51.0), (89.2, 63.0), (96.0, 80.0),
    (96.5, 80.0), (97.5, 0.0), (100.0, 0.0),
]
# fmt: on


@pytest.mark.parametrize(("load_ohm", "level_v", "state"), LEVELS)
def test_each_vehicle_resistance_gives_the_level_of_its_state(
    load_ohm: float | None, level_v: float, state: PilotState
) -> None:
    steady = levels(1.0, load_ohm)
    assert steady.high_v == pytest.approx(level_v, abs=0.05)
    assert steady.low_v == steady.high_v
    assert state_of(steady) is state


@pytest.mark.parametrize("load_ohm", [CONNECTED_OHM, READY_OHM, VENTILATION_OHM])
def test_a_diode_keeps_the_negative_half_wave_at_minus_12_v(load_ohm: float) -> None:
    assert levels(0.5, load_ohm).low_v == -12.0


@pytest.mark.parametrize("load_ohm", [CONNECTED_OHM, READY_OHM])
def test_without_a_diode_the_half_waves_are_symmetric(load_ohm: float) -> None:
    bare = levels(0.5, load_ohm, Diode.MISSING)
    assert bare.high_v > 2.0
    assert abs(bare.high_v + bare.low_v) < 1.1


def test_a_burnt_diode_looks_like_no_vehicle() -> None:
    assert state_of(levels(1.0, READY_OHM, Diode.OPEN)) is PilotState.A


def test_a_short_to_earth_is_state_e_in_every_mode() -> None:
    for duty_ratio in (0.0, 0.3, 1.0):
        assert state_of(levels(duty_ratio, READY_OHM, short=Short.EARTH)) is PilotState.E


def test_a_broken_generator_gives_a_level_that_no_state_has() -> None:
    assert -10.0 < levels(0.3, CONNECTED_OHM, short=Short.GENERATOR).high_v < -2.0


def test_duty_0_is_minus_12_v_and_duty_1_is_plus_12_v() -> None:
    assert mode_of(0.0) is PilotMode.FAULT
    assert mode_of(1.0) is PilotMode.STEADY
    assert mode_of(0.1) is PilotMode.OFFER
    assert levels(0.0, READY_OHM).high_v == -12.0


@pytest.mark.parametrize(("percent", "current_a"), DUTIES)
def test_the_vehicle_reads_the_current_of_a_duty(percent: float, current_a: float) -> None:
    assert current_from_duty(percent / 100) == pytest.approx(current_a, abs=0.01)
