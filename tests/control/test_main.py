"""Every way in which the safety program ends commands the safe state."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chargepoint import log
from chargepoint.config import Config, load
from chargepoint.control.main import Program, run
from chargepoint.control.safe_state import main as safe_state
from chargepoint.control.wiring import Wired, own, settings_of, wire
from chargepoint.ipc import messages as m
from chargepoint.service_manager import ServiceManager
from hal.errors import ConfigurationError
from hal.values import SAFE_COMMAND, PilotMode
from tests.control.test_loop import World

DEMO = Path(__file__).resolve().parents[2] / "config/examples/demo.toml"


class FakeBus:
    """The part of the bus that the program itself uses."""

    name = "safety"

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Run:
    """A program around a loop in memory. `then` is called once per pause, before time goes on."""

    def __init__(self, world: World, notify: str = "") -> None:
        self.world = world
        self.bus = FakeBus()
        self.then: Callable[[], None] = lambda: None
        self.pauses = 0
        wired = Wired(
            loop=world.loop,
            server=world.server,
            bus=self.bus,  # type: ignore[arg-type]
            boot="boot",
            warnings=(),
            ownership=-1,
        )
        self.program = Program(
            load(DEMO),
            wired,
            log.get("test"),
            now=world.clock,
            sleep=self._sleep,
            manager=ServiceManager(notify),
        )

    def _sleep(self, duration_s: float) -> None:
        self.pauses += 1
        assert self.pauses < 5000, "the program does not end"
        self.then()
        self.world.clock.now_s += duration_s

    def signal_at(self, *pauses: int) -> None:
        """Signals after that many pauses."""

        def then() -> None:
            if self.pauses in pauses:
                self.program.signalled(signal.SIGTERM, None)

        self.then = then

    @property
    def all_open(self) -> bool:
        return not any(board.told.closed for board in self.world.boards)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "control.sock")
    made.ticks(2)
    return made


@pytest.fixture
def charging(world: World) -> World:
    """EVSE 1 charges."""
    world.tell(m.Hello(client="agent"))
    world.pass_s(0.2)
    world.charge()
    return world


def test_a_signal_ends_in_order_with_0_and_open_contactors(charging: World) -> None:
    run = Run(charging)
    run.signal_at(3)
    began_s = charging.clock()
    assert run.program.run() == 0
    assert run.all_open
    assert charging.boards[0].told == SAFE_COMMAND
    assert 6.0 <= charging.clock() - began_s <= 7.0
    steady = [command for command in charging.boards[0].commands if command.closed][-1]
    assert steady.pilot is PilotMode.STEADY
    assert run.bus.closed


def test_a_second_signal_opens_at_once(charging: World) -> None:
    run = Run(charging)
    run.signal_at(3, 10)
    began_s = charging.clock()
    assert run.program.run() == 0
    assert run.all_open
    assert charging.clock() - began_s < 0.5


def test_with_no_vehicle_a_signal_ends_at_once(world: World) -> None:
    run = Run(world)
    run.signal_at(3)
    assert run.program.run() == 0
    assert run.pauses < 10


def test_a_stop_does_not_wait_for_ever_for_a_dead_board(charging: World) -> None:
    run = Run(charging)
    run.signal_at(3)
    charging.boards[0].silent = True
    began_s = charging.clock()
    assert run.program.run() == 0
    assert charging.clock() - began_s < 15


def test_the_last_command_is_repeated_until_the_board_confirms_it(charging: World) -> None:
    run = Run(charging)
    board = charging.boards[0]

    def broken() -> None:
        board.silent = True
        run.then = lambda: setattr(board, "silent", run.pauses < 5)
        raise RuntimeError("nobody expected this")

    charging.loop.tick = broken  # type: ignore[method-assign]
    assert run.program.run() == 1
    assert board.told == SAFE_COMMAND


@pytest.mark.parametrize("when", ["running", "stopping"])
def test_an_unexpected_exception_ends_with_1_and_open_contactors(
    charging: World, when: str
) -> None:
    run = Run(charging)
    plain, ticks = charging.loop.tick, 0

    def broken() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 10:
            raise RuntimeError("nobody expected this")
        plain()

    charging.loop.tick = broken  # type: ignore[method-assign]
    if when == "stopping":
        run.signal_at(3)
    assert run.program.run() == 1
    assert ticks == 10
    assert run.all_open
    assert run.bus.closed


def test_even_what_is_no_exception_leaves_open_contactors(charging: World) -> None:
    run = Run(charging)

    def leave() -> None:
        raise SystemExit(7)

    charging.loop.tick = leave  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        run.program.run()
    assert run.all_open


def test_the_loop_goes_slower_with_nothing_plugged_in_and_at_its_pace_else(world: World) -> None:
    run = Run(world)
    ends: list[float] = []

    def then() -> None:
        ends.append(world.clock())
        if run.pauses == 40:
            world.boards[0].state = "B"
        if run.pauses == 80:
            run.program.signalled(signal.SIGTERM, None)

    run.then = then
    run.program.run()
    gaps = [round(after - before, 4) for before, after in pairwise(ends)]
    assert gaps[20] == 0.08
    assert gaps[70] == 0.02


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self._socket.recv(100).decode())
        return messages


def test_the_service_manager_hears_ready_alive_and_stopping(world: World, tmp_path: Path) -> None:
    manager = Manager(tmp_path / "n")
    run = Run(world, manager.path)
    run.signal_at(60)
    run.program.run()
    heard = manager.heard()
    assert heard[0] == "READY=1"
    assert heard[-1] == "STOPPING=1"
    assert 5 <= heard.count("WATCHDOG=1") <= 10


def test_the_watchdog_is_not_kicked_after_a_tick_that_missed_a_board(
    world: World, tmp_path: Path
) -> None:
    manager = Manager(tmp_path / "n")
    run = Run(world, manager.path)

    kicked: list[tuple[bool, bool]] = []

    def then() -> None:
        kicked.append((world.boards[0].silent, "WATCHDOG=1" in manager.heard()))
        # Never long enough in a row to count as lost: a loop that half works.
        world.boards[0].silent = run.pauses % 3 != 0
        if run.pauses == 100:
            run.program.signalled(signal.SIGTERM, None)

    run.then = then
    run.program.run()
    assert sum(kick for silent, kick in kicked if not silent) >= 3
    assert not any(kick for silent, kick in kicked if silent)


def test_a_station_with_a_dead_board_is_ready_and_alive_all_the_same(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "control.sock")
    world.boards[1].silent = True
    manager = Manager(tmp_path / "n")
    run = Run(world, manager.path)
    run.signal_at(400)
    run.program.run()
    heard = manager.heard()
    assert heard[0] == "READY=1"
    assert heard.count("WATCHDOG=1") > 5


def demo(tmp_path: Path, **changes: Any) -> Config:
    text = DEMO.read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    path = tmp_path / "station.toml"
    path.write_text(text)
    return load(path)


def test_a_board_that_the_loader_refuses_ends_the_start_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = demo(tmp_path, reference_pilot_board="no_such_map")
    assert run(config, "safety") == 2
    assert "no_such_map" in capsys.readouterr().err


def test_a_board_without_watchdog_is_refused_unless_accepted(tmp_path: Path) -> None:
    board = 'driver = "pilot-board"\nmap = "reference_pilot_board"'
    relay = 'driver = "relay-board"'
    path = tmp_path / "station.toml"
    path.write_text(DEMO.read_text().replace(board, relay, 1))
    with pytest.raises(ConfigurationError, match="board1"):
        wire(load(path), "safety")


def test_the_settings_of_the_core_are_those_of_the_file() -> None:
    config = load(DEMO)
    settings = settings_of(config, config.evse[1])
    assert settings.evse == 2
    assert settings.socket
    assert settings.current_max_a == 16.0
    assert settings.permission_lease_s == config.safety.permission_lease_s


def test_a_bus_has_one_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = demo(tmp_path)
    lock = own(config, "safety")
    assert run(config, "safety") == 1
    assert safe_state([str(tmp_path / "station.toml"), "safety"]) == 1
    assert "another running control" in capsys.readouterr().err
    os.close(lock)
    os.close(own(config, "safety"))


def test_a_bus_that_the_board_cannot_use_ends_the_start_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = demo(tmp_path)
    buses = (replace(config.bus[0], kind="serial"), *config.bus[1:])
    assert run(replace(config, bus=buses), "safety") == 2
    assert "found a serial bus, expected a modbus bus" in capsys.readouterr().err


def test_the_stop_hook_says_when_no_board_confirms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(tmp_path)
    assert safe_state([str(tmp_path / "station.toml"), "safety"]) == 1
    complaints = capsys.readouterr().err
    assert "board1" in complaints
    assert "board2" in complaints


def test_the_stop_hook_opens_every_board_of_the_bus(tmp_path: Path) -> None:
    with Slave() as slave:
        path = tmp_path / "station.toml"
        tcp = f'kind = "modbus-tcp"\nhost = "127.0.0.1"\ntcp_port = {slave.port}'
        path.write_text(DEMO.read_text().replace('kind = "modbus-rtu"', tcp, 1))
        assert safe_state([str(path)]) == 0
    assert slave.written[0] == (1, 5, 0, 0)
    assert (2, 5, 0, 0) in slave.written


def test_the_stop_hook_refuses_a_bus_that_does_not_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(tmp_path)
    assert safe_state([str(tmp_path / "station.toml"), "nowhere"]) == 2
    assert "no board is on bus `nowhere`" in capsys.readouterr().err
    assert safe_state([]) == 2
    assert safe_state([str(tmp_path / "missing.toml")]) == 2


class Slave:
    """A Modbus TCP slave that confirms every single write, in a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.written: list[tuple[int, int, int, int]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Slave:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.join(5.0)
        self._listener.close()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while frame := connection.recv(12):
                self.written.append(struct.unpack(">BBHH", frame[6:12]))
                connection.sendall(frame)
