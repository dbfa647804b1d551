"""The PN532 driver against frames from the NXP user manual and recordings of real cards."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest

from hal.drivers.pn532 import POLL_S, Pn532
from hal.drivers.pn532_frames import ACK, Acknowledged, Answer, FrameCutter, Refused, frame
from hal.drivers.token import Spelling
from hal.errors import NoReply
from hal.fakes import ScriptedSerialLink
from hal.interfaces import TokenReader
from hal.values import TokenReading

WAKE_UP = bytes.fromhex("55 55 00 00 00 00 00 00 00 00 00 00 00 00 00 00")
SAM = bytes.fromhex("00 00 FF 05 FB D4 14 01 14 01 02 00")
SAM_DONE = bytes.fromhex("00 00 FF 02 FE D5 15 16 00")
RETRIES_DONE = bytes.fromhex("00 00 FF 02 FE D5 33 F8 00")
NO_CARD = bytes.fromhex("00 00 FF 03 FD D5 4B 00 E0 00")
RELEASED = bytes.fromhex("00 00 FF 03 FD D5 53 00 D8 00")
ERROR = bytes.fromhex("00 00 FF 01 FF 7F 81 00")
CLASSIC = bytes.fromhex("00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 9E B3 6E 66 A9 00")
"""A Mifare Classic 1K, from the example output of an mbed PN532 application."""
NTAG = bytes.fromhex("00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 41 6D 41 2B 02 89 EA 00")
"""A card with a seven-byte UID, recorded on a USB PN532 module."""
DESFIRE = bytes.fromhex(
    "00 00 FF 1C E4 D5 4B 01 01 00 04 28 04 FD E6 08 99 10 78 80 90 02 20 90 00 00 00 00 00"
    "FD E6 08 99 5C 00"
)
"""A processor card with an ATS behind its UID, recorded."""
CODES = {"SAM": 0x14, "retries": 0x32, "list": 0x4A, "release": 0x52}


class Reader:
    """The other end of the line: answers each command; `card` is its answer to a look for cards."""

    def __init__(self) -> None:
        self.card = NO_CARD
        self.commands: list[int] = []
        self.silent = False
        self.pieces = 0
        self.link = ScriptedSerialLink(answer=self._answer)
        self.device = Pn532(self.link, name="cards", spelling=Spelling())

    def _answer(self, data: bytes) -> Sequence[bytes]:
        code = data[data.rindex(b"\x00\xff") + 5]
        self.commands.append(code)
        if self.silent:
            return ()
        answer = {0x14: SAM_DONE, 0x32: RETRIES_DONE, 0x4A: self.card, 0x52: RELEASED}[code]
        whole = ACK + answer
        if not self.pieces:
            return (whole,)
        return [whole[i : i + self.pieces] for i in range(0, len(whole), self.pieces)]

    def run(self, reads: int) -> list[TokenReading]:
        found = [self.device.read() for _ in range(reads)]
        return [one for one in found if one is not None]


def uid_answer(uid: bytes) -> bytes:
    """An answer with one card of this UID, framed as the manual says."""
    body = bytes((0xD5, 0x4B, 1, 1, 0x00, 0x44, 0x00, len(uid))) + uid
    head = bytes((0, 0, 0xFF, len(body), -len(body) & 0xFF))
    return head + body + bytes((-sum(body) & 0xFF, 0))


def test_commands_are_framed_as_in_the_user_manual() -> None:
    assert frame(bytes.fromhex("02")).hex(" ") == "00 00 ff 02 fe d4 02 2a 00"
    assert frame(bytes.fromhex("14 01 14 01")) == SAM
    assert frame(bytes.fromhex("4A 01 00")).hex(" ") == "00 00 ff 04 fc d4 4a 01 00 e1 00"


def test_the_first_thing_sent_wakes_the_reader_directly_before_a_command() -> None:
    reader = Reader()
    reader.run(1)
    assert reader.link.written == [ACK + WAKE_UP + SAM]


def test_it_is_configured_before_it_looks_for_cards() -> None:
    reader = Reader()
    reader.run(3)
    assert reader.commands == [CODES["SAM"], CODES["retries"], CODES["list"]]
    assert reader.link.written[1] == frame(bytes.fromhex("32 05 FF 01 02"))
    assert reader.link.written[2] == frame(bytes.fromhex("4A 02 00"))


@pytest.mark.parametrize(
    ("card", "token"),
    [
        (CLASSIC, "9EB36E66"),
        (NTAG, "04416D412B0289"),
        (DESFIRE, "FDE60899"),
        (uid_answer(bytes(range(1, 11))), "0102030405060708090A"),
    ],
    ids=["four", "seven", "four with ATS", "ten"],
)
def test_a_card_gives_its_uid_in_upper_case(card: bytes, token: str) -> None:
    reader = Reader()
    reader.card = card
    assert [one.token for one in reader.run(4)] == [token]


@pytest.mark.parametrize("size", [1, 3, 7])
def test_frames_may_arrive_in_any_pieces(size: int) -> None:
    reader = Reader()
    reader.pieces = size
    reader.card = NTAG
    assert [one.token for one in reader.run(100)] == ["04416D412B0289"]


def test_a_uid_of_impossible_length_is_dropped() -> None:
    reader = Reader()
    reader.card = uid_answer(bytes(5))
    assert reader.run(10) == []


def test_two_cards_at_once_are_refused() -> None:
    reader = Reader()
    body = bytes.fromhex("D5 4B 02 01 00 04 08 04 9E B3 6E 66 02 00 04 08 04 9E B3 6E 67")
    head = bytes((0, 0, 0xFF, len(body), -len(body) & 0xFF))
    reader.card = head + body + bytes((-sum(body) & 0xFF, 0))
    assert reader.run(10) == []
    reader.card = CLASSIC
    assert [one.token for one in reader.run(10)] == ["9EB36E66"]


def test_a_card_is_released_so_that_it_can_be_found_again() -> None:
    reader = Reader()
    reader.card = CLASSIC
    reader.run(4)
    assert reader.commands[-2:] == [CODES["list"], CODES["release"]]


def test_a_card_that_stays_is_read_once() -> None:
    reader = Reader()
    reader.card = CLASSIC
    assert len(reader.run(200)) == 1


def test_a_card_that_left_and_came_back_is_read_again() -> None:
    reader = Reader()
    reader.card = CLASSIC
    reader.run(10)
    reader.card = NO_CARD
    reader.run(30)
    reader.card = CLASSIC
    assert len(reader.run(10)) == 1


def test_it_looks_for_cards_no_more_than_four_times_a_second() -> None:
    reader = Reader()
    reader.run(3)
    begun_s = reader.link.now_s
    reader.commands.clear()
    while reader.link.now_s < begun_s + 10.0:
        reader.device.read()
    assert 30 <= len(reader.commands) <= 41


def test_one_read_waits_at_most_one_poll() -> None:
    reader = Reader()
    reader.silent = True
    reader.run(3)
    assert reader.link.waited_s == [POLL_S] * 3


def test_three_commands_without_an_answer_raise_and_then_it_wakes_the_reader_again() -> None:
    reader = Reader()
    reader.silent = True
    with pytest.raises(NoReply, match="SAMConfiguration: no acknowledge, 3 times in a row"):
        reader.run(100)
    assert reader.link.now_s < 2.5
    reader.silent = False
    reader.card = CLASSIC
    assert len(reader.run(10)) == 1


def test_one_lost_answer_is_repaired_without_an_error() -> None:
    reader = Reader()
    reader.run(3)
    reader.silent = True
    reader.run(5)
    reader.silent = False
    reader.card = CLASSIC
    assert len(reader.run(20)) == 1


def test_a_late_answer_is_not_taken_for_the_next_command() -> None:
    reader = Reader()
    reader.run(3)
    reader.silent = True
    reader.run(4)
    reader.link.arrive(SAM_DONE)
    assert reader.run(1) == []
    reader.silent = False
    reader.card = CLASSIC
    assert len(reader.run(20)) == 1


def test_a_garbled_frame_is_skipped_and_the_next_one_found() -> None:
    cutter = FrameCutter()
    garbled = CLASSIC.replace(b"\x9e\xb3", b"\x9e\xb2")
    assert cutter.feed(garbled + b"\xff\x00\x13" + NTAG) == [Answer(0x4B, NTAG[7:-2])]


def test_a_wrong_length_does_not_swallow_the_next_frame() -> None:
    cutter = FrameCutter()
    assert cutter.feed(b"\x00\x00\xff\x30\x01" + ACK) == [Acknowledged()]


def test_noise_alone_is_bounded() -> None:
    cutter = FrameCutter()
    for _ in range(100):
        assert cutter.feed(b"\xaa" * 1000) == []
    assert cutter.feed(ACK) == [Acknowledged()]


def test_an_error_frame_and_a_request_to_repeat_are_refusals() -> None:
    cutter = FrameCutter()
    assert cutter.feed(ERROR) == [Refused()]
    assert cutter.feed(bytes.fromhex("00 00 FF FF 00 00")) == [Refused()]


def test_an_extended_frame_is_understood() -> None:
    """User manual, extended information frame: FF FF, length in two bytes, their check byte."""
    body = bytes((0xD5, 0x4B, 0)) + bytes(257)
    head = bytes((0, 0, 0xFF, 0xFF, 0xFF, 0x01, 0x04, 0xFB))
    whole = head + body + bytes((-sum(body) & 0xFF, 0))
    assert FrameCutter().feed(whole) == [Answer(0x4B, body[2:])]


def test_it_is_a_token_reader() -> None:
    assert isinstance(Reader().device, TokenReader)


def test_a_reader_that_stays_silent_is_an_error_at_each_read_until_it_answers() -> None:
    """A read in between that only waits must not pass for a sign of life."""
    reader = Reader()
    reader.silent = True
    with pytest.raises(NoReply):
        reader.run(100)
    for _ in range(20):
        with pytest.raises(NoReply):
            reader.run(1)
    reader.silent = False
    reader.card = CLASSIC
    found: list[TokenReading] = []
    for _ in range(20):
        with contextlib.suppress(NoReply):
            found += reader.run(1)
    assert len(found) == 1
