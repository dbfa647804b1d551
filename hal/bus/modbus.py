"""The Modbus bus: one owner, one transaction at a time, every wait bounded.

    ModbusBus.link(...)      one device's view: `hal.interfaces.ModbusLink`, with breaker and pause
    ModbusBus.transact(...)  a technician's raw request

What goes over the line is decided in `hal.bus.rtu` and `hal.bus.tcp`, what the bytes mean in
`hal.bus.frames`, how long to wait in `hal.bus.latency`. Here outcomes become values or
`DeviceError`s. Nothing is retried: a safety loop asks again anyway, and knows best what first.

A bus belongs to one thread. Opening is left to the first request, and a lost port is opened again
by later requests with growing pauses; until then they fail with `BusDown` at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hal.bus import frames
from hal.bus.breaker import Breaker
from hal.bus.frames import Answer, Refusal, Request, Silence
from hal.bus.latency import Latencies
from hal.bus.port import (
    Line,
    Parity,
    Port,
    PortLost,
    character_s,
    open_serial_port,
    open_tcp_port,
)
from hal.bus.rtu import RtuWire
from hal.bus.tcp import TcpWire
from hal.errors import BadReply, BusDown, DeviceRefused, DeviceSkipped, NoReply
from hal.interfaces import Bits, Words


def open_modbus_rtu(
    name: str,
    port: str,
    baud: int,
    parity: Parity = "none",
    stop_bits: int = 1,
    timeout_max_s: float = 0.2,
    *,
    now: Callable[[], float] = time.monotonic,
) -> ModbusBus:
    """A Modbus RTU bus on a serial port or pty; the port is opened by the first request."""
    return rtu_bus(
        name,
        lambda: open_serial_port(port, baud, parity, stop_bits),
        character_s=character_s(baud, parity, stop_bits),
        timeout_max_s=timeout_max_s,
        now=now,
    )


def open_modbus_tcp(
    name: str,
    host: str,
    tcp_port: int = 502,
    timeout_max_s: float = 0.2,
    *,
    now: Callable[[], float] = time.monotonic,
) -> ModbusBus:
    """A Modbus TCP connection; it is made by the first request."""
    line = Line(lambda: open_tcp_port(host, tcp_port), now)
    latencies = Latencies(timeout_max_s)
    return ModbusBus(name, line, TcpWire(line, latencies, now), latencies, now)


def rtu_bus(
    name: str,
    open_port: Callable[[], Port],
    *,
    character_s: float,
    timeout_max_s: float,
    now: Callable[[], float],
) -> ModbusBus:
    """A Modbus RTU bus on any `Port`, such as one with virtual time."""
    line = Line(open_port, now)
    latencies = Latencies(timeout_max_s)
    return ModbusBus(name, line, RtuWire(line, latencies, character_s, now), latencies, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusCounters:
    """What a bus has seen since it was made; latency is that of recent replies."""

    requests: int
    timeouts: int
    bad_replies: int
    refused: int
    down: bool
    latency_p99_s: float


class Wire(Protocol):
    """Performs one transaction within a bounded time. Raises PortLost."""

    def exchange(self, asked: Request, gap_s: float) -> Answer | Silence: ...


class ModbusBus:
    """All devices of one line or connection."""

    def __init__(
        self, name: str, line: Line, wire: Wire, latencies: Latencies, now: Callable[[], float]
    ) -> None:
        self.name = name
        self._line = line
        self._wire = wire
        self._latencies = latencies
        self._now = now
        self._requests = 0
        self._timeouts = 0
        self._bad_replies = 0
        self._refused = 0

    def link(
        self, device_name: str, unit: int, *, gap_s: float = 0.0, breaker_max_s: float = 30.0
    ) -> DeviceLink:
        """The view of one device. `gap_s`: pause that it needs between two requests."""
        return DeviceLink(self, device_name, unit, gap_s, Breaker(breaker_max_s), self._now)

    def transact(
        self,
        unit: int,
        function: int,
        address: int,
        count: int = 1,
        values: Sequence[int] = (),
        device: str = "service",
    ) -> tuple[int, ...]:
        """The values that the unit read or confirmed; asks whatever the breakers say.

        Raises DeviceError, and ValueError for what is not a Modbus request.
        """
        asked = frames.request(unit, function, address, count, values)
        return self.perform(device, asked, 0.0)[0]

    def perform(self, device: str, asked: Request, gap_s: float) -> tuple[tuple[int, ...], float]:
        """The values of the answer and its instant. Raises DeviceError."""
        self._requests += 1
        try:
            outcome = self._wire.exchange(asked, gap_s)
        except PortLost as lost:
            self._line.lose(str(lost))
            raise BusDown(device, str(asked), f"{self.name}: {lost}") from lost
        if isinstance(outcome, Silence):
            raise self._loss(device, asked, outcome.received)
        if isinstance(outcome.values, Refusal):
            self._refused += 1
            code = outcome.values.code
            meaning = frames.REFUSALS.get(code, "unknown exception")
            raise DeviceRefused(device, str(asked), f"exception {code} ({meaning})", code)
        return outcome.values, outcome.taken_s

    def health(self) -> BusCounters:
        """Counters since start; `down` while the port is lost."""
        return BusCounters(
            requests=self._requests,
            timeouts=self._timeouts,
            bad_replies=self._bad_replies,
            refused=self._refused,
            down=self._line.down,
            latency_p99_s=self._latencies.p99_s(),
        )

    def close(self) -> None:
        """Give the port back. A later request opens it again."""
        self._line.close()

    def _loss(self, device: str, asked: Request, received: bytes) -> NoReply | BadReply:
        if frames.looks_like_reply(asked, received):
            self._bad_replies += 1
            return BadReply(device, str(asked), f"received {received[:40].hex(' ')}")
        self._timeouts += 1
        detail = f"only noise: {received[:40].hex(' ')}" if received else "no reply"
        return NoReply(device, str(asked), detail)


class DeviceLink:
    """One unit of a bus: `hal.interfaces.ModbusLink`.

    Every method is one transaction and raises DeviceError; DeviceSkipped while the breaker is open.
    """

    def __init__(
        self,
        bus: ModbusBus,
        name: str,
        unit: int,
        gap_s: float,
        breaker: Breaker,
        now: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._name = name
        self._unit = unit
        self._gap_s = gap_s
        self._breaker = breaker
        self._now = now

    @property
    def name(self) -> str:
        return self._name

    def read_coils(self, address: int, count: int) -> Bits:
        return self._bits(frames.READ_COILS, address, count)

    def read_discrete_inputs(self, address: int, count: int) -> Bits:
        return self._bits(frames.READ_DISCRETE_INPUTS, address, count)

    def read_holding_registers(self, address: int, count: int) -> Words:
        return self._words(frames.READ_HOLDING_REGISTERS, address, count)

    def read_input_registers(self, address: int, count: int) -> Words:
        return self._words(frames.READ_INPUT_REGISTERS, address, count)

    def write_coil(self, address: int, on: bool) -> float:
        return self._ask(frames.WRITE_COIL, address, 1, (int(on),))[1]

    def write_coil_value(self, address: int, value: int) -> float:
        """Write a coil with a value of the device's own, such as a time for "flash on"."""
        return self._ask(frames.WRITE_COIL, address, 1, (value,))[1]

    def write_register(self, address: int, value: int) -> float:
        return self._ask(frames.WRITE_REGISTER, address, 1, (value,))[1]

    def write_registers(self, address: int, values: Sequence[int]) -> float:
        return self._ask(frames.WRITE_REGISTERS, address, len(values), tuple(values))[1]

    def _bits(self, function: int, address: int, count: int) -> Bits:
        values, taken_s = self._ask(function, address, count)
        return Bits(values=tuple(map(bool, values)), taken_s=taken_s)

    def _words(self, function: int, address: int, count: int) -> Words:
        values, taken_s = self._ask(function, address, count)
        return Words(values=values, taken_s=taken_s)

    def _ask(
        self, function: int, address: int, count: int, values: tuple[int, ...] = ()
    ) -> tuple[tuple[int, ...], float]:
        asked = frames.request(self._unit, function, address, count, values)
        pause_s = self._breaker.open_for_s(self._now())
        if pause_s > 0.0:
            raise DeviceSkipped(self._name, str(asked), f"left alone for {pause_s:.1f} s more")
        try:
            answer = self._bus.perform(self._name, asked, self._gap_s)
        except (NoReply, BadReply):
            self._breaker.lost(self._now())
            raise
        except DeviceRefused:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return answer
