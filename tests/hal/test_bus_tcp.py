"""Modbus TCP byte by byte: transaction ids, other people's frames, broken streams."""

from __future__ import annotations

import struct

import pytest

from hal.bus.latency import Latencies
from hal.bus.modbus import ModbusBus
from hal.bus.port import Line
from hal.bus.tcp import TcpWire
from hal.errors import BadReply, BusDown, DeviceRefused, NoReply
from tests.hal.bus_line import Clock, Peer, VirtualPort, registers


def answer(heard: bytes, **changed: int) -> bytes:
    """The reply of a healthy server, with header fields changed."""
    transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", heard)
    fields = {"transaction": transaction, "protocol": 0, "unit": unit, "function": function}
    fields.update(changed)
    data = struct.pack(f">{count}H", *registers(unit, function, address, count))
    pdu = bytes((fields["function"], len(data))) + data
    length = changed.get("length", len(pdu) + 1)
    head = (fields["transaction"], fields["protocol"], length, fields["unit"])
    return struct.pack(">HHHB", *head) + pdu


def make(peer: Peer) -> tuple[ModbusBus, Clock, list[VirtualPort]]:
    clock = Clock()
    ports: list[VirtualPort] = []

    def connect() -> VirtualPort:
        ports.append(VirtualPort(clock, peer))
        return ports[-1]

    line = Line(connect, clock)
    latencies = Latencies(0.2)
    return ModbusBus("lan", line, TcpWire(line, latencies, clock), latencies, clock), clock, ports


def test_reads_registers() -> None:
    bus, _, _ = make(lambda heard, _: [(0.003, answer(heard))])
    words = bus.link("meter", 1).read_input_registers(0, 4)
    assert words.values == registers(1, 4, 0, 4)
    assert words.taken_s == pytest.approx(1000.003)


def test_a_late_reply_is_told_by_its_number() -> None:
    """No pause and no check is needed: the transaction id says what it answers."""
    delays = iter((0.3, 0.02))
    bus, _, ports = make(lambda heard, _: [(next(delays), answer(heard))])
    meter = bus.link("meter", 1)
    with pytest.raises(NoReply):
        meter.read_input_registers(0, 2)
    assert meter.read_input_registers(100, 2).values == registers(1, 4, 100, 2)
    assert len(ports[0].written) == 2


def test_a_frame_in_pieces_is_put_together() -> None:
    bus, _, _ = make(
        lambda heard, _: [
            (0.001 * at, bytes((byte,))) for at, byte in enumerate(answer(heard), start=1)
        ]
    )
    assert bus.link("meter", 1).read_input_registers(0, 2).values == registers(1, 4, 0, 2)


@pytest.mark.parametrize("changed", [{"unit": 2}, {"function": 3}])
def test_a_frame_of_another_unit_or_function_is_not_the_answer(changed: dict[str, int]) -> None:
    bus, _, _ = make(lambda heard, _: [(0.003, answer(heard, **changed))])
    with pytest.raises((NoReply, BadReply)):
        bus.link("meter", 1).read_input_registers(0, 2)


def test_an_exception_is_raised_with_its_code() -> None:
    bus, _, _ = make(lambda heard, _: [(0.003, heard[:4] + b"\x00\x03\x01\x84\x0b")])
    with pytest.raises(DeviceRefused, match="gateway target") as raised:
        bus.link("meter", 1).read_input_registers(0, 2)
    assert raised.value.code == 11


@pytest.mark.parametrize("changed", [{"protocol": 1}, {"length": 2}, {"length": 300}])
def test_a_stream_that_is_not_modbus_is_closed_and_made_anew(changed: dict[str, int]) -> None:
    replies = iter((changed, {}))
    bus, clock, ports = make(lambda heard, _: [(0.003, answer(heard, **next(replies)))])
    meter = bus.link("meter", 1)
    with pytest.raises(BusDown, match="not Modbus TCP"):
        meter.read_input_registers(0, 2)
    clock.now_s += 1.0
    assert meter.read_input_registers(0, 2).values == registers(1, 4, 0, 2)
    assert len(ports) == 2


def test_a_connection_that_was_silent_three_times_is_made_anew() -> None:
    """A peer that was switched off and on again does not say that the old connection is dead."""
    bus, _, ports = make(lambda heard, _: [])
    meter = bus.link("meter", 1)
    for _ in range(3):
        with pytest.raises(NoReply):
            meter.read_input_registers(0, 2)
    with pytest.raises(NoReply):
        bus.transact(1, 4, 0, 2)
    assert [len(port.written) for port in ports] == [3, 1]
