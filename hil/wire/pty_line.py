"""A serial line as a pty with a link at a known path, served by one thread.

The thread waits in `select` for bytes, for the next instant of its talker, or to be woken. The
slave side is raw (no echo, no line editing) and kept open, so that a client may come and go. What
a client does not read is dropped, as on a real line.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

from hil.wire.talker import Talker

Tap = Callable[[bytes, float, bool], None]
"""Bytes, their instant, and whether a client sent them (then all at once, at their begin)."""

READ_MAX = 4096
WAIT_MAX_S = 1.0


class PtyLine:
    """One line; `start` opens it, `unplug` and `plug` are what happens to a USB adapter."""

    def __init__(
        self,
        link: Path,
        talker: Talker,
        clock: Callable[[], float] = time.monotonic,
        *,
        urgent: bool = False,
    ) -> None:
        """`urgent`: real-time priority for the thread where the system grants it."""
        self.link = link
        self.talker = talker
        self.lost_bytes = 0
        """Bytes that no client took."""
        self.tap: Tap | None = None
        """Hears every byte of both sides; called in the thread of the line."""
        self._clock = clock
        self._urgent = urgent
        self._master = -1
        self._slave = -1
        self._wake_in, self._wake_out = -1, -1
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def plugged(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        """Open the pty and serve it. Raises OSError when the link cannot be made."""
        if self._thread is not None:
            return
        self._master, self._slave = os.openpty()
        try:
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self._point(os.ttyname(self._slave))
        except OSError:
            os.close(self._master)
            os.close(self._slave)
            raise
        self._wake_in, self._wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self.link.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the pty and remove the link; a client sees a hang-up."""
        if self._thread is None:
            return
        self._stopping = True
        self.wake()
        self._thread.join(timeout=2.0)
        self._thread = None
        for fd in (self._master, self._slave, self._wake_in, self._wake_out):
            os.close(fd)
        with contextlib.suppress(OSError):
            self.link.unlink()

    def wake(self) -> None:
        """Let the thread ask its talker again."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_out, b"!")

    def _point(self, target: str) -> None:
        """Put the link in place, over an old one that a killed simulator left."""
        self.link.parent.mkdir(parents=True, exist_ok=True)
        beside = self.link.with_name(f".{self.link.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        if self.link.exists() and not self.link.is_symlink():
            raise FileExistsError(f"{self.link} exists and is not a link")
        beside.symlink_to(target)
        beside.replace(self.link)

    def _run(self) -> None:
        talker = self.talker
        if self._urgent:
            # Hardware does not wait for a busy host; without the privilege it has to.
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        while not self._stopping:
            wait_s = min(talker.next_s() - self._clock(), WAIT_MAX_S)
            ready, _, _ = select.select((self._master, self._wake_in), (), (), max(wait_s, 0.0))
            if self._wake_in in ready:
                os.read(self._wake_in, READ_MAX)
            if self._master in ready:
                # Writes of a client that are still in the pty come in one piece.
                data, heard_s = os.read(self._master, READ_MAX), self._clock()
                if self.tap is not None:
                    self.tap(data, heard_s, True)
                talker.hear(data, heard_s)
            for data in talker.due(self._clock()):
                self._write(data)
                if self.tap is not None:
                    self.tap(data, self._clock(), False)

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._master, data)
        except BlockingIOError:
            written = 0
        self.lost_bytes += len(data) - written
