"""Card readers and keypads that send text on a serial line by themselves (`rfid-text`).

Two framings: lines ended by CR or LF (converters, keypads, most USB readers), and the EM4100 frames
of RDM6300 (14 bytes) and ID-12LA/ID-20 (16 bytes) with checksum. Whatever does not fit is dropped,
and the next line or start byte begins afresh. Such a reader cannot be asked anything: silence means
no card or no reader, and only a failing port is an error.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from hal.drivers.options import Choice, Number, Option
from hal.drivers.token import OPTIONS as TOKEN_OPTIONS
from hal.drivers.token import Presentation, Spelling
from hal.interfaces import SerialLink
from hal.values import TokenKind, TokenReading

POLL_S = 0.25
"""Longest wait for a card in one `read`."""
PAUSE_S = 1.0
"""A line whose rest takes longer than this is not one line."""
BUFFER_MAX = 256
WAITING_MAX = 8
ABSENT_DEFAULT_S = 3.0
LENGTH_MIN_DEFAULT = 4
LENGTH_MAX_DEFAULT = 36

STX = 0x02
ETX = 0x03
EM4100_DIGITS = 12
"""Five bytes and their checksum as hexadecimal digits."""
EM4100_TAILS = (b"", b"\r\n")
"""What stands between digits and ETX: nothing (RDM6300), CR LF (ID-12LA, ID-20)."""

OPTIONS: Mapping[str, Option] = {
    "format": Choice("line", ("line", "em4100")),
    "terminator": Choice("any", ("any", "cr", "lf", "crlf")),
    "length_min": Number(LENGTH_MIN_DEFAULT, 1, 64, whole=True),
    "length_max": Number(LENGTH_MAX_DEFAULT, 1, 64, whole=True),
    "absent_s": Number(ABSENT_DEFAULT_S, 0.3, 60.0),
    **TOKEN_OPTIONS,
}


class Lines:
    """Cuts bytes into lines of allowed length."""

    def __init__(self, *, terminator: str, length_min: int, length_max: int) -> None:
        self._ends = {"any": b"\r\n", "cr": b"\r", "lf": b"\n", "crlf": b"\n"}[terminator]
        self._strip = "\r" if terminator == "crlf" else ""
        self._lengths = range(length_min, length_max + 1)
        self._begun = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Complete lines of printable ASCII; longer, shorter and unprintable ones are dropped."""
        found = []
        for byte in data:
            if byte not in self._ends:
                # One byte beyond the bound is kept, so that a long line stays recognisable.
                if len(self._begun) <= BUFFER_MAX:
                    self._begun.append(byte)
                continue
            text = self._begun.decode("ascii", "replace").removesuffix(self._strip).strip(" ")
            self._begun.clear()
            if len(text) in self._lengths and text.isascii() and text.isprintable():
                found.append(text)
        return found

    def forget(self) -> None:
        """Drop a line that was begun."""
        self._begun.clear()


class Em4100Frames:
    """Cuts bytes into EM4100 frames with a right checksum."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Ten hexadecimal digits for each intact frame."""
        found = []
        for byte in data:
            if byte == STX:
                self._begun.clear()
            elif byte == ETX:
                digits = _em4100_digits(bytes(self._begun))
                self._begun.clear()
                if digits is not None:
                    found.append(digits)
                continue
            if len(self._begun) <= EM4100_DIGITS + 3:
                self._begun.append(byte)
        return found

    def forget(self) -> None:
        """Drop a frame that was begun."""
        self._begun.clear()


def _em4100_digits(frame: bytes) -> str | None:
    """The digits of `frame` (from its STX to before its ETX), or None if it is damaged."""
    body = frame[1 : 1 + EM4100_DIGITS]
    if frame[:1] != bytes((STX,)) or frame[1 + EM4100_DIGITS :] not in EM4100_TAILS:
        return None
    try:
        numbers = bytes.fromhex(body.decode("ascii"))
    except ValueError:
        return None
    if len(numbers) != EM4100_DIGITS // 2 or b" " in body:
        return None
    checksum = 0
    for number in numbers:
        checksum ^= number
    return numbers[:-1].hex().upper() if checksum == 0 else None


class TextReader:
    """Satisfies `hal.interfaces.TokenReader`."""

    def __init__(
        self,
        link: SerialLink,
        *,
        name: str,
        frames: Lines | Em4100Frames,
        spelling: Spelling,
        kind: TokenKind = TokenKind.ISO14443,
        absent_s: float = ABSENT_DEFAULT_S,
    ) -> None:
        self._name = name
        self._link = link
        self._frames = frames
        self._spelling = spelling
        self._kind = kind
        self._presentation = Presentation(absent_s)
        self._waiting: deque[TokenReading] = deque(maxlen=WAITING_MAX)
        self._heard_s = 0.0

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> TokenReading | None:
        """A token whose presentation begins, or None; waits at most POLL_S. Raises DeviceError."""
        data, now_s = self._link.read(0.0 if self._waiting else POLL_S)
        if data:
            if now_s - self._heard_s > PAUSE_S:
                self._frames.forget()
            self._heard_s = now_s
            for text in self._frames.feed(data):
                self._take(text, now_s)
        return self._waiting.popleft() if self._waiting else None

    def _take(self, text: str, now_s: float) -> None:
        token = self._spelling.spell(text)
        if token is not None and self._presentation.begins(token, now_s):
            self._waiting.append(TokenReading(taken_s=now_s, token=token, kind=self._kind))
