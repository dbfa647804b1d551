"""Frames of the NXP PN532 on its serial line (HSU): build, and cut out of a byte stream.

Normal information frame: 00 00 FF LEN LCS TFI DATA... DCS 00, with LEN + LCS = 0 and
TFI + DATA + DCS = 0 modulo 256 (PN532 user manual, chapter 6.2).
"""

from __future__ import annotations

from dataclasses import dataclass

HOST_TO_READER = 0xD4
READER_TO_HOST = 0xD5
START = b"\x00\xff"
ACK = bytes.fromhex("00 00 FF 00 FF 00")
WAKE_UP = bytes((0x55, 0x55)) + bytes(14)
BUFFER_MAX = 512
BODY_MAX = 264
"""Longest body of an extended frame (user manual): nothing longer is waited for."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The reader has our command."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The reader did not understand our frame (error frame, or it asks for a repetition)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An intact answer: command code of the request plus one, then its data."""

    code: int
    data: bytes


Frame = Acknowledged | Refused | Answer


def frame(command: bytes) -> bytes:
    """The bytes that carry `command` (code and parameters) to the reader."""
    body = bytes((HOST_TO_READER,)) + command
    head = bytes((0x00, 0x00, 0xFF, len(body), -len(body) & 0xFF))
    return head + body + bytes((-sum(body) & 0xFF, 0x00))


class FrameCutter:
    """Finds frames in whatever arrives, in whatever pieces; damaged ones are skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        self._buffer += data
        found: list[Frame] = []
        while True:
            start = self._buffer.find(START)
            if start < 0:
                # The last byte may be the first half of a start code.
                del self._buffer[:-1]
                return found
            del self._buffer[:start]
            end, one = self._first()
            if end == 0:
                del self._buffer[BUFFER_MAX:]
                return found
            del self._buffer[:end]
            if one is not None:
                found.append(one)

    def forget(self) -> None:
        """Drop a frame that was begun."""
        self._buffer.clear()

    def _first(self) -> tuple[int, Frame | None]:
        """Length and meaning of the frame at the start code; length 0: more bytes are needed.

        A damaged frame gives the length of its start code only, so that the search goes on behind.
        """
        rest = self._buffer[len(START) :]
        if len(rest) < 2:
            return 0, None
        skip: tuple[int, Frame | None] = (len(START), None)
        if rest[:2] == b"\x00\xff":
            return len(START) + 2, Acknowledged()
        if rest[:2] == b"\xff\x00":
            return len(START) + 2, Refused()
        head, length = 2, rest[0]
        if rest[:2] == b"\xff\xff":
            if len(rest) < 5:
                return 0, None
            head, length = 5, rest[2] << 8 | rest[3]
            intact = sum(rest[2:5]) & 0xFF == 0
        else:
            intact = sum(rest[:2]) & 0xFF == 0
        if not intact or not 0 < length <= BODY_MAX:
            return skip
        if len(rest) < head + length + 1:
            return 0, None
        body = rest[head : head + length]
        if (sum(body) + rest[head + length]) & 0xFF:
            return skip
        return len(START) + head + length + 1, _meaning(bytes(body))


def _meaning(body: bytes) -> Frame | None:
    if body == b"\x7f":
        return Refused()
    if body[0] == READER_TO_HOST and len(body) >= 2:
        return Answer(body[1], body[2:])
    return None
