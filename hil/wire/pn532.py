"""An NXP PN532 on its serial line, from the reader's side: real frames, real order.

Host frame, ACK, answer. It sleeps until it is woken by the long preamble. A look for cards ends
with an answer when a card is there; without one it ends after the retries that RFConfiguration
allowed, or waits for ever, until the host aborts it with an ACK or a new command (PN532 user
manual, chapters 6.2 and 7.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.plant.field import CardField
from hil.wire.line_time import LineTime
from hil.wire.talker import Outbox
from hil.wire.trouble import Trouble
from hil.world import World

ACK = bytes.fromhex("0000FF00FF00")
NACK = bytes.fromhex("0000FFFF0000")
SYNTAX_ERROR = bytes.fromhex("0000FF01FF7F8100")
START = b"\x00\xff"
WAKE_UP = 0x55
ACK_DELAY_S = 0.001
ANSWER_DELAY_S = 0.003
LOOK_S = 0.025
"""One attempt to find a card."""
LOOK_POLL_S = 0.02
RETRIES_FOR_EVER = 0xFF
UID_BYTES = (4, 7, 10)
BUFFER_MAX = 512
# fmt: off
GET_FIRMWARE, SAM_CONFIGURATION, POWER_DOWN = 0x02, 0x14, 0x16
RF_CONFIGURATION, LIST_TARGETS, RELEASE     = 0x32, 0x4A, 0x52
SENS_RES = {4: bytes.fromhex("0004"), 7: bytes.fromhex("0044"), 10: bytes.fromhex("0084")}
SEL_RES  = {4: 0x08, 7: 0x00, 10: 0x00}
ANSWERS = {  #  command: data of the answer
    GET_FIRMWARE:      bytes.fromhex("32010607"),
    SAM_CONFIGURATION: b"",
    RF_CONFIGURATION:  b"",
    RELEASE:           b"\x00",
    POWER_DOWN:        b"\x00",
}
# fmt: on


@dataclass(slots=True)
class _Look:
    """An InListPassiveTarget under way."""

    until_s: float
    again_s: float


class Pn532:
    """Satisfies `Talker`."""

    def __init__(
        self,
        world: World,
        field: CardField,
        line: LineTime,
        trouble: Trouble | None = None,
    ) -> None:
        self.trouble = Trouble() if trouble is None else trouble
        self.awake = False
        self._world = world
        self._field = field
        self._line = line
        self._buffer = bytearray()
        self._outbox = Outbox()
        self._retries = RETRIES_FOR_EVER
        self._look: _Look | None = None
        self._last = b""

    def hear(self, data: bytes, now_s: float) -> None:
        now_s += self._line.duration_s(len(data))
        self._buffer += data
        del self._buffer[:-BUFFER_MAX]
        if not self.awake:
            at = self._buffer.find(WAKE_UP)
            if at < 0:
                self._buffer.clear()
                return
            self.awake = True
            del self._buffer[: at + 1]
        while self._next_frame(now_s):
            pass

    def due(self, now_s: float) -> list[bytes]:
        look = self._look
        if look is not None and now_s >= look.again_s:
            self._look_again(look, now_s)
        return self._outbox.take(now_s)

    def next_s(self) -> float:
        again_s = self._look.again_s if self._look is not None else float("inf")
        return min(again_s, self._outbox.next_s())

    # --- frames ----------------------------------------------------------------------------------

    def _next_frame(self, now_s: float) -> bool:
        """Take one frame out of the buffer; False when there is none complete."""
        at = self._buffer.find(START)
        rest = self._buffer[at + 2 :]
        if at < 0 or len(rest) < 2:
            return False
        if rest[:2] == b"\x00\xff":
            self._abort()
        elif rest[:2] == b"\xff\x00":
            self._send(self._last, now_s)
        elif (rest[0] + rest[1]) & 0xFF == 0:
            if len(rest) < rest[0] + 3:
                return False
            body = bytes(rest[2 : 2 + rest[0]])
            if (sum(body) + rest[2 + rest[0]]) & 0xFF == 0 and body[:1] == b"\xd4":
                self._command(body[1:], now_s)
            del self._buffer[: at + 2 + rest[0] + 3]
            return True
        del self._buffer[: at + 4]
        return True

    def _abort(self) -> None:
        self._look = None
        self._outbox.clear()

    def _command(self, command: bytes, now_s: float) -> None:
        self._abort()
        if self.trouble.deaf(now_s) or not command:
            return
        now_s += ACK_DELAY_S + self._line.duration_s(len(ACK))
        self._outbox.put(now_s, ACK)
        code, parameters = command[0], command[1:]
        if code == LIST_TARGETS and len(parameters) >= 2:
            self._begin_look(now_s)
        elif code in ANSWERS:
            self._configure(code, parameters)
            self._answer(code, ANSWERS[code], now_s)
            self.awake = code != POWER_DOWN
        else:
            self._send(SYNTAX_ERROR, now_s)

    def _configure(self, code: int, parameters: bytes) -> None:
        if code == RF_CONFIGURATION and parameters[:1] == b"\x05" and len(parameters) == 4:
            self._retries = parameters[3]

    def _begin_look(self, now_s: float) -> None:
        for_ever = self._retries == RETRIES_FOR_EVER
        duration_s = float("inf") if for_ever else (self._retries + 1) * LOOK_S
        self._look = _Look(until_s=now_s + duration_s, again_s=now_s)

    def _look_again(self, look: _Look, now_s: float) -> None:
        with self._world:
            token = self._field.token
        if token is not None:
            self._look = None
            self._answer(LIST_TARGETS, b"\x01" + target(token), now_s)
        elif now_s >= look.until_s:
            self._look = None
            self._answer(LIST_TARGETS, b"\x00", now_s)
        else:
            look.again_s = min(now_s + LOOK_POLL_S, look.until_s)

    def _answer(self, code: int, data: bytes, now_s: float) -> None:
        self._send(frame(bytes([code + 1]) + data), now_s + ANSWER_DELAY_S)

    def _send(self, data: bytes, now_s: float) -> None:
        self._last = data
        at_s = now_s + self.trouble.delay_s()
        for pause_s, piece in self.trouble.pieces(self._spoiled(data)):
            at_s += pause_s + self._line.duration_s(len(piece))
            self._outbox.put(at_s, piece)

    def _spoiled(self, data: bytes) -> bytes:
        """The check sum stands before the postamble."""
        if "crc" in self.trouble.faults and len(data) > 2:
            return data[:-2] + bytes([data[-2] ^ 0xFF]) + data[-1:]
        return self.trouble.spoiled(data)


def frame(body: bytes) -> bytes:
    """An answer of the reader: `body` is command code + 1 and data."""
    whole = b"\xd5" + body
    head = bytes([0x00, 0x00, 0xFF, len(whole), -len(whole) & 0xFF])
    return head + whole + bytes([-sum(whole) & 0xFF, 0x00])


def target(token: str) -> bytes:
    """Target data of one ISO 14443 A card: number, SENS_RES, SEL_RES, UID with its length."""
    uid = bytes.fromhex(token)
    size = len(uid)
    return b"\x01" + SENS_RES[size] + bytes([SEL_RES[size], size]) + uid
