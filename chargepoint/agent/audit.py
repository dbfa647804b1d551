"""The audit log: who did what at the station, one JSON line each, in `audit.log` of the state
directory. Two files of bounded size; secrets and whole tokens never get here, nor what drivers
write and where they want to be answered.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chargepoint import log
from chargepoint.agent.requests.caller import Caller
from chargepoint.ipc.cards import CardAction, CardStatus
from chargepoint.ipc.care import AuditLine, NoteAction, ReportProblem, Subscribe, TransactBus
from chargepoint.ipc.service import Action, Answered, Done, Request

SIZE_MAX = 512 * 1024
"""Bytes after which a file is put aside as `audit.log.1`."""

FILE_MODE = 0o640
READS = (1, 2, 3, 4)
"""Modbus functions that change nothing: a look at every register would push out what matters."""

SECRET = ("password", "secret", "pin", "digest")
KEPT: tuple[tuple[type[Action], tuple[str, ...]], ...] = (
    (CardAction, ("until", "enabled", "reader")),
    (ReportProblem, ("evse",)),
    (Subscribe, ("evse", "wanted", "channel")),
)
"""What is kept of actions that carry personal data; of a card the masked number besides."""

DETAIL_MAX = 400


class Audit:
    """Appends to and reads the audit log. Both may wait for the disk: call them in a thread."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "audit.log"
        self._old = state_dir / "audit.log.1"
        self._log = log.get("audit")

    def write(self, line: AuditLine) -> None:
        """Append `line`; a disk that does not take it is logged."""
        try:
            if self._path.exists() and self._path.stat().st_size > SIZE_MAX:
                self._path.replace(self._old)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
            with os.fdopen(handle, "ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            self._log.error("audit.failed", action=line.action, error=str(error))

    def last(self, count: int) -> list[AuditLine]:
        """The last `count` lines, the oldest first; lines that cannot be read are left out."""
        found: list[AuditLine] = []
        for path in (self._old, self._path):
            try:
                lines = path.read_bytes().splitlines()
            except OSError:
                continue
            for line in lines:
                try:
                    found.append(msgspec.json.decode(line, type=AuditLine))
                except msgspec.DecodeError:
                    continue
        return found[-count:] if count > 0 else []


def worth_noting(request: Request) -> bool:
    """Whether `request` changes something."""
    if isinstance(request, TransactBus):
        return request.function not in READS
    return isinstance(request, Action)


def line_of(action: Action, caller: Caller, last: Answered | None) -> AuditLine:
    """What is kept of `action`, which ended with the answer `last`."""
    ok = last.ok if isinstance(last, Done) else last is not None
    name, detail = type(action).__name__, _detail(action)
    if isinstance(action, NoteAction):
        name, detail, ok = action.action, action.detail, action.ok and ok
    return AuditLine(
        at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        user=caller.user,
        by=action.by[:80],
        action=name[:80],
        detail=detail[:DETAIL_MAX],
        ok=ok,
        outcome=_outcome(action, last)[:DETAIL_MAX],
    )


def _outcome(action: Action, last: Answered | None) -> str:
    if isinstance(last, CardStatus):
        return f"card {last.token}, digest {last.digest}"
    return last.detail if isinstance(last, Done) and not isinstance(action, CardAction) else ""


def _detail(action: Action) -> str:
    values = msgspec.to_builtins(action)
    for kind, kept in KEPT:
        if isinstance(action, kind):
            values = {key: values[key] for key in kept if values.get(key) is not None}
    shown = {
        key: value
        for key, value in values.items()
        if key not in ("type", "by") and not any(word in key for word in SECRET)
    }
    return " ".join(f"{key}={value}" for key, value in shown.items())
