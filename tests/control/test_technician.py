"""A technician who asks without end: meters are read all the same, and opening stays prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.ipc import messages as m
from chargepoint.ipc.codec import encode
from hal.values import BoardReading
from tests.control.test_loop import TICK_S, World

ANSWERED_S = 0.006
SILENT_S = 0.1
"""A unit that is not there: the longest that one request may take on a safety bus."""


class Flooded(World):
    """Eight requests wait at any time; each takes `request_s`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.request_s = ANSWERED_S
        self.flooding = False
        self.served: list[float] = []
        self.bus.written = self._served
        self.number = 0

    def _served(self) -> None:
        self.clock.now_s += self.request_s
        self.served.append(self.clock.now_s)

    def ticks(self, count: int, tick_s: float = TICK_S) -> None:
        for _ in range(count):
            if self.flooding:
                self.facts += self.agent.heard()
                self.number += 1
                asked = m.Transact(request=f"r{self.number}", unit=99, function=4, address=0)
                self.agent.socket.send(encode(asked))
            super().ticks(1, tick_s)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Flooded]:
    made = Flooded(tmp_path / "control.sock")
    made.ticks(2)
    made.tell(m.Hello(client="agent"))
    made.pass_s(0.2)
    made.charge()
    made.facts.clear()
    yield made
    made.server.close()


def opened_after_s(world: Flooded) -> float:
    """From the vehicle's leaving state C to the command that opens."""
    board = world.boards[0]
    board.state = "B"
    left_s = world.clock.now_s
    for _ in range(50):
        world.ticks(1)
        if not board.told.closed:
            return world.clock.now_s - left_s
    raise AssertionError("it never opened")


@pytest.mark.parametrize("request_s", [ANSWERED_S, SILENT_S])
def test_meters_are_read_as_often_as_without_the_flood(world: Flooded, request_s: float) -> None:
    world.request_s, world.flooding = request_s, True
    began_s = world.clock.now_s
    while world.clock.now_s < began_s + 10.0:
        world.ticks(1)
        world.permit()
    assert 8 <= len(world.heard("Measured")) <= 12
    assert len(world.served) >= 15, "nor does the technician starve"


def test_a_flood_of_answered_requests_does_not_delay_the_opening(world: Flooded) -> None:
    world.flooding = True
    world.ticks(50)
    assert opened_after_s(world) <= 2 * TICK_S + ANSWERED_S


def test_a_flood_of_silent_units_delays_the_opening_by_one_request_at_most(world: Flooded) -> None:
    world.request_s, world.flooding = SILENT_S, True
    world.ticks(50)
    assert opened_after_s(world) <= TICK_S + SILENT_S + TICK_S


def test_silent_units_hold_the_bus_for_a_fifth_of_the_time_at_most(world: Flooded) -> None:
    """Else nearly every opening would wait for one of them."""
    world.request_s, world.flooding = SILENT_S, True
    began_s = world.clock.now_s
    while world.clock.now_s < began_s + 10.0:
        world.ticks(1)
        world.permit()
    held_s = SILENT_S * len(world.served)
    assert held_s <= 0.25 * (world.clock.now_s - began_s)


def test_with_all_contactors_open_nobody_needs_to_rest(world: Flooded) -> None:
    opened_after_s(world)
    world.pass_s(1.0)
    world.served.clear()
    world.flooding = True
    world.ticks(100)
    assert len(world.served) >= 45


def test_a_technician_is_served_although_every_tick_is_late(world: Flooded) -> None:
    """A slow line: reading the boards alone takes longer than the pace."""
    board = world.boards[0]
    read = board.read

    def slowly() -> BoardReading:
        world.clock.now_s += 0.03
        return read()

    board.read = slowly  # type: ignore[method-assign]
    world.flooding = True
    began_s = world.clock.now_s
    while world.clock.now_s < began_s + 10.0:
        world.ticks(1)
        world.permit()
    assert 20 <= len(world.served) <= 45
