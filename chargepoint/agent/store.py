"""The station's memory: an outbox, spaces of keys and values, a quarantine, on two tiers.

What must survive the power goes to the ledger in the state directory, one commit for each batch.
What must only survive the agent goes to the volatile tier in the run directory and is moved to the
ledger in one batch when it is still owed after a while. A read merges both: the tier with the
higher revision of a key counts, and a mark in the volatile tier hides what is acknowledged but not
yet deleted from the ledger, so that neither kill nor crash sends a record twice.

A ledger that cannot be written (disk full, card gone) does not stop the station: its writes go to
the volatile tier and follow as soon as it can be written again. A damaged ledger is moved aside and
made anew from what is readable. Everything here blocks; `writer` gives it a thread of its own.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from chargepoint.agent import record_codec, tiers
from chargepoint.agent.tiers import MARKER, Salvaged, transaction
from chargepoint.station.effects import Append, Delete, Note, Put, Quarantine, Remove
from chargepoint.station.records import Record

StoreEffect = Append | Remove | Quarantine | Put | Delete
"""What changes the store. `Fetch` is a read and is asked with `fetch`."""

_Change = tuple[StoreEffect, int]
"""An effect and its revision: of two values of a key the one with the higher revision counts."""

STORE_EFFECTS = (Append, Remove, Quarantine, Put, Delete)

MOVE_AGE_S = 60.0
"""Age at which a volatile record that is still owed belongs into the ledger."""

MOVE_EVERY_S = 300.0
"""Least time between two such moves: each costs a flush of the disk."""

KEYS_EVERY_S = 4 * 3600.0
"""Least time between two moves of mere values: what a power loss may cost of a running session's
intermediate state. Records that are owed take them along."""

REMOVE_WITHIN_S = 1.0
"""Latest deletion of acknowledged records from the ledger; most ride with another commit."""

RETRY_S = 10.0
"""Pause before a ledger that failed is tried again."""

SEQUENCE_GAP = 100_000
"""Skipped when the volatile tier is lost: records that were only there had numbers too."""

UNKNOWN_SEQUENCE = 1_000_000_000
"""Where numbers go on when no tier can tell which were used: the ledger cannot be opened."""


class Opened(msgspec.Struct, kw_only=True):
    """What the station starts from."""

    spaces: Mapping[str, Mapping[str, str]]
    last_sequence: int
    waiting: int
    quarantined: int


class _Pending(msgspec.Struct):
    """Deletions that the ledger still owes, and since when."""

    sequences: set[int] = msgspec.field(default_factory=set)
    since_s: float = 0.0


class Store:
    """The two tiers as one. Belongs to one thread at a time; every method may block on the disk.

    `notes()` gives what people should know (salvage, failure, recovery) since it was last asked.
    """

    def __init__(
        self, state_dir: Path, run_dir: Path, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger_path = state_dir / "ledger.sqlite"
        self._volatile_path = run_dir / "volatile.sqlite"
        self._now = now
        self._ledger: sqlite3.Connection | None = None
        self._volatile: sqlite3.Connection
        self._notes: list[Note] = []
        self._pending = _Pending()
        self._volatile_keys: set[tuple[str, str]] = set()
        self._revision = 0
        self._last_sequence = 0
        self._moved_s = self._keys_moved_s = now()
        self._failed_since_s: float | None = None
        self._retry_s = 0.0
        self._quarantined = 0
        self._marker: int | None = None
        """Sequence of the ledger's row that only keeps the highest number."""
        self._closed = False

    # --- Life -------------------------------------------------------------------------------------

    def open(self) -> Opened:
        """Open or make both tiers, salvage what is damaged, and read what was kept."""
        try:
            self._ledger, salvaged = tiers.open_ledger(self._ledger_path)
        except (sqlite3.Error, OSError) as error:
            self._ledger_failed(error)
        else:
            if salvaged is not None:
                self._note_salvage(salvaged)
        self._volatile, in_file = tiers.open_volatile(self._volatile_path)
        if not in_file:
            self._note("store.volatile_in_memory", path=str(self._volatile_path))
        lost = self._match_tiers()
        self._drop_doubles()
        self._read_counters(lost)
        return Opened(
            spaces=self._spaces(),
            last_sequence=self._last_sequence,
            waiting=self.waiting(),
            quarantined=self._quarantined,
        )

    def close(self) -> None:
        """Move everything to the ledger and close both files; a second time it does nothing."""
        if self._closed:
            return
        self._closed = True
        self.move(everything=True)
        for database in (self._ledger, self._volatile):
            if database is not None:
                try:
                    database.close()
                except sqlite3.Error as error:
                    self._note("store.failed", error=str(error))

    def notes(self) -> list[Note]:
        notes, self._notes = self._notes, []
        return notes

    # --- Writing ----------------------------------------------------------------------------------

    def apply(self, effects: Sequence[StoreEffect]) -> None:
        """Carry out `effects` in order; on return the durable ones are on the disk.

        When the ledger cannot be written they are in the volatile tier instead, a note says so, and
        `upkeep` brings them over later.
        """
        changes = [(effect, self._revision + place) for place, effect in enumerate(effects, 1)]
        self._revision += len(changes)
        lasting = _without_passing([change for change in changes if durable(change[0])])
        loose = [change for change in changes if not durable(change[0])]
        # What came before a durable effect must not be missing when that is there.
        before = [change for change in loose if lasting and change[1] < lasting[0][1]]
        self._write_volatile(before)
        if lasting and self._write_ledger(lasting):
            self._forget_superseded(lasting)
        elif lasting:
            self._write_volatile(lasting)
        self._write_volatile(loose[len(before) :])
        if any(isinstance(effect, Quarantine) for effect in effects):
            self._quarantined = self._count_quarantine()

    def upkeep(self) -> None:
        """Do what is due: deletions in the ledger, moves to it, retries of a failed ledger."""
        now_s = self._now()
        if self._failed_since_s is not None:
            if now_s >= self._retry_s:
                self.move(everything=True)
            return
        if now_s - self._moved_s >= MOVE_EVERY_S:
            self.move(everything=False)
        elif self._pending.sequences and now_s >= self._pending.since_s + REMOVE_WITHIN_S:
            self._write_ledger([])

    def upkeep_due_s(self) -> float:
        """When `upkeep` wants to be called."""
        if self._failed_since_s is not None:
            return self._retry_s
        due_s = self._moved_s + MOVE_EVERY_S
        if self._pending.sequences:
            due_s = min(due_s, self._pending.since_s + REMOVE_WITHIN_S)
        return due_s

    def move(self, everything: bool) -> None:
        """Bring volatile rows to the ledger: all, or what is due.

        Due are records older than MOVE_AGE_S, and with them all keys; keys alone every few hours.
        """
        self._moved_s = now_s = self._now()
        newest_s = now_s if everything else now_s - MOVE_AGE_S
        records = self._volatile.execute(
            "SELECT sequence, kind, record FROM outbox WHERE since_s <= ?", (newest_s,)
        ).fetchall()
        refused = self._volatile.execute("SELECT * FROM quarantine").fetchall()
        keys = self._volatile.execute("SELECT * FROM spaces").fetchall()
        due = everything or records or refused or now_s >= self._keys_moved_s + KEYS_EVERY_S
        if keys and not due:
            keys = []
        if not (records or refused or keys or self._pending.sequences):
            if self._failed_since_s is not None:
                self._write_ledger([])
            return
        if self._write_ledger([], records, refused, keys):

            def forget() -> None:
                sequences = [(row[0],) for row in records]
                self._volatile.executemany("DELETE FROM outbox WHERE sequence = ?", sequences)
                self._volatile.execute("DELETE FROM quarantine")
                if keys:
                    self._volatile.execute("DELETE FROM spaces")

            self._in_volatile(forget)
            if keys:
                self._keys_moved_s = now_s
                self._volatile_keys.clear()

    # --- Reading ----------------------------------------------------------------------------------

    def fetch(self, after: int, limit: int) -> tuple[Record, ...]:
        """Up to `limit` records above `after` that are still owed, oldest first."""
        rows = dict[int, tuple[str, str]]()
        for database in self._tiers():
            query = (
                "SELECT sequence, kind, record FROM outbox"
                " WHERE sequence > ? AND kind <> ? ORDER BY sequence LIMIT ?"
            )
            # Rows that are acknowledged, but not yet deleted, must not use up the limit.
            wanted = limit + sum(1 for sequence in self._pending.sequences if sequence > after)
            for sequence, kind, text in database.execute(query, (after, MARKER, wanted)):
                if sequence not in self._pending.sequences:
                    rows[sequence] = (kind, text)
        found: list[Record] = []
        for sequence in sorted(rows)[:limit]:
            kind, text = rows[sequence]
            try:
                found.append(record_codec.read(kind, text))
            except ValueError as error:
                self._note("store.row_unreadable", sequence=sequence, error=str(error)[:200])
                self._write_volatile([(Remove(sequence=sequence), 0)])
        return tuple(found) if found or not rows else self.fetch(max(rows), limit)

    def waiting(self) -> int:
        """Records in the outbox that are still owed."""
        total = -len(self._pending.sequences)
        for database in self._tiers():
            query = "SELECT count(*) FROM outbox WHERE kind <> ?"
            total += database.execute(query, (MARKER,)).fetchone()[0]
        return max(0, total)

    @property
    def quarantined(self) -> int:
        return self._quarantined

    def quarantine(self) -> list[tuple[int, str, str, str, str]]:
        """(sequence, kind, record as JSON, code, description) of all that was refused for good."""
        rows: list[tuple[int, str, str, str, str]] = []
        for database in self._tiers():
            rows += database.execute("SELECT * FROM quarantine").fetchall()
        return sorted(rows)

    # --- Ledger -----------------------------------------------------------------------------------

    def _write_ledger(
        self,
        changes: Sequence[_Change],
        records: Sequence[tuple[int, str, str]] = (),
        refused: Sequence[tuple[int, str, str, str, str]] = (),
        keys: Sequence[tuple[str, str, str | None, int]] = (),
    ) -> bool:
        """One commit with everything that is due; False when the ledger cannot be written now."""
        if self._failed_since_s is not None and self._now() < self._retry_s:
            return False
        removed = set(self._pending.sequences)
        try:
            if self._ledger is None:
                self._ledger, _ = tiers.open_ledger(self._ledger_path)
                self._pair_tiers()
            with transaction(self._ledger):
                self._ledger.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?)", records)
                self._ledger.executemany(
                    "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?)", refused
                )
                for row in keys:
                    self._put_row(self._ledger, *row)
                for effect, revision in changes:
                    self._change_ledger(self._ledger, effect, revision)
                if removed:
                    self._delete_acknowledged(self._ledger, removed)
        except (sqlite3.Error, OSError) as error:
            self._ledger_failed(error)
            return False
        self._ledger_works()
        if removed:
            self._pending.sequences.clear()
            self._in_volatile(lambda: self._volatile.execute("DELETE FROM gone"))
        return True

    def _change_ledger(
        self, ledger: sqlite3.Connection, effect: StoreEffect, revision: int
    ) -> None:
        match effect:
            case Append(record=record):
                kind, text = record_codec.written(record)
                self._last_sequence = max(self._last_sequence, record.sequence)
                row = (record.sequence, kind, text)
                ledger.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)", row)
            case Put(space=space, key=key, value=value):
                # A newer revision even for an equal value, when the volatile tier has another.
                stale = (space, key) in self._volatile_keys
                self._put_row(ledger, space, key, value, revision, stale)
            case Delete(space=space, key=None):
                ledger.execute("DELETE FROM spaces WHERE space = ?", (space,))
            case Delete(space=space, key=key):
                ledger.execute("DELETE FROM spaces WHERE space = ? AND key = ?", (space, key))
            case Quarantine():
                self._quarantine(ledger, effect)
            case Remove():
                raise AssertionError("removals go through the volatile tier")

    @staticmethod
    def _put_row(
        ledger: sqlite3.Connection,
        space: str,
        key: str,
        value: str | None,
        revision: int,
        always: bool = False,
    ) -> None:
        """Keep a value, or forget the key for None; an equal value changes no page."""
        if value is None:
            query = "DELETE FROM spaces WHERE space = ? AND key = ? AND revision < ?"
            ledger.execute(query, (space, key, revision))
            return
        condition = "" if always else " AND value IS NOT excluded.value"
        ledger.execute(
            "INSERT INTO spaces VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET value = excluded.value, revision = excluded.revision"
            f" WHERE excluded.revision > revision{condition}",
            (space, key, value, revision),
        )

    def _delete_acknowledged(self, ledger: sqlite3.Connection, sequences: set[int]) -> None:
        """Delete rows; the highest stays as an empty marker of the numbers that were used."""
        (highest,) = ledger.execute("SELECT max(sequence) FROM outbox").fetchone()
        doomed = [(sequence,) for sequence in sequences if sequence != highest]
        if self._marker is not None and self._marker != highest:
            doomed.append((self._marker,))
        ledger.executemany("DELETE FROM outbox WHERE sequence = ?", doomed)
        if highest in sequences:
            ledger.execute(
                "UPDATE outbox SET kind = ?, record = '' WHERE sequence = ?", (MARKER, highest)
            )
            self._marker = highest
        elif self._marker != highest:
            self._marker = None

    def _ledger_failed(self, error: Exception) -> None:
        now_s = self._now()
        self._retry_s = now_s + RETRY_S
        if self._failed_since_s is None:
            self._failed_since_s = now_s
            self._note("store.failed", path=str(self._ledger_path), error=str(error))

    def _ledger_works(self) -> None:
        if self._failed_since_s is not None:
            lost_s = self._now() - self._failed_since_s
            self._failed_since_s = None
            self._note("store.recovered", lost_s=round(lost_s, 1))

    # --- Volatile tier ----------------------------------------------------------------------------

    def _write_volatile(self, changes: Sequence[_Change]) -> None:
        if changes:
            self._in_volatile(lambda: self._change_volatile(changes))

    def _in_volatile(self, action: Callable[[], object]) -> None:
        """Do `action` in one transaction; where the file fails, once more in memory."""
        try:
            with transaction(self._volatile):
                action()
        except sqlite3.Error as error:
            self._note("store.volatile_in_memory", error=str(error))
            self._move_volatile_to_memory()
            with transaction(self._volatile):
                action()

    def _change_volatile(self, changes: Sequence[_Change]) -> None:
        for effect, revision in changes:
            match effect:
                case Append(record=record):
                    kind, text = record_codec.written(record)
                    self._last_sequence = max(self._last_sequence, record.sequence)
                    self._volatile.execute(
                        "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?)",
                        (record.sequence, kind, text, self._now()),
                    )
                case Remove(sequence=sequence):
                    self._remove(sequence)
                case Quarantine():
                    self._quarantine(self._volatile, effect)
                case Put(space=space, key=key, value=value):
                    self._put_volatile(space, key, value, revision)
                case Delete(space=space, key=None):
                    for key in self._spaces().get(space, {}):
                        self._put_volatile(space, key, None, revision)
                case Delete(space=space, key=str(key)):
                    self._put_volatile(space, key, None, revision)
                case _:
                    raise AssertionError(f"no effect of the store: {effect!r:.200}")
        self._volatile.execute(
            "INSERT OR REPLACE INTO meta VALUES ('last_sequence', ?)", (str(self._last_sequence),)
        )

    def _put_volatile(self, space: str, key: str, value: str | None, revision: int) -> None:
        self._volatile.execute(
            "INSERT INTO spaces VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET value = excluded.value, revision = excluded.revision"
            " WHERE excluded.revision > revision",
            (space, key, value, revision),
        )
        self._volatile_keys.add((space, key))

    def _remove(self, sequence: int) -> None:
        done = self._volatile.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))
        if done.rowcount or sequence in self._pending.sequences:
            return
        self._volatile.execute("INSERT OR IGNORE INTO gone VALUES (?)", (sequence,))
        if not self._pending.sequences:
            self._pending.since_s = self._now()
        self._pending.sequences.add(sequence)

    def _forget_superseded(self, written: Sequence[_Change]) -> None:
        """Drop volatile rows that a commit in the ledger has made old."""
        doomed: list[tuple[str, str, int]] = []
        refused: list[tuple[int]] = []
        for effect, revision in written:
            match effect:
                case Put(space=space, key=key) | Delete(space=space, key=str(key)):
                    if (space, key) in self._volatile_keys:
                        doomed.append((space, key, revision))
                case Delete(space=space):
                    keys = [key for other, key in self._volatile_keys if other == space]
                    doomed += [(space, key, revision) for key in keys]
                case Quarantine(sequence=sequence):
                    refused.append((sequence,))
                case _:
                    pass
        if not (doomed or refused):
            return

        def forget() -> None:
            query = "DELETE FROM spaces WHERE space = ? AND key = ? AND revision < ?"
            self._volatile.executemany(query, doomed)
            self._volatile.executemany("DELETE FROM outbox WHERE sequence = ?", refused)

        self._in_volatile(forget)
        places = self._volatile.execute("SELECT space, key FROM spaces").fetchall()
        self._volatile_keys = set(places)

    def _move_volatile_to_memory(self) -> None:
        """Go on in memory with what can still be read of the failing file."""
        memory = tiers.connect(tiers.MEMORY, synchronous="OFF", tables=tiers.VOLATILE_TABLES)
        for table in ("outbox", "quarantine", "spaces", "gone", "meta"):
            try:
                rows = self._volatile.execute(f"SELECT * FROM {table}").fetchall()
            except sqlite3.Error:
                continue
            for row in rows:
                marks = ", ".join("?" * len(row))
                memory.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        self._volatile.close()
        self._volatile = memory
        tiers.unlink(self._volatile_path)

    # --- Both -------------------------------------------------------------------------------------

    def _quarantine(self, target: sqlite3.Connection, effect: Quarantine) -> None:
        for database in self._tiers():
            row = database.execute(
                "SELECT sequence, kind, record FROM outbox WHERE sequence = ? AND kind <> ?",
                (effect.sequence, MARKER),
            ).fetchone()
            if row is not None:
                target.execute(
                    "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?)",
                    (*row, effect.code, effect.description[:500]),
                )
                break
        if target is self._volatile:
            self._remove(effect.sequence)
        else:
            self._delete_acknowledged(target, {effect.sequence})

    def _tiers(self) -> list[sqlite3.Connection]:
        return [self._volatile] if self._ledger is None else [self._ledger, self._volatile]

    def _match_tiers(self) -> bool:
        """Make sure that both tiers belong together; True when an older volatile tier is lost."""
        if self._ledger is None:
            return False
        row = self._ledger.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
        other = self._volatile.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
        if row is not None and other == row:
            return False
        if other is not None:
            with transaction(self._volatile):
                for table in ("outbox", "quarantine", "spaces", "gone", "meta"):
                    self._volatile.execute(f"DELETE FROM {table}")
        try:
            self._pair_tiers()
        except sqlite3.Error as error:
            self._ledger_failed(error)
        return True

    def _pair_tiers(self) -> None:
        """Write the ledger's id, made anew if it has none, into the volatile tier too."""
        assert self._ledger is not None
        row = self._ledger.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
        mine: str = row[0] if row else uuid.uuid4().hex
        if row is None:
            self._ledger.execute("INSERT INTO meta VALUES ('id', ?)", (mine,))
        self._volatile.execute("INSERT OR REPLACE INTO meta VALUES ('id', ?)", (mine,))

    def _drop_doubles(self) -> None:
        """Forget volatile records that the ledger has too: a kill came between the two commits."""
        if self._ledger is None:
            return
        for (sequence,) in self._volatile.execute("SELECT sequence FROM outbox").fetchall():
            query = "SELECT 1 FROM outbox WHERE sequence = ?"
            if self._ledger.execute(query, (sequence,)).fetchone() is not None:
                self._volatile.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))

    def _read_counters(self, volatile_lost: bool) -> None:
        if self._ledger is not None:
            query = "SELECT sequence FROM outbox WHERE kind = ?"
            row = self._ledger.execute(query, (MARKER,)).fetchone()
            self._marker = None if row is None else row[0]
        for database in self._tiers():
            for query in (
                "SELECT max(sequence) FROM outbox",
                "SELECT max(sequence) FROM quarantine",
            ):
                self._last_sequence = max(
                    self._last_sequence, database.execute(query).fetchone()[0] or 0
                )
            revision = database.execute("SELECT max(revision) FROM spaces").fetchone()[0] or 0
            self._revision = max(self._revision, revision)
        self._quarantined = self._count_quarantine()
        if volatile_lost and self._last_sequence:
            self._last_sequence += SEQUENCE_GAP
        row = self._volatile.execute(
            "SELECT value FROM meta WHERE key = 'last_sequence'"
        ).fetchone()
        if row is not None:
            self._last_sequence = max(self._last_sequence, int(row[0]))
        elif self._ledger is None:
            self._last_sequence = UNKNOWN_SEQUENCE
        gone = self._volatile.execute("SELECT sequence FROM gone").fetchall()
        self._pending = _Pending({sequence for (sequence,) in gone}, self._now())
        places = self._volatile.execute("SELECT space, key FROM spaces").fetchall()
        self._volatile_keys = set(places)

    def _count_quarantine(self) -> int:
        query = "SELECT count(*) FROM quarantine"
        return sum(database.execute(query).fetchone()[0] for database in self._tiers())

    def _spaces(self) -> dict[str, dict[str, str]]:
        """Every key with the value of the tier that has the higher revision."""
        newest: dict[tuple[str, str], tuple[int, str | None]] = {}
        for database in self._tiers():
            for space, key, value, revision in database.execute("SELECT * FROM spaces"):
                if (space, key) not in newest or revision > newest[space, key][0]:
                    newest[space, key] = (revision, value)
        spaces: dict[str, dict[str, str]] = {}
        for (space, key), (_, value) in sorted(newest.items()):
            if value is not None:
                spaces.setdefault(space, {})[key] = value
        return spaces

    def _note_salvage(self, salvaged: Salvaged) -> None:
        self._note(
            "store.salvaged",
            reason=salvaged.reason[:200],
            moved_to=salvaged.moved_to,
            records=len(salvaged.outbox),
            keys=len(salvaged.spaces),
            unreadable=salvaged.unreadable,
        )

    def _note(self, name: str, **fields: str | int | float | bool | None) -> None:
        self._notes.append(Note(name=name, fields=tuple(fields.items())))


def _without_passing(changes: Sequence[_Change]) -> list[_Change]:
    """`changes` of one commit without values that a later one of them replaces or deletes."""
    needed: list[_Change] = []
    settled: set[tuple[str, str]] = set()
    for change in reversed(changes):
        match change[0]:
            case Put(space=space, key=key) | Delete(space=space, key=str(key)):
                if (space, key) in settled:
                    continue
                settled.add((space, key))
            case _:
                pass
        needed.append(change)
    needed.reverse()
    return needed


def durable(effect: StoreEffect) -> bool:
    """Whether `effect` must be on the disk before anything that others can see."""
    match effect:
        case Append(durable=wanted) | Put(durable=wanted) | Delete(durable=wanted):
            return wanted
        case Quarantine():
            return True
        case Remove():
            return False
