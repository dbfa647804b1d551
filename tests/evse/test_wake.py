"""Who counts as asleep, and how often it is woken."""

from __future__ import annotations

from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.wake import Sleeper
from chargepoint.ipc.messages import Phase
from hal.values import PilotState

B, C = PilotState.B, PilotState.C


def lying_still(sleeper: Sleeper, from_s: float, to_s: float) -> list[float]:
    """Offered from second to second; instants at which it counts as asleep."""
    found = []
    for now_s in range(round(from_s), round(to_s) + 1):
        sleeper.step(Phase.OFFERING, B, float(now_s))
        if sleeper.asleep(float(now_s)):
            found.append(float(now_s))
    return found


def test_a_vehicle_is_asleep_after_30_s_of_an_offer_it_ignores() -> None:
    assert lying_still(Sleeper(EvseSettings(evse=1)), 100, 131) == [130.0, 131.0]


def test_one_that_moves_is_counted_anew() -> None:
    sleeper = Sleeper(EvseSettings(evse=1))
    assert lying_still(sleeper, 0, 29) == []
    sleeper.step(Phase.OFFERING, C, 30.0)
    assert not sleeper.asleep(30.0)
    assert lying_still(sleeper, 31, 60) == [60.0]


def woken(sleeper: Sleeper, now_s: float) -> None:
    sleeper.step(Phase.WAKING, B, now_s)
    sleeper.step(Phase.WAKING, B, now_s + 1)
    sleeper.step(Phase.CONNECTED, B, now_s + 2)


def test_it_is_woken_once_until_the_next_vehicle_or_energy() -> None:
    sleeper = Sleeper(EvseSettings(evse=1))
    lying_still(sleeper, 0, 30)
    woken(sleeper, 31.0)
    assert not sleeper.asleep(40.0), "no offer, no sleep"
    assert lying_still(sleeper, 40, 100) == []
    sleeper.plugged()
    assert lying_still(sleeper, 101, 101) == [101.0]


def test_attempts_are_counted_once_each() -> None:
    sleeper = Sleeper(EvseSettings(evse=1, wake_attempts=2))
    for start_s in (0, 100):
        assert lying_still(sleeper, start_s, start_s + 30) == [start_s + 30.0]
        woken(sleeper, start_s + 31.0)
    assert lying_still(sleeper, 200, 300) == []


def test_one_that_had_energy_from_this_offer_is_left_in_peace() -> None:
    for phase in (Phase.CLOSING, Phase.ENERGISED):
        sleeper = Sleeper(EvseSettings(evse=1))
        lying_still(sleeper, 0, 5)
        sleeper.step(phase, C, 6.0)
        sleeper.step(Phase.OPENING, B, 7.0)
        assert lying_still(sleeper, 8, 100) == []
        sleeper.step(Phase.CONNECTED, B, 101.0)
        assert lying_still(sleeper, 102, 132) == [132.0], "our pause, a new offer"


def test_energy_makes_up_for_waking() -> None:
    sleeper = Sleeper(EvseSettings(evse=1))
    lying_still(sleeper, 0, 30)
    woken(sleeper, 31.0)
    sleeper.step(Phase.ENERGISED, C, 40.0)
    sleeper.step(Phase.CONNECTED, B, 41.0)
    assert lying_still(sleeper, 50, 80) == [80.0]


def test_waking_can_be_switched_off() -> None:
    assert lying_still(Sleeper(EvseSettings(evse=1, wake_up=False)), 0, 100) == []
