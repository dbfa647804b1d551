"""Limit and pilot: which limit binds, how fast it may rise, what the oscillator was before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chargepoint.evse.machine import Shown
from chargepoint.evse.offer import Offer
from chargepoint.evse.settings import EvseSettings
from hal.values import BoardCommand, PilotMode
from tests.evse.bench import TRAITS

NOTHING = {"rating_a": None, "heat_a": None, "cable": False, "simplified": False}


def offer_of(*, board_a: float = 32.0, runs_pilot: bool = False, **settings: Any) -> Offer:
    traits = replace(TRAITS, current_max_a=board_a, runs_pilot=runs_pilot)
    return Offer(EvseSettings(evse=1, **settings), traits)


# fmt: off
LIMITS: list[tuple[dict[str, Any], dict[str, Any], tuple[float, str]]] = [
    ({}, {},                                                (20.0, "lease")),
    ({"current_max_a": 16.0}, {},                           (16.0, "configuration")),
    ({"board_a": 13.0}, {},                                 (13.0, "board")),
    ({}, {"heat_a": 8.0},                                   (8.0, "heat")),
    ({}, {"simplified": True},                              (10.0, "pilot")),
    ({"socket": True}, {"cable": True, "rating_a": 13.0},   (13.0, "cable")),
    ({"socket": True}, {"cable": True},                     (0.0, "cable")),
    ({"socket": True}, {},                                  (13.0, "cable")),
    ({"socket": True, "runs_pilot": True}, {},              (20.0, "lease")),
]
# fmt: on


@pytest.mark.parametrize(("given", "known", "expected"), LIMITS)
def test_the_smallest_limit_binds_and_is_named(
    given: dict[str, Any], known: dict[str, Any], expected: tuple[float, str]
) -> None:
    offer = offer_of(**given)
    offer.renew(20.0, 5.0, 0.0)
    assert offer.limit(**(NOTHING | known), now_s=1.0) == expected


def test_without_a_lease_the_failsafe_current_holds() -> None:
    offer = offer_of(failsafe_current_a=7.0)
    assert offer.limit(**NOTHING, now_s=1.0) == (7.0, "failsafe")
    offer.renew(20.0, 5.0, 1.0)
    assert offer.limit(**NOTHING, now_s=4.9) == (20.0, "lease")
    assert offer.limit(**NOTHING, now_s=5.0) == (7.0, "failsafe")


@pytest.mark.parametrize("current_a", [-1.0, float("nan")])
def test_what_is_no_current_is_none(current_a: float) -> None:
    offer = offer_of()
    offer.renew(current_a, 5.0, 0.0)
    assert offer.limit(**NOTHING, now_s=1.0) == (0.0, "lease")
    offer.renew(0.5, 5.0, 0.0)
    assert offer.limit(**NOTHING, now_s=1.0) == (0.5, "lease")


def test_no_pilot_offers_more_than_80_a() -> None:
    offer = offer_of(current_max_a=100.0, board_a=100.0)
    offer.renew(100.0, 5.0, 0.0)
    assert offer.limit(**NOTHING, now_s=1.0) == (80.0, "pilot")


def show(
    offer: Offer, shown: Shown, now_s: float, limit_a: float = 16.0, **flags: bool
) -> PilotMode:
    given = {"allowed": True, "faulty": False} | flags
    offer.show(shown, limit_a, now_s=now_s, **given)
    return offer.mode


# fmt: off
MODES: list[tuple[Shown, float, dict[str, bool], PilotMode]] = [
    (Shown.OFFER,  16.0, {},                  PilotMode.OFFER),
    (Shown.OFFER,   6.0, {},                  PilotMode.OFFER),
    (Shown.OFFER,   5.9, {},                  PilotMode.STEADY),
    (Shown.OFFER,  16.0, {"allowed": False},  PilotMode.STEADY),
    (Shown.STEADY, 16.0, {},                  PilotMode.STEADY),
    (Shown.KEPT,   16.0, {},                  PilotMode.STEADY),
    (Shown.WAKE,   16.0, {},                  PilotMode.FAULT),
    (Shown.FAULT,  16.0, {},                  PilotMode.STEADY),
    (Shown.FAULT,  16.0, {"faulty": True},    PilotMode.FAULT),
    (Shown.STEADY, 16.0, {"faulty": True},    PilotMode.STEADY),
]
# fmt: on


@pytest.mark.parametrize(("shown", "limit_a", "flags", "mode"), MODES)
def test_the_phase_says_what_is_shown_and_leave_whether_it_may(
    shown: Shown, limit_a: float, flags: dict[str, bool], mode: PilotMode
) -> None:
    offer = offer_of()
    assert show(offer, shown, 1.0, limit_a, **flags) is mode
    assert offer.offered_a == (limit_a if mode is PilotMode.OFFER else 0.0)


def test_what_oscillates_is_kept_while_there_is_leave() -> None:
    offer = offer_of()
    show(offer, Shown.OFFER, 1.0)
    assert show(offer, Shown.KEPT, 2.0) is PilotMode.OFFER
    assert show(offer, Shown.KEPT, 3.0, allowed=False) is PilotMode.STEADY
    assert show(offer, Shown.KEPT, 4.0) is PilotMode.STEADY


def test_a_lower_current_acts_at_once_and_a_higher_one_waits_for_5_s() -> None:
    offer = offer_of()
    show(offer, Shown.OFFER, 10.0, 10.0)
    show(offer, Shown.OFFER, 14.9, 16.0)
    assert offer.offered_a == 10.0
    show(offer, Shown.OFFER, 15.0, 16.0)
    assert (offer.offered_a, offer.reduced_s) == (16.0, 10.0)
    show(offer, Shown.OFFER, 15.1, 8.0)
    assert (offer.offered_a, offer.reduced_s) == (8.0, 15.1)
    show(offer, Shown.OFFER, 19.9, 20.0)
    assert offer.offered_a == 8.0, "5 s from the last raise"
    show(offer, Shown.OFFER, 20.0, 20.0)
    assert (offer.offered_a, offer.reduced_s) == (20.0, 15.1)


def test_the_same_current_again_is_neither_a_raise_nor_a_reduction() -> None:
    offer = offer_of()
    show(offer, Shown.OFFER, 10.0, 10.0)
    show(offer, Shown.OFFER, 14.0, 10.0)
    assert offer.reduced_s == 10.0
    show(offer, Shown.OFFER, 15.0, 16.0)
    assert offer.offered_a == 16.0


def test_a_first_offer_does_not_wait() -> None:
    offer = offer_of()
    show(offer, Shown.OFFER, 10.0, 10.0)
    show(offer, Shown.STEADY, 11.0)
    assert (offer.offered_a, offer.reduced_s) == (0.0, 11.0)
    show(offer, Shown.OFFER, 12.0, 16.0)
    assert (offer.offered_a, offer.reduced_s) == (16.0, 12.0)


def test_readings_show_the_oscillator_a_tenth_of_a_second_later() -> None:
    offer = offer_of()
    assert not offer.oscillates(10.0)
    show(offer, Shown.OFFER, 10.0)
    assert not offer.oscillates(10.09)
    assert offer.oscillates(10.2)
    show(offer, Shown.OFFER, 11.0)
    assert offer.oscillates(11.0), "it was not started again"
    show(offer, Shown.STEADY, 12.0)
    assert not offer.oscillates(20.0)
    offer = offer_of()
    show(offer, Shown.OFFER, 0.0)
    assert not offer.oscillates(0.095)
    assert offer.oscillates(0.1)


def test_state_f_is_ours_until_half_a_second_after_it_ended() -> None:
    offer = offer_of()
    assert not offer.fault_shown(0.1)
    show(offer, Shown.WAKE, 10.0)
    assert offer.fault_shown(12.0)
    show(offer, Shown.STEADY, 14.0)
    assert offer.fault_shown(14.49)
    assert not offer.fault_shown(14.5)


def test_how_long_x1_has_lasted_counts_within_a_plug_in_only() -> None:
    offer = offer_of()
    assert offer.steady_s(5.0) == 3.0, "as long as it takes"
    show(offer, Shown.OFFER, 10.0)
    assert offer.steady_s(11.0) == 0.0
    show(offer, Shown.STEADY, 12.0)
    assert offer.steady_s(12.5) == 0.5
    offer.unplugged()
    assert offer.steady_s(12.6) == 3.0


def test_x1_after_state_f_counts_from_the_end_of_it_if_there_was_an_offer_before() -> None:
    offer = offer_of()
    show(offer, Shown.WAKE, 1.0)
    show(offer, Shown.STEADY, 2.0)
    assert offer.steady_s(2.1) == 3.0
    show(offer, Shown.OFFER, 10.0)
    show(offer, Shown.WAKE, 40.0)
    show(offer, Shown.STEADY, 44.0)
    assert offer.steady_s(45.0) == 1.0


# fmt: off
COMMANDS = [
    (Shown.STEADY, {},               PilotMode.STEADY, 0.0,  1.0),
    (Shown.OFFER,  {},               PilotMode.OFFER,  16.0, 0.2666),
    (Shown.WAKE,   {},               PilotMode.FAULT,  0.0,  0.0),
]
# fmt: on


@pytest.mark.parametrize(("shown", "flags", "mode", "current_a", "duty_ratio"), COMMANDS)
def test_the_command_has_the_duty_of_what_is_shown(
    shown: Shown, flags: dict[str, bool], mode: PilotMode, current_a: float, duty_ratio: float
) -> None:
    offer = offer_of()
    show(offer, shown, 1.0, **flags)
    expected = BoardCommand(
        pilot=mode, current_a=current_a, duty_ratio=duty_ratio, closed=True, locked=False
    )
    assert offer.command(closed=True, locked=False) == expected
    assert offer.command(closed=False, locked=True).locked
    assert not offer.command(closed=False, locked=True).closed
