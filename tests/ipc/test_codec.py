"""Lines between the programs: what is legal passes, everything else is refused, nothing raises."""

from __future__ import annotations

import pytest

from chargepoint.ipc.client import ControlSession
from chargepoint.ipc.codec import BadLine, LineBuffer, decode_command, decode_fact, encode
from chargepoint.ipc.messages import Booted, Hello, Measured, RenewLimit, Snapshot, TokenRead
from hal.values import MeterReading, TokenKind


def test_a_command_and_a_fact_come_back_as_they_were() -> None:
    command = RenewLimit(evse=1, current_a=16.0, until_s=12.5)
    assert decode_command(encode(command).rstrip()) == command
    fact = Measured(seq=3, at_s=1.0, evse=1, meter=MeterReading(taken_s=1.0, power_w=5.0))
    assert decode_fact(encode(fact).rstrip()) == fact


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"type":"RenewLimit"}',
        b'{"type":"RenewLimit","evse":1,"current_a":"16","until_s":1}',
        b'{"type":"RenewLimit","evse":1,"current_a":16,"until_s":1,"more":1}',
        b'{"type":"Detonate","evse":1}',
        b'{"type":"Booted","seq":1,"at_s":1,"boot":"x"}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
def test_what_is_no_command_is_a_bad_line(line: bytes) -> None:
    with pytest.raises(BadLine):
        decode_command(line)


def test_lines_are_split_wherever_the_bytes_were_cut() -> None:
    stream = encode(Hello(client="a")) + encode(Hello(client="b"))
    lines = LineBuffer()
    found = []
    for byte in stream:
        lines.feed(bytes([byte]))
        while (line := lines.take()) is not None:
            found.append(decode_command(line))
    assert found == [Hello(client="a"), Hello(client="b")]
    assert lines.pending == 0


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    lines = LineBuffer(100)
    lines.feed(b"x" * 90)
    with pytest.raises(BadLine, match="longer than 100 bytes"):
        lines.feed(b"x" * 50)
    assert lines.pending == 0


def test_a_long_line_with_an_end_is_refused_and_the_next_one_read() -> None:
    lines = LineBuffer(100)
    lines.feed(b"x" * 90)
    lines.feed(b"x" * 90 + b"\n" + encode(Hello(client="a")))
    with pytest.raises(BadLine):
        lines.take()
    assert lines.take() == encode(Hello(client="a")).rstrip()


def test_a_session_asks_for_what_it_has_not_seen() -> None:
    session = ControlSession("agent")
    assert session.hello() == Hello(client="agent")
    session.seen(Snapshot(seq=7, at_s=0.0, boot="b1", evses=(), missed=False))
    session.seen(TokenRead(seq=9, at_s=0.0, reader="r", token="A", kind=TokenKind.LOCAL))
    assert session.hello() == Hello(client="agent", boot="b1", after=9)
    session.seen(Booted(seq=1, at_s=0.0, boot="b2"))
    assert session.hello() == Hello(client="agent", boot="b2", after=1)
