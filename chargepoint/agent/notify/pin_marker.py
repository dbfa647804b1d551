"""Notes durably that a PIN was tried, so that no restart tries a wrong one again.

Three wrong PINs block a SIM. The note is written before the PIN goes out and taken away when the
SIM is open; another PIN in the configuration is another attempt. It holds no PIN, only a digest
that is slow to compute.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

FILE = "sms-pin-tried"
SALT_BYTES = 16


class PinMarker:
    """The note in the state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE

    def allow(self, pin: str) -> bool:
        """Whether `pin` may be tried now; noted durably when it may. Raises OSError."""
        if self._noted(pin):
            return False
        salt = os.urandom(SALT_BYTES)
        beside = self._path.with_name(f".{FILE}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(salt + _digest(pin, salt))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._sync_folder()
        return True

    def forget(self) -> None:
        """The SIM is open: the PIN was right, or none was wanted."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _noted(self, pin: str) -> bool:
        """A note that cannot be read counts as one of this PIN: the SIM is worth more."""
        try:
            noted = self._path.read_bytes()
        except FileNotFoundError:
            return False
        salt, digest = noted[:SALT_BYTES], noted[SALT_BYTES:]
        return len(noted) <= SALT_BYTES or _digest(pin, salt) == digest

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _digest(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**13, r=8, p=1)
