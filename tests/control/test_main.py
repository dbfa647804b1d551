"""Every way in which the safety program ends commands the safe state."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from chargepoint import log
from chargepoint.config import Config, load
from chargepoint.control.main import Program, run
from chargepoint.control.safe_state import main as safe_state
from chargepoint.control.wiring import settings_of, wire
from hal.errors import ConfigurationError
from tests.control.test_loop import World

DEMO = Path(__file__).resolve().parents[2] / "config/examples/demo.toml"


class Wired:
    """What `wire` gives, around a loop in memory."""

    def __init__(self, world: World) -> None:
        self.loop = world.loop
        self.server = world.server
        self.bus = type("Bus", (), {"name": "safety", "close": lambda self: None})()
        self.boot = "boot"
        self.warnings = ()


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "control.sock")
    made.ticks(2)
    return made


def program(world: World) -> Program:
    config = load(DEMO)
    return Program(config, Wired(world), log.get("test"))  # type: ignore[arg-type]


def charged(world: World) -> None:
    from chargepoint.ipc import messages as m

    world.tell(m.Hello(client="agent"))
    world.pass_s(0.2)
    world.charge()


def test_an_unexpected_exception_ends_with_1_and_open_contactors(world: World) -> None:
    charged(world)

    def broken() -> None:
        raise RuntimeError("nobody expected this")

    world.loop.tick = broken  # type: ignore[method-assign]
    assert program(world).run() == 1
    assert not world.boards[0].told.closed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_with_0_and_open_contactors(world: World, number: int) -> None:
    plain = world.loop.tick
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        world.clock.now_s += 0.02
        plain()
        if count == 3:
            os.kill(os.getpid(), number)

    world.loop.tick = tick  # type: ignore[method-assign]
    assert program(world).run() == 0
    assert not any(board.told.closed for board in world.boards)


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


def test_the_stop_hook_says_when_no_board_confirms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(tmp_path)
    assert safe_state([str(tmp_path / "station.toml"), "safety"]) == 1
    assert "board1" in capsys.readouterr().err


def test_the_stop_hook_refuses_a_bus_that_does_not_exist(tmp_path: Path) -> None:
    demo(tmp_path)
    assert safe_state([str(tmp_path / "station.toml"), "nowhere"]) == 2
    assert safe_state([]) == 2
