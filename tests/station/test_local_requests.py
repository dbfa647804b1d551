"""What people at the station ask for: service, limits, unlocking."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.effects import Verdict
from chargepoint.station.local_requests import (
    EnableAsked,
    LimitAsked,
    LocalRequest,
    TransferAsked,
    Transferred,
    UnlockHereAsked,
)
from chargepoint.station.records import StopReason
from tests.station.world import World


def ask(world: World, make: Callable[[str], LocalRequest]) -> tuple[bool, str] | None:
    """(ok, detail) of the answer; None while there is none."""
    request = f"here-{len(world.effects)}"
    world.tell(make(request))
    return answer(world, request)


def answer(world: World, request: str) -> tuple[bool, str] | None:
    answers = [each for each in world.of(ef.AnswerHere) if each.request == request]
    assert len(answers) <= 1
    return (answers[0].ok, answers[0].detail) if answers else None


def enable(world: World, evse: int, enabled: bool) -> tuple[bool, str] | None:
    return ask(
        world,
        lambda request: EnableAsked(request=request, at_s=world.now_s, evse=evse, enabled=enabled),
    )


def limit(world: World, evse: int, current_a: float | None) -> tuple[bool, str] | None:
    return ask(
        world,
        lambda request: LimitAsked(
            request=request, at_s=world.now_s, evse=evse, current_a=current_a
        ),
    )


# --- In and out of service ------------------------------------------------------------------------


def test_an_evse_goes_out_of_service_here_and_comes_back() -> None:
    world = World(evses=2)
    assert enable(world, 1, False) == (True, "out of service")
    assert (world.state(1), world.state(2)) == (State.UNAVAILABLE, State.AVAILABLE)
    assert not world.grant(1).operative
    assert enable(world, 1, True) == (True, "in service")
    assert world.state(1) is State.AVAILABLE


def test_zero_stands_for_every_evse_and_leaves_the_station_as_the_csms_wants_it() -> None:
    world = World(evses=2)
    assert enable(world, 0, False) == (True, "out of service")
    assert [world.state(evse) for evse in (1, 2)] == [State.UNAVAILABLE] * 2
    assert world.state(0) is not State.UNAVAILABLE


def test_a_transaction_finishes_before_its_evse_goes_out_of_service() -> None:
    world = World()
    world.charging()
    assert enable(world, 1, False) == (
        True,
        "out of service as soon as the transaction has ended",
    )
    assert world.state() is State.CHARGING
    world.card("04A1")
    world.wait(2.0)
    assert world.state() is State.UNAVAILABLE


def test_neither_side_can_put_into_service_what_the_other_has_out_of_it() -> None:
    world = World()
    world.operative(1, False)
    enable(world, 1, False)
    assert world.operative(1, True) is Verdict.ACCEPTED
    assert world.state() is State.UNAVAILABLE
    world.operative(1, False)
    assert enable(world, 1, True) == (True, "enabled here, but the CSMS has it out of service")
    assert world.state() is State.UNAVAILABLE
    world.operative(1, True)
    assert world.state() is State.AVAILABLE


def test_out_of_service_here_outlives_a_restart_and_a_power_cut() -> None:
    world = World()
    enable(world, 1, False)
    world.kill_both(host=True)
    assert not world.grant().operative
    assert world.state() is State.UNAVAILABLE


def test_an_authorized_card_cannot_start_where_the_evse_went_out_of_service() -> None:
    world = World()
    world.card("04A1")
    enable(world, 1, False)
    world.plug_in()
    world.wait(2.0)
    assert world.starts == []


def test_an_evse_that_does_not_exist_is_refused() -> None:
    world = World()
    assert enable(world, 7, False) == (False, "there is no EVSE 7")
    assert limit(world, 7, 10.0) == (False, "there is no EVSE 7")


# --- Limits ---------------------------------------------------------------------------------------


def test_a_local_limit_is_one_of_the_bounds_and_the_smallest_holds() -> None:
    world = World()
    world.charging()
    assert world.grant().current_a == 16.0
    assert limit(world, 1, 10.0) == (True, "at most 10 A per phase")
    assert world.grant().current_a == 10.0
    limit(world, 1, 40.0)
    assert world.grant().current_a == 16.0
    assert limit(world, 1, None) == (True, "no local limit any more")
    assert world.grant().current_a == 16.0


def test_a_local_limit_of_the_station_is_shared() -> None:
    world = World(evses=2)
    world.charging(1)
    world.charging(2, "04B2")
    limit(world, 0, 20.0)
    assert [world.grant(evse).current_a for evse in (1, 2)] == [10.0, 10.0]
    limit(world, 1, 8.0)
    assert [world.grant(evse).current_a for evse in (1, 2)] == [8.0, 12.0]


def test_a_local_limit_of_zero_pauses_and_the_transaction_goes_on() -> None:
    world = World()
    world.charging()
    assert limit(world, 1, 0.0) == (True, "paused by the local limit")
    assert world.grant().permitted
    assert world.grant().current_a == 0.0
    world.wait(5.0)
    assert world.state() is State.SUSPENDED_EVSE
    assert world.ends == []


@pytest.mark.parametrize("current_a", [3.0, -6.0, 5.99, 81.0, float("nan"), float("inf")])
def test_what_is_no_current_that_can_be_offered_is_refused(current_a: float) -> None:
    world = World()
    limit(world, 1, 10.0)
    answered = limit(world, 1, current_a)
    assert answered is not None
    assert not answered[0]
    assert "expected 0 (pause) or 6 to 80 A" in answered[1]
    world.charging()
    assert world.grant().current_a == 10.0


def test_a_local_limit_outlives_a_power_cut() -> None:
    world = World()
    limit(world, 1, 10.0)
    world.kill_both(host=True)
    world.accept()
    world.charging()
    assert world.grant().current_a == 10.0


def test_a_limit_that_changes_all_the_time_goes_to_the_disk_once_a_minute() -> None:
    world = World()
    world.wait(100.0)
    world.forget()
    for step in range(300):
        limit(world, 1, 6.0 + step % 10)
        world.wait(1.0)
    puts = [each for each in world.of(ef.Put) if each.space == "limits_local"]
    assert 5 <= sum(put.durable for put in puts) <= 6
    world.wait(60.0)
    puts = [each for each in world.of(ef.Put) if each.space == "limits_local"]
    assert (puts[-1].value, puts[-1].durable) == ("15.0", True)


@pytest.mark.parametrize("text", ['"x"', "3.0", "-1", "1e9", "{"])
def test_a_kept_limit_that_cannot_be_is_forgotten(text: str) -> None:
    world = World()
    world.store.spaces["limits_local"] = {"1": text, "x": "10.0"}
    world.kill_agent()
    world.accept()
    world.charging()
    assert world.grant().current_a == 16.0


# --- Unlocking ------------------------------------------------------------------------------------


def unlock(world: World, request: str) -> tuple[bool, str] | None:
    world.tell(UnlockHereAsked(request=request, at_s=world.now_s, evse=1))
    return answer(world, request)


def released(world: World, unlocked: bool) -> None:
    asked = world.of(ef.UnlockConnector)[-1]
    world.tell(
        ev.UnlockFinished(
            evse=asked.evse, request=asked.request, unlocked=unlocked, at_s=world.now_s
        )
    )


def test_an_unlock_here_ends_the_transaction_as_stopped_locally() -> None:
    world = World(socket=True)
    world.charging()
    assert unlock(world, "a") is None
    world.wait(3.0)
    assert [end.reason for end in world.ends] == [StopReason.LOCAL]
    released(world, True)
    assert answer(world, "a") == (True, "unlocked")
    assert world.of(ef.Answer) == []


@pytest.mark.parametrize("socket", [True, False])
def test_an_unlock_here_that_fails_says_what_it_may_be(socket: bool) -> None:
    world = World(socket=socket)
    world.plug_in()
    answered = unlock(world, "a")
    if socket:
        released(world, False)
        answered = answer(world, "a")
    assert answered is not None
    assert not answered[0]
    assert ("lock did not follow" if socket else "fixed cable") in answered[1]


def test_a_second_unlock_while_one_is_under_way_is_refused_and_the_first_goes_on() -> None:
    world = World(socket=True)
    world.plug_in()
    assert unlock(world, "a") is None
    refused = unlock(world, "b")
    assert refused is not None
    assert not refused[0]
    released(world, True)
    assert answer(world, "a") == (True, "unlocked")


def test_an_unlock_here_without_an_outcome_is_answered_in_time() -> None:
    world = World(socket=True)
    world.plug_in()
    assert unlock(world, "a") is None
    world.wait(26.0)
    answered = answer(world, "a")
    assert answered is not None
    assert not answered[0]


# --- Words of our own for the CSMS ----------------------------------------------------------------


def transfer(world: World) -> tuple[bool, str] | None:
    return ask(
        world,
        lambda request: TransferAsked(
            request=request, at_s=world.now_s, vendor_id="com.example", message_id="m", data="{}"
        ),
    )


def test_the_csms_is_told_in_our_words_and_its_answer_is_the_answer() -> None:
    world = World()
    assert transfer(world) is None
    (told,) = world.of(ef.TransferData)
    assert (told.vendor_id, told.message_id, told.data) == ("com.example", "m", "{}")
    world.tell(Transferred(request=told.request, at_s=world.now_s, ok=False, detail="Rejected"))
    assert answer(world, told.request) == (False, "Rejected")


def test_without_a_csms_nothing_is_sent_and_nothing_kept_for_later() -> None:
    world = World()
    world.away()
    world.forget()
    assert transfer(world) == (False, "the CSMS is not connected")
    assert world.of(ef.TransferData) == []
    assert not any(isinstance(effect, ef.Append) for effect in world.effects)
