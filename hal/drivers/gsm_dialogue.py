"""One AT command at a time: lines in, what they are, and the answer when it is complete.

Unsolicited lines come before, between and after an answer (3GPP TS 27.007), so each line is told
apart by what it says, never by where it stands. Makers differ in echo and blank lines; both are
tolerated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hal.sms.failures import Advice, Failure, equipment_failure, message_failure

LINE_MAX = 1024
PROMPT = ">"
COMMAND_S = 5.0
SETTLE_S = 1.0
"""Some modems (Wavecom) end `+CPIN:` without OK."""

_FINAL_ERROR = re.compile(r"\+(CME|CMS) ERROR: ?(.*)")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_NAMED = re.compile(r"[+^*]\w+:|RDY$|RING$|(Call|SMS) Ready$")
"""Lines that nobody asked for, where an answer has no name."""
_WITH_DATA = ("+CMGR:", "+CMGL:", "+CMT:", "+CDS:", "+CBM:")
"""The next line of hexadecimal digits belongs to these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is sent, and what ends the wait for its answer."""

    text: str
    answer: str = ""
    """How lines of the answer begin; empty: only the final result counts."""
    within_s: float = COMMAND_S
    bare: bool = False
    """The answer is a line without a name in front, such as a maker or a number."""
    prompt: bool = False
    """Ends with the prompt for a text instead."""
    raw: bool = False
    """`text` as it is: the text behind a prompt."""
    secret: bool = False
    """`text` must not be repeated anywhere."""

    @property
    def name(self) -> str:
        """For messages about it."""
        return self.text.partition("=")[0] if self.secret or self.raw else self.text

    @property
    def octets(self) -> bytes:
        return self.text.encode("ascii") + (b"" if self.raw else b"\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a command ended: answered well, with `failure`, or not at all."""

    lines: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    """Lines that carry data, with their data."""
    failure: Failure | None = None
    silent: bool = False
    prompted: bool = False
    """It asks for a text."""

    @property
    def good(self) -> bool:
        return self.failure is None and not self.silent

    @property
    def value(self) -> str:
        """Of the first line, what stands behind its name; empty without a line."""
        line = self.lines[0] if self.lines else ""
        return line.partition(":")[2].strip() if line.startswith("+") else line


class Lines:
    """Cuts bytes into lines, and finds the prompt, which has no end."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self.prompt_expected = False

    def feed(self, data: bytes) -> list[str]:
        """Complete lines without their ends; blank ones are dropped, too long ones too."""
        found: list[str] = []
        for byte in data:
            if byte in b"\r\n":
                self._end(found)
            elif byte not in b"\x00\xff" and len(self._begun) <= LINE_MAX:
                self._begun.append(byte)
            if self.prompt_expected and self._begun.strip() == PROMPT.encode():
                self._begun.clear()
                self.prompt_expected = False
                found.append(PROMPT)
        return found

    def _end(self, found: list[str]) -> None:
        text = self._begun.decode("latin-1").strip()
        if text and len(self._begun) <= LINE_MAX:
            found.append(text)
        self._begun.clear()

    def forget(self) -> None:
        self._begun.clear()
        self.prompt_expected = False


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """A line that nobody asked for, with the data that belongs to it."""

    line: str
    data: str = ""


@dataclass(slots=True)
class Dialogue:
    """The command that is under way, and its answer as far as it has come."""

    ask: Ask | None = None
    _deadline_s: float = 0.0
    _settled_s: float | None = None
    _lines: list[str] = field(default_factory=list)
    _pairs: list[tuple[str, str]] = field(default_factory=list)
    _header: str = ""
    """A line whose data is awaited."""

    def begin(self, ask: Ask, now_s: float) -> None:
        self.ask = ask
        self._deadline_s = now_s + ask.within_s
        self._settled_s = None
        self._lines, self._pairs = [], []

    def take(self, line: str, now_s: float) -> Answer | Unsolicited | None:
        """What `line` ends, or is; None when it only belongs to something."""
        ask = self.ask
        if self._header and _HEX.fullmatch(line):
            return self._data(line)
        if ask is not None and line == PROMPT and ask.prompt:
            self.ask, self._header = None, ""
            return Answer(prompted=True)
        ended, failure = _final(line)
        if ended:
            return self._finish(failure) if ask is not None else None
        if ask is not None and line == ask.text:
            return None  # the echo
        if line.startswith(_WITH_DATA):
            self._header = line
            return None
        if ask is not None and ask.answer and line.startswith(ask.answer):
            self._lines.append(line)
            self._settled_s = now_s + SETTLE_S
        elif ask is not None and ask.bare and not _NAMED.match(line):
            self._lines.append(line)
            return None
        return Unsolicited(line)

    def overdue(self, now_s: float) -> Answer | None:
        """The end by time: without an answer, or with one that nothing has closed."""
        if self.ask is None:
            return None
        if self._settled_s is not None and now_s >= self._settled_s:
            return self._finish(None)
        if now_s < self._deadline_s:
            return None
        self.ask = None
        return Answer(silent=True)

    def forget(self) -> None:
        self.ask = None
        self._header = ""

    def _data(self, line: str) -> Unsolicited | None:
        header, self._header = self._header, ""
        if self.ask is not None and self.ask.answer and header.startswith(self.ask.answer):
            self._pairs.append((header, line))
            return None
        return Unsolicited(header, line)

    def _finish(self, failure: Failure | None) -> Answer:
        self.ask, self._header = None, ""
        return Answer(lines=tuple(self._lines), pairs=tuple(self._pairs), failure=failure)


def _final(line: str) -> tuple[bool, Failure | None]:
    """Whether `line` is a final result, and which failure."""
    if line == "OK":
        return True, None
    if line in ("ERROR", "COMMAND NOT SUPPORT"):
        return True, Failure("the modem refuses the command", Advice.ONCE)
    found = _FINAL_ERROR.fullmatch(line)
    if found is None:
        return False, None
    kind, text = found.groups()
    if not text.isdecimal():
        return True, Failure(text[:60].lower() or "unknown error", Advice.MODEM)
    code = int(text[:6])
    return True, message_failure(code) if kind == "CMS" else equipment_failure(code)
