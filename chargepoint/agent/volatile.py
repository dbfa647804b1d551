"""The tier in memory-backed storage: what must survive the agent, but may be lost with the power.

It also remembers what is acknowledged and not yet deleted from the ledger. Where its file fails it
goes on in memory, with what can still be read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from chargepoint.agent import record_codec, tiers
from chargepoint.agent.ledger import KeyRow
from chargepoint.agent.store_effects import Change, Key, Refused, Row, refused
from chargepoint.agent.tiers import transaction
from chargepoint.station.effects import Append, Delete, Put, Quarantine, Release, Remove

TABLES = ("outbox", "quarantine", "spaces", "gone", "meta")


class Pending(msgspec.Struct):
    """Deletions that the ledger still owes, and since when."""

    sequences: set[int] = msgspec.field(default_factory=set)
    since_s: float = 0.0


class Volatile:
    """The database in the run directory.

    `row` finds a record in any tier, `keys` names the keys of a space in any tier.
    """

    def __init__(
        self,
        path: Path,
        now: Callable[[], float],
        note: Callable[..., None],
        row: Callable[[int], Row | None],
        keys: Callable[[str], Iterable[str]],
    ) -> None:
        self._path = path
        self._now = now
        self._note = note
        self._row = row
        self._keys_of = keys
        self.database: sqlite3.Connection
        self.pending = Pending()
        self.keys: set[Key] = set()
        """Keys of which this tier has a value, or their deletion."""

    # --- Life -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or make it; in memory when there is no other way."""
        self.database, in_file = tiers.open_volatile(self._path)
        if not in_file:
            self._note("store.volatile_in_memory", path=str(self._path))

    def clear(self) -> None:
        """Forget everything: it belongs to another ledger."""
        with transaction(self.database):
            for table in TABLES:
                self.database.execute(f"DELETE FROM {table}")

    def look(self) -> None:
        """Read what it holds."""
        gone = self.database.execute("SELECT sequence FROM gone").fetchall()
        self.pending = Pending({sequence for (sequence,) in gone}, self._now())
        self._look_at_keys()

    def meta(self, key: str) -> str | None:
        row = self.database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def set_meta(self, key: str, value: str) -> None:
        self.database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # --- Writing ----------------------------------------------------------------------------------

    def write(self, changes: Sequence[Change], last_sequence: int) -> None:
        """Carry out `changes` in one transaction, and note the highest number that was used."""
        if changes:
            self._within(lambda: self._change(changes, last_sequence))

    def forget_moved(self, records: Sequence[Row], *, keys: bool) -> None:
        """Drop what has been brought to the ledger: these records, all refused ones, all keys."""

        def forget() -> None:
            sequences = [(row[0],) for row in records]
            self.database.executemany("DELETE FROM outbox WHERE sequence = ?", sequences)
            self.database.execute("DELETE FROM quarantine")
            if keys:
                self.database.execute("DELETE FROM spaces")

        self._within(forget)
        if keys:
            self.keys.clear()

    def forget_removed(self) -> None:
        """The ledger has deleted what was acknowledged."""
        self.pending.sequences.clear()
        self._within(lambda: self.database.execute("DELETE FROM gone"))

    def forget_superseded(self, written: Sequence[Change]) -> None:
        """Drop rows that a commit in the ledger has made old."""
        doomed: list[tuple[str, str, int]] = []
        settled: list[tuple[int]] = []
        released: list[int] = []
        for effect, revision in written:
            match effect:
                case Put(space=space, key=key) | Delete(space=space, key=str(key)):
                    if (space, key) in self.keys:
                        doomed.append((space, key, revision))
                case Delete(space=space):
                    keys = [key for other, key in self.keys if other == space]
                    doomed += [(space, key, revision) for key in keys]
                case Quarantine(sequence=sequence):
                    settled.append((sequence,))
                case Release(sequence=sequence):
                    released.append(sequence)
                case _:
                    pass
        if not (doomed or settled or released):
            return

        def forget() -> None:
            query = "DELETE FROM spaces WHERE space = ? AND key = ? AND revision < ?"
            self.database.executemany(query, doomed)
            self.database.executemany("DELETE FROM outbox WHERE sequence = ?", settled)
            for sequence in released:
                self._release(sequence)

        self._within(forget)
        self._look_at_keys()

    # --- Reading ----------------------------------------------------------------------------------

    def records(self, newest_s: float) -> list[Row]:
        """Records that are here since `newest_s` or longer."""
        query = "SELECT sequence, kind, record FROM outbox WHERE since_s <= ?"
        return self.database.execute(query, (newest_s,)).fetchall()

    def refused(self) -> list[Refused]:
        return self.database.execute("SELECT * FROM quarantine").fetchall()

    def key_rows(self) -> list[KeyRow]:
        return self.database.execute("SELECT * FROM spaces").fetchall()

    # --- Inside -----------------------------------------------------------------------------------

    def _within(self, action: Callable[[], object]) -> None:
        """Do `action` in one transaction; where the file fails, once more in memory."""
        try:
            with transaction(self.database):
                action()
        except sqlite3.Error as error:
            self._note("store.volatile_in_memory", error=str(error))
            self._move_to_memory()
            with transaction(self.database):
                action()

    def _change(self, changes: Sequence[Change], last_sequence: int) -> None:
        for effect, revision in changes:
            match effect:
                case Append(record=record):
                    kind, text = record_codec.written(record)
                    self.database.execute(
                        "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?)",
                        (record.sequence, kind, text, self._now()),
                    )
                case Remove(sequence=sequence):
                    self._remove(sequence)
                case Quarantine(sequence=sequence):
                    self._quarantine(effect)
                    self._remove(sequence)
                case Release(sequence=sequence):
                    self._release(sequence)
                case Put(space=space, key=key, value=value):
                    self._put(space, key, value, revision)
                case Delete(space=space, key=None):
                    for key in self._keys_of(space):
                        self._put(space, key, None, revision)
                case Delete(space=space, key=str(key)):
                    self._put(space, key, None, revision)
                case _:
                    raise AssertionError(f"no effect of the store: {effect!r:.200}")
        self.set_meta("last_sequence", str(last_sequence))

    def _put(self, space: str, key: str, value: str | None, revision: int) -> None:
        self.database.execute(
            "INSERT INTO spaces VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET value = excluded.value, revision = excluded.revision"
            " WHERE excluded.revision > revision",
            (space, key, value, revision),
        )
        self.keys.add((space, key))

    def _quarantine(self, effect: Quarantine) -> None:
        row = self._row(effect.sequence)
        if row is not None:
            self.database.execute(
                "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?)", refused(row, effect)
            )

    def _release(self, sequence: int) -> None:
        self.database.execute("DELETE FROM quarantine WHERE sequence = ?", (sequence,))

    def _remove(self, sequence: int) -> None:
        done = self.database.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))
        if done.rowcount or sequence in self.pending.sequences:
            return
        self.database.execute("INSERT OR IGNORE INTO gone VALUES (?)", (sequence,))
        if not self.pending.sequences:
            self.pending.since_s = self._now()
        self.pending.sequences.add(sequence)

    def _look_at_keys(self) -> None:
        self.keys = set(self.database.execute("SELECT space, key FROM spaces").fetchall())

    def _move_to_memory(self) -> None:
        """Go on in memory with what can still be read of the failing file."""
        memory = tiers.connect(tiers.MEMORY, synchronous="OFF", tables=tiers.VOLATILE_TABLES)
        for table in TABLES:
            try:
                rows = self.database.execute(f"SELECT * FROM {table}").fetchall()
            except sqlite3.Error:
                continue
            for row in rows:
                marks = ", ".join("?" * len(row))
                memory.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        self.database.close()
        self.database = memory
        tiers.unlink(self._path)
