"""What is believed of a board's readings, for how long, and when a vehicle comes and goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chargepoint.evse.observation import BoardLevel
from chargepoint.evse.senses import Senses
from chargepoint.evse.settings import EvseSettings
from hal.values import BoardReading, PilotLevels, PilotState, Quality
from tests.evse.bench import TRAITS

A, B, C = PilotState.A, PilotState.B, PilotState.C
HEARD = BoardLevel.HEARD
HIGH_V = {A: 12.0, B: 9.0, C: 6.0}


class Feed:
    """Senses fed every 20 ms."""

    def __init__(self, *, runs_pilot: bool = False, **settings: Any) -> None:
        traits = replace(TRAITS, runs_pilot=runs_pilot)
        self.senses = Senses(EvseSettings(evse=1, **settings), traits)
        self.now_s = 100.0
        self.sample = 0

    def __call__(self, shown: PilotState, ticks: int = 1, **fields: Any) -> Senses:
        for _ in range(ticks):
            self.now_s = round(self.now_s + 0.02, 6)
            self.sample += 1
            given = {
                "taken_s": self.now_s,
                "pilot": PilotLevels(high_v=HIGH_V[shown], low_v=-12.0),
                "sample": self.sample,
            }
            self.senses.take(
                BoardReading(**(given | fields)), HEARD, offering=True, now_s=self.now_s
            )
        return self.senses

    def silence(self, duration_s: float, level: BoardLevel = HEARD) -> Senses:
        self.now_s = round(self.now_s + duration_s, 6)
        self.senses.take(None, level, offering=True, now_s=self.now_s)
        return self.senses


def test_nothing_is_known_before_the_first_reading() -> None:
    feed = Feed()
    senses = feed.silence(0.1)
    assert not senses.fresh
    assert (senses.pilot, senses.feedback, senses.temperature_c) == (None, None, None)
    assert (senses.connected, senses.plug_in, senses.simplified) == (False, 0, False)
    assert senses.sample_age_s == 0.0


def test_a_reading_is_believed_for_a_quarter_of_a_second() -> None:
    feed = Feed()
    feed(B, 5, contactor_closed=True, temperature_c=30.0)
    senses = feed.silence(0.25)
    assert (senses.fresh, senses.pilot, senses.feedback) == (True, B, True)
    assert senses.temperature_c == 30.0
    senses = feed.silence(0.01)
    assert (senses.fresh, senses.pilot, senses.feedback) == (False, None, None)
    assert senses.temperature_c is None
    assert senses.age_s == pytest.approx(0.26)


def test_a_sample_number_that_stands_still_is_as_old_as_it_looks() -> None:
    feed = Feed()
    feed(B, 5)
    senses = feed(B, 12, sample=5)
    assert senses.sample_age_s == pytest.approx(0.24)
    assert senses.fresh
    assert not feed(B, 1, sample=5).fresh
    assert feed(B, 1, sample=6).fresh


def test_a_board_without_sample_numbers_measures_anew_each_time() -> None:
    feed = Feed()
    assert feed(B, 50, sample=None).fresh


@pytest.mark.parametrize("level", [BoardLevel.LOST, BoardLevel.REFUSED, BoardLevel.UNHEARD])
def test_a_board_that_is_not_heard_is_not_believed_and_owes_nothing(level: BoardLevel) -> None:
    feed = Feed()
    feed(B, 5)
    senses = feed.silence(0.02, level)
    assert (senses.fresh, senses.pilot, senses.age_s) == (False, None, 0.0)
    feed.silence(10.0, level)
    assert feed.silence(0.1).age_s == 0.0, "counted from when it is heard again"
    assert feed.silence(0.2).age_s == pytest.approx(0.2)


def test_a_suspect_reading_is_only_the_newest() -> None:
    feed = Feed()
    feed(B, 5)
    senses = feed(A, 5, quality=Quality.SUSPECT)
    assert senses.pilot is B
    assert senses.newest is not None
    assert senses.reading is not None
    assert senses.newest.quality is Quality.SUSPECT
    assert senses.reading.taken_s == 100.1


def test_since_when_the_board_is_reached_is_known() -> None:
    feed = Feed()
    feed.silence(1.0)
    assert feed.senses.reached_s == 101.0
    feed(B, 10)
    assert feed.senses.reached_s == 101.0
    feed.silence(0.5)
    assert feed.senses.reached_s == feed.now_s


def test_a_vehicle_comes_and_goes_once_each() -> None:
    feed = Feed()
    feed(A, 5)
    plugged = [feed(B).plugged for _ in range(5)]
    assert plugged == [False, True, False, False, False]
    assert (feed.senses.connected, feed.senses.plug_in) == (True, 1)
    left = [feed(A).left for _ in range(5)]
    assert left == [False, True, False, False, False]
    assert not feed.senses.connected
    feed(C, 6)
    assert (feed.senses.connected, feed.senses.plug_in) == (True, 2)


def test_a_gap_in_the_readings_is_no_unplugging() -> None:
    feed = Feed()
    feed(B, 5)
    feed.silence(5.0)
    assert feed.senses.connected
    feed(B, 5)
    assert feed.senses.plug_in == 1


def test_since_when_a_vehicle_asks_is_known() -> None:
    feed = Feed()
    feed(B, 5)
    assert feed.senses.asking_s is None
    feed(C, 10)
    assert feed.senses.asking_s == pytest.approx(100.18)
    feed(B, 3)
    assert feed.senses.asking_s is None


def test_one_that_asks_from_the_start_has_a_simplified_pilot() -> None:
    feed = Feed()
    feed(A, 5)
    feed(C, 6)
    assert feed.senses.simplified
    feed(B, 1)
    feed(C, 6)
    assert not feed.senses.simplified, "it was seen waiting"
    feed(A, 5)
    assert not feed.senses.simplified
    feed(C, 6)
    assert feed.senses.simplified, "the next one is another"


def test_a_board_that_runs_the_pilot_may_skip_state_b() -> None:
    feed = Feed(runs_pilot=True)
    for _ in range(6):
        feed(C, pilot=C)
    assert feed.senses.connected
    assert not feed.senses.simplified


@pytest.mark.parametrize(
    ("runs_pilot", "closed", "commanded", "feedback"),
    [
        (False, None, True, None),
        (True, None, True, True),
        (True, None, False, False),
        (True, False, True, False),
        (False, True, False, True),
    ],
)
def test_a_board_that_runs_the_pilot_may_say_only_what_it_commands(
    runs_pilot: bool, closed: bool | None, commanded: bool, feedback: bool | None
) -> None:
    feed = Feed(runs_pilot=runs_pilot)
    senses = feed(B, contactor_closed=closed, contactor_commanded=commanded)
    assert senses.feedback is feedback


def test_the_cable_is_read_at_a_socket_outlet_and_anew_for_each_vehicle() -> None:
    feed = Feed()
    feed(B, 6, proximity_ohm=220.0)
    assert (feed.senses.proximity_used, feed.senses.cable.rating_a) == (False, None)
    feed = Feed(socket=True)
    feed(B, 6, proximity_ohm=220.0)
    assert (feed.senses.proximity_used, feed.senses.cable.rating_a) == (True, 32)
    feed(A, 2, proximity_ohm=220.0)
    assert feed.senses.cable.rating_a is None
