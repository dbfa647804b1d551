"""Each hazard over time: when it counts, what it does, what lifts it, how often.

Driven through `Hazards` with faults that the board reports, which any row takes; what is *detected*
is tested elsewhere. The times are written out here a second time on purpose.
"""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.evse.hazards import HAZARDS, Change, Hazards, seconds
from chargepoint.evse.observation import Observation
from chargepoint.evse.settings import EvseSettings
from chargepoint.ipc.messages import Said
from hal.values import BoardReading, PilotState

DAY_S = 86_400.0
RETRIES_S = [30.0, 60.0, 300.0]
FIVE = 5

# fmt: off
ROWS = [
    # hazard                  does   counts  lifted by    good s  tries then     shows  kept
    ("emergency_stopped",      "open",  0.0,  "leave",     1.0,  None, None,      True,  False),
    ("rcd_tripped",            "open",  0.0,  "unplugged", 1.0,  3,    "service", True,  False),
    ("rcd_test_failed",        "open",  0.0,  "time",      0.0,  3,    "service", False, False),
    ("breaker_tripped",        "open",  0.0,  "service",   0.0,  None, None,      True,  True),
    ("pe_lost",                "open",  0.0,  "time",      60.0, None, None,      True,  False),
    ("contactor_welded",       "open",  0.0,  "service",   0.0,  None, None,      True,  True),
    ("contactor_driven",       "open",  0.0,  "time",      None, 3,    "service", True,  False),
    ("output_live",            "open",  0.5,  "service",   0.0,  None, None,      True,  True),
    ("contactor_not_closing",  "open",  0.0,  "time",      None, 3,    "unplugged", False, False),
    ("contactor_opened_alone", "open",  0.1,  "time",      None, 3,    "unplugged", False, False),
    ("phase_switch_stuck",     "open",  0.5,  "time",      None, 3,    "service", False, False),
    ("pilot_shorted",          "open",  0.06, "unplugged", 0.0,  None, None,      False, False),
    ("pilot_out_of_range",     "open",  0.06, "unplugged", 0.0,  None, None,      False, False),
    ("diode_missing",          "open",  0.0,  "unplugged", 0.0,  None, None,      True,  False),
    ("simplified_pilot",       "stop",  0.0,  "unplugged", 0.0,  None, None,      False, False),
    ("proximity_invalid",      "open",  0.5,  "unplugged", 0.0,  None, None,      False, False),
    ("cable_cut",              "open",  0.2,  "service",   0.0,  None, None,      False, True),
    ("connector_not_locked",   "open",  0.0,  "unplugged", 0.0,  None, None,      False, False),
    ("lock_opened",            "open",  0.02, "unplugged", 0.0,  None, None,      False, False),
    ("lock_stuck",             "warn",  0.0,  "time",      0.0,  None, None,      False, False),
    ("ventilation_missing",    "open",  0.0,  "time",      None, 3,    "unplugged", False, False),
    ("over_current",           "stop",  7.0,  "unplugged", 0.0,  None, None,      False, False),
    ("over_voltage",           "open",  1.5,  "time",      60.0, None, None,      False, False),
    ("under_voltage",          "stop",  3.0,  "time",      60.0, None, None,      False, False),
    ("frequency_out_of_range", "stop",  3.0,  "time",      60.0, None, None,      False, False),
    ("phase_missing",          "warn",  3.0,  "time",      10.0, None, None,      False, False),
    ("phase_rotation_wrong",   "warn",  3.0,  "time",      10.0, None, None,      False, False),
    ("overheated",             "open",  1.0,  "time",      60.0, None, None,      False, False),
    ("over_temperature",       "stop",  1.0,  "time",      10.0, None, None,      False, False),
    ("temperature_high",       "limit", 1.0,  "time",      10.0, None, None,      False, False),
    ("temperature_raised",     "warn",  1.0,  "time",      10.0, None, None,      False, False),
    ("temperature_sensor_lost", "limit", 0.0, "time",      10.0, None, None,      False, False),
    ("tilted",                 "open",  0.5,  "service",   0.0,  None, None,      True,  True),
    ("door_open",              "open",  0.5,  "leave",     10.0, None, None,      True,  False),
    ("water_detected",         "open",  0.0,  "service",   0.0,  None, None,      True,  True),
    ("reading_stale",          "open",  0.0,  "time",      1.0,  None, None,      False, False),
    ("board_lost",             "open",  0.0,  "time",      1.0,  None, None,      False, False),
    ("board_refused",          "open",  0.0,  "time",      1.0,  None, None,      False, False),
    ("watchdog_tripped",       "open",  0.0,  "time",      5.0,  None, None,      False, False),
    ("board_fault",            "open",  0.0,  "time",      30.0, None, None,      True,  False),
]
# fmt: on
EACH = pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])


class Story:
    """Hazards of one EVSE, told of at instants that the test chooses."""

    def __init__(self) -> None:
        self.hazards = Hazards(EvseSettings(evse=1))
        self.now_s = 0.0

    def wait(
        self,
        duration_s: float,
        *faults: str,
        pilot: PilotState = PilotState.C,
        permitted: bool = True,
    ) -> bool:
        """What the board reports `duration_s` later; whether any hazard is active then."""
        self.now_s += duration_s
        reading = BoardReading(taken_s=self.now_s, pilot=pilot, faults=frozenset(faults))
        seen = Observation(
            now_s=self.now_s, reading=reading, newest=reading, pilot=pilot, permitted=permitted
        )
        self.hazards.update(seen)
        return bool(self.hazards.active)

    def raised(self, hazard: str, hold_s: float) -> Story:
        """Bad for as long as it takes."""
        self.wait(0.0, hazard)
        assert self.wait(hold_s + 0.001, hazard)
        assert self.hazards.active == (hazard,)
        return self

    def lifted_after(self, good_s: float) -> bool:
        """Lifted by time alone after `good_s`, and no sooner."""
        self.wait(0.001)
        early = good_s > 0 and not self.wait(good_s - 0.01)
        return not early and not self.wait(0.011)


def test_no_hazard_is_left_out_here() -> None:
    assert [row[0] for row in ROWS] == list(HAZARDS)


@EACH
def test_a_hazard_counts_when_it_has_lasted_and_does_what_it_should(row: tuple[Any, ...]) -> None:
    hazard, does, hold_s, *_, shows, kept = row
    story = Story()
    assert story.wait(0.0, hazard) is (hold_s == 0)
    if hold_s:
        assert not story.wait(hold_s - 0.001, hazard)
        assert story.wait(0.002, hazard)
    hazards = story.hazards
    assert hazards.opening is (does == "open")
    assert hazards.inhibiting is (does in ("open", "stop"))
    assert hazards.showing is shows
    assert HAZARDS[hazard].reaction.value == does
    assert Story().hazards.latch(hazard, "before")[0] is kept


@EACH
def test_a_hazard_that_comes_and_goes_does_not_add_up(row: tuple[Any, ...]) -> None:
    hazard, hold_s = row[0], row[2]
    story = Story()
    for _ in range(10 if hold_s else 0):
        assert not story.wait(0.001, hazard)
        assert not story.wait(hold_s * 0.9, hazard)
        assert not story.wait(0.001)


@EACH
def test_a_hazard_is_lifted_by_what_it_takes_and_no_sooner(row: tuple[Any, ...]) -> None:
    hazard, _, hold_s, by, good_s, *_ = row
    story = Story().raised(hazard, hold_s)
    if by == "time":
        assert story.lifted_after(RETRIES_S[0] if good_s is None else good_s)
        return
    assert story.wait(0.001)
    assert story.wait(3 * DAY_S), "not by time"
    if by == "unplugged":
        assert story.wait(1.0, permitted=False), "not by the end of the permission"
        assert not story.wait(0.001, pilot=PilotState.A)
    elif by == "leave":
        assert not story.wait(0.001, permitted=False)
        other = Story().raised(hazard, hold_s)
        other.wait(0.001)
        assert other.wait(good_s - 0.01, permitted=False)
        assert other.wait(0.001, pilot=PilotState.A)
        assert not other.wait(0.01, pilot=PilotState.A)
    else:
        assert story.wait(0.001, pilot=PilotState.A, permitted=False)
        assert story.hazards.reset(hazard)[0]
        assert not story.wait(0.001)


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r[3] == "unplugged" and r[4]], ids=lambda row: row[0]
)
def test_unplugging_lifts_only_what_has_been_good_for_long_enough(row: tuple[Any, ...]) -> None:
    hazard, _, hold_s, _, good_s, *_ = row
    story = Story().raised(hazard, hold_s)
    story.wait(0.001, pilot=PilotState.A)
    assert story.wait(good_s - 0.01, pilot=PilotState.A)
    assert not story.wait(0.02, pilot=PilotState.A)


@pytest.mark.parametrize("row", [r for r in ROWS if r[5]], ids=lambda row: row[0])
def test_after_three_times_it_takes_more(row: tuple[Any, ...]) -> None:
    hazard, _, hold_s, by, good_s, tries, then, *_ = row
    assert tries == len(RETRIES_S)
    story = Story()
    for wait_s in RETRIES_S:
        story.raised(hazard, hold_s)
        if by == "time":
            assert story.lifted_after(wait_s if good_s is None else good_s)
        else:
            story.wait(0.001, pilot=PilotState.A)
            assert not story.wait(good_s + 0.001, pilot=PilotState.A)
    story.raised(hazard, hold_s)
    story.wait(0.001)
    assert story.wait(3 * DAY_S), "not by time any more"
    assert story.wait(0.001, permitted=False), "nor by the end of the permission"
    assert story.wait(0.001, pilot=PilotState.A) is (then == "service")
    if then == "service":
        assert story.wait(DAY_S, pilot=PilotState.A, permitted=False)
        assert story.hazards.reset(hazard)[0]


@pytest.mark.parametrize("row", [r for r in ROWS if r[6]], ids=lambda row: row[0])
def test_tries_count_anew_after_a_day_or_with_the_next_vehicle(row: tuple[Any, ...]) -> None:
    hazard, _, hold_s, by, good_s, _, then, *_ = row
    story = Story()
    for turn in range(FIVE):
        story.raised(hazard, hold_s)
        pilot = PilotState.C if by == "time" else PilotState.A
        story.wait(0.001, pilot=pilot)
        first_s = RETRIES_S[0] if good_s is None else good_s
        assert not story.wait(first_s + 0.001, pilot=pilot), f"not lifted in turn {turn}"
        if then == "service":
            story.wait(DAY_S - 1.0, pilot=pilot)
            story.wait(1.1, pilot=pilot)
        else:
            story.wait(0.001, pilot=PilotState.A)


@pytest.mark.parametrize("row", [r for r in ROWS if r[6] == "service"], ids=lambda row: row[0])
def test_less_than_a_day_forgives_nothing(row: tuple[Any, ...]) -> None:
    hazard, _, hold_s, by, good_s, *_ = row
    story = Story()
    pilot = PilotState.C if by == "time" else PilotState.A
    for wait_s in RETRIES_S:
        story.raised(hazard, hold_s)
        story.wait(0.001, pilot=pilot)
        assert not story.wait((good_s or wait_s) + 0.001, pilot=pilot)
        story.wait(DAY_S - 400.0, pilot=pilot)
    story.raised(hazard, hold_s)
    story.wait(0.001, pilot=pilot)
    assert story.wait(2 * DAY_S, pilot=pilot)


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r[3] == "time" and r[5] is None], ids=lambda row: row[0]
)
def test_what_is_lifted_by_time_is_lifted_every_time(row: tuple[Any, ...]) -> None:
    hazard, _, hold_s, _, good_s, *_ = row
    story = Story()
    for _ in range(FIVE):
        story.raised(hazard, hold_s)
        story.wait(0.001)
        if good_s:
            assert story.wait(good_s / 2, pilot=PilotState.A), "unplugging does not shorten it"
        assert not story.wait(good_s + 0.001, pilot=PilotState.A)


# --- By hand, and from before ---------------------------------------------------------------------


def seen(now_s: float, *faults: str) -> Observation:
    reading = BoardReading(taken_s=now_s, pilot=PilotState.C, faults=frozenset(faults))
    return Observation(now_s=now_s, reading=reading, newest=reading, pilot=PilotState.C)


def told(changes: tuple[Change, ...]) -> list[tuple[str, str | None]]:
    return [(change.hazard, change.detail) for change in changes]


def test_faults_without_a_name_here_are_told_by_their_own() -> None:
    hazards = Hazards(EvseSettings(evse=1))
    changes = hazards.update(seen(0.0, "supply", "fan", "tilted"))
    assert told(changes) == [("board_fault", "board reports fan, supply")]
    assert hazards.suspected, "tilted has not lasted yet"
    assert not Hazards(EvseSettings(evse=1)).suspected


def test_each_raising_and_lifting_is_told_once() -> None:
    hazards = Hazards(EvseSettings(evse=1))
    raised = hazards.update(seen(0.0, "lock_stuck"))
    assert told(raised) == [("lock_stuck", "reported by the board")]
    assert hazards.update(seen(1.0, "lock_stuck")) == ()
    assert hazards.update(seen(2.0)) == (Change(hazard="lock_stuck", detail=None),)
    assert hazards.update(seen(3.0)) == ()


def test_what_is_detected_here_is_told_in_its_own_words() -> None:
    hazards = Hazards(EvseSettings(evse=1))
    raised = hazards.update(Observation(now_s=0.0, lock_stuck=True))
    assert told(raised) == [("lock_stuck", "still locked after 5 attempts")]
    assert raised[0].said == Said(id="still_locked", fields={"attempts": 5})


def test_a_hazard_of_before_is_raised_once_and_told_with_the_next_step() -> None:
    hazards = Hazards(EvseSettings(evse=1))
    figures = Said(id="active", fields={"input": "tilt contact"})
    assert hazards.latch("tilted", "fell over", figures) == (True, "tilted raised")
    assert hazards.latch("tilted", "fell over", figures) == (True, "tilted raised")
    assert (hazards.active, hazards.opening, hazards.inhibiting) == (("tilted",), True, True)
    assert hazards.update(seen(0.0)) == (Change(hazard="tilted", detail="fell over", said=figures),)
    assert hazards.update(seen(9.0)) == ()
    assert hazards.active == ("tilted",)


@pytest.mark.parametrize("hazard", ["door_open", "no such hazard"])
def test_what_does_not_persist_is_not_raised_again(hazard: str) -> None:
    hazards = Hazards(EvseSettings(evse=1))
    assert hazards.latch(hazard, "") == (False, f"{hazard} does not outlive restarts")
    assert hazards.active == ()


def test_service_lifts_only_what_is_active_and_gone() -> None:
    hazards = Hazards(EvseSettings(evse=1))
    assert hazards.reset("water_detected") == (False, "water_detected is not active")
    assert hazards.reset("no such hazard") == (False, "no such hazard is not active")
    hazards.update(seen(0.0, "water_detected"))
    assert hazards.reset("water_detected") == (False, "still there: reported by the board")
    assert hazards.active == ("water_detected",)
    hazards.update(seen(1.0))
    assert hazards.reset("water_detected") == (True, "water_detected cleared")
    assert hazards.active == ()
    assert hazards.update(seen(2.0)) == (Change(hazard="water_detected", detail=None),)
    assert hazards.update(seen(3.0)) == ()


def test_service_may_lift_what_was_raised_before_the_first_reading() -> None:
    hazards = Hazards(EvseSettings(evse=1))
    hazards.latch("contactor_welded", "")
    assert hazards.reset("contactor_welded") == (True, "contactor_welded cleared")


def test_a_cell_is_a_number_a_setting_or_one_of_a_growing_row() -> None:
    settings = EvseSettings(evse=1, retry_waits_s=(1.0, 2.0), mains_good_s=7.0)
    assert seconds(0.5, settings) == 0.5
    assert seconds("mains_good_s", settings, 9) == 7.0
    assert [seconds("retry_waits_s", settings, lifted) for lifted in (0, 1, 2, 9)] == [1, 2, 2, 2]
    assert seconds("retry_waits_s", settings) == 1.0
