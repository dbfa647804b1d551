"""RAPI, the serial language of OpenEVSE: lines, checksums and the exchange of one board.

    $GS :1A^5A CR                  request; `:1A` is its sequence id, which the answer repeats
    $OK 03 61 03 0140 :1A^48 CR    answer, or `$NK` when the request is refused
    $AT 03 03 16 0140^33 CR        notice: comes at any time, also between request and answer

Implements the frames of the firmware's `rapi_proc.h` and `rapi_proc.cpp` (protocol 3.0 and newer):
`^` and the XOR of all characters before it, or the older `*` and their sum; a line without checksum
counts as damaged. What the commands mean is the driver's.

`Exchange` splits the firmware's 500 ms answer bound over several short waits: a request stays under
way between calls and is not sent twice meanwhile. Answers are told apart by their sequence ids, so
a late one can never be taken for that of a newer request.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from hal.errors import BadReply, NoReply
from hal.interfaces import SerialLink

ANSWER_MAX_S = 0.5
"""After this a request counts as lost (RAPIS_TIMEOUT_MS of the firmware's own sender)."""
LINE_MAX = 96
"""Characters of the longest line that is kept; the longest known answer has about 50."""
NOTICES_MAX = 16
SEQUENCE_MAX = 0xFF
"""Sequence ids run from 1; 00 is reserved."""
CHECKED = re.compile(r"(\$.+)([\^*])([0-9A-Fa-f]{2})")
SEQUENCE = re.compile(r":([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Answer:
    """`$OK` or `$NK` with what follows."""

    ok: bool
    values: tuple[str, ...]
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What the board says by itself: `AB` boot, `AT` state, `AN` button, `WF` Wi-Fi mode."""

    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line whose checksum is wrong or missing."""

    text: str


Line = Answer | Notice | Damaged


def xor_of(text: str) -> int:
    """XOR of all characters, the checksum behind `^`."""
    value = 0
    for character in text:
        value ^= ord(character)
    return value


def sum_of(text: str) -> int:
    """8-bit sum of all characters, the older checksum behind `*`."""
    return sum(map(ord, text)) & 0xFF


def frame(command: str, sequence: int | None = None) -> bytes:
    """The bytes of a request such as `GS` or `SC 16 V`; with `sequence` its answer repeats that."""
    text = f"${command}" if sequence is None else f"${command} :{sequence:02X}"
    return f"{text}^{xor_of(text):02X}\r".encode("ascii")


def parse(text: str) -> Line:
    """What one line, from `$` and without its end, says."""
    found = CHECKED.fullmatch(text)
    if found is None:
        return Damaged(text)
    body, mark, digits = found.groups()
    if int(digits, 16) != (xor_of(body) if mark == "^" else sum_of(body)):
        return Damaged(text)
    kind, *values = body[1:].split()
    if kind not in ("OK", "NK"):
        return Notice(kind, tuple(values))
    last = SEQUENCE.fullmatch(values[-1]) if values else None
    if last is None:
        return Answer(kind == "OK", tuple(values), None)
    return Answer(kind == "OK", tuple(values[:-1]), int(last[1], 16))


class LineCutter:
    """Cuts a stream of bytes into lines; `$` starts one anew, as it does in the firmware."""

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[Line]:
        """The lines that `data` completes."""
        lines: list[Line] = []
        for byte in data:
            if byte == 0x24:  # "$"
                self._line = bytearray(b"$")
            elif byte == 0x0D and self._line:
                lines.append(parse(self._line.decode("ascii", "replace")))
                self._line.clear()
            elif self._line:
                self._line.append(byte)
                if len(self._line) > LINE_MAX:
                    self._line.clear()
        return lines

    def forget(self) -> None:
        """Drop a line that has begun."""
        self._line.clear()


@dataclass(slots=True)
class _Asked:
    """A request under way, and its answer once it came."""

    command: str
    sequence: int
    sent_s: float
    answer: Answer | None = None
    answered_s: float = 0.0


class Exchange:
    """Requests to one board and their answers. Belongs to one thread."""

    def __init__(self, link: SerialLink, name: str) -> None:
        self._link = link
        self._name = name
        self._cutter = LineCutter()
        self._asked: dict[str, _Asked] = {}
        self._sequence = 0
        self._notices: deque[Notice] = deque(maxlen=NOTICES_MAX)
        self.now_s = float("-inf")
        """Instant of the last look at the line."""

    def ask(self, topic: str, command: str, within_s: float) -> tuple[Answer, float] | None:
        """The answer to `command` and its instant; None while it may still come.

        Waits at most `within_s`. Of each topic one request is under way: the same command goes on
        waiting, another one takes its place at once. Raises NoReply when the answer is overdue,
        BadReply when the board could not read a request, and BusDown.
        """
        self._listen(0.0)
        asked = self._asked.get(topic)
        if asked is None or asked.command != command:
            asked = self._send(topic, command)
        until_s = self.now_s + within_s
        while asked.answer is None and self.now_s < until_s:
            self._listen(until_s - self.now_s)
            if self._asked.get(topic) is not asked:
                raise BadReply(self._name, command, "the board says that a request came damaged")
        if asked.answer is not None:
            del self._asked[topic]
            return asked.answer, asked.answered_s
        if self.now_s - asked.sent_s >= ANSWER_MAX_S:
            del self._asked[topic]
            raise NoReply(self._name, command, f"no answer within {ANSWER_MAX_S:g} s")
        return None

    def look(self) -> float:
        """The instant, after taking in what has arrived. Raises BusDown."""
        self._listen(0.0)
        return self.now_s

    def take_notices(self) -> list[Notice]:
        """What the board said by itself since the last call."""
        notices = list(self._notices)
        self._notices.clear()
        return notices

    def start_over(self) -> None:
        """Forget what is under way and drop what has arrived. Raises BusDown."""
        self._asked.clear()
        self._cutter.forget()
        self._link.discard()

    def _send(self, topic: str, command: str) -> _Asked:
        self._sequence = self._sequence % SEQUENCE_MAX + 1
        asked = _Asked(command, self._sequence, self.now_s)
        self._asked.pop(topic, None)
        self._link.write(frame(command, self._sequence))
        self._asked[topic] = asked
        return asked

    def _listen(self, within_s: float) -> None:
        data, self.now_s = self._link.read(within_s)
        for line in self._cutter.feed(data):
            match line:
                case Notice():
                    self._notices.append(line)
                case Answer():
                    self._take(line)
                case Damaged():
                    pass  # Its request becomes overdue, and is asked again then.

    def _take(self, answer: Answer) -> None:
        if answer.sequence is None and not answer.ok:
            # The board could not read one of our frames, and so not its id either: ask all again.
            self._asked.clear()
            return
        for asked in self._asked.values():
            if asked.sequence == answer.sequence and asked.answer is None:
                asked.answer = answer
                asked.answered_s = self.now_s
