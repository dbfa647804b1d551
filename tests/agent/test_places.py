"""Which address of the CSMS is tried next."""

from __future__ import annotations

from chargepoint.agent.connection.places import Places
from chargepoint.agent.endpoint import endpoints
from chargepoint.config import Csms


def places(count: int = 3, return_after_s: float = 100.0) -> Places:
    urls = tuple(f"ws://csms{number}" for number in range(1, count + 1))
    return Places(endpoints(Csms(urls=urls), "CP"), return_after_s)


def test_a_single_address_is_waited_for_after_each_failure() -> None:
    one = places(1)
    assert [one.failed(), one.failed()] == [True, True]
    assert (one.number, one.several) == (1, False)


def test_each_address_has_its_turn_before_there_is_a_wait() -> None:
    three = places()
    turns = [(three.number, three.failed()) for _ in range(6)]
    assert turns == [(1, False), (2, False), (3, True), (1, False), (2, False), (3, True)]


def test_the_next_round_begins_with_the_one_that_worked_last() -> None:
    three = places()
    three.failed()
    three.proved()
    turns = [(three.number, three.failed()) for _ in range(4)]
    assert turns == [(2, False), (1, False), (3, True), (2, False)]


def test_an_address_may_be_worth_several_attempts() -> None:
    two = places(2)
    turns = [(two.number, two.failed(attempts=2)) for _ in range(4)]
    assert turns == [(1, True), (1, False), (2, True), (2, True)]


def test_the_first_is_returned_to_and_the_one_that_worked_follows_it() -> None:
    three = places()
    three.failed()
    three.failed()
    three.proved()
    three.prefer()
    turns = [(three.number, three.failed()) for _ in range(4)]
    assert turns == [(1, False), (3, False), (2, True), (3, False)]


def test_a_return_comes_later_each_time_it_is_in_vain_and_not_from_the_first() -> None:
    two = places(2)
    assert two.return_s is None
    two.failed()
    two.proved()
    waits: list[float | None] = []
    for _ in range(6):
        waits.append(two.return_s)
        two.prefer()
        two.failed()
        two.proved()
    assert waits == [100.0, 200.0, 400.0, 800.0, 1600.0, 1600.0]
    two.prefer()
    two.proved()
    two.failed()
    two.proved()
    assert two.return_s == 100.0


def test_without_a_time_to_return_it_stays() -> None:
    two = places(2, return_after_s=0.0)
    two.failed()
    two.proved()
    assert two.return_s is None


def test_addresses_come_in_the_order_of_the_settings_each_once() -> None:
    both = Csms(url="ws://a", urls=("ws://b/", "ws://a"))
    assert [each.url for each in endpoints(both, "CP 1")] == ["ws://a/CP%201", "ws://b/CP%201"]
