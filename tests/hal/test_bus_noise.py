"""No damage to the bytes of a line ever becomes a wrong register value.

CRC-16 finds every error of up to three bits, every burst of up to 16 bits and every truncation that
changes the length we search for; of wilder damage it lets one frame in 65,536 pass in principle.
The seeds are fixed, so a failure says which frame.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from hal.errors import DeviceError
from tests.hal.bus_line import bench, framed, good_reply, registers

FRAMES_PER_SEED = 2500
Damage = Callable[[random.Random, bytes], bytes]


def flipped(chance: random.Random, frame: bytes) -> bytes:
    """One to three bits are wrong."""
    damaged = bytearray(frame)
    for _ in range(chance.randint(1, 3)):
        damaged[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def burst(chance: random.Random, frame: bytes) -> bytes:
    """Two neighbouring bytes are wrong."""
    at = chance.randrange(len(frame) - 1)
    return frame[:at] + chance.randbytes(2) + frame[at + 2 :]


def cut(chance: random.Random, frame: bytes) -> bytes:
    """The end is missing, perhaps with noise in its place."""
    return frame[: chance.randrange(len(frame))] + chance.randbytes(chance.choice((0, 0, 1, 3)))


def missing(chance: random.Random, frame: bytes) -> bytes:
    """A byte in the middle was lost."""
    at = chance.randrange(len(frame))
    return frame[:at] + frame[at + 1 :]


def inserted(chance: random.Random, frame: bytes) -> bytes:
    """A byte was heard that nobody sent."""
    at = chance.randrange(len(frame) + 1)
    return frame[:at] + chance.randbytes(1) + frame[at:]


def in_front(chance: random.Random, frame: bytes) -> bytes:
    return chance.randbytes(chance.randint(1, 12)) + frame


def behind(chance: random.Random, frame: bytes) -> bytes:
    return frame + chance.randbytes(chance.randint(1, 12))


def of_another_request(chance: random.Random, frame: bytes) -> bytes:
    """A foreign reply stands in front: other unit, other function or other length.

    Never one that a later request asks for: no content tells an intact answer that was never asked
    for from the one that was.
    """
    unit, function = frame[0], frame[1]
    other = chance.choice(
        (
            bytes((unit + 8, function, 0, 77, 0, 8)),
            bytes((unit, 2, 0, 77, 0, 128)),
            bytes((unit, function, 0, 77, 0, 9)),
        )
    )
    return good_reply(framed(other)) + chance.choice((b"", frame))


DAMAGES: tuple[Damage, ...] = (
    flipped,
    burst,
    cut,
    missing,
    inserted,
    in_front,
    behind,
    of_another_request,
)


@pytest.mark.parametrize("seed", range(8))
def test_no_damaged_frame_becomes_a_wrong_value(seed: int) -> None:
    """20,000 replies over all seeds: damaged, late, lost and doubled, read by changing requests."""
    chance = random.Random(seed)
    line = bench(timeout_max_s=0.05)
    links = {unit: line.bus.link(f"device{unit}", unit, breaker_max_s=0.001) for unit in (1, 2)}
    line.slaves.next(*(_disturbed(chance) for _ in range(FRAMES_PER_SEED)))
    right = 0
    while line.slaves.script:
        unit, function = chance.choice((1, 2)), chance.choice((3, 4))
        address = chance.randrange(0, 400, 8)
        read = (
            links[unit].read_holding_registers
            if function == 3
            else links[unit].read_input_registers
        )
        try:
            words = read(address, 8)
        except DeviceError:
            continue
        assert words.values == registers(unit, function, address, 8)
        right += 1
    assert right > FRAMES_PER_SEED // 10


def _disturbed(chance: random.Random) -> Callable[[bytes], list[tuple[float, bytes]]]:
    damage = chance.choice(DAMAGES)
    fate = chance.random()

    def answer(heard: bytes) -> list[tuple[float, bytes]]:
        frame = good_reply(heard)
        if fate < 0.1:
            return []
        if fate < 0.2:
            return [(chance.uniform(0.04, 0.4), frame)]
        if fate < 0.25:
            return [(0.002, frame), (chance.uniform(0.0022, 0.0035), frame)]
        if fate < 0.35:
            return [(0.002, frame)]
        return [(0.002, damage(chance, frame))]

    return answer
