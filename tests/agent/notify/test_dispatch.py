"""Dispatch: never blocks, keeps order, tells each outcome, finds out when a way works again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from chargepoint.agent.notify import dispatch as dispatch_module
from chargepoint.agent.notify.dispatch import WAITING_MAX, Dispatch
from chargepoint.agent.notify.way import Place, Undelivered, one_line
from chargepoint.station.alerts.values import Channel, LinkUp, Message, Settled
from tests.agent.notify.receivers import dead_port
from tests.agent.notify.samples import Told, message


class Scripted:
    """A way that does what `act` does."""

    channel = Channel.EMAIL

    def __init__(self, act: Callable[[Message], str], limit_s: float = 5.0) -> None:
        self.limit_s = limit_s
        self.hold = asyncio.Event()
        self.hold.set()
        self.seen: list[int] = []
        self._act = act

    async def send(self, message: Message) -> str:
        await self.hold.wait()
        self.seen.append(message.delivery)
        return self._act(message)


@contextlib.asynccontextmanager
async def running(way: Scripted, told: Told, **options: float) -> AsyncIterator[Dispatch]:
    desk = Dispatch([way], told, now=lambda: 100.0, **options)
    desk.start()
    try:
        yield desk
    finally:
        await desk.stop()


def mail(**changed: object) -> Message:
    return message(Channel.EMAIL, "olga@example.com", **changed)


async def test_a_message_that_is_taken_is_told_as_sent_with_its_reference() -> None:
    told = Told()
    async with running(Scripted(lambda _: "<id@host>"), told) as desk:
        desk.send(mail())
        (settled,) = await told.outcomes(1)
    assert settled == Settled(at_s=100.0, delivery=41, state="sent", reference="<id@host>")


async def test_messages_to_one_address_keep_their_order() -> None:
    told = Told()
    way = Scripted(lambda _: "")
    async with running(way, told) as desk:
        for number in range(20):
            desk.send(mail(delivery=number))
        await told.outcomes(20)
    assert way.seen == list(range(20))


async def test_more_than_may_wait_is_told_as_failed_for_now() -> None:
    told = Told()
    way = Scripted(lambda _: "")
    way.hold.clear()
    async with running(way, told) as desk:
        for number in range(WAITING_MAX + 1):
            desk.send(mail(delivery=number))
        (settled,) = told.settled
    assert (settled.delivery, settled.state, settled.retry) == (WAITING_MAX, "failed", True)


async def test_a_channel_that_is_not_configured_is_told_as_failed_for_good() -> None:
    told = Told()
    async with running(Scripted(lambda _: ""), told) as desk:
        desk.send(message(Channel.WEBHOOK, "http://127.0.0.1/"))
    assert [(one.state, one.retry) for one in told.settled] == [("failed", False)]
    assert told.settled[0].detail == "webhook is not configured"


async def test_a_way_that_hangs_is_given_up_and_the_next_message_goes_out() -> None:
    told = Told()
    way = Scripted(lambda _: "", limit_s=0.05)
    way.hold.clear()
    async with running(way, told) as desk:
        desk.send(mail(delivery=1))
        await told.outcomes(1)
        way.hold.set()
        desk.send(mail(delivery=2))
        first, second = await told.outcomes(2)
    assert (first.state, first.retry) == ("failed", True)
    assert second.state == "sent"


async def test_a_mistake_in_a_channel_ends_neither_lane_nor_station() -> None:
    told = Told()

    def fall_over(message: Message) -> str:
        if message.delivery == 1:
            raise KeyError("surprise")
        return ""

    async with running(Scripted(fall_over), told) as desk:
        desk.send(mail(delivery=1))
        desk.send(mail(delivery=2))
        first, second = await told.outcomes(2)
    assert (first.state, first.retry) == ("failed", False)
    assert second.state == "sent"


async def test_a_place_that_can_be_reached_again_is_told_once() -> None:
    told = Told()
    place = Place(("127.0.0.1", dead_port()))

    def refused(_: Message) -> str:
        raise Undelivered("not reached", retry=True, place=place)

    async with running(Scripted(refused), told, probe_every_s=0.05) as desk:
        desk.send(mail())
        await told.outcomes(1)
        assert told.links == []
        with socket.create_server(place):
            await told.until(lambda: bool(told.links))
            await asyncio.sleep(0.12)  # two further looks would have told again
    assert told.links == [LinkUp(at_s=100.0, channels=frozenset({Channel.EMAIL}))]


async def test_trying_a_channel_gives_the_outcome_and_tells_nothing() -> None:
    told = Told()
    async with running(Scripted(lambda _: "<id@host>"), told) as desk:
        settled = await desk.try_channel(mail(delivery=9, about="test"))
    assert (settled.delivery, settled.state, settled.reference) == (9, "sent", "<id@host>")
    assert told.events == []


async def test_trying_a_channel_that_hangs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_module, "TRY_S", 0.05)
    way = Scripted(lambda _: "")
    way.hold.clear()
    async with running(way, Told()) as desk:
        settled = await desk.try_channel(mail())
    assert (settled.state, settled.detail) == ("failed", "no outcome within 0.05 s")


async def test_an_outlet_serves_its_channel_and_can_be_tried_too() -> None:
    told = Told()
    desk = Dispatch([], told, now=lambda: 100.0)

    class Outlet:
        def send(self, message: Message) -> None:
            desk.settled(Settled(at_s=1.0, delivery=message.delivery, state="sent"))

    desk.join(Channel.SMS, Outlet())
    desk.send(message(Channel.SMS, "+4915112345678"))
    assert [one.delivery for one in told.settled] == [41]
    assert (await desk.try_channel(message(Channel.SMS, "+4915112345678"))).delivery == 41
    assert len(told.settled) == 1


async def test_a_failing_channel_is_shown_until_it_works() -> None:
    told = Told()
    answers = [True, False]

    def act(_: Message) -> str:
        if answers.pop(0):
            raise Undelivered("server says 450 later", retry=True)
        return ""

    async with running(Scripted(act), told) as desk:
        desk.send(mail())
        await told.outcomes(1)
        assert desk.failing == {Channel.EMAIL: "server says 450 later"}
        desk.send(mail())
        await told.outcomes(2)
        assert desk.failing == {}


def test_what_a_stranger_says_becomes_one_short_line() -> None:
    assert one_line("450\r\n busy\x1b[31m") == "450 busy [31m"
    assert len(one_line("x" * 1000)) == 200
