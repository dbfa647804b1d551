"""NXP PN532 card reader on a serial line (`pn532`): 115200 8N1, ISO 14443 type A cards.

    asleep ── wake-up, SAMConfiguration ──► RFConfiguration ──► poll ◄──┐
                                                    card seen │         │
                                                         release card ──┘

One `read` sends at most one command and waits at most POLL_S; what is under way is continued by
the next call. The instants come from the link. Three commands in a row without an answer raise
NoReply and start again from the wake-up. A list of two cards is refused: nobody can know whose it
should be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hal.drivers.options import Choice, Number, Option
from hal.drivers.pn532_frames import (
    ACK,
    WAKE_UP,
    Acknowledged,
    Answer,
    Frame,
    FrameCutter,
    Refused,
    frame,
)
from hal.drivers.token import OPTIONS as TOKEN_OPTIONS
from hal.drivers.token import Presentation, Spelling
from hal.errors import NoReply
from hal.interfaces import SerialLink
from hal.values import TokenKind, TokenReading

POLL_S = 0.1
"""Longest wait in one `read`."""
PAUSE_S = 0.25
"""From one look for cards to the next; keeps the field, and the reader, cool."""
ANSWER_MAX_S = 0.5
"""Acknowledge and answer; a bounded look for cards takes less than 100 ms."""
FAILURES_MAX = 3
ABSENT_DEFAULT_S = 1.0
UID_LENGTHS = (4, 7, 10)

OPTIONS: Mapping[str, Option] = {
    "absent_s": Number(ABSENT_DEFAULT_S, 0.5, 60.0),
    **{key: option for key, option in TOKEN_OPTIONS.items() if key != "kind"},
    "kind": Choice(TokenKind.ISO14443.value, tuple(kind.value for kind in TokenKind)),
}


@dataclass(frozen=True, slots=True)
class _Command:
    """A command, by what it is called in the user manual."""

    name: str
    code: int
    parameters: bytes

    @property
    def frame(self) -> bytes:
        return frame(bytes((self.code,)) + self.parameters)


# Normal mode, time-out 20 x 50 ms (unused in this mode), IRQ pin driven.
SAM_CONFIGURATION = _Command("SAMConfiguration", 0x14, bytes((0x01, 0x14, 0x01)))
# Item 5, retries: ATR and PSL as by default, two for passive activation: bounds each look.
RF_CONFIGURATION = _Command("RFConfiguration", 0x32, bytes((0x05, 0xFF, 0x01, 0x02)))
# Up to two cards, 106 kbit/s type A: one more than wanted, to notice the second.
LIST_CARDS = _Command("InListPassiveTarget", 0x4A, bytes((0x02, 0x00)))
RELEASE_CARDS = _Command("InRelease", 0x52, bytes((0x00,)))
START_UP = (SAM_CONFIGURATION, RF_CONFIGURATION)


class Pn532:
    """Satisfies `hal.interfaces.TokenReader`."""

    def __init__(
        self,
        link: SerialLink,
        *,
        name: str,
        spelling: Spelling,
        kind: TokenKind = TokenKind.ISO14443,
        absent_s: float = ABSENT_DEFAULT_S,
    ) -> None:
        self._name = name
        self._link = link
        self._spelling = spelling
        self._kind = kind
        self._presentation = Presentation(absent_s)
        self._cutter = FrameCutter()
        self._queue: list[_Command] = []
        self._asleep = True
        self._running: _Command | None = None
        self._acknowledged = False
        self._sent_s: float | None = None
        """Instant of the first look at the line after sending; None before."""
        self._listed_s = -math.inf
        self._now_s = -math.inf
        self._failures = 0

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> TokenReading | None:
        """A card whose presentation begins, or None; waits at most POLL_S.

        Raises NoReply from FAILURES_MAX commands in a row without a usable answer on, until there
        is one, and what the link raises.
        """
        if self._running is None:
            self._send_next()
        data, self._now_s = self._link.read(POLL_S)
        if self._sent_s is None:
            self._sent_s = self._now_s
        found = None
        for one in self._cutter.feed(data):
            found = self._take(one) or found
        if self._running and self._now_s - self._sent_s > ANSWER_MAX_S:
            self._fail("no answer" if self._acknowledged else "no acknowledge")
        elif self._failures >= FAILURES_MAX:
            raise NoReply(self._name, "read", "silent, and asked again")
        return found

    def _send_next(self) -> None:
        """Send what is due, if anything is."""
        before = b""
        if self._asleep:
            # The acknowledge aborts a command that an earlier life of ours may have left running.
            before = ACK + WAKE_UP
            self._asleep = False
            self._queue = list(START_UP)
            self._cutter.forget()
            self._link.discard()
        if not self._queue and self._now_s - self._listed_s >= PAUSE_S:
            self._queue.append(LIST_CARDS)
            self._listed_s = self._now_s
        if not self._queue:
            return
        self._running = self._queue.pop(0)
        self._acknowledged = False
        self._sent_s = None
        self._link.write(before + self._running.frame)

    def _take(self, one: Frame) -> TokenReading | None:
        running = self._running
        if running is None:
            return None  # An answer that came too late; its command was given up.
        match one:
            case Acknowledged():
                self._acknowledged = True
            case Refused():
                self._fail("refused")
            case Answer(code, data) if self._acknowledged and code == running.code + 1:
                self._running = None
                self._failures = 0
                return self._card(data) if running is LIST_CARDS else None
            case Answer():
                pass  # Belongs to an earlier command; ours is still awaited.
        return None

    def _card(self, data: bytes) -> TokenReading | None:
        """The card in an answer to LIST_CARDS: number of cards, then per card Tg, SENS_RES (2),
        SEL_RES, length of the UID, UID."""
        count = data[0] if data else 0
        if count:
            self._queue.append(RELEASE_CARDS)
        if count != 1 or len(data) < 6:
            return None
        length = data[5]
        uid = data[6 : 6 + length]
        if length not in UID_LENGTHS or len(uid) != length:
            return None
        token = self._spelling.spell(uid.hex().upper())
        if token is None or not self._presentation.begins(token, self._now_s):
            return None
        return TokenReading(taken_s=self._now_s, token=token, kind=self._kind)

    def _fail(self, detail: str) -> None:
        """Give the running command up. Raises NoReply when that has become a habit."""
        name = self._running.name if self._running else ""
        self._running = None
        self._asleep = True
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            raise NoReply(self._name, name, f"{detail}, {self._failures} times in a row")
