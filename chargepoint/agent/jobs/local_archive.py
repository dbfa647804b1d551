"""The diagnostics archive for who stands at the station: made here, handed over in parts."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from chargepoint.agent.jobs.archive import write_archive
from chargepoint.agent.jobs.snapshot import Snapshot, Span
from chargepoint.agent.security.private_files import private_directory
from chargepoint.config import Config
from chargepoint.ipc.service import Answered, ArchivePart, Done

PART_BYTES = 30_000
"""Base64 makes a third more of it, which fits into a line."""


async def archive_parts(config: Config, snapshot: Snapshot) -> AsyncIterator[Answered]:
    """The archive as ArchiveParts, then Done; only Done when it cannot be made."""
    path = config.state_dir / "uploads" / f"local-{secrets.token_hex(8)}.zip"
    try:
        data = await asyncio.to_thread(_made, path, config, snapshot)
    except OSError as error:
        yield Done(ok=False, detail=f"no archive can be made: {error.strerror or error}")
        return
    for at in range(0, len(data), PART_BYTES):
        yield ArchivePart(data=data[at : at + PART_BYTES])
    yield Done(ok=True)


def _made(path: Path, config: Config, snapshot: Snapshot) -> bytes:
    private_directory(path.parent)
    try:
        write_archive(path, config, snapshot, Span())
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
