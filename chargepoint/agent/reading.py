"""What the store holds, read without changing anything: by the agent, or while it is not running.

Both tiers are merged as the store itself merges them: of two values of a key the one with the
higher revision counts, and what is acknowledged, but not yet deleted, is not there any more.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from chargepoint.agent.store_effects import Refused, Row
from chargepoint.agent.tiers import MARKER


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The tiers, the ledger first, and the numbers of records that are gone from it."""

    tiers: Sequence[sqlite3.Connection]
    removed: frozenset[int] = frozenset()

    def spaces(self) -> dict[str, dict[str, str]]:
        """Every key with the value of the tier that has the higher revision."""
        newest: dict[tuple[str, str], tuple[int, str | None]] = {}
        for database in self.tiers:
            for space, key, value, revision in database.execute("SELECT * FROM spaces"):
                if (space, key) not in newest or revision > newest[space, key][0]:
                    newest[space, key] = (revision, value)
        spaces: dict[str, dict[str, str]] = {}
        for (space, key), (_, value) in sorted(newest.items()):
            if value is not None:
                spaces.setdefault(space, {})[key] = value
        return spaces

    def owed(self, after: int, limit: int, kinds: Iterable[str] = ()) -> list[Row]:
        """Up to `limit` waiting records above `after`, oldest first; of `kinds`, if there are any.

        Fewer than `limit` means that there are no more.
        """
        rows = self._waiting(after, limit, tuple(kinds), "ASC")
        return [rows[sequence] for sequence in sorted(rows)[:limit]]

    def newest(self, limit: int, kinds: Iterable[str]) -> list[Row]:
        """The last `limit` waiting records of `kinds`, oldest first."""
        rows = self._waiting(-1, limit, tuple(kinds), "DESC")
        return [rows[sequence] for sequence in sorted(rows)[max(0, len(rows) - limit) :]]

    def refused(self) -> list[Refused]:
        """(sequence, kind, record as JSON, code, description) of all that was refused for good."""
        rows: dict[int, Refused] = {}
        for database in self.tiers:
            for row in database.execute("SELECT * FROM quarantine"):
                rows[row[0]] = row
        return [rows[sequence] for sequence in sorted(rows)]

    def _waiting(
        self, after: int, limit: int, kinds: tuple[str, ...], order: str
    ) -> dict[int, Row]:
        """From each tier up to `limit`, and no record twice."""
        chosen = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        query = (
            "SELECT sequence, kind, record FROM outbox WHERE sequence > ? AND kind <> ?"
            f"{chosen} ORDER BY sequence {order} LIMIT ?"
        )
        room = limit + sum(1 for sequence in self.removed if sequence > after)
        rows: dict[int, Row] = {}
        for database in self.tiers:
            for row in database.execute(query, (after, MARKER, *kinds, room)):
                if row[0] not in self.removed:
                    rows[row[0]] = row
        return rows


@contextlib.contextmanager
def opened(state_dir: Path, run_dir: Path) -> Iterator[Reading]:
    """The store of a station whose agent does not run. Raises OSError when there is none,
    sqlite3.Error when it cannot be read."""
    ledger = state_dir / "ledger.sqlite"
    if not ledger.exists():
        raise FileNotFoundError(f"{ledger}: there is no ledger yet")
    volatile = run_dir / "volatile.sqlite"
    with contextlib.ExitStack() as stack:
        tiers = [_read_only(stack, path) for path in (ledger, volatile) if path.exists()]
        same = len({_id(database) for database in tiers}) == 1
        if not same:
            tiers = tiers[:1]  # the volatile tier belongs to another ledger
        removed: frozenset[int] = frozenset()
        if len(tiers) == 2:
            rows = tiers[1].execute("SELECT sequence FROM gone")
            removed = frozenset(sequence for (sequence,) in rows)
        yield Reading(tiers=tiers, removed=removed)


def _read_only(stack: contextlib.ExitStack, path: Path) -> sqlite3.Connection:
    """Without a write-ahead log nothing beside the file is needed, not even a place to write."""
    log = Path(f"{path}-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    database = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=1.0)
    stack.callback(database.close)
    return database


def _id(database: sqlite3.Connection) -> str:
    row = database.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
    return "" if row is None else row[0]
