"""The tier on the disk: one commit per batch, and a failure that does not stop the station.

Acknowledged records are deleted with the next commit, whatever it is for. The row with the highest
number stays as an empty marker, so that numbers are not used twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path

import msgspec

from chargepoint.agent import record_codec, tiers
from chargepoint.agent.store_effects import Change, Key, Refused, Row, refused
from chargepoint.agent.tiers import MARKER, Salvaged, transaction
from chargepoint.station.effects import Append, Delete, Put, Quarantine, Release, Remove

RETRY_S = 10.0
"""Pause before a ledger that failed is tried again."""

KeyRow = tuple[str, str, str | None, int]
"""Space, key, value (None: deleted) and revision."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one commit brings."""

    changes: Sequence[Change] = ()
    records: Sequence[Row] = ()
    refused: Sequence[Refused] = ()
    keys: Sequence[KeyRow] = ()
    removed: frozenset[int] = frozenset()
    """Acknowledged records."""


class Ledger:
    """The database in the state directory. `database` is None while it cannot be opened.

    `opened` is told of a database that could only be opened later; `row` finds a record in any
    tier; `overruled` are the keys of which the other tier has a value too.
    """

    def __init__(
        self,
        path: Path,
        now: Callable[[], float],
        note: Callable[..., None],
        opened: Callable[[], None],
        row: Callable[[int], Row | None],
        overruled: Callable[[], Container[Key]],
    ) -> None:
        self._path = path
        self._now = now
        self._note = note
        self._opened = opened
        self._row = row
        self._overruled = overruled
        self._failed_since_s: float | None = None
        self._marker: int | None = None
        """Sequence of the row that only keeps the highest number."""
        self.database: sqlite3.Connection | None = None
        self.retry_s = 0.0
        """When it is tried again, while it fails."""

    @property
    def failing(self) -> bool:
        return self._failed_since_s is not None

    def open(self) -> Salvaged | None:
        """Open or make it; what had to be salvaged of a damaged one."""
        try:
            self.database, salvaged = tiers.open_ledger(self._path)
        except (sqlite3.Error, OSError) as error:
            self.fail(error)
            return None
        self._read_marker(self.database)
        return salvaged

    def write(self, batch: Batch) -> bool:
        """One commit with all of `batch`; False when it cannot be written now."""
        if self.failing and self._now() < self.retry_s:
            return False
        try:
            if self.database is None:
                self.database, _ = tiers.open_ledger(self._path)
                self._read_marker(self.database)
                self._opened()
            with transaction(self.database):
                self._commit(self.database, batch)
        except (sqlite3.Error, OSError) as error:
            self.fail(error)
            return False
        self._work()
        return True

    def fail(self, error: Exception) -> None:
        """It could not be used; said once."""
        now_s = self._now()
        self.retry_s = now_s + RETRY_S
        if self._failed_since_s is None:
            self._failed_since_s = now_s
            self._note("store.failed", path=str(self._path), error=str(error))

    def _read_marker(self, ledger: sqlite3.Connection) -> None:
        query = "SELECT sequence FROM outbox WHERE kind = ?"
        row = ledger.execute(query, (MARKER,)).fetchone()
        self._marker = None if row is None else row[0]

    def _work(self) -> None:
        if self._failed_since_s is not None:
            lost_s = self._now() - self._failed_since_s
            self._failed_since_s = None
            self._note("store.recovered", lost_s=round(lost_s, 1))

    # --- Inside a transaction ---------------------------------------------------------------------

    def _commit(self, ledger: sqlite3.Connection, batch: Batch) -> None:
        ledger.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?)", batch.records)
        _insert_refused(ledger, batch.refused)
        for row in batch.keys:
            _put(ledger, *row)
        for effect, revision in batch.changes:
            self._change(ledger, effect, revision)
        if batch.removed:
            self._delete(ledger, batch.removed)

    def _change(self, ledger: sqlite3.Connection, effect: object, revision: int) -> None:
        match effect:
            case Append(record=record):
                row = (record.sequence, *record_codec.written(record))
                ledger.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)", row)
            case Put(space=space, key=key, value=value):
                # A newer revision even for an equal value, when the other tier has another.
                _put(ledger, space, key, value, revision, (space, key) in self._overruled())
            case Delete(space=space, key=None):
                ledger.execute("DELETE FROM spaces WHERE space = ?", (space,))
            case Delete(space=space, key=key):
                ledger.execute("DELETE FROM spaces WHERE space = ? AND key = ?", (space, key))
            case Quarantine(sequence=sequence):
                found = self._row(sequence)
                if found is not None:
                    _insert_refused(ledger, [refused(found, effect)])
                self._delete(ledger, {sequence})
            case Release(sequence=sequence):
                ledger.execute("DELETE FROM quarantine WHERE sequence = ?", (sequence,))
            case Remove():
                raise AssertionError("removals go through the volatile tier")

    def _delete(self, ledger: sqlite3.Connection, sequences: Iterable[int]) -> None:
        """Delete rows; the highest stays as an empty marker of the numbers that were used."""
        gone = set(sequences)
        (highest,) = ledger.execute("SELECT max(sequence) FROM outbox").fetchone()
        doomed = [(sequence,) for sequence in gone if sequence != highest]
        if self._marker is not None and self._marker != highest:
            doomed.append((self._marker,))
        ledger.executemany("DELETE FROM outbox WHERE sequence = ?", doomed)
        if highest in gone:
            ledger.execute(
                "UPDATE outbox SET kind = ?, record = '' WHERE sequence = ?", (MARKER, highest)
            )
            self._marker = highest
        elif self._marker != highest:
            self._marker = None


def _insert_refused(ledger: sqlite3.Connection, rows: Iterable[Refused]) -> None:
    ledger.executemany("INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?)", rows)


def _put(
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
