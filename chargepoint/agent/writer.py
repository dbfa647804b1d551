"""The one thread that touches the store: group commit, fetches in their place, upkeep when due.

Whatever has queued up while the disk was busy becomes one commit. Outcomes are handed to `deliver`,
which brings them to the event loop. The thread ends only through `stop`; an exception in it is a
mistake of ours and is handed on, so that the program ends.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from chargepoint.agent.store import Opened, Store
from chargepoint.agent.store_effects import StoreEffect
from chargepoint.station.effects import Note
from chargepoint.station.records import Record

Deliver = Callable[[Callable[[], None]], None]
"""Runs a call in the thread that owns the station."""

JOBS_PER_COMMIT = 500
GATHER_S = 0.005
"""What nobody waits for lies this long for company: a drained queue then costs few transactions."""


class _Write(msgspec.Struct, frozen=True):
    effects: Sequence[StoreEffect]
    done: Callable[[], None] | None


class _Read(msgspec.Struct, frozen=True):
    after: int
    limit: int
    done: Callable[[tuple[Record, ...]], None]


class _Ask(msgspec.Struct, frozen=True):
    answer: Callable[[], Callable[[], None]]
    """Called in the thread of the store; what it gives is delivered."""


Job = _Write | _Read | _Ask | None
"""None: the end."""

Answer = TypeVar("Answer")


class Writer:
    """Owns `store` from `start` to `stop`. The callbacks are run through `deliver`."""

    def __init__(
        self,
        store: Store,
        *,
        deliver: Deliver,
        on_open: Callable[[Opened], None],
        on_note: Callable[[Note], None],
        on_failure: Callable[[BaseException], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._on_open = on_open
        self._on_note = on_note
        self._on_failure = on_failure
        self._now = now
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def write(self, effects: Sequence[StoreEffect], done: Callable[[], None] | None = None) -> None:
        """Queue a batch; `done` is delivered when it is where it must be."""
        self._jobs.put(_Write(effects, done))

    def fetch(self, after: int, limit: int, done: Callable[[tuple[Record, ...]], None]) -> None:
        """Queue a read that sees every batch queued before it."""
        self._jobs.put(_Read(after, limit, done))

    def ask(self, read: Callable[[Store], Answer], done: Callable[[Answer], None]) -> None:
        """Queue any other read; it sees every batch queued before it."""

        def answer() -> Callable[[], None]:
            return partial(done, read(self._store))

        self._jobs.put(_Ask(answer))

    def ping(self, done: Callable[[], None]) -> None:
        """Have `done` delivered after everything queued so far: a sign of life."""
        self._jobs.put(_Write((), done))

    def stop(self, within_s: float) -> bool:
        """Write out everything and close; False when that takes longer than `within_s`."""
        self._jobs.put(None)
        if self._thread.ident is not None:
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            opened = self._store.open()
            self._deliver(lambda: self._on_open(opened))
            self._tell_notes()
            while self._work(self._taken()):
                self._tell_notes()
            self._store.close()
            self._tell_notes()
        except BaseException as error:
            problem = error
            self._deliver(lambda: self._on_failure(problem))

    def _taken(self) -> list[Job]:
        """All jobs that wait, up to a limit; none when upkeep is due first."""
        jobs: list[Job] = []
        try:
            wait_s = max(0.0, self._store.upkeep_due_s() - self._now())
            jobs.append(self._jobs.get(timeout=wait_s))
            until_s = self._now() + GATHER_S
            while len(jobs) < JOBS_PER_COMMIT:
                wait_s = 0.0 if _awaited(jobs[-1]) else max(0.0, until_s - self._now())
                jobs.append(self._jobs.get(timeout=wait_s))
        except queue.Empty:
            pass
        return jobs

    def _work(self, jobs: list[Job]) -> bool:
        """Do `jobs` in order, neighbouring writes as one; False when the end was asked for."""
        writes: list[_Write] = []
        for job in jobs:
            if isinstance(job, _Write):
                writes.append(job)
                continue
            self._commit(writes)
            writes = []
            if job is None:
                return False
            if isinstance(job, _Ask):
                self._deliver(job.answer())
            else:
                self._read(job)
        self._commit(writes)
        self._store.upkeep()
        return True

    def _commit(self, writes: list[_Write]) -> None:
        effects = [effect for write in writes for effect in write.effects]
        if effects:
            self._store.apply(effects)
        for write in writes:
            if write.done is not None:
                self._deliver(write.done)

    def _read(self, job: _Read) -> None:
        records = self._store.fetch(job.after, job.limit)
        self._deliver(lambda: job.done(records))

    def _tell_notes(self) -> None:
        for note in self._store.notes():
            self._deliver(partial(self._on_note, note))


def _awaited(job: Job) -> bool:
    """Somebody waits until this job is done."""
    return not isinstance(job, _Write) or job.done is not None
