"""Damaged frames by the million: how many become a wrong value, and what stops the others.

    python -m tests.hal.damage --frames 1000000 --seed 1

Reads of eight registers from two slaves over our RTU bus in virtual time; most replies are damaged
in one of DAMAGES. A register names unit, function and address, so that a value tells where it came
from. A wrong value is either *chance* (a damaged frame whose CRC-16 fits all the same, one of
65,536 for damage without order) or *misplaced* (an intact answer to something else, which must
never be).

CRC-16 finds every error of up to three bits and every burst of up to 16 bits; those damages must
let nothing through at all. Check sums here are computed by pymodbus, not by the bus under test.

Not played: a slave that answers out of order, and a second slave of the same address that answers
alone. No content tells such an answer from the right one.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from hal.errors import DeviceError
from tests.hal.bus_line import Bench, bench, crc, framed, good_reply, registers

COUNT = 8
UNITS = (1, 2)
FUNCTIONS = (3, 4)
ADDRESSES = range(0, 400, COUNT)
HEALTHY_RATIO = 0.1
"""Replies left alone, so that the bus knows how fast its slaves are."""
CHANCES = 65_536
DELAY_S = 0.002
TIMEOUT_MAX_S = 0.05

Coming = list[tuple[float, bytes]]
Damage = Callable[[random.Random, bytes, bytes], Coming]
"""What comes, and when, instead of the good reply (third) to the frame that was heard (second)."""


def now(data: bytes) -> Coming:
    return [(DELAY_S, data)] if data else []


def few_bits(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """One to three bits are wrong."""
    return now(_flipped(chance, frame, chance.randint(1, 3)))


def many_bits(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    return now(_flipped(chance, frame, chance.randint(4, 24)))


def short_burst(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """Two neighbouring bytes are wrong."""
    return now(_burst(chance, frame, 2))


def long_burst(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    return now(_burst(chance, frame, chance.randint(3, 12)))


def cut(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """The end is missing, perhaps with noise in its place."""
    kept = frame[: chance.randrange(len(frame))]
    return now(kept + chance.randbytes(chance.choice((0, 0, 1, 3, len(frame)))))


def missing(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """A byte in the middle was lost; what follows the frame may fill it up."""
    at = chance.randrange(len(frame))
    return now(frame[:at] + frame[at + 1 :] + chance.randbytes(chance.choice((0, 1, 2))))


def inserted(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """One or two bytes were heard that nobody sent."""
    at = chance.randrange(len(frame) + 1)
    return now(frame[:at] + chance.randbytes(chance.randint(1, 2)) + frame[at:])


def in_front(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    return now(chance.randbytes(chance.randint(1, 12)) + frame)


def behind(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    return now(frame + chance.randbytes(chance.randint(1, 12)))


def parts_swapped(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """Two parts behind the head arrived in the other order, as from a bad driver's buffers."""
    at = chance.randrange(4, len(frame) - 1)
    return now(frame[:3] + frame[at:] + frame[3:at])


def foreign(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """An intact reply of another unit, function or length, perhaps with the right one behind it."""
    unit, function = frame[0], frame[1]
    other = chance.choice(
        (
            bytes((unit + 8, function, 0, 77, 0, 8)),
            bytes((unit, 2, 0, 77, 0, 128)),
            bytes((unit, function, 0, 77, 0, 9)),
        )
    )
    return now(good_reply(framed(other)) + chance.choice((b"", frame)))


def late(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """The reply comes around the deadline or long after it, while others are asked."""
    return [(chance.uniform(0.02, 0.4), frame)]


def doubled(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    return [(DELAY_S, frame), (chance.uniform(0.0022, 0.0035), frame)]


def echo(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """The adapter echoes our request, intact or damaged, and perhaps nothing else comes."""
    sent = heard if chance.random() < 0.5 else _flipped(chance, heard, chance.randint(1, 6))
    answer = now(frame) if chance.random() < 0.7 else []
    return [(0.0005, sent), *answer]


def collision(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    """A second slave talks at once: where both drive the line, a zero wins."""
    unit = frame[0] if chance.random() < 0.5 else 3 - frame[0]
    other = good_reply(framed(bytes((unit, heard[1])) + struct.pack(">H", 1000) + heard[4:6]))
    shift = chance.choice((0, 0, 0, 1, 2, 5))
    first, second = (frame, other) if chance.random() < 0.5 else (other, frame)
    heard_bytes = bytearray(first + bytes((0xFF,)) * shift)
    for index, byte in enumerate(second):
        heard_bytes[index + shift] &= byte
    return now(bytes(heard_bytes))


def silence(chance: random.Random, heard: bytes, frame: bytes) -> Coming:
    return []


DAMAGES: tuple[Damage, ...] = (
    few_bits,
    many_bits,
    short_burst,
    long_burst,
    cut,
    missing,
    inserted,
    in_front,
    behind,
    parts_swapped,
    foreign,
    late,
    doubled,
    echo,
    collision,
    silence,
)
FOUND_FOR_CERTAIN = ("few_bits", "short_burst")
"""Damages of which CRC-16 lets none pass."""


@dataclass(slots=True)
class Tally:
    """What became of the replies with one kind of damage."""

    frames: int = 0
    right: int = 0
    chance: int = 0
    """Wrong values of damaged frames whose check sum fits."""
    misplaced: int = 0
    """Wrong values of intact answers to something else."""
    stopped: dict[str, int] = field(default_factory=dict)
    """How many each guard stopped: GUARDS."""
    sums: int = 0
    """Damaged frames with the right head and length: only the check sum could tell."""

    @property
    def wrong(self) -> int:
        return self.chance + self.misplaced


GUARDS = ("nothing came", "head", "length", "check sum", "time", "check")
"""Of a reply that gave no value: the first of these that its bytes did not pass. `time`: an intact
answer that came too late. `check`: an intact answer to the bus's own question whether an earlier
reply is still owed; nothing is read from it."""


class Abuse:
    """Two slaves on a bad line, and a master that reads them."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._line: Bench = bench(timeout_max_s=TIMEOUT_MAX_S)
        self._links = {
            unit: self._line.bus.link(f"device{unit}", unit, breaker_max_s=0.001) for unit in UNITS
        }
        self._came: list[tuple[str, bytes, bytes]] = []
        """Damage, request and bytes of each reply to the read that runs."""
        self.frames = 0
        self.tallies = {damage.__name__: Tally() for damage in DAMAGES} | {"healthy": Tally()}

    def run(self, frames: int) -> None:
        """Read until `frames` replies have been asked for."""
        while self.frames < frames:
            while len(self._line.slaves.script) < 8:
                self._line.slaves.next(self._answer)
            self._read()
            self._line.port.written.clear()

    def _answer(self, heard: bytes) -> Coming:
        frame = good_reply(heard)
        self.frames += 1
        if self._chance.random() < HEALTHY_RATIO:
            name, coming = "healthy", now(frame)
        else:
            damage = self._chance.choice(DAMAGES)
            name, coming = damage.__name__, damage(self._chance, heard, frame)
        self._came.append((name, heard, b"".join(data for _, data in coming)))
        return coming

    def _read(self) -> None:
        unit, function = self._chance.choice(UNITS), self._chance.choice(FUNCTIONS)
        address = self._chance.choice(ADDRESSES)
        link = self._links[unit]
        read = link.read_holding_registers if function == 3 else link.read_input_registers
        self._came.clear()
        values: tuple[int, ...] | None = None
        with contextlib.suppress(DeviceError):
            values = read(address, COUNT).values
        if not self._came:
            return
        *earlier, last = self._came
        for name, heard, stream in earlier:
            self._stopped(name, heard, stream, check=True)
        name, heard, stream = last
        if values is None:
            self._stopped(name, heard, stream)
            return
        tally = self._count(name, heard, stream)
        if values == registers(unit, function, address, COUNT):
            tally.right += 1
        elif values in _INTACT:
            tally.misplaced += 1
        else:
            assert _intact_places(heard, stream), "accepted without a fitting check sum"
            tally.chance += 1

    def _stopped(self, name: str, heard: bytes, stream: bytes, *, check: bool = False) -> None:
        tally = self._count(name, heard, stream)
        guard = guard_of(heard, stream)
        guard = "check" if check and guard == "time" else guard
        tally.stopped[guard] = tally.stopped.get(guard, 0) + 1

    def _count(self, name: str, heard: bytes, stream: bytes) -> Tally:
        tally = self.tallies[name]
        tally.frames += 1
        size, good = _size(heard), good_reply(heard)
        places = (stream[at : at + size] for at in _places(heard, stream))
        tally.sums += sum(len(one) == size and one != good for one in places)
        return tally


def guard_of(heard: bytes, stream: bytes) -> str:
    """Which of GUARDS the bytes did not pass as the answer to the request `heard`."""
    if not stream:
        return "nothing came"
    places = _places(heard, stream)
    if not places:
        return "head"
    if all(at + _size(heard) > len(stream) for at in places):
        return "length"
    return "time" if _intact_places(heard, stream) else "check sum"


def report(abuse: Abuse) -> str:
    """The tallies as a table."""
    head = f"{'damage':14}{'replies':>9}{'right':>9}{'chance':>7}{'misplaced':>10}"
    lines = [head + "".join(f"{guard:>13}" for guard in GUARDS)]
    whole = Tally()
    for name, tally in [*abuse.tallies.items(), ("all", whole)]:
        stopped = "".join(f"{tally.stopped.get(guard, 0):>13}" for guard in GUARDS)
        lines.append(
            f"{name:14}{tally.frames:>9}{tally.right:>9}{tally.chance:>7}{tally.misplaced:>10}"
            + stopped
        )
        for key in ("frames", "right", "chance", "misplaced", "sums"):
            setattr(whole, key, getattr(whole, key) + getattr(tally, key))
        for guard in GUARDS:
            whole.stopped[guard] = whole.stopped.get(guard, 0) + tally.stopped.get(guard, 0)
    sums, passed = _totals(abuse)
    lines.append(
        f"Only the check sum could tell {sums} damaged frames; 1 of {CHANCES} would be "
        f"{sums / CHANCES:.1f}. It let {passed} pass."
    )
    return "\n".join(lines)


def _totals(abuse: Abuse) -> tuple[int, int]:
    tallies = abuse.tallies.values()
    return sum(one.sums for one in tallies), sum(one.chance for one in tallies)


def _flipped(chance: random.Random, frame: bytes, bits: int) -> bytes:
    damaged = bytearray(frame)
    for place in chance.sample(range(8 * len(frame)), bits):
        damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


def _burst(chance: random.Random, frame: bytes, length: int) -> bytes:
    length = min(length, len(frame))
    at = chance.randrange(len(frame) - length + 1)
    return frame[:at] + chance.randbytes(length) + frame[at + length :]


def _head(heard: bytes) -> bytes:
    """Unit, function and length with which a good reply begins."""
    return good_reply(heard)[:3]


def _size(heard: bytes) -> int:
    return len(good_reply(heard))


def _places(heard: bytes, stream: bytes) -> list[int]:
    head = _head(heard)
    return [at for at in range(len(stream) - 2) if stream.startswith(head, at)]


def _intact_places(heard: bytes, stream: bytes) -> list[int]:
    size = _size(heard)
    frames = {at: stream[at : at + size] for at in _places(heard, stream)}
    return [at for at, one in frames.items() if len(one) == size and crc(one[:-2]) == one[-2:]]


_INTACT = {
    registers(unit, function, address, COUNT)
    for unit in UNITS
    for function in FUNCTIONS
    for address in (*ADDRESSES, 1000)
}
"""Values of every intact answer of eight registers that is ever on the line."""


def main(arguments: list[str] | None = None) -> int:
    """1 when an intact answer was misplaced, or a damage got through that CRC-16 must find."""
    parser = argparse.ArgumentParser(prog="python -m tests.hal.damage")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args(arguments)
    abuse = Abuse(wish.seed)
    abuse.run(wish.frames)
    print(report(abuse))
    misplaced = sum(tally.misplaced for tally in abuse.tallies.values())
    certain = sum(abuse.tallies[name].wrong for name in FOUND_FOR_CERTAIN)
    return 1 if misplaced or certain else 0


if __name__ == "__main__":
    sys.exit(main())
