"""A serial line with one device on it, such as a card reader or a modem.

Bytes in, bytes out, every wait bounded; what they mean is the driver's. The port is opened by the
first use and opened again after a loss, with growing pauses and `BusDown` in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hal.bus.port import Line, Parity, Port, PortLost, open_serial_port
from hal.errors import BusDown

DISCARD_READS_MAX = 64
"""A device that talks without pause must not hold `discard` for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialCounters:
    """What a serial line has carried since it was made."""

    bytes_read: int
    bytes_written: int
    writes: int
    down: bool


def open_serial(
    name: str,
    port: str,
    baud: int,
    parity: Parity = "none",
    stop_bits: int = 1,
    *,
    now: Callable[[], float] = time.monotonic,
) -> SerialBus:
    """A serial line on a port or pty; the port is opened by the first use."""
    return SerialBus(name, lambda: open_serial_port(port, baud, parity, stop_bits), now)


class SerialBus:
    """The owner of one serial line. Belongs to one thread."""

    def __init__(
        self, name: str, open_port: Callable[[], Port], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._line = Line(open_port, now)
        self._now = now
        self._bytes_read = 0
        self._bytes_written = 0
        self._writes = 0

    def link(self, device_name: str) -> LineLink:
        """The view of the line's device."""
        return LineLink(self, device_name)

    def write(self, device: str, data: bytes) -> None:
        """Send all of `data`. Raises BusDown."""
        with self._port(device, f"write {len(data)} bytes") as port:
            port.write(data)
        self._bytes_written += len(data)
        self._writes += 1

    def read(self, device: str, within_s: float) -> tuple[bytes, float]:
        """Bytes that arrived and when; waits at most `within_s` for the first. Raises BusDown."""
        with self._port(device, "read") as port:
            data = port.read(within_s)
        self._bytes_read += len(data)
        return data, self._now()

    def discard(self, device: str) -> None:
        """Drop what has arrived. Raises BusDown."""
        with self._port(device, "discard") as port:
            for _ in range(DISCARD_READS_MAX):
                if not port.read(0.0):
                    return

    def health(self) -> SerialCounters:
        """Counters since start; `down` while the port is lost."""
        return SerialCounters(
            bytes_read=self._bytes_read,
            bytes_written=self._bytes_written,
            writes=self._writes,
            down=self._line.down,
        )

    def close(self) -> None:
        """Give the port back. A later use opens it again."""
        self._line.close()

    @contextmanager
    def _port(self, device: str, request: str) -> Iterator[Port]:
        try:
            yield self._line.port()
        except PortLost as lost:
            self._line.lose(str(lost))
            raise BusDown(device, request, f"{self.name}: {lost}") from lost


class LineLink:
    """The device of a serial line: `hal.interfaces.SerialLink`. Every method raises BusDown."""

    def __init__(self, bus: SerialBus, name: str) -> None:
        self._bus = bus
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def write(self, data: bytes) -> None:
        self._bus.write(self._name, data)

    def read(self, within_s: float) -> tuple[bytes, float]:
        return self._bus.read(self._name, within_s)

    def discard(self) -> None:
        self._bus.discard(self._name)
