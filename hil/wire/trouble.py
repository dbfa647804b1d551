"""How a device on a wire can misbehave, and what that does to the bytes of its replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SLOW_S = 0.5
STUTTER_S = 0.004
NOISE = b"\x00\xff\xa5"
PIECE_BYTES = 3

# fmt: off
WIRE_FAULTS: Mapping[str, str] = {
    "silent":    "Does not answer at all",
    "crc":       "Answers with a wrong check sum",
    "slow":      "Answers half a second late",
    "exception": "Answers every request with exception 4 (device failure)",
    "busy":      "Answers every request with exception 6 (device busy)",
    "noise":     "Sends three bytes of noise in front of each answer",
    "truncated": "Sends only the first half of each answer",
    "stutter":   "Sends its answers in pieces with pauses",
    "echo":      "The adapter repeats each request before the answer",
    "stranger":  "Answers under the address of another unit",
}
VALUE_FAULTS: Mapping[str, str] = {
    "frozen": "Answers, but its measurements stand still",
    "jump":   "The energy register leaps by 50 kWh, once",
}
# fmt: on
EXCEPTIONS = {"exception": 4, "busy": 6}


@dataclass(slots=True)
class Trouble:
    """Faults that are set at one device."""

    faults: set[str] = field(default_factory=set)
    slow_s: float = SLOW_S

    @property
    def exception_code(self) -> int | None:
        return next((code for name, code in EXCEPTIONS.items() if name in self.faults), None)

    def delay_s(self) -> float:
        return self.slow_s if "slow" in self.faults else 0.0

    def spoiled(self, frame: bytes) -> bytes:
        """`frame` as it leaves the device."""
        if "stranger" in self.faults and len(frame) > 3:
            return bytes([frame[0] ^ 0x01]) + frame[1:]
        if "crc" in self.faults:
            frame = frame[:-1] + bytes([frame[-1] ^ 0xFF])
        if "truncated" in self.faults:
            frame = frame[: len(frame) // 2]
        if "noise" in self.faults:
            frame = NOISE + frame
        return frame

    def pieces(self, frame: bytes) -> list[bytes]:
        """What goes out at once; more than one piece when it stutters."""
        if "stutter" not in self.faults:
            return [frame]
        return [frame[at : at + PIECE_BYTES] for at in range(0, len(frame), PIECE_BYTES)]
