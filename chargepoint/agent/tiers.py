"""One SQLite file of the store: opening, checking, salvaging; what a tier can do with its rows.

`Ledger` is the tier that survives the power: write-ahead log, every commit flushed. `Volatile`
lives in the run directory (memory-backed in service), survives the death of the agent only, and
holds beside young rows the marks of what is gone from the ledger but not yet deleted there.
Pages are 1 KiB: most commits touch two or three small rows, and bytes are what wears a card out.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.agent import record_codec

PAGE_BYTES = 1024
CHECKPOINT_PAGES = 2000
"""Pages in the write-ahead log at which SQLite copies them into the file: some dozen sessions."""

DAMAGED_KEPT = 3
MEMORY = ":memory:"

LEDGER_TABLES = """
CREATE TABLE IF NOT EXISTS outbox (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, record TEXT NOT NULL,
    code TEXT NOT NULL, description TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spaces (
    space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (space, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
VOLATILE_TABLES = """
CREATE TABLE IF NOT EXISTS outbox (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, record TEXT NOT NULL, since_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, record TEXT NOT NULL,
    code TEXT NOT NULL, description TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spaces (
    space TEXT NOT NULL, key TEXT NOT NULL, value TEXT, revision INTEGER NOT NULL,
    PRIMARY KEY (space, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (sequence INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
MARKER = ""
"""Kind of the row that only keeps the highest sequence number ever used."""


class Salvaged(msgspec.Struct):
    """What was found of a damaged file, and where the damaged one lies now."""

    moved_to: str
    reason: str
    outbox: list[tuple[int, str, str]] = msgspec.field(default_factory=list)
    quarantine: list[tuple[int, str, str, str, str]] = msgspec.field(default_factory=list)
    spaces: list[tuple[str, str, str, int]] = msgspec.field(default_factory=list)
    unreadable: int = 0


def connect(place: str, *, synchronous: str, tables: str) -> sqlite3.Connection:
    """An open database with its tables. Raises sqlite3.Error, also for a failed quick_check."""
    # The writer thread is the only user once the store is open, but not the one that opens it.
    database = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {synchronous}")
        database.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        # Some systems build SQLite to wipe whatever is deleted, which doubles the pages written;
        # FAST wipes what lies in pages that are written anyway.
        database.execute("PRAGMA secure_delete = FAST")
        database.execute("PRAGMA cache_size = -512")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        database.executescript(tables)
    except BaseException:
        database.close()
        raise
    return database


def open_ledger(path: Path) -> tuple[sqlite3.Connection, Salvaged | None]:
    """The ledger, made anew from what is readable when it is damaged. Raises sqlite3.Error, OSError
    when there is no way to have one there (no space, no rights)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return connect(str(path), synchronous="FULL", tables=LEDGER_TABLES), None
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
        salvaged = salvage(_move_aside(path), str(error))
    database = connect(str(path), synchronous="FULL", tables=LEDGER_TABLES)
    with transaction(database):
        database.executemany("INSERT INTO outbox VALUES (?, ?, ?)", salvaged.outbox)
        database.executemany("INSERT INTO quarantine VALUES (?, ?, ?, ?, ?)", salvaged.quarantine)
        database.executemany("INSERT INTO spaces VALUES (?, ?, ?, ?)", salvaged.spaces)
    return database, salvaged


def damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether `error` is about the content of a file, not about its place (full, no rights)."""
    name: str | None = getattr(error, "sqlite_errorname", None)
    if name is None:
        return not isinstance(error, sqlite3.OperationalError)
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ"))


def open_volatile(path: Path) -> tuple[sqlite3.Connection, bool]:
    """The volatile tier and whether it is in a file; in memory when there is no other way."""
    for attempt in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return connect(str(path), synchronous="OFF", tables=VOLATILE_TABLES), True
        except (sqlite3.Error, OSError):
            if attempt == 0:
                unlink(path)
    return connect(MEMORY, synchronous="OFF", tables=VOLATILE_TABLES), False


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. Raises sqlite3.Error after rolling back."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def unlink(path: Path) -> None:
    """Remove a database with its side files, as far as that is possible."""
    for file in _files(path):
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


# --- Salvage --------------------------------------------------------------------------------------


def salvage(path: Path, reason: str) -> Salvaged:
    """Whatever rows of a damaged ledger can still be read and understood."""
    found = Salvaged(moved_to=path.name, reason=reason)
    try:
        database = sqlite3.connect(str(path), isolation_level=None)
    except sqlite3.Error:
        return found
    with contextlib.closing(database):
        # SQLite's own way to read a file that is shorter than its header says.
        database.execute("PRAGMA writable_schema = ON")
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        for row in _rows(database, "outbox", "sequence, kind, record", "sequence"):
            if row[1] == MARKER or _is_record(row[1], row[2]):
                found.outbox.append(row)
            else:
                found.unreadable += 1
        columns = "sequence, kind, record, code, description"
        found.quarantine.extend(_rows(database, "quarantine", columns, "sequence"))
        found.spaces.extend(_rows(database, "spaces", "space, key, value, revision", "space, key"))
    return found


def _rows(database: sqlite3.Connection, table: str, columns: str, order: str) -> Iterable[Any]:
    """Rows from the front up to the damage, then from the back up to it, each once."""
    found: dict[object, tuple[Any, ...]] = {}
    key_length = order.count(",") + 1
    for direction in ("ASC", "DESC"):
        ordered = ", ".join(f"{column} {direction}" for column in order.split(", "))
        try:
            for row in database.execute(f"SELECT {columns} FROM {table} ORDER BY {ordered}"):
                if None not in row:
                    found.setdefault(row[:key_length], row)
        except (sqlite3.Error, OverflowError, MemoryError):
            continue
    return sorted(found.values())


def _is_record(kind: str, text: str) -> bool:
    try:
        record_codec.read(kind, text)
    except ValueError:
        return False
    return True


def _move_aside(path: Path) -> Path:
    """Rename the damaged files; the oldest of earlier damages is given up."""
    stem = path.with_suffix("")
    for number in range(DAMAGED_KEPT, 0, -1):
        old = Path(f"{stem}.damaged-{number}{path.suffix}")
        if number == DAMAGED_KEPT:
            for file in _files(old):
                file.unlink(missing_ok=True)
        elif old.exists():
            newer = Path(f"{stem}.damaged-{number + 1}{path.suffix}")
            _rename_all(old, newer)
    aside = Path(f"{stem}.damaged-1{path.suffix}")
    _rename_all(path, aside)
    return aside


def _rename_all(path: Path, target: Path) -> None:
    for file, new in zip(_files(path), _files(target), strict=True):
        if file.exists():
            file.rename(new)


def _files(path: Path) -> tuple[Path, Path, Path]:
    return path, Path(f"{path}-wal"), Path(f"{path}-shm")
