"""Our own keys and certificates: requests that wait for their certificate, and what came of them.

A request leaves its private key under `security/pending`; the certificate that fits it gets a
directory of its own under `security/own` with chain, key and what the station has to know. Private
keys are in files of mode 0600 in directories of mode 0700 and in no log, message or database.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from pathlib import Path

import msgspec

from chargepoint.agent.security.private_files import (
    private_directory,
    sync_directory,
    write_private,
)
from chargepoint.station.security_values import OwnCertificate

PENDING_MAX = 4
"""Keys of requests that are kept: an answer may come to any of the last ones, after a restart too.
"""

CHAIN, KEY, ABOUT = "chain.pem", "key.pem", "about.json"


class OwnStore:
    """Directories `own` and `pending` under `directory`. Methods block; they raise OSError."""

    def __init__(self, directory: Path) -> None:
        self._own = directory / "own"
        self._pending = directory / "pending"

    def keep_key(self, pem: bytes) -> None:
        """The private key of a new request; the oldest ones give way."""
        private_directory(self._pending.parent)
        write_private(self._pending / f"{uuid.uuid4().hex}.pem", pem)
        for path in self._keys()[PENDING_MAX:]:
            path.unlink()

    def pending_keys(self) -> list[bytes]:
        """PEMs of the keys that wait for a certificate, the newest first."""
        return [path.read_bytes() for path in self._keys()]

    def put(self, name: str, chain: bytes, key: bytes, about: OwnCertificate) -> None:
        """Keep a certificate with its key; complete or not there at all."""
        if self.complete(name):
            return
        private_directory(self._own.parent)
        private_directory(self._own)
        fresh = self._own / f".{name}"
        shutil.rmtree(fresh, ignore_errors=True)
        write_private(fresh / KEY, key)
        write_private(fresh / CHAIN, chain)
        write_private(fresh / ABOUT, msgspec.json.encode(about))
        shutil.rmtree(self._own / name, ignore_errors=True)
        os.replace(fresh, self._own / name)
        sync_directory(self._own)

    def used(self, key: bytes) -> None:
        """The key has its certificate: it waits no longer."""
        for path in self._keys():
            if path.read_bytes() == key:
                path.unlink()

    def files(self, name: str) -> tuple[str, str]:
        """Chain and key of a certificate."""
        return str(self._own / name / CHAIN), str(self._own / name / KEY)

    def about(self, name: str) -> OwnCertificate | None:
        """What a certificate says; None when it is not there."""
        try:
            text = (self._own / name / ABOUT).read_bytes()
            return msgspec.json.decode(text, type=OwnCertificate)
        except (OSError, msgspec.MsgspecError):
            return None

    def complete(self, name: str) -> bool:
        return bool(name) and all(Path(path).is_file() for path in self.files(name))

    def drop_except(self, names: set[str]) -> None:
        """Delete the certificates that nothing needs any more."""
        if self._own.is_dir():
            for path in self._own.iterdir():
                if path.name not in names:
                    shutil.rmtree(path, ignore_errors=True)

    def _keys(self) -> list[Path]:
        if not self._pending.is_dir():
            return []
        found = [path for path in self._pending.iterdir() if path.suffix == ".pem"]
        with contextlib.suppress(OSError):
            found.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return found
