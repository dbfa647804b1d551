"""The store: what survives what, in which order, and how it goes on when the disk does not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chargepoint.agent import tiers
from chargepoint.agent.ledger import RETRY_S
from chargepoint.agent.store import (
    MOVE_AGE_S,
    MOVE_EVERY_S,
    REMOVE_WITHIN_S,
    SEQUENCE_GAP,
    Opened,
    Store,
)
from chargepoint.station.effects import Delete, Quarantine, Remove
from tests.agent.samples import ended, kept, loose, put, started, updated


@dataclass
class Disk:
    """A state directory, a run directory and the stores opened on them."""

    place: Path
    now_s: float = 1000.0
    stores: list[Store] = field(default_factory=list)

    def open(self) -> tuple[Store, Opened]:
        """Open without closing what was open before: the agent was killed."""
        store = Store(self.place / "state", self.place / "run", lambda: self.now_s)
        opened = store.open()
        self.stores.append(store)
        return store, opened

    def lose_power(self) -> None:
        """The run directory lies in memory."""
        for file in (self.place / "run").iterdir():
            file.unlink()

    @property
    def ledger(self) -> Path:
        return self.place / "state" / "ledger.sqlite"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    for store in disk.stores:
        store.close()


def sequences(store: Store, after: int = 0, limit: int = 100) -> list[int]:
    return [record.sequence for record in store.fetch(after, limit)]


def names(store: Store) -> list[str]:
    return [note.name for note in store.notes()]


def test_a_new_store_is_empty(disk: Disk) -> None:
    _, opened = disk.open()
    assert opened == Opened(spaces={}, last_sequence=0, waiting=0, quarantined=0)


def test_records_come_back_as_they_were_and_in_order_from_both_tiers(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([loose(updated(2)), kept(started(1)), kept(ended(3))])
    assert store.fetch(0, 10) == (started(1), updated(2), ended(3))
    assert sequences(store, after=1, limit=1) == [2]


def test_both_tiers_survive_the_death_of_the_agent(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply(
        [kept(started(1)), loose(updated(2)), put("1", '"a"'), put("2", "2", durable=False)]
    )
    again, opened = disk.open()
    assert sequences(again) == [1, 2]
    assert opened.spaces == {"transactions": {"1": '"a"', "2": "2"}}
    assert opened.last_sequence == 2
    assert opened.waiting == 2


def test_the_ledger_survives_the_power_and_numbers_are_not_used_twice(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), loose(updated(2)), put("1", '"a"')])
    disk.lose_power()
    again, opened = disk.open()
    assert sequences(again) == [1]
    assert opened.spaces == {"transactions": {"1": '"a"'}}
    assert opened.last_sequence == 1 + SEQUENCE_GAP


def test_an_acknowledged_record_does_not_come_back_after_a_kill(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), loose(updated(2))])
    store.apply([Remove(sequence=1), Remove(sequence=2)])
    again, opened = disk.open()
    assert sequences(again) == []
    assert opened.waiting == 0


def test_a_removal_reaches_the_ledger_within_a_second(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), kept(ended(2))])
    store.apply([Remove(sequence=1)])
    disk.now_s += REMOVE_WITHIN_S
    assert store.upkeep_due_s() <= disk.now_s
    store.upkeep()
    disk.lose_power()
    again, _ = disk.open()
    assert sequences(again) == [2]


def test_the_highest_number_is_known_after_everything_was_acknowledged(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), kept(ended(7))])
    store.apply([Remove(sequence=1), Remove(sequence=7)])
    store.close()
    disk.lose_power()
    again, opened = disk.open()
    assert opened.last_sequence == 7 + SEQUENCE_GAP
    assert opened.waiting == 0
    again.apply([kept(started(8))])
    assert sequences(again) == [8]


def test_old_samples_move_to_the_ledger_and_young_ones_wait(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([loose(updated(1))])
    disk.now_s += MOVE_EVERY_S - MOVE_AGE_S / 2
    store.apply([loose(updated(2))])
    disk.now_s += MOVE_AGE_S / 2
    store.upkeep()
    disk.lose_power()
    again, _ = disk.open()
    assert sequences(again) == [1]


def test_a_kill_in_the_middle_of_a_move_does_not_double_a_record(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([loose(updated(1)), kept(ended(2))])
    row = store._volatile.database.execute("SELECT sequence, kind, record FROM outbox").fetchone()
    store._ledger.database.execute("INSERT INTO outbox VALUES (?, ?, ?)", row)  # type: ignore[union-attr]
    again, opened = disk.open()
    assert opened.waiting == 2
    again.apply([Remove(sequence=1)])
    again.close()
    final, _ = disk.open()
    assert sequences(final) == [2]


def test_an_orderly_stop_leaves_nothing_behind_in_the_volatile_tier(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([loose(updated(1)), put("1", "9", durable=False)])
    store.close()
    disk.lose_power()
    again, opened = disk.open()
    assert sequences(again) == [1]
    assert opened.spaces == {"transactions": {"1": "9"}}


@pytest.mark.parametrize("first_durable", [True, False])
@pytest.mark.parametrize("then_durable", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_the_later_value_of_a_key_counts_whatever_the_tiers(
    disk: Disk, first_durable: bool, then_durable: bool, together: bool
) -> None:
    store, _ = disk.open()
    effects = [put("1", "1", durable=first_durable), put("1", "2", durable=then_durable)]
    for batch in [effects] if together else [[effect] for effect in effects]:
        store.apply(batch)
    _, opened = disk.open()
    assert opened.spaces == {"transactions": {"1": "2"}}


def test_a_durable_value_wins_even_when_the_ledger_had_it_before(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([put("1", "1")])
    store.apply([put("1", "2", durable=False)])
    store.apply([put("1", "1")])
    _, opened = disk.open()
    assert opened.spaces == {"transactions": {"1": "1"}}


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("key", ["1", None])
def test_a_deleted_key_stays_deleted(disk: Disk, durable: bool, key: str | None) -> None:
    store, _ = disk.open()
    store.apply([put("1", "1"), put("1", "2", durable=False), put("x", "x", space="other")])
    store.apply([Delete(space="transactions", key=key, durable=durable)])
    again, opened = disk.open()
    assert opened.spaces == {"other": {"x": "x"}}
    again.close()
    disk.lose_power()
    _, opened = disk.open()
    assert opened.spaces == {"other": {"x": "x"}}


@pytest.mark.parametrize("durable", [True, False])
def test_a_quarantined_record_is_out_of_the_way_but_kept(disk: Disk, durable: bool) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)) if durable else loose(started(1)), kept(ended(2))])
    store.apply([Quarantine(sequence=1, code="InternalError", description="no")])
    assert sequences(store) == [2]
    disk.lose_power()
    again, opened = disk.open()
    assert opened.quarantined == 1
    ((sequence, kind, text, code, _),) = again.quarantine()
    assert (sequence, kind, code) == (1, "TransactionStarted", "InternalError")
    assert "04A1B2C3" in text


def test_a_full_disk_stops_nothing_and_everything_follows_when_there_is_room(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1))])
    limit(disk, store, pages=0)
    store.apply([kept(ended(2)), put("1", "x" * 20_000)])
    assert names(store) == ["store.failed"]
    assert sequences(store) == [1, 2]
    disk.now_s += RETRY_S
    store.upkeep()
    assert names(store) == []  # still full: said once
    limit(disk, store, pages=10_000)
    disk.now_s += RETRY_S
    store.upkeep()
    assert names(store) == ["store.recovered"]
    disk.lose_power()
    again, opened = disk.open()
    assert sequences(again) == [1, 2]
    assert opened.spaces["transactions"]["1"] == "x" * 20_000


def test_a_full_run_directory_is_an_alert_and_no_end(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), loose(updated(2))])
    limit(disk, store, pages=0, volatile=True)
    store.apply([put("1", "x" * 20_000, durable=False), loose(updated(3)), Remove(sequence=1)])
    assert names(store) == ["store.volatile_in_memory"]
    assert sequences(store) == [2, 3]
    store.close()
    again, opened = disk.open()
    assert sequences(again) == [2, 3]
    assert opened.spaces["transactions"]["1"] == "x" * 20_000


def limit(disk: Disk, store: Store, pages: int, volatile: bool = False) -> None:
    """SQLite's own quota: the database may have `pages` more pages than it has."""
    connection = store._volatile.database if volatile else store._ledger.database
    assert connection is not None
    (now,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {now + pages}")


def test_what_the_full_disk_did_not_take_survives_a_kill(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1))])
    limit(disk, store, pages=0)
    store.apply([put("1", "x" * 20_000), Remove(sequence=1), kept(ended(2))])
    again, opened = disk.open()
    assert sequences(again) == [2]
    assert opened.spaces["transactions"]["1"] == "x" * 20_000


def test_a_state_directory_that_cannot_be_written_is_an_alert_and_no_end(disk: Disk) -> None:
    (disk.place / "state").write_text("a file where the directory should be")
    store, opened = disk.open()
    assert names(store) == ["store.failed"]
    assert opened.last_sequence > 0
    store.apply([kept(started(opened.last_sequence + 1))])
    assert sequences(store) == [opened.last_sequence + 1]
    (disk.place / "state").unlink()
    disk.now_s += RETRY_S
    store.upkeep()
    assert names(store) == ["store.recovered"]
    again, _ = disk.open()
    assert sequences(again) == [opened.last_sequence + 1]


def test_a_truncated_ledger_is_set_aside_and_its_readable_rows_are_kept(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(number)) for number in range(1, 200)])
    store.apply([put("1", '"a"')])
    store.close()
    content = disk.ledger.read_bytes()
    disk.ledger.write_bytes(content[: len(content) * 2 // 3])
    again, opened = disk.open()
    (note,) = again.notes()
    assert note.name == "store.salvaged"
    assert dict(note.fields)["records"] == opened.waiting
    assert 50 < opened.waiting < 199
    assert dict(note.fields)["moved_to"] == "ledger.damaged-1.sqlite"
    assert (disk.ledger.parent / "ledger.damaged-1.sqlite").exists()
    assert sequences(again)[:3] == [1, 2, 3]
    again.apply([kept(ended(500))])
    assert sequences(again, limit=1000)[-1] == 500


def test_a_ledger_of_noise_gives_an_empty_one(disk: Disk) -> None:
    disk.ledger.parent.mkdir()
    disk.ledger.write_bytes(b"\x17noise" * 2000)
    store, opened = disk.open()
    assert names(store) == ["store.salvaged"]
    assert opened.waiting == 0
    store.apply([kept(started(1))])
    assert sequences(store) == [1]


def test_only_a_few_damaged_ledgers_are_kept(disk: Disk) -> None:
    disk.ledger.parent.mkdir()
    for number in range(tiers.DAMAGED_KEPT + 2):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{disk.ledger}{suffix}").unlink(missing_ok=True)
        disk.ledger.write_bytes(b"noise %d" % number * 500)
        disk.open()
    kept_files = sorted(file.name for file in disk.ledger.parent.glob("*damaged*.sqlite"))
    assert kept_files == [f"ledger.damaged-{number}.sqlite" for number in (1, 2, 3)]


def test_a_damaged_volatile_tier_is_made_anew(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), loose(updated(2))])
    store.close()
    (disk.place / "run" / "volatile.sqlite").write_bytes(b"noise" * 1000)
    again, _ = disk.open()
    assert sequences(again) == [1, 2]  # moved at the orderly stop


def test_a_volatile_tier_of_another_ledger_is_not_taken_over(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), loose(updated(2))])
    for file in disk.ledger.parent.iterdir():
        file.unlink()
    again, _ = disk.open()
    assert sequences(again) == []


def test_a_row_that_is_no_record_is_dropped_and_told(disk: Disk) -> None:
    store, _ = disk.open()
    store.apply([kept(started(1)), kept(ended(2))])
    with sqlite3.connect(disk.ledger) as other:
        other.execute("UPDATE outbox SET record = '{' WHERE sequence = 1")
    other.close()
    assert sequences(store) == [2]
    assert names(store) == ["store.row_unreadable"]
    assert sequences(store) == [2]
    assert names(store) == []
