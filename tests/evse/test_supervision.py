"""When a meter reading may be believed, and what it says then."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.evse.machine import Shown
from chargepoint.evse.offer import Offer
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.supervision import MeterWatch
from chargepoint.evse.words import words
from chargepoint.ipc.messages import Said
from hal.values import MeterReading, Quality
from tests.evse.bench import TRAITS


def reading(taken_s: float, **fields: Any) -> MeterReading:
    return MeterReading(taken_s=taken_s, **fields)


def leaky(*currents_a: float, opened_s: float = 0.0, first_s: float = 2.0) -> Said | None:
    """What is said after readings of these currents, one a second, contactor open."""
    watch = MeterWatch(EvseSettings(evse=1))
    for number, current_a in enumerate(currents_a):
        watch.take(reading(first_s + number, current_a=(0.0, current_a)), opened_s)
    return watch.leaking(first_s + len(currents_a) - 1)


# fmt: off
LEAKS = [
    ((0.6, 0.7), "0.7 A with the contactor open, limit 0.5 A"),
    ((0.6,), None), ((0.5, 0.5), None), ((0.6, 0.5, 0.7), None), ((0.6, 0.6), None),
    ((9.0, 0.6, 0.7), "0.7 A with the contactor open, limit 0.5 A"),
]
# fmt: on


def spelled(found: Said | None) -> str | None:
    return None if found is None else words(found)


@pytest.mark.parametrize(("currents_a", "said"), LEAKS)
def test_two_different_readings_in_a_row_show_a_leak(
    currents_a: tuple[float, ...], said: str | None
) -> None:
    assert spelled(leaky(*currents_a)) == said


def test_readings_of_the_first_2_s_after_opening_belong_to_before() -> None:
    assert leaky(9.0, 9.1, first_s=0.5) is None
    assert leaky(9.0, 9.1, first_s=2.0) is not None
    assert leaky(9.0, 9.1, first_s=100.5, opened_s=100.0) is None


def test_a_closing_forgets_and_a_suspect_reading_says_nothing() -> None:
    watch = MeterWatch(EvseSettings(evse=1, meter_behind_contactor=True))
    for number in range(3):
        watch.take(reading(9.0 + number, current_a=(9.0 + number,), voltage_v=(230.0,)), 0.0)
    assert watch.leaking(9.0) is not None
    assert watch.live(9.0) is not None
    watch.take(None, 0.0)
    assert watch.leaking(9.0) is not None
    watch.take(None, None)
    assert (watch.leaking(9.0), watch.live(9.0)) == (None, None)
    for number in range(3):
        suspect = reading(20.0 + number, current_a=(9.0 + number,), quality=Quality.SUSPECT)
        watch.take(suspect, 0.0)
    assert watch.leaking(20.0) is None


def test_one_reading_alone_shows_nothing_not_even_after_a_closing() -> None:
    watch = MeterWatch(EvseSettings(evse=1, meter_behind_contactor=True))
    watch.take(reading(5.0, current_a=(9.0,), voltage_v=(230.0,)), 0.0)
    assert (watch.leaking(5.0), watch.live(5.0)) == (None, None)
    watch.take(None, None)
    watch.take(reading(6.0, current_a=(9.1,), voltage_v=(231.0,)), 0.0)
    assert (watch.leaking(6.0), watch.live(6.0)) == (None, None)
    watch.take(reading(7.0, current_a=(0.0,), voltage_v=(1.0,)), 0.0)
    watch.take(reading(8.0, current_a=(9.2,), voltage_v=(232.0,)), 0.0)
    assert (watch.leaking(8.0), watch.live(8.0)) == (None, None)


def test_a_meter_that_has_fallen_silent_shows_no_leak_any_more() -> None:
    watch = MeterWatch(EvseSettings(evse=1, meter_behind_contactor=True))
    for number in range(2):
        watch.take(reading(9.0 + number, current_a=(9.0 + number,), voltage_v=(230.0,)), 0.0)
    assert None not in (watch.leaking(15.0), watch.live(15.0))
    assert (watch.leaking(15.1), watch.live(15.1)) == (None, None)


def test_50_v_are_not_live_yet() -> None:
    watch = MeterWatch(EvseSettings(evse=1, meter_behind_contactor=True))
    for number in range(3):
        watch.take(reading(5.0 + number, current_a=(0.1 * number,), voltage_v=(50.0,)), 0.0)
    assert watch.live(5.0) is None


@pytest.mark.parametrize(
    ("behind", "voltage_v", "said"),
    [
        (True, 50.5, "52 V with the contactor open, limit 50 V"),
        (True, 48.0, None),
        (False, 230.0, None),
    ],
)
def test_voltage_behind_the_contactor_counts_where_the_meter_sits_behind_it(
    behind: bool, voltage_v: float, said: str | None
) -> None:
    watch = MeterWatch(EvseSettings(evse=1, meter_behind_contactor=behind))
    for number in range(2):
        watch.take(reading(5.0 + number, voltage_v=(0.0, voltage_v + number)), 0.0)
    assert spelled(watch.live(5.0)) == said
    watch.take(reading(9.0, voltage_v=(0.0, 1.0)), 0.0)
    assert watch.live(9.0) is None


def test_the_mains_are_those_of_a_reading_not_older_than_5_s() -> None:
    watch = MeterWatch(EvseSettings(evse=1))
    assert watch.mains(None, 0.0) is None
    watch.take(reading(10.0, voltage_v=(230.0,)), 0.0)
    assert watch.mains(None, 15.0) is not None
    assert watch.mains(None, 15.1) is None


def test_a_meter_behind_the_contactor_shows_the_mains_2_s_after_closing() -> None:
    watch = MeterWatch(EvseSettings(evse=1, meter_behind_contactor=True))
    watch.take(reading(10.0, voltage_v=(230.0,)), None)
    assert watch.mains(None, 10.0) is None
    assert watch.mains(8.1, 10.0) is None
    assert watch.mains(8.0, 10.0) is not None


def offering(current_a: float = 16.0, since_s: float = 0.0) -> Offer:
    offer = Offer(EvseSettings(evse=1), TRAITS)
    offer.show(Shown.OFFER, current_a, allowed=True, faulty=False, now_s=since_s)
    return offer


def test_a_current_is_judged_5_s_after_the_last_reduction_and_while_it_is_recent() -> None:
    watch = MeterWatch(EvseSettings(evse=1))
    assert watch.judged_a(offering(), 10.0) is None
    watch.take(reading(4.9, current_a=(1.0, 3.0, 2.0)), None)
    assert watch.judged_a(offering(), 5.0) is None
    watch.take(reading(5.0, current_a=(1.0, 3.0, 2.0)), None)
    assert watch.judged_a(offering(), 5.0) == 3.0
    assert watch.judged_a(offering(), 10.0) == 3.0
    assert watch.judged_a(offering(), 10.1) is None
    assert watch.judged_a(Offer(EvseSettings(evse=1), TRAITS), 5.0) is None, "nothing is offered"


def test_an_offer_that_has_ended_is_nothing_to_judge_against() -> None:
    offer = offering(since_s=100.0)
    watch = MeterWatch(EvseSettings(evse=1))
    watch.take(reading(104.9, current_a=(3.0,)), None)
    assert watch.judged_a(offer, 105.0) is None
    watch.take(reading(105.0, current_a=(3.0,)), None)
    assert watch.judged_a(offer, 105.0) == 3.0
    offer.show(Shown.STEADY, 16.0, allowed=True, faulty=False, now_s=106.0)
    watch.take(reading(120.0, current_a=(3.0,)), None)
    assert watch.judged_a(offer, 120.0) is None


def test_a_meter_without_currents_gives_nothing_to_judge() -> None:
    watch = MeterWatch(EvseSettings(evse=1))
    watch.take(reading(6.0, voltage_v=(230.0,)), None)
    assert watch.judged_a(offering(), 6.0) is None
