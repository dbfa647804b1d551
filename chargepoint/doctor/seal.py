"""The signature inside a document: put in, taken out, checked.

The canonical part of a document is all of its bytes except what stands between the two marks below.
Its SHA-256 is signed; between the marks stand digest, key and signature as JSON in one spelling
only. So a change of any byte is found: outside the marks by the digest, inside by the signature or
by the spelling.
"""

from __future__ import annotations

import hashlib

import msgspec

from chargepoint.station_key import Signed, valid

OPEN = b'<script type="application/json" id="station-signature">'
CLOSE = b"</script><!--station-signature-->"
DOCUMENT_MAX_BYTES = 16 * 2**20


class SealError(Exception):
    """The document does not hold what it was signed with; the message says how far it is intact."""


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands between the marks."""

    station: str
    digest: str
    signed: Signed


def place() -> str:
    """What a document has to hold, once, where its signature shall stand."""
    return (OPEN + CLOSE).decode("ascii")


def mark(station: str) -> str:
    """What a document has to hold, once, to be that of a station: an attribute of HTML."""
    return f'data-station="{station.encode().hex()}"'


def digest(document: bytes) -> str:
    """SHA-256 of the canonical part. Raises SealError for a document without one place."""
    before, _, after = _parts(document)
    return hashlib.sha256(before + OPEN + CLOSE + after).hexdigest()


def sealed(document: bytes, station: str, signed: Signed) -> bytes:
    """`document` with its signature. Raises SealError."""
    before, _, after = _parts(document)
    seal = Seal(station=station, digest=digest(document), signed=signed)
    return before + OPEN + msgspec.json.encode(seal) + CLOSE + after


def checked(document: bytes) -> Seal:
    """The seal of an intact document. Raises SealError."""
    _, inside, _ = _parts(document)
    if not inside:
        raise SealError("it is not signed")
    try:
        seal = msgspec.json.decode(inside, type=Seal)
    except msgspec.MsgspecError as error:
        raise SealError(f"the signature cannot be read: {error}") from error
    if msgspec.json.encode(seal) != inside:
        raise SealError("the signature is not written as it was made")
    if digest(document) != seal.digest:
        raise SealError("the document was changed after it was signed")
    if not valid(seal.signed, seal.digest):
        raise SealError("the signature does not belong to this document and key")
    if document.count(mark(seal.station).encode("ascii")) != 1:
        raise SealError("the signature names another station than the document")
    return seal


def _parts(document: bytes) -> tuple[bytes, bytes, bytes]:
    if len(document) > DOCUMENT_MAX_BYTES:
        raise SealError(f"it is longer than {DOCUMENT_MAX_BYTES} bytes")
    if document.count(OPEN) != 1 or document.count(CLOSE) != 1:
        raise SealError("it has no place for a signature, or several")
    before, _, rest = document.partition(OPEN)
    inside, _, after = rest.partition(CLOSE)
    if CLOSE in before:
        raise SealError("it has no place for a signature, or several")
    return before, inside, after
