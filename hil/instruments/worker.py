"""A thread that runs until it is told to stop, and can be started again."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Worker:
    """`run` gets the event that tells it to stop, and looks at it often."""

    def __init__(self, name: str, run: Callable[[threading.Event], None]) -> None:
        self._name = name
        self._run = run
        self._thread: threading.Thread | None = None
        self.stopping = threading.Event()

    def start(self) -> None:
        self.stopping.clear()
        self._thread = threading.Thread(
            target=self._run, args=(self.stopping,), name=self._name, daemon=True
        )
        self._thread.start()

    def stop(self, within_s: float = 2.0) -> None:
        """Tell it, and wait for its end, at most `within_s`."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=within_s)
            self._thread = None
