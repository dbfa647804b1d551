"""Messages on their way through the modem, against the simulated one, in virtual time."""

from __future__ import annotations

from datetime import date

import pytest

from chargepoint.agent.notify.courier import PENDING_MAX, WAITING_MAX, Courier
from chargepoint.station.alerts.values import (
    AlertEvent,
    Channel,
    LinkUp,
    Message,
    Replied,
    Settled,
)
from hal.errors import BusDown
from hil.plant.modem import Modem
from tests.hal.modem_line import NUMBER, Stand


def message(
    delivery: int = 1,
    short: str = "EVSE 1: contactor welded",
    to: str = NUMBER,
    valid_s: float = 3600,
) -> Message:
    return Message(
        delivery=delivery,
        channel=Channel.SMS,
        address=to,
        contact="Ann",
        about="raised",
        severity="critical",
        subject="",
        text="",
        short=short,
        data={},
        valid_s=valid_s,
    )


class Post:
    """A courier with its modem; `told` is what the desk heard."""

    def __init__(self, modem: Modem | None = None, reports: bool = True) -> None:
        self.stand = Stand(modem)
        self.told: list[AlertEvent] = []
        self.day = date(2026, 5, 1)
        self.courier = Courier(
            self.stand.driver,
            self.told.append,
            reports=reports,
            now=lambda: self.stand.line.now_s,
            today=lambda: self.day,
        )

    def run(self, seconds: float) -> Post:
        until_s = self.stand.line.now_s + seconds
        while self.stand.line.now_s < until_s:
            self.courier.step(0.25)
        return self

    def states(self, delivery: int = 1) -> list[str]:
        return [
            event.state
            for event in self.told
            if isinstance(event, Settled) and event.delivery == delivery
        ]

    def last(self) -> Settled:
        return next(event for event in reversed(self.told) if isinstance(event, Settled))


def test_a_message_is_sent_and_then_delivered() -> None:
    post = Post()
    post.courier.take(message())
    post.run(30.0)
    assert post.states() == ["sent", "delivered"]
    (sent,) = post.stand.modem.sent
    assert (sent.to, sent.text, sent.report) == (NUMBER, "EVSE 1: contactor welded", True)


def test_the_validity_is_what_is_left_of_it() -> None:
    post = Post().run(20.0)
    post.courier.take(message(valid_s=7200.0))
    post.run(10.0)
    assert post.stand.modem.sent[0].validity_s == 6900.0


def test_an_undeliverable_message_fails_after_it_was_sent() -> None:
    post = Post(Modem(faults={"undeliverable"}))
    post.courier.take(message())
    post.run(30.0)
    assert post.states() == ["sent", "failed"]
    assert (post.last().detail, post.last().retry) == (
        "not delivered: its validity has expired",
        False,
    )


def test_a_long_message_is_delivered_when_all_its_parts_are() -> None:
    post = Post()
    post.courier.take(message(short="Schütz ✓ " * 20))
    post.run(40.0)
    assert post.states() == ["sent", "delivered"]
    assert post.stand.modem.sent[0].parts == 3


def test_without_delivery_reports_none_is_asked_for() -> None:
    post = Post(reports=False)
    post.courier.take(message())
    post.run(30.0)
    assert post.states() == ["sent"]
    assert not post.stand.modem.sent[0].report


def test_what_the_network_refuses_for_now_is_tried_again() -> None:
    post = Post(Modem(faults={"sms_refused"}))
    post.courier.take(message())
    post.run(30.0)
    assert post.states() == ["failed"]
    assert (post.last().retry, post.last().detail) == (True, "the network is out of order")


def test_what_is_no_number_fails_for_good() -> None:
    post = Post()
    post.courier.take(message(to="+49 oops"))
    post.run(20.0)
    assert post.states() == ["failed"]
    assert not post.last().retry


def test_a_message_waits_for_a_modem_that_finds_no_network_only_so_long() -> None:
    post = Post(Modem(faults={"no_network"}))
    post.courier.take(message())
    post.run(20.0)
    assert post.states() == []
    post.run(20.0)
    assert post.states() == ["failed"]
    assert post.last().retry


def test_a_blocked_sim_gives_messages_back_at_once_and_says_why() -> None:
    post = Post(Modem(faults={"sim_blocked"})).run(20.0)
    post.courier.take(message())
    post.run(1.0)
    assert post.last().detail == "modem: the SIM is blocked and wants its PUK"
    assert post.last().retry


def test_the_engine_hears_when_the_way_is_open() -> None:
    post = Post(Modem(faults={"no_network"})).run(20.0)
    assert post.told == []
    post.stand.unit.set_fault("no_network", False, post.stand.line.now_s)
    post.run(20.0)
    (up,) = post.told
    assert isinstance(up, LinkUp)
    assert up.channels == {Channel.SMS}


def test_an_answer_is_passed_on_with_its_number() -> None:
    post = Post().run(20.0)
    post.stand.unit.receive("+4915112345678", "ack 7F", post.stand.line.now_s)
    post.run(5.0)
    (reply,) = (event for event in post.told if isinstance(event, Replied))
    assert (reply.channel, reply.address, reply.text) == (Channel.SMS, "+4915112345678", "ack 7F")


def test_a_lost_line_gives_everything_back() -> None:
    post = Post().run(20.0)
    for delivery in (1, 2, 3):
        post.courier.take(message(delivery))
    post.courier.step(0.25)
    post.stand.line.gone = True
    with pytest.raises(BusDown):
        post.courier.step(0.25)
    assert sorted(e.delivery for e in post.told if isinstance(e, Settled) and e.retry) == [1, 2, 3]
    post.stand.line.gone = False
    post.courier.take(message(4))
    post.run(30.0)
    assert post.states(4) == ["sent", "delivered"]


def test_too_many_messages_are_refused_and_none_is_lost() -> None:
    post = Post().run(20.0)
    taken = [post.courier.take(message(number)) for number in range(1, 200)]
    assert taken.count(True) == WAITING_MAX
    post.run(300.0)
    assert len(post.stand.modem.sent) == WAITING_MAX


def test_reports_that_never_come_are_bounded() -> None:
    post = Post().run(20.0)
    for number in range(1, PENDING_MAX + 40):
        post.stand.unit.modem.store.clear()
        post.courier.take(message(number))
        post.run(3.0)
        post.stand.unit._later.clear()
    assert len(post.courier._pending) <= PENDING_MAX


def test_health_says_how_the_modem_is_and_how_much_it_sent_today() -> None:
    post = Post().run(20.0)
    post.courier.take(message())
    post.run(10.0)
    health = post.courier.health()
    assert (health.ready, health.detail, health.operator) == (True, "ready", "Simulated Mobile")
    assert (health.signal_dbm, health.registered, health.sent_today) == (-73, True, 1)
    post.day = date(2026, 5, 2)
    assert post.courier.health().sent_today == 0


def test_health_says_what_is_wrong() -> None:
    post = Post(Modem(pin="1234")).run(20.0)
    health = post.courier.health()
    assert (health.ready, health.detail) == (
        False,
        "the SIM wants a PIN, and alerts.modem.pin is empty",
    )
