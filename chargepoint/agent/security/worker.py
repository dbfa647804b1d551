"""The thread that does what touches security files: log lines and tasks, one after another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from chargepoint import log
from chargepoint.agent.security.journal import SecurityLog
from chargepoint.station.effects import LogSecurityEvent

WAITING_MAX = 200
"""Pieces of work that may wait for the disk; further log lines are given up and counted."""

Work = Callable[[], None]


class SecurityWorker:
    """Runs `Work` in its own thread until `stop`. Work deals with its own errors of the disk."""

    def __init__(self, journal: SecurityLog, on_failure: Callable[[BaseException], None]) -> None:
        self._journal = journal
        self._on_failure = on_failure
        self._queue: queue.Queue[Work | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="security", daemon=True)
        self._lost = 0
        self._log_failed = False
        self._log = log.get("security")

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait_s: float) -> bool:
        """Finish what waits; False when that takes longer than `wait_s`."""
        try:
            self._queue.put(None, timeout=wait_s)
        except queue.Full:
            return False
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def do(self, work: Work) -> bool:
        """Queue `work`; False, counted, when too much waits."""
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            self._lost += 1
            if self._lost == 1:
                self._log.error("security.overrun", waiting=WAITING_MAX)
            return False
        return True

    def write(self, event: LogSecurityEvent) -> None:
        """Put one line into the security log, in its turn."""
        self.do(lambda: self._write(event))

    def _write(self, event: LogSecurityEvent) -> None:
        try:
            self._journal.write(event)
        except OSError as error:
            if not self._log_failed:
                self._log_failed = True
                self._log.error("security.log_failed", error=str(error))
        else:
            self._log_failed = False

    def _run(self) -> None:
        try:
            while (work := self._queue.get()) is not None:
                work()
        except BaseException as error:
            self._on_failure(error)
