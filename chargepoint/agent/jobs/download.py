"""Downloads: a file of the directory `files`, whole or not there, resumed where it can be.

While it comes it is `NAME.part`, with `NAME.json` saying from where and which version; when it is
whole it is renamed. There must be room for it, and the room that others need is left.
"""

from __future__ import annotations

import ftplib
import hashlib
import http.client
import os
import shutil
import ssl
from pathlib import Path

import msgspec

from chargepoint.agent.jobs import ftp_files, http_files
from chargepoint.agent.jobs.http_files import Version
from chargepoint.agent.jobs.places import Place, TransferError, place
from chargepoint.agent.jobs.transfer import Transfer
from chargepoint.station.file_values import Problem

MODE = 0o600


class Origin(msgspec.Struct, frozen=True):
    """Where a part comes from."""

    location: str
    """A digest: the location may hold a password."""
    boot: str
    """Boot of the host. After a power cut nobody knows how much of a part is on the disk."""
    version: str = ""


def download(location: str, target: Path, transfer: Transfer, boot: str = "") -> None:
    """Bring the file at `location` to `target`. Raises TransferError or Cancelled.

    `boot`: id of the host's boot; a part of an earlier one is not gone on with.
    """
    source = place(location)
    part, note = target.with_suffix(".part"), target.with_suffix(".json")
    digest = hashlib.sha256(location.encode()).hexdigest()
    known = _origin(note)
    if known is not None and known.location == digest and target.exists():
        return  # it was whole before a restart
    target.unlink(missing_ok=True)
    with guarded(source):
        if known is None or (known.location, known.boot) != (digest, boot):
            part.unlink(missing_ok=True)
            known = Origin(digest, boot)
            _note(note, known)
        version = Version(known.version, lambda tag: _note(note, Origin(digest, boot, tag)))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(part, flags, MODE), "r+b") as file:
            have = os.fstat(file.fileno()).st_size
            if source.scheme in ("http", "https"):
                http_files.fetch(source, file, have, version, transfer)
            else:
                ftp_files.fetch(source, file, have, transfer)
            file.flush()
            os.fsync(file.fileno())
            if os.fstat(file.fileno()).st_size == 0:
                raise TransferError(Problem.FAILED, "the file is empty")
        os.replace(part, target)


def room(directory: Path, size_max: int, left_free: int) -> int:
    """Bytes that may be written below `directory`; what is asked to be left free is left."""
    free = shutil.disk_usage(directory).free - left_free
    return max(0, min(size_max, free))


class guarded:  # noqa: N801
    """Errors of a transfer as TransferError, without anything of the location that is secret."""

    def __init__(self, at: Place) -> None:
        self._at = at

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ftplib.Error):
            problem = Problem.DENIED if ftp_files.denied(error) else Problem.FAILED
            raise TransferError(problem, f"FTP: {str(error)[:100]}") from error
        if isinstance(error, ssl.SSLCertVerificationError):
            text = f"the certificate of the server: {error.verify_message}"
            raise TransferError(Problem.FAILED, text) from error
        if isinstance(error, TimeoutError):
            raise TransferError(Problem.FAILED, "the server does not answer") from error
        if isinstance(error, http.client.IncompleteRead):
            raise TransferError(Problem.FAILED, "the connection ended too early") from error
        if isinstance(error, (OSError, EOFError, http.client.HTTPException, ValueError)):
            text = f"{type(error).__name__}: {str(error)[:150]}"
            raise TransferError(Problem.FAILED, text) from error


def _origin(note: Path) -> Origin | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=Origin)
    except (OSError, msgspec.MsgspecError):
        return None


def _note(note: Path, origin: Origin) -> None:
    handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(origin))
