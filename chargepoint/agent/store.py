"""The station's memory: an outbox, spaces of keys and values, a quarantine, on two tiers.

What must survive the power goes to the `ledger` in the state directory, one commit for each batch.
What must only survive the agent goes to the `volatile` tier in the run directory and is moved to
the ledger in one batch when it is still owed after a while. A read merges both: the tier with the
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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from chargepoint.agent import record_codec
from chargepoint.agent.ledger import Batch, Ledger
from chargepoint.agent.reading import Reading
from chargepoint.agent.store_effects import (
    Change,
    Refused,
    Row,
    StoreEffect,
    durable,
    highest_sequence,
    without_passing,
)
from chargepoint.agent.tiers import MARKER, Salvaged
from chargepoint.agent.volatile import Volatile
from chargepoint.station.effects import Note, Quarantine, Release, Remove
from chargepoint.station.records import Record

MOVE_AGE_S = 60.0
"""Age at which a volatile record that is still owed belongs into the ledger."""

MOVE_EVERY_S = 300.0
"""Least time between two such moves: each costs a flush of the disk."""

KEYS_EVERY_S = 4 * 3600.0
"""Least time between two moves of mere values: what a power loss may cost of a running session's
intermediate state. Records that are owed take them along."""

REMOVE_WITHIN_S = 1.0
"""Latest deletion of acknowledged records from the ledger; most ride with another commit."""

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


class Store:
    """The two tiers as one. Belongs to one thread at a time; every method may block on the disk.

    `notes()` gives what people should know (salvage, failure, recovery) since it was last asked.
    """

    def __init__(
        self, state_dir: Path, run_dir: Path, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._notes: list[Note] = []
        self._volatile = Volatile(
            run_dir / "volatile.sqlite", now, self._note, row=self._row, keys=self._keys
        )
        self._ledger = Ledger(
            state_dir / "ledger.sqlite",
            now,
            self._note,
            opened=self._pair_tiers,
            row=self._row,
            overruled=lambda: self._volatile.keys,
        )
        self._revision = 0
        self._last_sequence = 0
        self._moved_s = self._keys_moved_s = now()
        self._quarantined = 0
        self._closed = False

    # --- Life -------------------------------------------------------------------------------------

    def open(self) -> Opened:
        """Open or make both tiers, salvage what is damaged, and read what was kept."""
        salvaged = self._ledger.open()
        if salvaged is not None:
            self._note_salvage(salvaged)
        self._volatile.open()
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
        for database in self._tiers():
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
        lasting = without_passing([change for change in changes if durable(change[0])])
        loose = [change for change in changes if not durable(change[0])]
        # What came before a durable effect must not be missing when that is there.
        before = [change for change in loose if lasting and change[1] < lasting[0][1]]
        self._write_volatile(before)
        if lasting and self._write_ledger(changes=lasting):
            self._volatile.forget_superseded(lasting)
        elif lasting:
            self._write_volatile(lasting)
        self._write_volatile(loose[len(before) :])
        if any(isinstance(effect, Quarantine | Release) for effect in effects):
            self._quarantined = self._count_quarantine()

    def upkeep(self) -> None:
        """Do what is due: deletions in the ledger, moves to it, retries of a failed ledger."""
        now_s = self._now()
        if self._ledger.failing:
            if now_s >= self._ledger.retry_s:
                self.move(everything=True)
            return
        pending = self._volatile.pending
        if now_s - self._moved_s >= MOVE_EVERY_S:
            self.move(everything=False)
        elif pending.sequences and now_s >= pending.since_s + REMOVE_WITHIN_S:
            self._write_ledger()

    def upkeep_due_s(self) -> float:
        """When `upkeep` wants to be called."""
        if self._ledger.failing:
            return self._ledger.retry_s
        due_s = self._moved_s + MOVE_EVERY_S
        pending = self._volatile.pending
        if pending.sequences:
            due_s = min(due_s, pending.since_s + REMOVE_WITHIN_S)
        return due_s

    def move(self, everything: bool) -> None:
        """Bring volatile rows to the ledger: all, or what is due.

        Due are records older than MOVE_AGE_S, and with them all keys; keys alone every few hours.
        """
        self._moved_s = now_s = self._now()
        records = self._volatile.records(now_s if everything else now_s - MOVE_AGE_S)
        refused = self._volatile.refused()
        due = everything or records or refused or now_s >= self._keys_moved_s + KEYS_EVERY_S
        keys = self._volatile.key_rows() if due else []
        if not (records or refused or keys or self._volatile.pending.sequences):
            if self._ledger.failing:
                self._write_ledger()
            return
        if self._write_ledger(records=records, refused=refused, keys=keys):
            self._volatile.forget_moved(records, keys=bool(keys))
            if keys:
                self._keys_moved_s = now_s

    def _write_volatile(self, changes: Sequence[Change]) -> None:
        self._last_sequence = max(self._last_sequence, highest_sequence(changes))
        self._volatile.write(changes, self._last_sequence)

    def _write_ledger(
        self,
        changes: Sequence[Change] = (),
        records: Sequence[Row] = (),
        refused: Sequence[Refused] = (),
        keys: Sequence[tuple[str, str, str | None, int]] = (),
    ) -> bool:
        """One commit with everything that is due; False when the ledger cannot be written now."""
        self._last_sequence = max(self._last_sequence, highest_sequence(changes))
        removed = frozenset(self._volatile.pending.sequences)
        batch = Batch(changes=changes, records=records, refused=refused, keys=keys, removed=removed)
        written = self._ledger.write(batch)
        if written and removed:
            self._volatile.forget_removed()
        return written

    # --- Reading ----------------------------------------------------------------------------------

    def fetch(self, after: int, limit: int) -> tuple[Record, ...]:
        """Up to `limit` records above `after` that are still owed, oldest first."""
        rows = dict[int, tuple[str, str]]()
        removed = self._volatile.pending.sequences
        for database in self._tiers():
            query = (
                "SELECT sequence, kind, record FROM outbox"
                " WHERE sequence > ? AND kind <> ? ORDER BY sequence LIMIT ?"
            )
            # Rows that are acknowledged, but not yet deleted, must not use up the limit.
            wanted = limit + sum(1 for sequence in removed if sequence > after)
            for sequence, kind, text in database.execute(query, (after, MARKER, wanted)):
                if sequence not in removed:
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
        total = -len(self._volatile.pending.sequences)
        for database in self._tiers():
            query = "SELECT count(*) FROM outbox WHERE kind <> ?"
            total += database.execute(query, (MARKER,)).fetchone()[0]
        return max(0, total)

    @property
    def quarantined(self) -> int:
        return self._quarantined

    @property
    def failing(self) -> bool:
        """The ledger cannot be written now."""
        return self._ledger.failing

    def reading(self) -> Reading:
        """Both tiers, to be read in the thread of the store."""
        return Reading(tiers=self._tiers(), removed=frozenset(self._volatile.pending.sequences))

    def quarantine(self) -> list[Refused]:
        """All that was refused for good."""
        return self.reading().refused()

    # --- Both tiers -------------------------------------------------------------------------------

    def _tiers(self) -> list[sqlite3.Connection]:
        """The ledger, if it is there, then the other."""
        ledger, volatile = self._ledger.database, self._volatile.database
        return [volatile] if ledger is None else [ledger, volatile]

    def _row(self, sequence: int) -> Row | None:
        """A record, from whichever tier has it."""
        query = "SELECT sequence, kind, record FROM outbox WHERE sequence = ? AND kind <> ?"
        found = (each.execute(query, (sequence, MARKER)).fetchone() for each in self._tiers())
        return next((row for row in found if row is not None), None)

    def _keys(self, space: str) -> Iterable[str]:
        return self._spaces().get(space, {})

    def _match_tiers(self) -> bool:
        """Make sure that both tiers belong together; True when an older volatile tier is lost."""
        ledger = self._ledger.database
        if ledger is None:
            return False
        row = ledger.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
        other = self._volatile.meta("id")
        if row is not None and other == row[0]:
            return False
        if other is not None:
            self._volatile.clear()
        try:
            self._pair_tiers()
        except sqlite3.Error as error:
            self._ledger.fail(error)
        return True

    def _pair_tiers(self) -> None:
        """Write the ledger's id, made anew if it has none, into the volatile tier too."""
        ledger = self._ledger.database
        assert ledger is not None
        row = ledger.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
        mine: str = row[0] if row else uuid.uuid4().hex
        if row is None:
            ledger.execute("INSERT INTO meta VALUES ('id', ?)", (mine,))
        self._volatile.set_meta("id", mine)

    def _drop_doubles(self) -> None:
        """Forget volatile records that the ledger has too: a kill came between the two commits."""
        ledger, volatile = self._ledger.database, self._volatile.database
        if ledger is None:
            return
        for (sequence,) in volatile.execute("SELECT sequence FROM outbox").fetchall():
            query = "SELECT 1 FROM outbox WHERE sequence = ?"
            if ledger.execute(query, (sequence,)).fetchone() is not None:
                volatile.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))

    def _read_counters(self, volatile_lost: bool) -> None:
        numbers = ("max(sequence) FROM outbox", "max(sequence) FROM quarantine")
        for database in self._tiers():
            for number in numbers:
                highest = database.execute(f"SELECT {number}").fetchone()[0] or 0
                self._last_sequence = max(self._last_sequence, highest)
            revision = database.execute("SELECT max(revision) FROM spaces").fetchone()[0] or 0
            self._revision = max(self._revision, revision)
        self._quarantined = self._count_quarantine()
        if volatile_lost and self._last_sequence:
            self._last_sequence += SEQUENCE_GAP
        kept = self._volatile.meta("last_sequence")
        if kept is not None:
            self._last_sequence = max(self._last_sequence, int(kept))
        elif self._ledger.database is None:
            self._last_sequence = UNKNOWN_SEQUENCE
        self._volatile.look()

    def _count_quarantine(self) -> int:
        query = "SELECT count(*) FROM quarantine"
        return sum(database.execute(query).fetchone()[0] for database in self._tiers())

    def _spaces(self) -> dict[str, dict[str, str]]:
        return Reading(tiers=self._tiers()).spaces()

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
