"""What a serial line costs in time. A pty carries bytes at once and knows no baud rate.

Modbus over Serial Line V1.02, clause 2.5.1.1: 3.5 characters of silence end a frame, fixed at
1.75 ms above 19,200 baud.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SILENCE_CHARACTERS = 3.5
SILENCE_FIXED_S = 0.00175
SILENCE_FIXED_ABOVE_BAUD = 19200


@dataclass(frozen=True, slots=True)
class LineTime:
    """Speed and framing of a line; the framing counts in time even where a pty cannot carry it."""

    baud: int
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: int = 1

    @property
    def character_s(self) -> float:
        """Start bit, eight data bits, parity, stop bits."""
        bits = 1 + 8 + (self.parity != "none") + self.stop_bits
        return bits / self.baud

    @property
    def silence_s(self) -> float:
        if self.baud > SILENCE_FIXED_ABOVE_BAUD:
            return SILENCE_FIXED_S
        return SILENCE_CHARACTERS * self.character_s

    def duration_s(self, count: int) -> float:
        """Time that `count` bytes occupy the line."""
        return count * self.character_s
