"""The loop: what is read and written in which order, whatever devices and clients do."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chargepoint.control.loop import (
    SERVICE_MAX,
    SLACK_WAIT_CLOSED_S,
    SLACK_WAIT_MAX_S,
    Loop,
)
from chargepoint.control.server import Server
from chargepoint.control.unit import LOST_AFTER_S, PREPARE_EVERY_S, REFUSED_AFTER, Unit
from chargepoint.evse.evse import BoardLevel, Evse
from chargepoint.evse.settings import EvseSettings
from chargepoint.ipc import messages as m
from chargepoint.ipc.codec import encode
from hal.bus.modbus import BusCounters
from hal.errors import BadReply
from hal.values import MeterReading, PilotMode
from tests.control.fakes import FakeBoard, FakeClock, FakeMeter
from tests.control.test_server import Peer

TICK_S = 0.02


class FakeBus:
    name = "safety"

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.written: Callable[[], None] = lambda: None
        """What a request does to the devices."""

    def transact(
        self, unit: int, function: int, address: int, count: int, values: Sequence[int]
    ) -> tuple[int, ...]:
        self.asked.append((unit, function))
        self.written()
        return (42,)

    def health(self) -> BusCounters:
        return BusCounters(
            requests=1, timeouts=0, bad_replies=0, refused=0, down=False, latency_p99_s=0.001
        )


class World:
    """A loop with two EVSEs and one commanding client."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock()
        self.boards = [FakeBoard(self.clock, name=f"board{number}") for number in (1, 2)]
        self.meter = FakeMeter(self.clock)
        self.server = Server(path, "boot")
        self.bus = FakeBus()
        meters = (self.meter, None)
        units = [
            Unit(number, Evse(EvseSettings(evse=number), board.traits), board, meter)
            for number, (board, meter) in enumerate(zip(self.boards, meters, strict=True), 1)
        ]
        self.loop = Loop(units, self.server, self.bus, frozenset({1, 2}), "boot", self.clock)
        self.agent = Peer(self.server, path)
        self.facts: list[dict[str, object]] = []

    def ticks(self, count: int, tick_s: float = TICK_S) -> None:
        for _ in range(count):
            self.clock.now_s += tick_s
            self.loop.tick()

    def pass_s(self, duration_s: float) -> None:
        """Let time pass; long times in longer ticks, for the sake of real time."""
        tick_s = 5 * TICK_S if duration_s > 10 else TICK_S
        self.ticks(round(duration_s / tick_s), tick_s)

    def permit(self, evse: int = 1) -> None:
        until_s = self.clock() + 100
        self.tell(m.RenewLimit(evse=evse, current_a=16.0, until_s=self.clock() + 9))
        self.tell(m.RenewPermission(evse=evse, until_s=until_s))

    def tell(self, command: m.Command) -> None:
        self.agent.socket.send(encode(command))
        self.ticks(1)

    def heard(self, kind: str) -> list[dict[str, object]]:
        self.facts += self.agent.heard()
        return [fact for fact in self.facts if fact["type"] == kind]

    def charge(self, evse: int = 1) -> FakeBoard:
        """A vehicle at `evse` charges; its board."""
        board = self.boards[evse - 1]
        board.state = "B"
        self.pass_s(0.5)
        self.permit(evse)
        self.pass_s(0.5)
        board.state = "C"
        self.pass_s(1.0)
        assert board.told.closed
        return board


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "control.sock")
    made.ticks(2)
    made.tell(m.Hello(client="agent"))
    made.pass_s(0.2)
    yield made
    made.server.close()


def test_boards_are_prepared_once_and_read_in_every_tick(world: World) -> None:
    before = world.boards[0].sample
    world.ticks(10)
    assert world.boards[0].sample == before + 10
    assert [board.prepared for board in world.boards] == [1, 1]
    assert world.loop.boards_read


def test_a_leased_vehicle_charges_and_unplugging_opens_in_the_same_tick(world: World) -> None:
    board = world.charge()
    board.state = "A"
    world.ticks(1)
    assert not board.told.closed


def test_an_opening_goes_out_before_the_next_board_is_read(world: World) -> None:
    world.charge(2)
    first = world.charge(1)
    order: list[str] = []
    second = world.boards[1]
    plain_read, plain_command = second.read, first.command

    def read_second() -> object:
        order.append("read 2")
        return plain_read()

    def command_first(command: object) -> None:
        order.append("command 1")
        plain_command(command)  # type: ignore[arg-type]

    second.read = read_second  # type: ignore[method-assign, assignment]
    first.command = command_first  # type: ignore[method-assign, assignment]
    first.state = "A"
    world.ticks(1)
    assert order[0] == "command 1"
    assert order[1] == "read 2"


def test_without_any_word_of_the_agent_the_failsafe_current_holds_then_it_stops(
    world: World,
) -> None:
    board = world.charge()
    world.pass_s(11)
    assert board.told.current_a == 6.0
    assert board.told.closed
    world.pass_s(125)
    assert not board.told.closed
    assert {fact["lease"] for fact in world.heard("LeaseExpired")} == {"limit", "permission"}


def test_an_opening_that_was_not_confirmed_is_repeated_in_every_tick(world: World) -> None:
    board = world.charge()
    board.rcd_tripped = True
    plain, tries = board.command, []

    def deaf(command: object) -> None:
        tries.append(command)
        if len(tries) < 4:
            board.silent = True
            try:
                plain(command)  # type: ignore[arg-type]
            finally:
                board.silent = False
        plain(command)  # type: ignore[arg-type]

    board.command = deaf  # type: ignore[method-assign, assignment]
    world.ticks(5)
    assert len(tries) >= 4
    assert not board.told.closed


def test_a_silent_board_is_lost_after_a_few_reads_and_prepared_again_when_back(
    world: World,
) -> None:
    board = world.charge()
    board.silent = True
    world.pass_s(LOST_AFTER_S)
    assert world.heard("DeviceLost") == [], "a few damaged frames in a row are noise"
    world.ticks(2)
    assert len(world.heard("DeviceLost")) == 1
    snapshot = world.loop.units[0].evse.snapshot()
    assert "board_lost" in snapshot.hazards
    board.silent = False
    world.pass_s(1.2)
    assert board.prepared == 2
    assert len(world.heard("DeviceBack")) == 1


def test_a_dead_board_does_not_stop_the_other_evse(world: World) -> None:
    world.boards[1].silent = True
    board = world.charge(1)
    assert board.told.closed


def test_a_silent_meter_is_told_and_hinders_nothing(world: World) -> None:
    world.meter.silent = True
    board = world.charge()
    world.pass_s(15)
    assert len(world.heard("DeviceLost")) == 1
    assert board.told.closed


def test_a_meter_is_read_in_parts_one_per_tick(world: World) -> None:
    world.pass_s(1.0)
    before = world.meter.parts
    world.ticks(1)
    assert world.meter.parts - before <= 1
    world.pass_s(3.0)
    assert len(world.heard("Measured")) >= 3


def test_a_technicians_read_is_served_in_the_slack(world: World) -> None:
    world.tell(m.Transact(request="r1", unit=11, function=4, address=0, count=2))
    world.ticks(3)
    (reply,) = world.heard("Replied")
    assert (reply["request"], reply["ok"], reply["values"]) == ("r1", True, [42])


def test_writing_to_a_board_is_refused_while_a_vehicle_is_connected(world: World) -> None:
    world.charge()
    world.tell(m.Transact(request="w1", unit=1, function=5, address=0, values=(1,)))
    world.ticks(3)
    (reply,) = world.heard("Replied")
    assert reply["ok"] is False
    assert world.bus.asked == []


def test_after_a_write_to_a_board_it_is_prepared_anew_and_commanded_open(world: World) -> None:
    board = world.boards[0]
    world.bus.written = lambda: setattr(board, "told", replace(board.told, closed=True))
    world.tell(m.Transact(request="w1", unit=1, function=5, address=0, values=(1,)))
    assert world.bus.asked == [(1, 5)]
    assert board.told.closed
    world.ticks(1)
    assert not board.told.closed
    assert board.prepared == 2
    assert world.heard("Replied")[0]["ok"] is True


def test_a_write_that_waited_is_refused_when_a_vehicle_came_meanwhile(world: World) -> None:
    for number in range(3):
        world.agent.socket.send(
            encode(m.Transact(request=f"r{number}", unit=1, function=5, address=0, values=(1,)))
        )
    world.boards[0].state = "B"
    world.pass_s(1.0)
    replies = world.heard("Replied")
    assert len(replies) == 3
    assert replies[-1]["ok"] is False
    assert len(world.bus.asked) < 3


@pytest.mark.parametrize("unit", [0, 248, -1])
def test_nobody_writes_to_all_units_at_once(world: World, unit: int) -> None:
    world.tell(m.Transact(request="w1", unit=unit, function=5, address=0, values=(1,)))
    world.ticks(3)
    assert world.heard("Replied")[0]["ok"] is False
    assert world.bus.asked == []


def test_technicians_requests_that_wait_are_bounded(world: World) -> None:
    for number in range(30):
        world.agent.socket.send(
            encode(m.Transact(request=f"r{number}", unit=11, function=4, address=0))
        )
    world.pass_s(1.0)
    replies = world.heard("Replied")
    assert len(replies) == 30
    assert len(world.bus.asked) == SERVICE_MAX


def test_a_command_for_an_evse_that_is_not_here_is_refused(world: World) -> None:
    world.tell(m.Revoke(evse=7))
    world.ticks(1)
    assert world.heard("Refused")


def test_health_is_told_once_a_second(world: World) -> None:
    world.pass_s(5.0)
    assert 4 <= len(world.heard("Health")) <= 6


def test_an_orderly_stop_lets_the_vehicle_ramp_down_and_then_opens(world: World) -> None:
    board = world.charge()
    world.loop.shut_down()
    world.ticks(2)
    assert board.told.closed
    assert board.told.current_a == 0.0
    world.pass_s(6.5)
    assert not board.told.closed
    assert world.loop.at_rest


def test_an_immediate_stop_opens_at_once(world: World) -> None:
    board = world.charge()
    world.loop.shut_down(immediate=True)
    world.ticks(1)
    assert not board.told.closed


def test_the_safe_state_reaches_every_board_even_if_one_is_dead(world: World) -> None:
    board = world.charge(2)
    world.boards[0].silent = True
    assert world.loop.make_safe() == ("board1: command: no reply",)
    assert not board.told.closed


def test_the_safe_state_reaches_every_board_even_if_a_driver_is_broken(world: World) -> None:
    board = world.charge(2)

    def broken(command: object) -> None:
        raise ValueError("a defect")

    world.boards[0].command = broken  # type: ignore[method-assign, assignment]
    assert world.loop.make_safe() == ("board1: a defect",)
    assert not board.told.closed


def test_a_board_that_is_known_to_be_lost_does_not_keep_the_watchdog_from_being_kicked(
    world: World,
) -> None:
    world.boards[1].silent = True
    world.ticks(1)
    assert not world.loop.boards_read
    world.pass_s(LOST_AFTER_S + TICK_S)
    assert world.loop.boards_read


def test_one_wrong_answer_is_noise_two_are_the_wrong_board(world: World) -> None:
    board, unit = world.boards[0], world.loop.units[0]
    board.silent = True
    world.pass_s(LOST_AFTER_S + TICK_S)
    board.silent = False

    def refuse() -> object:
        raise BadReply("board1", "identify", "magic 0, expected 17232")

    board.prepare = refuse  # type: ignore[method-assign, assignment]
    world.pass_s(PREPARE_EVERY_S)
    assert unit.level is BoardLevel.LOST
    world.pass_s(PREPARE_EVERY_S * (REFUSED_AFTER - 1))
    assert unit.level is BoardLevel.REFUSED
    before = list(board.commands)
    world.pass_s(0.5)
    assert board.commands == before
    assert "board_refused" in unit.evse.snapshot().hazards


def test_on_a_slow_bus_the_slack_is_served_seldom_but_not_never(world: World) -> None:
    board = world.charge()
    plain = board.read

    def slow() -> object:
        world.clock.now_s += 0.05
        return plain()

    board.read = slow  # type: ignore[method-assign, assignment]
    before = world.meter.parts
    world.ticks(100)
    passed_s = 100 * (0.05 + TICK_S)
    closed = world.meter.parts - before
    assert 0 < closed <= passed_s / SLACK_WAIT_CLOSED_S
    assert len(world.heard("Measured")) >= 2
    board.state = "A"
    world.ticks(50)
    before = world.meter.parts
    world.ticks(100)
    assert closed <= world.meter.parts - before <= passed_s / SLACK_WAIT_MAX_S


def test_a_meter_reading_reaches_the_over_current_watch(world: World) -> None:
    board = world.charge()
    world.meter.reading = MeterReading(taken_s=0.0, current_a=(30.0, 30.0, 30.0))
    world.pass_s(30.0)
    assert "over_current" in {fact["hazard"] for fact in world.heard("HazardRaised")}
    assert not board.told.closed


def test_a_lease_into_eternity_ends_all_the_same(world: World) -> None:
    board = world.boards[0]
    board.state = "B"
    world.pass_s(0.5)
    world.tell(m.RenewLimit(evse=1, current_a=1e300, until_s=1e300))
    world.tell(m.RenewPermission(evse=1, until_s=1e300))
    world.pass_s(0.5)
    board.state = "C"
    world.pass_s(1.0)
    assert board.told.closed
    assert board.told.current_a == 32.0
    world.pass_s(130.0)
    assert not board.told.closed


def test_unlock_and_reset_are_answered(world: World) -> None:
    world.tell(m.Unlock(evse=1, request="u"))
    world.tell(m.ResetHazard(evse=1, hazard="rcd_tripped", request="h"))
    world.ticks(1)
    assert {reply["request"]: reply["ok"] for reply in world.heard("Replied")} == {
        "u": False,
        "h": False,
    }


def test_a_signal_on_the_pilot_is_answered_and_gives_way_to_a_vehicle(world: World) -> None:
    def asked(request: str) -> object:
        signal = m.DrivePilot(evse=1, duty_ratio=0.5, until_s=world.clock() + 60, request=request)
        world.tell(signal)
        world.ticks(1)
        return {reply["request"]: reply["ok"] for reply in world.heard("Replied")}[request]

    assert asked("in service") is False
    world.tell(m.SetOperative(evse=1, operative=False))
    world.ticks(2)
    assert asked("out of service") is True
    told = world.boards[0].told
    assert (told.pilot, told.duty_ratio, told.closed) == (PilotMode.OFFER, 0.5, False)
    assert world.boards[1].told.pilot is PilotMode.STEADY
    world.boards[0].state = "B"
    world.ticks(1)
    assert world.boards[0].told.pilot is PilotMode.STEADY


def test_a_hazard_of_before_the_restart_holds_whatever_is_permitted(world: World) -> None:
    world.tell(m.LatchHazard(evse=1, hazard="contactor_welded", detail="found before"))
    world.boards[0].state = "C"
    world.permit()
    world.pass_s(8.0)
    assert not world.boards[0].told.closed
    [raised] = world.heard("HazardRaised")
    assert (raised["hazard"], raised["detail"]) == ("contactor_welded", "found before")
    assert raised["persists"] is True
    world.tell(m.ResetHazard(evse=1, hazard="contactor_welded", request="h"))
    world.permit()
    world.pass_s(8.0)
    assert world.boards[0].told.closed


def test_only_hazards_that_persist_can_be_latched(world: World) -> None:
    world.tell(m.LatchHazard(evse=1, hazard="board_lost", detail=""))
    world.ticks(1)
    [refused] = world.heard("Refused")
    assert refused["detail"] == "board_lost does not outlive restarts"
    assert world.heard("HazardRaised") == []


def test_a_restart_begins_with_open_contactors(tmp_path: Path) -> None:
    world = World(tmp_path / "control.sock")
    for board in world.boards:
        board.told = replace(board.told, closed=True)
        board.state = "C"
    world.ticks(1)
    assert not any(board.told.closed for board in world.boards)
    world.server.close()


def test_nothing_a_client_sends_makes_a_tick_fail_or_energises(world: World) -> None:
    """10,000 lines of every kind, legal and not, from one client that comes back and back."""
    chance = random.Random(1)
    kinds = ["RenewLimit", "Revoke", "SetOperative", "Unlock", "ResetHazard", "Transact", "Hello"]
    kinds.append("DrivePilot")
    names = ("evse", "current_a", "until_s", "unit", "function", "address", "duty_ratio")
    numbers = [0, 1, 2, -1, 2**63, 1e308, -1e308, None, "1", [], {}, True]
    world.boards[0].state = "C"
    for _ in range(400):
        peer = Peer(world.server, world.path)
        peer.socket.send(encode(m.Hello(client="fuzz")))
        for _ in range(25):
            fields = {name: chance.choice(numbers) for name in names if chance.random() < 0.7}
            line = {"type": chance.choice(kinds), "request": "r", "hazard": "x", **fields}
            with contextlib.suppress(OSError):
                peer.socket.send(json.dumps(line).encode() + b"\n")
        world.ticks(1)
        peer.socket.close()
    assert not any(board.told.closed for board in world.boards)
