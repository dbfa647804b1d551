"""The thread of the store: order, group commit, failure."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chargepoint.agent.store import Opened, Store
from chargepoint.agent.writer import Writer
from chargepoint.station.effects import Note, Remove
from chargepoint.station.records import Record
from tests.agent.samples import kept, started

WAIT_S = 30.0


class Loop:
    """Runs what the thread delivers, one call at a time."""

    def __init__(self, store: Store) -> None:
        self.calls: queue.Queue[Callable[[], None]] = queue.Queue()
        self.opened: list[Opened] = []
        self.notes: list[Note] = []
        self.failures: list[BaseException] = []
        self.writer = Writer(
            store,
            deliver=self.calls.put,
            on_open=self.opened.append,
            on_note=self.notes.append,
            on_failure=self.failures.append,
        )

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.calls.get(timeout=WAIT_S)()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    loop = Loop(Store(tmp_path / "state", tmp_path / "run"))
    loop.writer.start()
    yield loop
    assert loop.writer.stop(WAIT_S)


def test_a_batch_is_done_when_it_is_stored_and_a_fetch_sees_it(loop: Loop) -> None:
    done: list[str] = []
    fetched: list[tuple[Record, ...]] = []
    loop.writer.write([kept(started(1))], lambda: done.append("written"))
    loop.writer.fetch(0, 10, fetched.append)
    loop.until(lambda: fetched)
    assert loop.opened[0].waiting == 0
    assert done == ["written"]
    assert fetched == [(started(1),)]


def test_order_is_kept_between_writes_and_fetches(loop: Loop) -> None:
    seen: list[list[int]] = []

    def fetched(records: tuple[Record, ...]) -> None:
        seen.append([record.sequence for record in records])

    for sequence in (1, 2):
        loop.writer.write([kept(started(sequence))])
        loop.writer.fetch(0, 10, fetched)
    loop.writer.write([Remove(sequence=1)])
    loop.writer.fetch(0, 10, fetched)
    loop.until(lambda: len(seen) == 3)
    assert seen == [[1], [1, 2], [2]]


def test_a_stop_writes_out_what_was_queued(tmp_path: Path) -> None:
    loop = Loop(Store(tmp_path / "state", tmp_path / "run"))
    for sequence in range(1, 101):
        loop.writer.write([kept(started(sequence))])
    loop.writer.start()
    assert loop.writer.stop(WAIT_S)
    again = Store(tmp_path / "state", tmp_path / "run")
    assert again.open().waiting == 100
    again.close()


def test_notes_of_the_store_are_handed_on(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.sqlite").write_bytes(b"noise" * 1000)
    loop = Loop(Store(tmp_path / "state", tmp_path / "run"))
    loop.writer.start()
    loop.until(lambda: loop.notes)
    assert loop.notes[0].name == "store.salvaged"
    loop.writer.stop(WAIT_S)


def test_a_mistake_in_the_thread_is_told_and_ends_it(tmp_path: Path) -> None:
    loop = Loop(Store(tmp_path / "state", tmp_path / "run"))
    loop.writer.start()
    loop.writer.write(["no effect at all"])  # type: ignore[list-item]
    loop.until(lambda: loop.failures)
    assert loop.writer.stop(WAIT_S)


def test_many_writers_share_commits(tmp_path: Path) -> None:
    store = Store(tmp_path / "state", tmp_path / "run")
    batches: list[int] = []
    apply = store.apply

    def counted(effects: list[object]) -> None:
        batches.append(len(effects))
        apply(effects)  # type: ignore[arg-type]

    store.apply = counted  # type: ignore[method-assign, assignment]
    loop = Loop(store)
    for sequence in range(1, 301):
        loop.writer.write([kept(started(sequence))])
    loop.writer.start()
    assert loop.writer.stop(WAIT_S)
    assert batches == [300]
