"""Control pilot and proximity contact: from what was measured to what IEC 61851-1 calls it.

Decides the debounced pilot state and the diode check, the duty that offers a current, and the cable
rating. What follows from them is left to `machine` and `hazards`. Levels are those at the EVSE
output; bands and their sources stand in docs/iec61851.md.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Generic, TypeVar

from chargepoint.evse.settings import EvseSettings
from hal.values import BoardReading, PilotLevels, PilotState

CURRENT_MIN_A = 6.0
"""Least current that a duty can offer (Annex A); below it there is only a pause."""
CURRENT_MAX_A = 80.0
"""Greatest current that a duty can offer (96 %)."""

LOW_SLOPE_MAX_A = 51.0
"""Up to here duty is current / 0.6 A."""
HIGH_SLOPE_MIN_A = 52.5
"""From here duty is current / 2.5 A + 64; the gap between the two is offered as 51 A."""

DUTY_STEPS = 10_000
"""Duty is rounded down to 0.01 %, the finest that known boards take."""

NEGATIVE_MAX_V = -10.0
"""The negative half-wave of a generator with a diode behind it lies below this."""
SYMMETRIC_V = 1.2
"""Half-waves that sum up to less are mirror images: no diode."""

ASKING = (PilotState.C, PilotState.D)

Value = TypeVar("Value")


class Diode(Enum):
    """What is known of the diode in what is plugged in now."""

    UNKNOWN = "unknown"
    PASSED = "passed"
    FAILED = "failed"


# fmt: off
BANDS = (
    # from V   to V   state           keep the state before, if it was one of
    ( 11.0,    13.0,  PilotState.A,   ()),
    ( 10.0,    11.0,  PilotState.B,   (PilotState.A,)),
    (  8.0,    10.0,  PilotState.B,   ()),
    (  7.0,     8.0,  PilotState.C,   (PilotState.A, PilotState.B, None)),
    (  5.0,     7.0,  PilotState.C,   ()),
    (  4.0,     5.0,  PilotState.D,   (PilotState.A, PilotState.B, PilotState.C)),
    (  2.0,     4.0,  PilotState.D,   ()),
    ( -2.0,     2.0,  PilotState.E,   ()),
    (-13.0,   -10.0,  PilotState.F,   ()),
)
KEPT = {10.0: PilotState.A, 7.0: PilotState.B, 4.0: PilotState.C}
"""State that a hysteresis band (by its lower edge) holds on to."""

CABLES = (
    # from ohm  to ohm   rating A    nominal ohm; gaps between ranges count as the lower one
    (    80.0,   140.0,  63.0),    # 100 (70 A single-phase is not used)
    (   140.0,   308.0,  32.0),    # 220
    (   308.0,   936.0,  20.0),    # 680
    (   936.0,  2460.0,  13.0),    # 1500
)
NO_CABLE_OHM = 4500.0
# fmt: on


def duty_from_current(current_a: float) -> float:
    """Duty ratio that offers `current_a` to the EV, rounded down: never more than asked.

    From 6 to 80 A; the slope changes at 51 A (IEC 61851-1, Annex A, duty-cycle table).
    Raises ValueError outside: "no offer" is a pilot mode, not a current.
    """
    if not CURRENT_MIN_A <= current_a <= CURRENT_MAX_A:
        raise ValueError(f"{current_a} A cannot be offered; expected 6 to 80 A")
    if current_a >= HIGH_SLOPE_MIN_A:
        steps = current_a * 40 + 6400
    else:
        steps = min(current_a, LOW_SLOPE_MAX_A) * DUTY_STEPS / 60
    return math.floor(steps) / DUTY_STEPS


def current_from_duty(duty_ratio: float) -> float:
    """Current in A that an EV must assume (IEC 61851-1, Annex A).

    0 where it may not charge, or only after digital communication (3 to 7 %).
    """
    duty = round(duty_ratio * 100, 6)
    if duty < 8 or duty > 97:
        return 0.0
    if duty < 10:
        return CURRENT_MIN_A
    if duty <= 85:
        return duty * 0.6
    if duty <= 96:
        return (duty - 64) * 2.5
    return CURRENT_MAX_A


def cable_current_a(proximity_ohm: float) -> float | None:
    """Rating of a Type 2 cable in A; 0: no cable; None: outside the coding, a fault."""
    if proximity_ohm > NO_CABLE_OHM:
        return 0.0
    for low, high, rating in CABLES:
        if low <= proximity_ohm <= high:
            return rating
    return None


def state_from_levels(levels: PilotLevels, before: PilotState | None) -> PilotState:
    """Pilot state of one measurement, with hysteresis against the state `before`.

    F also stands for levels outside every band: beyond 13 V, or from -10 to -2 V.
    """
    if levels.low_v < -13.0:
        return PilotState.F
    for low, high, state, keepers in BANDS:
        if low <= levels.high_v <= high:
            return KEPT[low] if before in keepers else state
    return PilotState.F


def diode_from_levels(levels: PilotLevels) -> Diode:
    """Verdict of one measurement with the oscillator on and a vehicle connected.

    Failed when the negative half-wave does not reach -10 V, or mirrors the positive one within
    1.2 V: a resistor without a diode, be it a finger, a puddle or a broken vehicle.
    """
    if levels.low_v > NEGATIVE_MAX_V or abs(levels.high_v + levels.low_v) <= SYMMETRIC_V:
        return Diode.FAILED
    return Diode.PASSED


class Streak(Generic[Value]):
    """The same value, how many times in a row and over how long."""

    def __init__(self) -> None:
        self._value: Value | None = None
        self._count = 0
        self._first_s = 0.0
        self._last_s = 0.0

    def take(self, value: Value, at_s: float) -> None:
        """Count `value`; a different one starts anew."""
        if value != self._value:
            self.clear()
            self._value = value
            self._first_s = at_s
        self._count += 1
        self._last_s = at_s

    def clear(self) -> None:
        """Forget everything."""
        self._value = None
        self._count = 0

    def lasts(self, samples: int, span_s: float = 0.0) -> bool:
        """Whether there were at least `samples` of it, over at least `span_s`."""
        # A clock in steps of 20 ms must reach 60 ms with its fourth reading, float noise or not.
        return self._count >= samples and self._last_s - self._first_s >= span_s - 1e-6


class PilotDecoder:
    """Debounced pilot state and diode verdict of one EVSE.

    The direction counts: into C or D only after several equal samples, out of them at once. Samples
    that the board has not measured anew confirm nothing, but they may still end C or D.
    """

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._streak: Streak[PilotState] = Streak()
        self._verdicts: Streak[Diode] = Streak()
        self._sample: int | None = None
        self.raw: PilotState | None = None
        """Of the newest sample alone."""
        self.state: PilotState | None = None
        """None until the first valid samples, and again after `forget`."""
        self.diode = Diode.UNKNOWN
        """Of this plug-in; FAILED stays until state A."""

    def take(self, reading: BoardReading, *, offering: bool) -> None:
        """Take one good reading; `offering`: the pilot was told to oscillate by then."""
        repeated = reading.sample is not None and reading.sample == self._sample
        self._sample = reading.sample
        self.raw = state = self._classify(reading)
        if repeated and state in ASKING:
            return
        self._streak.take(state, reading.taken_s)
        if state is not self.state and self._streak.lasts(*self._needed(state)):
            self.state = state
        self._check_diode(reading, state, offering)

    def forget(self) -> None:
        """Start over: too much was missed. A diode once found missing stays missing."""
        self.state = self.raw = None
        self._streak.clear()
        self._verdicts.clear()
        if self.diode is Diode.PASSED:
            self.diode = Diode.UNKNOWN

    def _classify(self, reading: BoardReading) -> PilotState:
        if isinstance(reading.pilot, PilotState):
            return reading.pilot
        return state_from_levels(reading.pilot, self.state)

    def _needed(self, state: PilotState) -> tuple[int, float]:
        if state is PilotState.D and self.state is PilotState.C and not self._settings.ventilated:
            return self._settings.open_samples, 0.0
        if state in ASKING:
            return self._settings.close_samples, self._settings.close_span_s
        if self.state in ASKING:
            return self._settings.open_samples, 0.0
        return self._settings.other_samples, 0.0

    def _check_diode(self, reading: BoardReading, state: PilotState, offering: bool) -> None:
        if self.state is PilotState.A:
            self.diode = Diode.UNKNOWN
        if self.state is PilotState.A or state not in (PilotState.B, *ASKING):
            self._verdicts.clear()
            return
        if isinstance(reading.pilot, PilotState):
            # A board that decodes the pilot checks the diode itself and reports E, F or a fault.
            self._judge(Diode.PASSED, reading.taken_s)
        elif offering and reading.oscillating is not False:
            self._judge(diode_from_levels(reading.pilot), reading.taken_s)

    def _judge(self, verdict: Diode, at_s: float) -> None:
        self._verdicts.take(verdict, at_s)
        enough = self._verdicts.lasts(self._settings.close_samples, self._settings.close_span_s)
        if enough and self.diode is not Diode.FAILED:
            self.diode = verdict


class CableDecoder:
    """Rating of the plugged cable, the lowest that was read in this plug-in.

    Lowest, because a contact that gets worse, or is tampered with, must not raise the current; and
    the newest sample counts where it is lower, because the cable may be another one already.
    """

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._codes: Streak[float | str] = Streak()
        self.coded_a: float | None = None
        """Rating as read now, debounced; 0: no cable; None: not readable."""
        self._newest_a: float | None = None
        self._lowest_a: float | None = None

    @property
    def rating_a(self) -> float | None:
        """Rating that holds; None until one was read in this plug-in, and since a gap in it."""
        if self._lowest_a is None or self._newest_a is None:
            return None
        return min(self._lowest_a, self._newest_a)

    def take(self, reading: BoardReading) -> None:
        """Take one good reading; without proximity in it nothing changes."""
        if reading.cable_current_a is not None:
            coded: float | None = reading.cable_current_a
        elif reading.proximity_ohm is not None:
            coded = cable_current_a(reading.proximity_ohm)
        else:
            return
        self._codes.take("unreadable" if coded is None else coded, reading.taken_s)
        if coded and self._newest_a is not None:
            self._newest_a = coded
        if not self._codes.lasts(self._settings.close_samples):
            return
        self.coded_a = coded
        if coded:
            self._newest_a = coded
            self._lowest_a = coded if self._lowest_a is None else min(self._lowest_a, coded)

    def forget(self) -> None:
        """Too much was missed: until the cable has been read anew, no rating holds."""
        self._newest_a = None
        self._codes.clear()

    def unplugged(self) -> None:
        """The next cable may be another one."""
        self._lowest_a = self.coded_a = None
        self.forget()
