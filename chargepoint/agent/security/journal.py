"""The security log: one JSON line per security event, in a file of bounded size.

`security.log` in the state directory is what GetLog(SecurityLog) uploads; when it has grown to its
limit it becomes `security.log.1`, replacing the one before. Lines are appended and flushed to the
system, not to the disk: what must survive a power cut is in the outbox too.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chargepoint.agent.security.private_files import FILE_MODE
from chargepoint.station.effects import LogSecurityEvent

NAME = "security.log"
SIZE_MAX = 512 * 1024
"""Bytes of one file; with the one before it twice as much."""

INFO_MAX = 500


class SecurityLog:
    """Appends to `directory`/security.log. Blocks on the disk; raises OSError."""

    def __init__(self, directory: Path, size_max: int = SIZE_MAX) -> None:
        self.path = directory / NAME
        self._size_max = size_max

    def write(self, event: LogSecurityEvent) -> None:
        """Append one line, in a new file when the present one is full."""
        text = line(event)
        handle = self._open()
        if os.fstat(handle).st_size + len(text) > self._size_max:
            os.close(handle)
            os.replace(self.path, self.path.with_name(NAME + ".1"))
            handle = self._open()
        with os.fdopen(handle, "ab") as file:
            file.write(text)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self.path, flags, FILE_MODE)


def line(event: LogSecurityEvent) -> bytes:
    """One line of the log. Without a trusted clock it has no time, but boot and second anyhow."""
    wall = event.wall
    return (
        msgspec.json.encode(
            {
                "time": None if wall is None else _spelled(wall),
                "boot": event.stamp.boot,
                "at_s": round(event.stamp.at_s, 3),
                "event": event.kind,
                "sent_to_csms": event.sent,
                "info": event.info[:INFO_MAX],
            }
        )
        + b"\n"
    )


def _spelled(wall: datetime) -> str:
    return wall.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
