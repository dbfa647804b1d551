"""Card readers that talk by themselves: one line of text, or EM4100 frames while a card lies there.

Frames of the RDM6300: STX, ten hexadecimal digits, their XOR as two digits, ETX, repeated about
every 65 ms while the card is in the field.
"""

from __future__ import annotations

from typing import Literal

from hil.plant.field import CardField
from hil.wire.line_time import LineTime
from hil.wire.talker import Outbox
from hil.wire.trouble import Trouble
from hil.world import World

REPEAT_S = 0.065
EM4100_BYTES = 5


class TextReader:
    """Satisfies `Talker`. The line has to be woken when a card is laid on the reader."""

    def __init__(
        self,
        world: World,
        field: CardField,
        line: LineTime,
        form: Literal["line", "em4100"] = "line",
        trouble: Trouble | None = None,
    ) -> None:
        self.trouble = Trouble() if trouble is None else trouble
        self._world = world
        self._field = field
        self._line = line
        self._form = form
        self._told = field.presentations
        self._repeat_s = float("inf")
        self._outbox = Outbox()

    def hear(self, data: bytes, now_s: float) -> None:
        """Such a reader listens to nothing."""

    def due(self, now_s: float) -> list[bytes]:
        with self._world:
            token, presentations = self._field.token, self._field.presentations
        if token is None:
            self._repeat_s = float("inf")
        elif presentations != self._told or now_s >= self._repeat_s:
            self._say(token, now_s)
        self._told = presentations
        return self._outbox.take(now_s)

    def next_s(self) -> float:
        return min(self._repeat_s, self._outbox.next_s())

    def _say(self, token: str, now_s: float) -> None:
        repeats = self._form == "em4100"
        self._repeat_s = now_s + REPEAT_S if repeats else float("inf")
        if self.trouble.deaf(now_s):
            return
        frame = em4100_frame(token) if repeats else token.encode("ascii") + b"\r\n"
        at_s = now_s + self.trouble.delay_s()
        for pause_s, piece in self.trouble.pieces(self._spoiled(frame)):
            at_s += pause_s + self._line.duration_s(len(piece))
            self._outbox.put(at_s, piece)

    def _spoiled(self, frame: bytes) -> bytes:
        """The check sum of an EM4100 frame stands before its ETX; a line of text has none."""
        if "crc" in self.trouble.faults and self._form == "em4100":
            return frame[:-2] + bytes([frame[-2] ^ 0x01]) + frame[-1:]
        return self.trouble.spoiled(frame)


def em4100_frame(token: str) -> bytes:
    """The 14 bytes of an RDM6300 for ten hexadecimal digits."""
    numbers = bytes.fromhex(token)
    checksum = 0
    for number in numbers:
        checksum ^= number
    return b"\x02" + (numbers + bytes([checksum])).hex().upper().encode() + b"\x03"
