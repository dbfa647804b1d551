"""The bytes below a bus: a serial port or a TCP connection that is reopened when it is lost.

`Port` is all that the buses know of the operating system; the tests give them one with virtual
time. Ports are opened exclusively, never block longer than asked, and report a vanished device as
`PortLost` at once instead of returning nothing for ever.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import termios
from collections.abc import Callable
from typing import Literal, Protocol

import serial

Parity = Literal["none", "even", "odd"]

READ_MAX = 4096
WRITE_MAX_S = 0.5
"""Longest wait for room in the kernel's output buffer; more means a stuck adapter."""
CONNECT_MAX_S = 1.0
REOPEN_PAUSES_S = (0.5, 1.0, 2.0, 5.0)

_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class PortLost(Exception):
    """The port or connection is closed, missing or failing; says why."""


class Port(Protocol):
    """An open byte stream. Every method raises PortLost when it is gone."""

    def write(self, data: bytes) -> None: ...

    def read(self, within_s: float) -> bytes:
        """Bytes that have arrived, waiting at most `within_s` for the first; b"" when none."""
        ...

    def close(self) -> None: ...


class Line:
    """The port of one bus: opened when first needed, reopened after a loss with growing pauses."""

    def __init__(self, open_port: Callable[[], Port], now: Callable[[], float]) -> None:
        self._open_port = open_port
        self._now = now
        self._port: Port | None = None
        self._failures = 0
        self._retry_at_s = float("-inf")
        self._reason = ""
        self.openings = 0
        """How often the port has been opened; a change means that it is a new one."""

    @property
    def down(self) -> bool:
        """Whether the last attempt to use or open the port failed."""
        return self._reason != ""

    def port(self) -> Port:
        """The open port. Raises PortLost at once while the pause after a failure lasts."""
        if self._port is not None:
            return self._port
        if self._now() < self._retry_at_s:
            raise PortLost(self._reason)
        try:
            self._port = self._open_port()
        except PortLost as lost:
            self._pause(str(lost))
            raise
        self.openings += 1
        self._failures = 0
        self._reason = ""
        return self._port

    def lose(self, reason: str) -> None:
        """Close the port if it is open; it is opened again after a pause."""
        if self._port is not None:
            self.close()
            self._pause(reason)

    def close(self) -> None:
        """Close the port now; the next use opens it again."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _pause(self, reason: str) -> None:
        pause_s = REOPEN_PAUSES_S[min(self._failures, len(REOPEN_PAUSES_S) - 1)]
        self._failures += 1
        self._retry_at_s = self._now() + pause_s
        self._reason = reason or "lost"


class FdPort:
    """A port on a non-blocking file descriptor: serial line, pty or socket.

    Waits with `select`, whose time-out has microseconds; that of `poll` is rounded up to
    milliseconds, a whole inter-frame gap.
    """

    def __init__(self, fd: int, close: Callable[[], None]) -> None:
        self._fd = fd
        self._close = close

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    if not select.select((), (self._fd,), (), WRITE_MAX_S)[1]:
                        raise PortLost("output is stuck") from None
        except (OSError, ValueError) as error:
            raise PortLost(f"write: {error}") from error

    def read(self, within_s: float) -> bytes:
        try:
            if within_s > 0.0 and not select.select((self._fd,), (), (), within_s)[0]:
                return b""
            data = os.read(self._fd, READ_MAX)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise PortLost(f"read: {error}") from error
        if not data:
            raise PortLost("read: end of stream (unplugged, or closed by the peer)")
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError, termios.error):
            self._close()


def open_serial_port(path: str, baud: int, parity: Parity, stop_bits: int) -> FdPort:
    """An exclusive, raw, non-blocking serial port. Raises PortLost when it cannot be had."""
    if is_pty(path):
        parity = "none"  # ptys refuse parity (termios EINVAL); character framing is not modelled
    try:
        tty = serial.Serial(
            path,
            baud,
            parity=_PARITIES[parity],
            stopbits=stop_bits,
            timeout=0,
            exclusive=True,
        )
    except (OSError, ValueError, termios.error) as error:
        raise PortLost(f"open: {error}") from error
    fd = tty.fileno()
    try:
        _make_hangup_visible(fd)
    except (OSError, termios.error) as error:
        tty.close()
        raise PortLost(f"open: {error}") from error
    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        tty.set_low_latency_mode(True)  # FTDI: 1 ms instead of 16 ms per reply
    return FdPort(fd, tty.close)


def open_tcp_port(host: str, tcp_port: int) -> FdPort:
    """A connected, non-blocking TCP stream. Raises PortLost when it cannot be had."""
    try:
        stream = socket.create_connection((host, tcp_port), timeout=CONNECT_MAX_S)
    except OSError as error:
        raise PortLost(f"connect: {error}") from error
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setblocking(False)
    return FdPort(stream.fileno(), stream.close)


def is_pty(path: str) -> bool:
    """Whether the path is, or links to, the slave of a pseudo-terminal."""
    return os.path.realpath(path).startswith("/dev/pts/")


def character_s(baud: int, parity: Parity, stop_bits: int) -> float:
    """Time of one character on the line: start bit, 8 data bits, parity, stop bits."""
    return (9 + stop_bits + (parity != "none")) / baud


def _make_hangup_visible(fd: int) -> None:
    """Make an empty read mean "hung up" only, and keep DTR up when the port is closed.

    pyserial sets VMIN to 0, with which a read of nothing and a hang-up look the same. HUPCL would
    drop DTR on close, and boards of the Arduino kind reset when it rises again.
    """
    attributes = termios.tcgetattr(fd)
    attributes[2] &= ~termios.HUPCL
    attributes[6][termios.VMIN] = 1
    attributes[6][termios.VTIME] = 0
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
