"""Ports: opening, losing and reopening, on virtual ports and on real ptys."""

from __future__ import annotations

import os
import socket
import termios
import tty
from collections.abc import Iterator

import pytest

from hal.bus.modbus import open_modbus_rtu, open_modbus_tcp
from hal.bus.port import Line, Port, PortLost, character_s, is_pty, open_serial_port
from hal.errors import BusDown
from tests.hal.bus_line import Clock, VirtualPort


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """The master's descriptor and the path of the slave."""
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


class Cable:
    """Opens virtual ports while it is plugged."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.plugged = True
        self.tries: list[float] = []

    def __call__(self) -> Port:
        self.tries.append(self.clock.now_s - 1000.0)
        if not self.plugged:
            raise PortLost("no such device")
        return VirtualPort(self.clock, lambda heard, now_s: [])


def test_a_missing_port_is_tried_again_with_growing_bounded_pauses() -> None:
    clock = Clock()
    cable = Cable(clock)
    cable.plugged = False
    line = Line(cable, clock)
    for _ in range(2000):
        with pytest.raises(PortLost, match="no such device"):
            line.port()
        clock.now_s += 0.01
    assert cable.tries == pytest.approx([0.0, 0.5, 1.5, 3.5, 8.5, 13.5, 18.5], abs=0.1)
    assert line.down
    cable.plugged = True
    clock.now_s += 5.0
    line.port()
    assert not line.down


def test_a_lost_port_is_closed_and_reopened_after_a_short_pause() -> None:
    clock = Clock()
    cable = Cable(clock)
    line = Line(cable, clock)
    port = line.port()
    line.lose("read: Input/output error")
    assert isinstance(port, VirtualPort)
    assert port.gone
    with pytest.raises(PortLost, match="Input/output error"):
        line.port()
    clock.now_s += 0.5
    assert line.port() is not port
    assert line.openings == 2


def test_a_pty_is_opened_without_parity_because_it_refuses_it(pty: tuple[int, str]) -> None:
    """Twice, since some C libraries refuse only the second time."""
    master, path = pty
    assert is_pty(path)
    for _ in range(2):
        port = open_serial_port(path, 19200, "even", 1)
        port.write(b"ping")
        assert os.read(master, 16) == b"ping"
        port.close()


def test_a_link_to_a_pty_is_seen_through(pty: tuple[int, str], tmp_path: os.PathLike[str]) -> None:
    link = os.path.join(tmp_path, "safety.tty")
    os.symlink(pty[1], link)
    assert is_pty(link)


def test_a_second_open_of_the_same_port_is_refused(pty: tuple[int, str]) -> None:
    port = open_serial_port(pty[1], 9600, "none", 1)
    with pytest.raises(PortLost, match="open"):
        open_serial_port(pty[1], 9600, "none", 1)
    port.close()


def test_nothing_received_is_empty_and_a_hang_up_is_a_loss(pty: tuple[int, str]) -> None:
    master, path = pty
    port = open_serial_port(path, 9600, "none", 1)
    assert port.read(0.0) == b""
    assert port.read(0.001) == b""
    os.write(master, b"\x01\x03")
    assert port.read(0.5) == b"\x01\x03"
    spare, _ = os.openpty()
    os.dup2(spare, master)
    with pytest.raises(PortLost):
        port.read(0.5)
    port.close()
    os.close(spare)


def test_dtr_is_not_dropped_when_the_port_is_closed(pty: tuple[int, str]) -> None:
    """Boards of the Arduino kind reset when DTR rises again at the next open."""
    port = open_serial_port(pty[1], 9600, "none", 1)
    descriptor = os.open(pty[1], os.O_RDWR | os.O_NOCTTY)
    assert not termios.tcgetattr(descriptor)[2] & termios.HUPCL
    os.close(descriptor)
    port.close()


def test_a_port_that_does_not_exist_is_bus_down() -> None:
    bus = open_modbus_rtu("safety", "/dev/serial/by-id/none", 9600, "none", 1, 0.1)
    with pytest.raises(BusDown, match="board1: read input 0\\+1: safety: open"):
        bus.link("board1", 1).read_input_registers(0, 1)
    assert bus.health().down


def test_a_server_that_refuses_the_connection_is_bus_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    bus = open_modbus_tcp("lan", "127.0.0.1", port, 0.1)
    with pytest.raises(BusDown, match="connect"):
        bus.link("meter", 1).read_input_registers(0, 1)


def test_character_time_counts_start_parity_and_stop_bits() -> None:
    assert character_s(9600, "none", 1) == pytest.approx(10 / 9600)
    assert character_s(9600, "even", 1) == pytest.approx(11 / 9600)
    assert character_s(9600, "none", 2) == pytest.approx(11 / 9600)
