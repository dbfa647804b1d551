"""Signatures of firmware: who may sign, and does the signature belong to the file (10.2).

SHA-256 over the whole file; RSA with PSS or PKCS 1 v1.5 (both are met), or ECDSA. `cryptography` is
loaded here, when a signed update comes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from chargepoint.agent.security import x509
from chargepoint.station.file_values import Problem, WorkOutcome

CHUNK_BYTES = 256 * 1024


def signer_outcome(pem: str, roots: Sequence[str], now: datetime | None) -> WorkOutcome:
    """Whether the certificates in `pem` may sign; `roots`: PEM texts of the manufacturer."""
    try:
        chain = x509.parsed(pem)
        trusted = [each for text in roots for each in x509.parsed(text)]
        problem = x509.signer_problem(chain, trusted, now)
    except x509.CertificateError as error:
        problem = str(error)
    return _outcome(problem)


def signature_outcome(pem: str, signature: str, file: Path) -> WorkOutcome:
    """Whether `signature`, in base64, is the one of `file` by the leaf of `pem`. Raises OSError."""
    try:
        raw = base64.b64decode("".join(signature.split()), validate=True)
        key = x509.parsed(pem)[0].public_key()
    except (binascii.Error, x509.CertificateError, UnsupportedAlgorithm, ValueError) as error:
        return _outcome(f"unreadable: {error}")
    digest = _digest(file)
    hashed = utils.Prehashed(hashes.SHA256())
    if isinstance(key, rsa.RSAPublicKey):
        auto = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        ways: tuple[padding.AsymmetricPadding, ...] = (auto, padding.PKCS1v15())
        good = any(_verified(key, raw, digest, hashed, way) for way in ways)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        try:
            key.verify(raw, digest, ec.ECDSA(hashed))
            good = True
        except InvalidSignature:
            good = False
    else:
        return _outcome("neither an RSA nor an elliptic-curve key")
    return _outcome(None if good else "the signature does not belong to the file")


def _verified(
    key: rsa.RSAPublicKey,
    signature: bytes,
    digest: bytes,
    hashed: utils.Prehashed,
    way: padding.AsymmetricPadding,
) -> bool:
    try:
        key.verify(signature, digest, way, hashed)
    except InvalidSignature:
        return False
    return True


def _digest(file: Path) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.finalize()


def _outcome(problem: str | None) -> WorkOutcome:
    if problem is None:
        return WorkOutcome()
    return WorkOutcome(problem=Problem.FAILED, detail=problem)
