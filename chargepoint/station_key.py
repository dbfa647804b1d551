"""The station's own key: Ed25519, made at its first use, for signatures that others can check.

It signs commissioning reports and whatever else shall prove where it comes from; it has nothing to
do with the keys towards the CSMS. The private half stays in `station_key.pem` (mode 0600) of the
state directory, the public half lies beside it for everybody who may enter. `cryptography` costs a
tenth of a second and 15 MB and is loaded by the first use.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
from pathlib import Path

import msgspec

from chargepoint.owner import same_owner

KEY_FILE = "station_key.pem"
PUBLIC_FILE = "station_key.pub"
ALGORITHM = "ed25519"
DIGEST = re.compile(r"[0-9a-f]{64}")
"""SHA-256, hexadecimal."""

FINGERPRINT_DIGITS = 16


class StationKeyError(Exception):
    """The key cannot be read or made; the message says why."""


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature with what is needed to check it."""

    algorithm: str
    public_key: str
    """Base64 of the raw 32 bytes."""
    signature: str
    """Base64; over the ASCII digest."""
    fingerprint: str
    """First 16 hexadecimal digits of the SHA-256 of the public key."""


def sign(state_dir: Path, digest: str) -> Signed:
    """`digest` signed with the key of `state_dir`. Raises StationKeyError, and ValueError.

    The directory must be there: a key is not made in a place that nobody looks after.
    """
    if not DIGEST.fullmatch(digest):
        raise ValueError("expected a SHA-256 as 64 hexadecimal digits in lower case")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(_private_pem(state_dir), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise StationKeyError(f"{state_dir / KEY_FILE}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StationKeyError(
            f"{state_dir / KEY_FILE}: found another kind of key, expected {ALGORITHM}"
        )
    public = key.public_key().public_bytes_raw()
    return Signed(
        algorithm=ALGORITHM,
        public_key=_base64(public),
        signature=_base64(key.sign(digest.encode("ascii"))),
        fingerprint=_fingerprint(public),
    )


def valid(signed: Signed, digest: str) -> bool:
    """Whether `signed` is a signature of `digest`, in its one canonical spelling."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public, signature = _bytes(signed.public_key, 32), _bytes(signed.signature, 64)
    if public is None or signature is None or signed.algorithm != ALGORITHM:
        return False
    if _fingerprint(public) != signed.fingerprint:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, digest.encode("ascii"))
    except InvalidSignature:
        return False
    return True


def own_fingerprint(state_dir: Path) -> str:
    """Of the station whose state this is; empty when it has no key yet, or none to be seen."""
    try:
        public = _bytes((state_dir / PUBLIC_FILE).read_text("ascii").strip(), 32)
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if public is None else _fingerprint(public)


def _private_pem(state_dir: Path) -> bytes:
    """The key's file; made when there is none. Raises OSError."""
    path = state_dir / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    _make(state_dir)
    return path.read_bytes()


def _make(state_dir: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = _base64(key.public_key().public_bytes_raw()).encode() + b"\n"
    if _put(state_dir / KEY_FILE, pem, 0o600):
        (state_dir / PUBLIC_FILE).unlink(missing_ok=True)
        _put(state_dir / PUBLIC_FILE, public, 0o644)


def _put(path: Path, data: bytes, mode: int) -> bool:
    """Write `path`, whole and durable, unless somebody was faster: then False."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            same_owner(file.fileno(), path.parent)
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        fresh.unlink(missing_ok=True)
    return True


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str, length: int) -> bytes | None:
    """What `text` spells, if it is the one spelling of that many bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if len(data) == length and _base64(data) == text else None


def _fingerprint(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:FINGERPRINT_DIGITS]
