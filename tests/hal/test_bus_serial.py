"""The serial line of one device."""

from __future__ import annotations

import os
import tty

import pytest

from hal.bus.serial import SerialBus, open_serial
from hal.errors import BusDown
from tests.hal.bus_line import Clock, VirtualPort


def make() -> tuple[SerialBus, VirtualPort]:
    clock = Clock()
    port = VirtualPort(clock, lambda heard, now_s: [(0.05, heard.upper())])
    return SerialBus("rfid", lambda: port, clock), port


def test_reads_what_the_device_sends_and_when() -> None:
    bus, _ = make()
    cards = bus.link("cards")
    cards.write(b"ping")
    assert cards.read(0.01) == (b"", pytest.approx(1000.01))
    assert cards.read(0.2) == (b"PING", pytest.approx(1000.05))
    health = bus.health()
    assert (health.bytes_read, health.bytes_written, health.down) == (4, 4, False)


def test_discard_drops_what_has_arrived_only() -> None:
    bus, port = make()
    cards = bus.link("cards")
    port.arrive(0.0, b"old")
    port.arrive(0.0, b"older")
    port.arrive(0.1, b"new")
    cards.discard()
    assert cards.read(0.2)[0] == b"new"


def test_discard_ends_although_the_device_never_stops_talking() -> None:
    bus, port = make()
    for _ in range(1000):
        port.arrive(0.0, b"x")
    bus.link("cards").discard()
    assert bus.link("cards").read(0.0)[0] == b"x"


def test_a_vanished_port_is_bus_down_and_comes_back() -> None:
    bus, port = make()
    cards = bus.link("cards")
    cards.write(b"a")
    port.gone = True
    with pytest.raises(BusDown, match="cards: read: rfid: unplugged"):
        cards.read(0.1)
    assert bus.health().down
    port.gone = False
    port.clock.now_s += 0.5
    assert cards.read(0.1)[0] == b"A"


def test_a_real_pty_carries_bytes_both_ways() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    bus = open_serial("rfid", os.ttyname(slave), 9600)
    cards = bus.link("cards")
    cards.write(b"hello")
    assert os.read(master, 16) == b"hello"
    os.write(master, b"04A1B2C3\r\n")
    assert cards.read(0.5)[0] == b"04A1B2C3\r\n"
    bus.close()
    os.close(slave)
    os.close(master)
