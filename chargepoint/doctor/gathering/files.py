"""Our files: who may read and write them, and whether the ledger is whole."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from chargepoint.config import Config
from chargepoint.doctor.evidence import FileFacts
from chargepoint.doctor.gathering.ports import group_name, user_name

CHECK_MAX_S = 5.0
CHECK_STEPS = 20_000
"""Instructions of the database between two looks at the clock."""


def look(config: Config) -> tuple[FileFacts, ...]:
    """Configuration, directories and keys."""
    return tuple(_files(config))


def _files(config: Config) -> Iterator[FileFacts]:
    if config.source:
        yield _facts(Path(config.source), "configuration", secret=has_secret(config))
    yield _facts(config.state_dir, "state")
    yield _facts(config.run_dir, "run")
    csms, web = config.csms, config.web
    if csms is not None and csms.client_key:
        yield _facts(Path(csms.client_key), "key", secret=True)
    if web is not None and web.key_file:
        yield _facts(Path(web.key_file), "key", secret=True)
    with contextlib.suppress(OSError):
        for path in sorted(config.state_dir.rglob("*key*.pem")):
            yield _facts(path, "key", secret=True)


def has_secret(config: Config) -> bool:
    """A password or another secret stands in the file itself."""
    csms, alerts = config.csms, config.alerts
    secrets = [alerts.webhook.secret]
    if csms is not None:
        secrets += [csms.password, csms.proxy_password]
    if alerts.email is not None:
        secrets += [alerts.email.password, alerts.email.reply_password]
    if alerts.modem is not None:
        secrets.append(alerts.modem.pin)
    if config.mqtt is not None:
        secrets.append(config.mqtt.password)
    secrets += [url for contact in alerts.contact for url in contact.apprise]
    return any(secrets)


def _facts(
    path: Path, use: Literal["configuration", "state", "run", "key"], secret: bool = False
) -> FileFacts:
    try:
        found = path.stat()
    except PermissionError:
        return FileFacts(path=str(path), use=use, secret=secret, writable=False)
    except OSError:
        return FileFacts(path=str(path), use=use, exists=False, secret=secret, writable=False)
    return FileFacts(
        path=str(path),
        use=use,
        mode=stat.S_IMODE(found.st_mode),
        owner=f"{user_name(found.st_uid)}:{group_name(found.st_gid)}",
        secret=secret,
        writable=os.access(path, os.W_OK),
    )


def store_problem(config: Config) -> str | None:
    """What the ledger's own check says: empty when it is whole; None when it cannot be looked at.

    Read only; given up after a few seconds, because the disk may be slow and the file large.
    """
    path = config.state_dir / "ledger.sqlite"
    if not os.access(path, os.R_OK):
        return None
    # Without a journal nobody has it open: then no file beside it may come into being either.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    deadline_s = time.monotonic() + CHECK_MAX_S
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=1.0)
        ) as store:
            store.set_progress_handler(lambda: time.monotonic() > deadline_s, CHECK_STEPS)
            lines = [str(row[0]) for row in store.execute("PRAGMA quick_check(3)")]
    except sqlite3.OperationalError:
        return None  # locked, interrupted, or this user may not share its journal
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if lines == ["ok"] else "; ".join(lines)
