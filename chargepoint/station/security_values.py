"""Keys and certificates as the station sees them: never themselves, only what they are and say.

What is held is in files of the shell (`agent.security`), because the first connection needs it
before any store is open and because private keys belong into no database. The station decides what
may be done with it, has it done as a task, and keeps in `Holdings` a mirror of what there is.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec

KEY_MIN_BYTES = 16
KEY_MAX_CHARACTERS = 40
HEX_KEY_DIGITS = range(32, 41, 2)
"""Lengths at which a key of hex digits may stand for the 16 to 20 bytes that it spells."""

_HEX = frozenset("0123456789abcdefABCDEF")


class CertificateUse(Enum):
    """What a root certificate is trusted for (OCPP 2.x names)."""

    CSMS_ROOT = "CSMSRootCertificate"
    MANUFACTURER_ROOT = "ManufacturerRootCertificate"


class HashAlgorithm(Enum):
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class CertificateHash(msgspec.Struct, frozen=True, kw_only=True):
    """How a certificate is named, as in OCSP: lower-case hex, the serial without leading zeros."""

    algorithm: HashAlgorithm
    issuer_name: str
    issuer_key: str
    serial: str


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """An installed root certificate. `hashes`: one for each algorithm, SHA256 first."""

    use: CertificateUse
    hashes: tuple[CertificateHash, ...]
    subject: str
    not_after: datetime


class OwnCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate that proves us. `hashes` is empty for one that the configuration names."""

    subject: str
    not_before: datetime
    not_after: datetime
    hashes: tuple[CertificateHash, ...] = ()


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What is held, without any of its secrets."""

    profile: int = 0
    """Security profile in force; one that is being tried does not count yet."""
    keyed: bool = False
    """There is a key of legal length."""
    roots: tuple[Root, ...] = ()
    rooted: bool = False
    """The CSMS can be recognised: a root is installed or configured."""
    certified: bool = False
    """There is a certificate of ours with its key."""
    certificate: OwnCertificate | None = None
    """What it says; None when there is none or it was not looked at."""


# --- Tasks ----------------------------------------------------------------------------------------


class ChangeKey(msgspec.Struct, frozen=True, kw_only=True):
    """Try a new key; `repr` does not show it."""

    key: str

    def __repr__(self) -> str:
        return "ChangeKey(…)"


class ChangeProfile(msgspec.Struct, frozen=True, kw_only=True):
    profile: int


class InstallRoot(msgspec.Struct, frozen=True, kw_only=True):
    """`room`: how many more there may be; `signed_by_old`: only a successor of what is there."""

    use: CertificateUse
    pem: str
    room: int
    signed_by_old: bool
    now: datetime | None
    """None: the time is not known, validity is not judged."""


class RemoveRoot(msgspec.Struct, frozen=True, kw_only=True):
    hash: CertificateHash


class MakeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Make a key pair and a certificate signing request for it."""

    common_name: str
    organization: str


class TakeChain(msgspec.Struct, frozen=True, kw_only=True):
    """Take the signed certificate of an earlier request, the leaf first."""

    pem: str
    common_name: str
    organization: str
    now: datetime | None


Task = ChangeKey | ChangeProfile | InstallRoot | RemoveRoot | MakeRequest | TakeChain


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a task, and what is held now."""

    done: bool
    holdings: Holdings
    problem: str = ""
    """Why not, for people."""
    broken: bool = False
    """The task was legal but could not be done (a disk, a bug of a library)."""
    csr: str = ""
    """PEM, of MakeRequest."""
    tried_next: bool = False
    """The next connection is made with it, and decides whether it stays."""


def is_hex_key(key: str) -> bool:
    """Whether `key` may be the hex spelling of 16 to 20 bytes."""
    return len(key) in HEX_KEY_DIGITS and _HEX.issuperset(key)


def key_problem(key: str, form: str) -> str | None:
    """Why `key` cannot be an AuthorizationKey in this form (`auto`, `text`, `hex`); None: it can.

    White paper, A01; OCPP-J 1.6, section 6.2.2 with errata 3.10.
    """
    if len(key) > KEY_MAX_CHARACTERS:
        return f"longer than {KEY_MAX_CHARACTERS} characters"
    if not key.isprintable():
        return "holds characters that cannot be typed"
    if form == "hex":
        return None if is_hex_key(key) else "not 32 to 40 hex digits"
    if len(key.encode()) < KEY_MIN_BYTES:
        return f"shorter than {KEY_MIN_BYTES} bytes"
    return None
