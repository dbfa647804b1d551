"""Requests of technicians that wait for the thread of a field bus.

Any thread asks, the bus's thread serves; few may wait, and one whose asker has left is not sent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

import msgspec

from hal.errors import DeviceError

WAITING_MAX = 8


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One raw Modbus request."""

    unit: int
    function: int
    address: int
    count: int
    values: tuple[int, ...]


class BusBusy(Exception):
    """Too many requests wait already."""


Transact = Callable[[Asked], tuple[int, ...]]
"""Performs a request on the bus. Raises DeviceError, or ValueError for what is no request."""


class BusQueue:
    """`arrived` is set with each request, so that a thread which rests wakes up."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._waiting: queue.Queue[tuple[Asked, Future[tuple[int, ...]]]] = queue.Queue(WAITING_MAX)

    def put(self, asked: Asked) -> Future[tuple[int, ...]]:
        """The values to come, or the DeviceError or ValueError instead. Raises BusBusy."""
        outcome: Future[tuple[int, ...]] = Future()
        try:
            self._waiting.put_nowait((asked, outcome))
        except queue.Full as error:
            raise BusBusy("too many requests wait") from error
        self.arrived.set()
        return outcome

    def serve(self, transact: Transact) -> bool:
        """Perform the first request that somebody still waits for; False when there is none."""
        while True:
            try:
                asked, outcome = self._waiting.get_nowait()
            except queue.Empty:
                return False
            if outcome.set_running_or_notify_cancel():
                break
        try:
            outcome.set_result(transact(asked))
        except (DeviceError, ValueError) as error:
            outcome.set_exception(error)
        return True

    @property
    def empty(self) -> bool:
        return self._waiting.empty()
