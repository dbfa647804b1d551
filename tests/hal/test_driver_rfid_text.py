"""Text readers: lines, EM4100 frames, spelling, and one event per presentation."""

from __future__ import annotations

from typing import Any

import pytest

from hal.errors import ConfigurationError
from hal.fakes import ScriptedSerialLink
from hal.interfaces import TokenReader
from hal.loader import build_reader
from hal.values import TokenKind

RDM6300 = b"\x023C00CE754CCB\x03"
"""Digits 3C00CE754C with checksum CB; the number printed on this card is 0013530444."""
ID12LA = b"\x023C00CE754CCB\r\n\x03"


def reader(link: ScriptedSerialLink, **options: Any) -> TokenReader:
    return build_reader(driver="rfid-text", name="cards", link=link, options=options)


def tokens(link: ScriptedSerialLink, device: TokenReader, reads: int = 4) -> list[str]:
    found = [device.read() for _ in range(reads)]
    return [one.token for one in found if one is not None]


@pytest.mark.parametrize("frame", [RDM6300, ID12LA], ids=["RDM6300", "ID-12LA"])
def test_an_em4100_frame_gives_its_ten_digits(frame: bytes) -> None:
    """Frames as the RDM6300 and ID-12LA data sheets lay them out; the card's number was printed."""
    link = ScriptedSerialLink()
    device = reader(link, format="em4100")
    link.arrive(frame)
    reading = device.read()
    assert reading is not None
    assert reading.token == "3C00CE754C"
    assert int(reading.token[2:], 16) == 13530444
    assert reading.kind is TokenKind.LOCAL


@pytest.mark.parametrize(
    "damaged",
    [
        b"\x023C00CE754DCB\x03",
        b"\x023C00CE754CCA\x03",
        b"\x023C00CE754C\x03",
        b"\x023C00CE75 CCB\x03",
        b"\x023C00CE754CCB\r\x03",
        b"\x02 3C00CE754CC\x03",
        b"3C00CE754CCB\x03",
        b"\x02" + b"3C" * 40 + b"\x03",
    ],
)
def test_a_damaged_em4100_frame_is_dropped_and_the_next_one_read(damaged: bytes) -> None:
    link = ScriptedSerialLink()
    device = reader(link, format="em4100")
    link.arrive(damaged)
    assert tokens(link, device) == []
    link.arrive(b"\x02F" + RDM6300)
    assert tokens(link, device) == ["3C00CE754C"]


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_a_line_may_end_in_any_way(end: bytes) -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.arrive(b"04a1003c" + end)
    assert tokens(link, device) == ["04A1003C"]


def test_a_line_may_arrive_in_pieces() -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.arrive(b"04A1", b"003", b"C\r", b"\n")
    assert tokens(link, device) == ["04A1003C"]


def test_two_cards_in_one_piece_come_one_after_the_other() -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.arrive(b"04A1003C\r\n04A1003D\r\n")
    assert tokens(link, device) == ["04A1003C", "04A1003D"]


@pytest.mark.parametrize("line", [b"ABC", b"A" * 37, b"04A1\x00003C", b"\xff\xfe\xfd\xfc", b""])
def test_a_line_that_cannot_be_a_token_is_dropped(line: bytes) -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.arrive(line + b"\r\n")
    assert tokens(link, device) == []
    link.arrive(b"04A1003C\r\n")
    assert tokens(link, device) == ["04A1003C"]


def test_noise_without_end_is_bounded_and_dropped() -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.arrive(*[b"5" * 4096] * 3, b"\r\n04A1003C\r\n")
    assert tokens(link, device, reads=6) == ["04A1003C"]


def test_a_line_that_was_begun_long_ago_is_not_completed_by_the_next_card() -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.arrive(b"77")
    device.read()
    link.now_s += 60.0
    link.arrive(b"04A1003C\r\n")
    assert tokens(link, device) == ["04A1003C"]


def test_a_card_that_stays_is_read_once() -> None:
    """RDM6300 repeats the frame about every 65 ms while the card is there."""
    link = ScriptedSerialLink()
    device = reader(link, format="em4100")
    found = []
    for _ in range(200):
        link.now_s += 0.065
        link.arrive(RDM6300)
        found.append(device.read())
    assert [one is not None for one in found] == [True] + [False] * 199


def test_a_card_counts_again_after_three_seconds_away() -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    counted = []
    for away_s in (0.0, 2.9, 3.0):
        link.now_s += away_s
        link.arrive(b"04A1003C\n")
        counted.append(device.read() is not None)
    assert counted == [True, False, True]


def test_another_card_counts_at_once() -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.arrive(b"04A1003C\n", b"04A1003D\n", b"04A1003C\n")
    assert tokens(link, device) == ["04A1003C", "04A1003D", "04A1003C"]


def test_a_reading_carries_the_instant_of_its_bytes() -> None:
    link = ScriptedSerialLink()
    device = reader(link)
    link.now_s = 77.5
    link.arrive(b"04A1003C\n")
    reading = device.read()
    assert reading is not None
    assert reading.taken_s == 77.5


def test_one_read_waits_at_most_one_poll() -> None:
    link = ScriptedSerialLink()
    assert reader(link).read() is None
    assert link.waited_s == [0.25]


@pytest.mark.parametrize(
    ("options", "line", "token"),
    [
        ({"reverse": True}, b"04A1003C", "3C00A104"),
        ({"uppercase": False}, b"04A1003C", "04a1003c"),
        ({"uppercase": True}, b"badge-7x", "BADGE-7X"),
        ({}, b"badge-7x", "badge-7x"),
        ({"prefix": "01"}, b"04a1003c", "0104A1003C"),
        ({"strip": "88"}, b"8804a1003c", "04A1003C"),
        ({"strip": "88", "reverse": True, "prefix": "DE-"}, b"8804a1003c", "DE-3C00A104"),
        ({"kind": "KeyCode", "length_min": 4}, b"1234", "1234"),
    ],
)
def test_the_token_is_spelt_as_configured(options: dict[str, Any], line: bytes, token: str) -> None:
    link = ScriptedSerialLink()
    device = reader(link, **options)
    link.arrive(line + b"\r")
    assert tokens(link, device) == [token]


def test_what_cannot_be_reversed_is_dropped() -> None:
    link = ScriptedSerialLink()
    device = reader(link, reverse=True)
    link.arrive(b"badge-7\n")
    assert tokens(link, device) == []


def test_a_configured_terminator_keeps_the_other_one_out_of_the_token() -> None:
    link = ScriptedSerialLink()
    device = reader(link, terminator="crlf")
    link.arrive(b"04A1003C\r\n")
    assert tokens(link, device) == ["04A1003C"]


def test_contradicting_lengths_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"length_min: found 9, expected at most .*\(8\)"):
        reader(ScriptedSerialLink(), length_min=9, length_max=8)
