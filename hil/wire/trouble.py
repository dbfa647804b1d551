"""How a device on a wire can misbehave, and what that does to the bytes of its replies.

What is left to chance comes from a seed: the same seed and the same requests give the same noise.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

SLOW_S = 0.5
NOISE = b"\x00\xff\xa5"
PIECE_MAX_BYTES = 6
STUTTER_MIN_S = 0.0005
STUTTER_MAX_S = 0.008
"""Pauses inside a frame: some shorter, some longer than the 3.5 characters that end one."""
SILENCE_S = 1.0
SILENCE_EVERY_S = 10.0
COLLISION_RATIO = 0.5
"""How often two answers fall into each other; else one follows the other, in either order."""
TWIN_LATE_MAX_S = 0.006

# fmt: off
WIRE_FAULTS: Mapping[str, str] = {
    "silent":    "Does not answer at all",
    "silences":  "Does not answer for a second, at random, every ten seconds on average",
    "crc":       "Answers with a wrong check sum",
    "slow":      "Answers half a second late",
    "exception": "Answers every request with exception 4 (device failure)",
    "busy":      "Answers every request with exception 6 (device busy)",
    "noise":     "Noise before each answer; with a ratio, that share of frames is damaged",
    "truncated": "Sends only the first half of each answer",
    "stutter":   "Sends its answers in pieces with random pauses",
    "echo":      "The adapter repeats each request before the answer",
    "twin":      "A second device answers under the same address",
    "stranger":  "Answers under the address of another unit",
}
VALUE_FAULTS: Mapping[str, str] = {
    "frozen": "Answers, but its measurements stand still",
    "jump":   "The energy register leaps by 50 kWh, once",
}
SERIAL_ONLY = ("twin", "echo")
"""Faults that a network has not."""
# fmt: on
EXCEPTIONS = {"exception": 4, "busy": 6}


@dataclass(slots=True)
class Trouble:
    """Faults that are set at one device, or at a whole line."""

    faults: set[str] = field(default_factory=set)
    slow_s: float = SLOW_S
    noise_ratio: float | None = None
    """Share of the frames, in each direction, that `noise` damages; None: noise before each."""
    silence_s: float = SILENCE_S
    silence_every_s: float = SILENCE_EVERY_S
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    _silent_from_s: float | None = None
    _silent_until_s: float = 0.0

    @property
    def exception_code(self) -> int | None:
        return next((code for name, code in EXCEPTIONS.items() if name in self.faults), None)

    def delay_s(self) -> float:
        return self.slow_s if "slow" in self.faults else 0.0

    def deaf(self, now_s: float) -> bool:
        """Nothing that arrives now is heard: silent, or a request that noise has damaged."""
        lost = "noise" in self.faults and self._strikes()
        return "silent" in self.faults or self._in_silence(now_s) or lost

    def spoiled(self, frame: bytes) -> bytes:
        """`frame` as it leaves the device."""
        if "stranger" in self.faults and len(frame) > 3:
            return bytes([frame[0] ^ 0x01]) + frame[1:]
        if "crc" in self.faults:
            frame = frame[:-1] + bytes([frame[-1] ^ 0xFF])
        if "truncated" in self.faults:
            frame = frame[: len(frame) // 2]
        if "noise" in self.faults:
            frame = self._noisy(frame)
        return frame

    def pieces(self, frame: bytes) -> list[tuple[float, bytes]]:
        """What goes out at once, each with the pause before it; several when it stutters."""
        if "stutter" not in self.faults:
            return [(0.0, frame)]
        found: list[tuple[float, bytes]] = []
        at = 0
        while at < len(frame):
            size = self.chance.randint(1, PIECE_MAX_BYTES)
            pause_s = self.chance.uniform(STUTTER_MIN_S, STUTTER_MAX_S) if at else 0.0
            found.append((pause_s, frame[at : at + size]))
            at += size
        return found

    def twinned(self, own: bytes, other: bytes) -> list[tuple[float, bytes]]:
        """The answers of two devices under one address, each with its delay."""
        late_s = self.chance.uniform(0.0, TWIN_LATE_MAX_S)
        if self.chance.random() < COLLISION_RATIO:
            return [(0.0, _collided(own, other, self.chance.randint(0, 4)))]
        first, second = (own, other) if self.chance.random() < 0.5 else (other, own)
        return [(0.0, first), (late_s, second)]

    def _strikes(self) -> bool:
        return self.noise_ratio is not None and self.chance.random() < self.noise_ratio

    def _noisy(self, frame: bytes) -> bytes:
        if self.noise_ratio is None:
            return NOISE + frame
        if not frame or not self._strikes():
            return frame
        at = self.chance.randrange(len(frame))
        match self.chance.randrange(4):
            case 0:
                return (
                    frame[:at]
                    + bytes([frame[at] ^ 1 << self.chance.randrange(8)])
                    + frame[at + 1 :]
                )
            case 1:
                return NOISE + frame
            case 2:
                return frame[:at] + frame[at + 1 :]
            case _:
                return frame[:at] + self.chance.randbytes(len(frame) - at)

    def _in_silence(self, now_s: float) -> bool:
        """Draws when the next silence begins once the one before is over."""
        if "silences" not in self.faults:
            self._silent_from_s = None
            return False
        if self._silent_from_s is None or now_s >= self._silent_until_s:
            rate = 1.0 / self.silence_every_s
            self._silent_from_s = now_s + self.chance.expovariate(rate)
            self._silent_until_s = self._silent_from_s + self.silence_s
        return now_s >= self._silent_from_s


def _collided(one: bytes, other: bytes, offset: int) -> bytes:
    """Two frames on one pair of wires: where both send, a 0 (dominant) wins over a 1."""
    shifted = b"\xff" * offset + other
    size = max(len(one), len(shifted))
    pairs = zip(one.ljust(size, b"\xff"), shifted.ljust(size, b"\xff"), strict=True)
    return bytes(first & second for first, second in pairs)
