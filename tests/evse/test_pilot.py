"""Pilot bands, debounce with direction, diode check, duty and cable coding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.evse.pilot import (
    CableDecoder,
    Diode,
    PilotDecoder,
    cable_current_a,
    current_from_duty,
    diode_from_levels,
    duty_from_current,
    state_from_levels,
)
from chargepoint.evse.settings import EvseSettings
from hal.values import BoardReading, PilotLevels, PilotState

A, B, C, D, E, F = PilotState
SETTINGS = EvseSettings(evse=1)


def levels(high_v: float, low_v: float = -12.0) -> PilotLevels:
    return PilotLevels(high_v=high_v, low_v=low_v)


# fmt: off
BANDS = [
    (13.1, A, F), (13.0, A, A), (12.0, None, A), (11.0, C, A),
    (10.5, A, A), (10.5, B, B), (10.5, C, B), (10.5, None, B),
    (9.9, A, B), (9.0, None, B), (8.0, C, B),
    (7.5, A, B), (7.5, B, B), (7.5, C, C), (7.5, D, C), (7.5, None, B),
    (6.9, B, C), (6.0, None, C), (5.0, A, C),
    (4.5, A, C), (4.5, B, C), (4.5, C, C), (4.5, D, D), (4.5, None, D),
    (3.9, C, D), (3.0, None, D), (2.1, C, D),
    (1.9, D, E), (0.0, None, E), (-1.0, C, E), (-1.9, C, E),
    (12.95, C, A), (11.05, C, A), (10.95, C, B), (10.05, A, A), (10.05, C, B), (9.95, A, B),
    (8.05, C, B), (7.95, C, C), (7.95, B, B), (7.05, B, B), (6.95, B, C), (5.05, B, C),
    (4.95, D, D), (4.95, C, C), (4.05, C, C), (3.95, C, D), (2.05, C, D), (1.95, D, E),
    (-1.95, D, E), (-2.05, E, F),
    (10.0, A, A), (10.0, B, B), (7.0, B, B), (7.0, C, C), (4.0, C, C), (4.0, D, D), (2.0, E, D),
    (-2.0, F, E), (-2.1, C, F), (-6.0, A, F), (-10.5, None, F), (-12.0, B, F), (-13.1, B, F),
]
# fmt: on


@pytest.mark.parametrize(("high_v", "before", "expected"), BANDS)
def test_a_level_is_classified_by_band_and_hysteresis(
    high_v: float, before: PilotState | None, expected: PilotState
) -> None:
    """Table A.4, with the hysteresis of the chargebyte implementation."""
    assert state_from_levels(levels(high_v), before) is expected


def test_a_negative_half_wave_below_minus_13_v_fits_no_state() -> None:
    assert state_from_levels(levels(6.0, -13.5), B) is F


def test_a_negative_half_wave_of_minus_13_v_is_still_one() -> None:
    assert state_from_levels(levels(6.0, -13.0), B) is C


# fmt: off
HALF_WAVES = [
    (9.0, -12.0, Diode.PASSED), (6.0, -11.4, Diode.PASSED), (6.0, -10.5, Diode.PASSED),
    (6.0, -10.0, Diode.PASSED), (6.0, -9.9, Diode.FAILED), (11.15, -10.0, Diode.FAILED),
    (11.25, -10.0, Diode.PASSED),
    (9.0,  -9.0, Diode.FAILED), (6.0,  -6.0, Diode.FAILED), (3.0, -3.1, Diode.FAILED),
    (9.0,  -9.9, Diode.FAILED), (10.0, -10.9, Diode.FAILED), (6.0, 6.0, Diode.FAILED),
]
# fmt: on


@pytest.mark.parametrize(("high_v", "low_v", "expected"), HALF_WAVES)
def test_the_diode_is_seen_in_the_negative_half_wave(
    high_v: float, low_v: float, expected: Diode
) -> None:
    assert diode_from_levels(levels(high_v, low_v)) is expected


# --- Duty ---------------------------------------------------------------------------------------

# fmt: off
VECTORS = [
    # A     duty %, rounded down    pulse at 1 kHz in us (nearest, as published)
    ( 6.0,  10.00, 100), ( 8.0,  13.33, 133), (10.0,  16.66, 167), (13.0,  21.66, 217),
    (16.0,  26.66, 267), (20.0,  33.33, 333), (25.0,  41.66, 417), (32.0,  53.33, 533),
    (40.0,  66.66, 667), (48.0,  80.00, 800), (51.0,  85.00, 850), (63.0,  89.20, 892),
    (70.0,  92.00, 920), (80.0,  96.00, 960),
]
# fmt: on


@pytest.mark.parametrize(("current_a", "duty_percent", "pulse_us"), VECTORS)
def test_a_current_is_offered_by_its_duty_rounded_down(
    current_a: float, duty_percent: float, pulse_us: int
) -> None:
    """Annex A, duty-cycle table."""
    assert duty_from_current(current_a) == pytest.approx(duty_percent / 100, abs=1e-9)
    assert round(duty_from_current(current_a) * 1000) == pulse_us


@pytest.mark.parametrize("current_a", [51.5, 52.0, 52.49])
def test_a_current_in_the_gap_between_the_slopes_is_offered_as_51_a(current_a: float) -> None:
    assert duty_from_current(current_a) == 0.85


@pytest.mark.parametrize("current_a", [-1.0, 0.0, 5.99, 80.01, float("nan")])
def test_what_cannot_be_offered_is_refused(current_a: float) -> None:
    with pytest.raises(ValueError, match="cannot be offered"):
        duty_from_current(current_a)


# fmt: off
DUTIES = [
    (0, 0), (2.9, 0), (3, 0), (5, 0), (7, 0), (7.5, 0), (7.99, 0), (8, 6), (9.99, 6), (10, 6),
    (10.5, 6.3), (16.67, 10.002), (26.67, 16.002), (53.33, 31.998), (85, 51),
    (85.01, 52.525), (89.2, 63), (96, 80), (96.5, 80), (97, 80), (97.01, 0), (100, 0),
]
# fmt: on


@pytest.mark.parametrize(("duty_percent", "current_a"), DUTIES)
def test_a_duty_means_a_current_to_the_vehicle(duty_percent: float, current_a: float) -> None:
    assert current_from_duty(duty_percent / 100) == pytest.approx(current_a, abs=1e-6)


@given(st.floats(min_value=6, max_value=80))
def test_no_offer_ever_exceeds_the_limit_it_was_made_from(current_a: float) -> None:
    offered_a = current_from_duty(duty_from_current(current_a))
    assert offered_a <= current_a + 1e-9
    assert offered_a >= current_a - (1.53 if 51 < current_a <= 52.525 else 0.03)


# --- Cable --------------------------------------------------------------------------------------

# fmt: off
RESISTANCES = [
    (0, None), (59, None), (79, None), (80, 63), (100, 63), (140, 63),
    (150, 32), (164, 32), (220, 32), (308, 32),
    (330, 20), (350, 20), (400, 20), (680, 20), (936, 20),
    (940, 13), (1000, 13), (1100, 13), (1500, 13), (2460, 13),
    (2600, None), (3000, None), (4500, None), (4501, 0), (65535, 0),
]
# fmt: on


@pytest.mark.parametrize(("resistance_ohm", "rating_a"), RESISTANCES)
def test_a_resistance_codes_a_cable_and_a_gap_counts_as_the_lower_rating(
    resistance_ohm: float, rating_a: float | None
) -> None:
    assert cable_current_a(resistance_ohm) == rating_a


def feed_cable(decoder: CableDecoder, *resistances_ohm: float) -> None:
    for number, resistance_ohm in enumerate(resistances_ohm):
        decoder.take(BoardReading(taken_s=number * 0.02, pilot=B, proximity_ohm=resistance_ohm))


def test_a_cable_rating_takes_three_equal_readings() -> None:
    decoder = CableDecoder(SETTINGS)
    feed_cable(decoder, 220, 220)
    assert decoder.rating_a is None
    feed_cable(decoder, 220)
    assert decoder.rating_a == 32


def test_a_cable_rating_never_rises_within_a_plug_in() -> None:
    decoder = CableDecoder(SETTINGS)
    feed_cable(decoder, 680, 680, 680, 220, 220, 220)
    assert (decoder.rating_a, decoder.coded_a) == (20, 32)
    decoder.unplugged()
    feed_cable(decoder, 220, 220, 220)
    assert decoder.rating_a == 32


def test_a_cable_rating_is_not_put_together_from_different_ones() -> None:
    decoder = CableDecoder(SETTINGS)
    feed_cable(decoder, 220, 680, 220, 680, 3000, 5000, 3000, 5000, 5000)
    assert (decoder.rating_a, decoder.coded_a) == (None, None)


def test_a_coding_that_turns_unreadable_leaves_the_rating() -> None:
    decoder = CableDecoder(SETTINGS)
    feed_cable(decoder, 220, 220, 220, 3000, 3000, 3000)
    assert (decoder.rating_a, decoder.coded_a) == (32, None)


def test_a_lower_coding_counts_at_once_and_a_higher_one_only_for_the_next_plug_in() -> None:
    """The cable may have been changed between two samples, and nobody saw it."""
    decoder = CableDecoder(SETTINGS)
    feed_cable(decoder, 100, 100, 100, 1500)
    assert decoder.rating_a == 13
    feed_cable(decoder, 100)
    assert decoder.rating_a == 63


def test_after_a_gap_no_rating_holds_until_the_cable_was_read_anew() -> None:
    decoder = CableDecoder(SETTINGS)
    feed_cable(decoder, 680, 680, 680)
    decoder.forget()
    feed_cable(decoder, 100, 100)
    assert decoder.rating_a is None
    feed_cable(decoder, 100)
    assert decoder.rating_a == 20, "no higher than before in this plug-in"


def test_a_board_may_read_the_rating_itself() -> None:
    decoder = CableDecoder(SETTINGS)
    for number in range(3):
        reading = BoardReading(
            taken_s=number * 0.02, pilot=B, cable_current_a=20.0, proximity_ohm=220.0
        )
        decoder.take(reading)
    assert decoder.rating_a == 20


# --- Debounce -----------------------------------------------------------------------------------


class Feed:
    """A decoder that gets a sample every 20 ms."""

    def __init__(self, *, tick_s: float = 0.02) -> None:
        self.decoder = PilotDecoder(SETTINGS)
        self.tick_s = tick_s
        self.now_s = 0.0
        self.sample = 0

    def __call__(
        self, *highs_v: float, low_v: float = -12.0, offering: bool = True, frozen: bool = False
    ) -> PilotState | None:
        for high_v in highs_v:
            self.now_s += self.tick_s
            self.sample += 0 if frozen else 1
            reading = BoardReading(
                taken_s=self.now_s,
                pilot=levels(high_v, low_v),
                oscillating=offering,
                sample=self.sample,
            )
            self.decoder.take(reading, offering=offering)
        return self.decoder.state


def test_nothing_is_known_before_the_first_equal_samples() -> None:
    feed = Feed()
    assert feed(12) is None
    assert feed(12) is A


def test_state_c_takes_several_samples_over_60_ms() -> None:
    feed = Feed()
    feed(9, 9)
    assert feed(6, 6, 6) is B
    assert feed(6) is C


def test_fast_samples_do_not_shorten_the_60_ms() -> None:
    feed = Feed(tick_s=0.005)
    feed(9, 9)
    assert feed(*[6] * 12) is B
    assert feed(6) is C


def test_a_sample_that_the_board_did_not_measure_anew_confirms_nothing() -> None:
    feed = Feed()
    feed(9, 9, 6)
    assert feed(*[6] * 20, frozen=True) is B


@pytest.mark.parametrize(("high_v", "expected"), [(12, A), (9, B), (0, E), (-12, F)])
def test_state_c_ends_with_the_first_valid_sample(high_v: float, expected: PilotState) -> None:
    """Sequences 2.2 and 8.1: 100 ms from the pilot change to the open contactor."""
    feed = Feed()
    feed(9, 9, 6, 6, 6, 6)
    assert feed(high_v) is expected


def test_a_single_odd_sample_interrupts_the_way_into_state_c() -> None:
    feed = Feed()
    feed(9, 9)
    assert feed(6, 6, 9, 6, 6, 6) is B


def test_a_gap_makes_the_state_unknown_and_the_diode_unchecked() -> None:
    feed = Feed()
    feed(9, 9, 9, 9, 6, 6, 6, 6)
    assert feed.decoder.diode is Diode.PASSED
    feed.decoder.forget()
    assert (feed.decoder.state, feed.decoder.diode) == (None, Diode.UNKNOWN)


def test_the_diode_is_not_judged_while_the_oscillator_is_off() -> None:
    feed = Feed()
    feed(*[6] * 10, low_v=6.0, offering=False)
    assert feed.decoder.diode is Diode.UNKNOWN


def test_a_missing_diode_stays_missing_until_state_a() -> None:
    feed = Feed()
    feed(9, 9, 9, 9, low_v=-9.0)
    assert feed.decoder.diode is Diode.FAILED
    feed(9, 9, 9, 9, 9)
    feed.decoder.forget()
    feed(9, 9, 9, 9, 9)
    assert feed.decoder.diode is Diode.FAILED
    feed(12, 12)
    assert feed.decoder.diode is Diode.UNKNOWN


def test_a_board_that_decodes_the_pilot_itself_vouches_for_the_diode() -> None:
    decoder = PilotDecoder(SETTINGS)
    for number in range(4):
        decoder.take(BoardReading(taken_s=number * 0.02, pilot=C), offering=True)
    assert (decoder.state, decoder.diode) == (C, Diode.PASSED)


# --- What the debounce depends on -----------------------------------------------------------------


def test_the_hysteresis_is_against_the_state_that_was() -> None:
    feed = Feed()
    feed(12, 12)
    assert feed(10.5, 10.5, 10.5) is A
    feed(9, 9)
    assert feed(10.5, 10.5, 10.5) is B


def test_other_states_take_two_equal_samples() -> None:
    feed = Feed()
    feed(12, 12)
    assert feed(9) is A
    assert feed(9) is B
    assert feed(0) is B
    assert feed(0) is E


@pytest.mark.parametrize(("ventilated", "after_one"), [(False, D), (True, C)])
def test_a_request_for_ventilation_that_there_is_not_ends_state_c_at_once(
    ventilated: bool, after_one: PilotState
) -> None:
    feed = Feed()
    feed.decoder = PilotDecoder(EvseSettings(evse=1, ventilated=ventilated))
    feed(9, 9, 6, 6, 6, 6)
    assert feed(3) is after_one
    assert feed(3, 3, 3) is D
    assert feed(6, 6, 6) is D, "C from D takes as long as from B"
    assert feed(6) is C


def test_the_diode_is_judged_by_samples_of_a_vehicle_only() -> None:
    feed = Feed()
    feed(9, 9, offering=False)
    feed(0, 0, 0, 0, 0, 0)
    assert feed.decoder.diode is Diode.UNKNOWN
    feed = Feed()
    feed(12, 12, 9, 12, 9, 12, 9, 12, 9)
    assert feed.decoder.diode is Diode.UNKNOWN


def test_the_diode_takes_several_verdicts_over_60_ms() -> None:
    feed = Feed()
    feed(9, 9, 9)
    assert feed.decoder.diode is Diode.UNKNOWN
    feed(9)
    assert feed.decoder.diode is Diode.PASSED
    fast = Feed(tick_s=0.005)
    fast(*[9] * 12)
    assert fast.decoder.diode is Diode.UNKNOWN
    fast(9)
    assert fast.decoder.diode is Diode.PASSED


@pytest.mark.parametrize(
    ("offering", "oscillating", "expected"),
    [
        (True, True, Diode.PASSED),
        (True, None, Diode.PASSED),
        (True, False, Diode.UNKNOWN),
        (False, None, Diode.UNKNOWN),
        (False, True, Diode.UNKNOWN),
    ],
)
def test_the_diode_is_judged_only_when_told_to_oscillate_and_not_denied(
    offering: bool, oscillating: bool | None, expected: Diode
) -> None:
    decoder = PilotDecoder(SETTINGS)
    for number in range(6):
        reading = BoardReading(
            taken_s=number * 0.02, pilot=levels(9.0, -12.0), oscillating=oscillating
        )
        decoder.take(reading, offering=offering)
    assert decoder.diode is expected


def test_after_a_gap_everything_is_earned_anew() -> None:
    feed = Feed()
    feed(9, 9, 6, 6, 6)
    feed.decoder.forget()
    assert feed.decoder.raw is None
    assert feed(6, 6, 6) is None
    assert feed.decoder.diode is Diode.UNKNOWN
    assert feed(6) is C
    assert feed.decoder.diode is Diode.PASSED
