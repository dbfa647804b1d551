"""A serial line in virtual time with scripted slaves; frames are made with pymodbus's CRC.

`Clock` only moves when somebody waits on the port, so that a test of a 30 s pause takes no time.
A register's value names unit, function and address, so that a reply to another request shows.
"""

from __future__ import annotations

import heapq
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pymodbus.framer import FramerRTU

from hal.bus.modbus import ModbusBus, rtu_bus
from hal.bus.port import PortLost


@dataclass
class Clock:
    """Seconds that pass only while somebody waits."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


Peer = Callable[[bytes, float], "list[tuple[float, bytes]]"]
"""Hears what was written, and when; says what comes back and after how many seconds."""


class VirtualPort:
    """A `Port` whose other side is `peer`."""

    def __init__(self, clock: Clock, peer: Peer) -> None:
        self.clock = clock
        self.peer = peer
        self.written: list[tuple[float, bytes]] = []
        self.gone = False
        self._coming: list[tuple[float, int, bytes]] = []
        self._count = 0

    def write(self, data: bytes) -> None:
        self._check()
        self.written.append((self.clock.now_s, data))
        for delay_s, piece in self.peer(data, self.clock.now_s):
            self.arrive(delay_s, piece)

    def arrive(self, delay_s: float, data: bytes) -> None:
        """Let `data` arrive `delay_s` from now."""
        self._count += 1
        heapq.heappush(self._coming, (self.clock.now_s + delay_s, self._count, data))

    def read(self, within_s: float) -> bytes:
        self._check()
        assert 0.0 <= within_s < 60.0
        until_s = self.clock.now_s + within_s
        if not self._coming or self._coming[0][0] > until_s:
            self.clock.now_s = until_s
            return b""
        at_s, _, data = heapq.heappop(self._coming)
        self.clock.now_s = max(self.clock.now_s, at_s)
        return data

    def close(self) -> None:
        self.gone = True

    def _check(self) -> None:
        if self.gone:
            raise PortLost("unplugged")


def crc(body: bytes) -> bytes:
    return FramerRTU.compute_CRC(body).to_bytes(2, "big")


def framed(body: bytes) -> bytes:
    return body + crc(body)


def register(unit: int, function: int, address: int) -> int:
    """The value that every scripted slave holds at `address`."""
    return (unit * 7919 + function * 5407 + address * 31 + 1) & 0xFFFF


def registers(unit: int, function: int, address: int, count: int) -> tuple[int, ...]:
    return tuple(register(unit, function, address + index) for index in range(count))


def good_reply(heard: bytes) -> bytes:
    """What a healthy slave answers to a request frame."""
    unit, function, address, count = struct.unpack_from(">BBHH", heard)
    match function:
        case 1 | 2:
            bits = [register(unit, function, address + index) & 1 for index in range(count)]
            data = bytearray((count + 7) // 8)
            for index, bit in enumerate(bits):
                data[index // 8] |= bit << index % 8
        case 3 | 4:
            data = bytearray(struct.pack(f">{count}H", *registers(unit, function, address, count)))
        case _:
            return framed(heard[:6])
    return framed(bytes((unit, function, len(data))) + bytes(data))


def refusal(heard: bytes, code: int) -> bytes:
    return framed(bytes((heard[0], heard[1] | 0x80, code)))


@dataclass
class Slaves:
    """Slaves of one line: healthy unless a script says otherwise for the next requests.

    A script entry gets the request frame and says what comes back and when. A slave does one thing
    after the other: while it is late with one answer it does not begin the next.
    """

    delay_s: float = 0.002
    echo: bool = False
    dead: set[int] = field(default_factory=set)
    refused_functions: set[int] = field(default_factory=set)
    script: deque[Callable[[bytes], list[tuple[float, bytes]]]] = field(default_factory=deque)

    busy_until_s: dict[int, float] = field(default_factory=dict)

    def __call__(self, heard: bytes, now_s: float) -> list[tuple[float, bytes]]:
        begun_s = max(now_s, self.busy_until_s.get(heard[0], now_s))
        coming = [(begun_s - now_s + delay_s, piece) for delay_s, piece in self._answer(heard)]
        if coming:
            self.busy_until_s[heard[0]] = now_s + coming[-1][0]
        return [(0.0005, heard), *coming] if self.echo else coming

    def _answer(self, heard: bytes) -> list[tuple[float, bytes]]:
        if self.script:
            return self.script.popleft()(heard)
        if heard[0] in self.dead:
            return []
        if heard[1] in self.refused_functions:
            return [(self.delay_s, refusal(heard, 1))]
        return [(self.delay_s, good_reply(heard))]

    def next(self, *entries: Callable[[bytes], list[tuple[float, bytes]]]) -> None:
        self.script.extend(entries)


def silent(heard: bytes) -> list[tuple[float, bytes]]:
    return []


def late(by_s: float) -> Callable[[bytes], list[tuple[float, bytes]]]:
    return lambda heard: [(by_s, good_reply(heard))]


def reply(make: Callable[[bytes], bytes]) -> Callable[[bytes], list[tuple[float, bytes]]]:
    """A reply of which `make` makes something else, given the good one."""
    return lambda heard: [(0.002, make(good_reply(heard)))]


@dataclass
class Bench:
    """A bus on a virtual line."""

    clock: Clock
    port: VirtualPort
    slaves: Slaves
    bus: ModbusBus

    def sent(self) -> list[bytes]:
        return [data for _, data in self.port.written]


def bench(*, timeout_max_s: float = 0.2, baud: int = 115200, **options: object) -> Bench:
    clock = Clock()
    slaves = Slaves(**options)  # type: ignore[arg-type]
    port = VirtualPort(clock, slaves)
    bus = rtu_bus(
        "safety",
        lambda: port,
        character_s=10 / baud,
        timeout_max_s=timeout_max_s,
        now=clock,
    )
    return Bench(clock, port, slaves, bus)
