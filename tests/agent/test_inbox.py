"""The queue in front of the station."""

from __future__ import annotations

import asyncio

import pytest

from chargepoint.agent.core import FrameReceived
from chargepoint.agent.inbox import CROWDED, LENGTH_MAX, Inbox
from chargepoint.station.events import MeterRead, TokenPresented, UnlockFinished
from chargepoint.station.records import IdToken
from hal.values import MeterReading


def meter(evse: int, taken_s: float) -> MeterRead:
    return MeterRead(evse=evse, reading=MeterReading(taken_s=taken_s))


def token(at_s: float) -> TokenPresented:
    return TokenPresented(reader="r", id_token=IdToken(value="AB"), evses=(1,), at_s=at_s)


def unlock(number: int) -> UnlockFinished:
    return UnlockFinished(evse=1, request=str(number), unlocked=True, at_s=0.0)


def test_order_of_arrival_is_kept() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.put(unlock(number))
    assert [inbox.take() for _ in range(4)] == [unlock(0), unlock(1), unlock(2), None]


def test_levels_are_replaced_by_newer_ones_when_it_is_crowded() -> None:
    inbox = Inbox()
    inbox.put(meter(1, 1.0))
    for number in range(CROWDED - 1):
        inbox.put(unlock(number))
    inbox.put(meter(1, 2.0))
    inbox.put(meter(2, 2.0))
    assert inbox.take() == meter(1, 2.0)
    assert len(inbox) == CROWDED
    assert inbox.dropped == 0


def test_cards_are_not_taken_while_it_is_crowded() -> None:
    inbox = Inbox()
    for number in range(CROWDED):
        inbox.put(unlock(number))
    inbox.put(token(1.0))
    assert (len(inbox), inbox.dropped) == (CROWDED, 1)


def test_the_length_is_bounded_whatever_comes() -> None:
    inbox = Inbox()
    for number in range(LENGTH_MAX + 10):
        inbox.put(unlock(number))
    assert (len(inbox), inbox.dropped) == (LENGTH_MAX, 10)


async def test_frames_wait_outside_until_there_is_room() -> None:
    inbox = Inbox()
    for number in range(CROWDED + 1):
        inbox.put(unlock(number))
    frame = FrameReceived(connection=1, text="[]")
    waiting = asyncio.ensure_future(inbox.put_frame(frame))
    await asyncio.sleep(0)
    assert not waiting.done()
    while inbox.take() is not None:
        pass
    await waiting
    assert inbox.take() == frame


async def test_waiting_ends_with_an_arrival_or_at_the_deadline() -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await inbox.wait(began_s + 0.01)
    assert loop.time() - began_s >= 0.009
    waiting = asyncio.ensure_future(inbox.wait(began_s + 60.0))
    await asyncio.sleep(0)
    inbox.put(unlock(1))
    await waiting
    assert loop.time() - began_s < 30.0


async def test_waiting_does_not_begin_while_something_is_there() -> None:
    inbox = Inbox()
    inbox.put(unlock(1))
    async with asyncio.timeout(30.0):
        await inbox.wait(asyncio.get_running_loop().time() + 60.0)


@pytest.mark.parametrize("count", [0, 1])
def test_length(count: int) -> None:
    inbox = Inbox()
    for number in range(count):
        inbox.put(unlock(number))
    assert len(inbox) == count
