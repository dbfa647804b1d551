"""Installed root certificates: one file each, and an index that says which of them count.

A certificate is written before the index names it and removed after the index forgot it, so that a
power cut leaves at most a file without a name, which is cleared away at the next start. The index
holds what the station has to say of each, so that saying it needs no cryptography.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from chargepoint.agent.security.private_files import write_private
from chargepoint.station.security_values import CertificateUse, Root

INDEX = "index.json"


class StoredRoot(msgspec.Struct, frozen=True, kw_only=True):
    """A root and its file: `name`.pem, the name being the SHA256 of the certificate."""

    name: str
    root: Root


class RootStore:
    """The directory `security/roots`. Methods block on the disk and raise OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.stored: tuple[StoredRoot, ...] = ()
        """The oldest first; replaced whole, so that any thread may read it."""

    def load(self) -> str:
        """Read the index; a problem that people should know, or nothing."""
        try:
            text = (self._directory / INDEX).read_bytes()
            named = msgspec.json.decode(text, type=tuple[StoredRoot, ...])
        except FileNotFoundError:
            return ""
        except (OSError, msgspec.MsgspecError) as error:
            return f"roots/{INDEX} cannot be read: {error}"
        self.stored = tuple(each for each in named if self.path(each).is_file())
        self._clear_away()
        missing = len(named) - len(self.stored)
        return f"{missing} root certificates have no file" if missing else ""

    def path(self, stored: StoredRoot) -> Path:
        return self._directory / f"{stored.name}.pem"

    def paths(self, use: CertificateUse) -> tuple[str, ...]:
        """Files of the roots for one use."""
        return tuple(str(self.path(each)) for each in self.stored if each.root.use is use)

    def add(self, stored: StoredRoot, pem: bytes) -> None:
        """Keep one more, the same certificate for the same use in place of itself."""
        write_private(self.path(stored), pem)
        others = [each for each in self.stored if not _same(each, stored)]
        self._save((*others, stored))

    def remove(self, unwanted: StoredRoot) -> None:
        """Forget one; its file goes when no other use needs it."""
        self._save(tuple(each for each in self.stored if not _same(each, unwanted)))
        self._clear_away()

    def _save(self, stored: tuple[StoredRoot, ...]) -> None:
        write_private(self._directory / INDEX, msgspec.json.encode(stored))
        self.stored = stored

    def _clear_away(self) -> None:
        named = {f"{each.name}.pem" for each in self.stored} | {INDEX}
        for path in self._directory.iterdir():
            if path.name not in named:
                with contextlib.suppress(OSError):  # it counts for nothing, and will be tried again
                    path.unlink()


def _same(one: StoredRoot, other: StoredRoot) -> bool:
    return (one.name, one.root.use) == (other.name, other.root.use)
