"""Certificates: read, named by their hashes, judged, requested. All of `cryptography` is used here.

The library costs a tenth of a second and 15 MB, so that this module is imported by those who need
it when they need it, in the thread of the security work. White paper, sections 3.3 and A02; RFC
5280, RFC 2986, RFC 6960 (names by hash).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from chargepoint.station.security_values import CertificateHash, HashAlgorithm

ALGORITHMS: dict[HashAlgorithm, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}
RSA_MIN_BITS = 2048
EC_MIN_BITS = 224
NAME_MAX = 64
"""Characters of CN and O (RFC 5280, upper bounds)."""

CHAIN_MAX = 8
"""Certificates in one chain."""


class CertificateError(Exception):
    """A certificate, chain or key cannot be used; the message says why."""


UNREADABLE = (
    CertificateError,
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for certificates that break its expectations, at any place."""


def parsed(pem: str) -> list[x509.Certificate]:
    """The certificates in `pem`, in order. Raises CertificateError when there are none."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateError(f"no readable PEM certificate: {error}") from error
    if len(found) > CHAIN_MAX:
        raise CertificateError(f"more than {CHAIN_MAX} certificates")
    return found


def text_of(certificates: Sequence[x509.Certificate]) -> bytes:
    """PEM of `certificates`, nothing else around them."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA256 of the whole certificate, hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def names(certificate: x509.Certificate, issuer: x509.Certificate) -> tuple[CertificateHash, ...]:
    """How OCSP names `certificate`, with each algorithm; the issuer of a root is itself."""
    return tuple(
        CertificateHash(
            algorithm=algorithm,
            issuer_name=_digest(algorithm, certificate.issuer.public_bytes()),
            issuer_key=_digest(algorithm, _key_bits(issuer)),
            serial=f"{certificate.serial_number:x}",
        )
        for algorithm in ALGORITHMS
    )


def issuer_of(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    """Which of `candidates` has signed `certificate`."""
    return next((each for each in candidates if signed_by(certificate, each)), None)


def root_problem(certificate: x509.Certificate, now: datetime | None) -> str | None:
    """Why `certificate` cannot be a trusted root, whoever signed it; None: it can."""
    problem = _weakness(certificate)
    if problem is None and not _is_ca(certificate):
        problem = "not a certificate authority"
    return problem or _date_problem(certificate, now)


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` has issued `certificate`: name and signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def own_names(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> tuple[CertificateHash, ...]:
    """Names of the leaf of `chain`; empty when its issuer is not known."""
    issuer = issuer_of(chain[0], [*chain[1:2], *roots])
    return () if issuer is None else names(chain[0], issuer)


def own_problem(
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    common_name: str,
    organization: str,
    now: datetime | None,
) -> str | None:
    """Why `chain`, the leaf first, cannot prove this station; None: it can.

    `roots` empty: the CSMS's root of stations is not known here; the chain must hold together, and
    the CSMS will judge it at the next connection.
    """
    leaf = chain[0]
    if _is_ca(leaf):
        return "the first certificate is an authority, not ours"
    if _attribute(leaf, NameOID.COMMON_NAME) != common_name:
        return f"its CN is not {common_name}"
    found = _attribute(leaf, NameOID.ORGANIZATION_NAME)
    if organization and found not in (None, organization):
        return "its O is not CpoName"
    for certificate in chain:
        problem = _weakness(certificate) or _date_problem(certificate, now)
        if problem is not None:
            return problem
    return _chain_problem(chain, roots)


def _chain_problem(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> str | None:
    for below, above in pairwise(chain):
        if not _is_ca(above):
            return "a certificate of the chain is not an authority"
        if not signed_by(below, above):
            return "the chain does not hold together"
    last = chain[-1]
    if last in roots or any(signed_by(last, root) for root in roots):
        return None
    if roots:
        return "it does not lead to a root certificate of the CSMS"
    return "self-signed" if last.issuer == last.subject and len(chain) == 1 else None


def signer_problem(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime | None
) -> str | None:
    """Why `chain`, the leaf first, may not sign firmware; None: it may.

    It must lead to one of `roots`, those of the manufacturer; without any nobody may sign.
    """
    if not roots:
        return "no root certificate of the manufacturer is installed"
    if _is_ca(chain[0]):
        return "the signing certificate is an authority"
    for certificate in chain:
        problem = _weakness(certificate) or _date_problem(certificate, now)
        if problem is not None:
            return problem
    found = _chain_problem(chain, roots)
    return None if found is None else "it does not lead to a root of the manufacturer"


# --- Keys and requests ----------------------------------------------------------------------------


def new_key() -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """A new P-256 key and its PEM (PKCS 8, not encrypted: the file's mode protects it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem, key


def signing_request(key: ec.EllipticCurvePrivateKey, common_name: str, organization: str) -> str:
    """PEM of a request with CN and O. Raises ValueError for names that no certificate can hold."""
    for text in (common_name, organization):
        if not 0 < len(text) <= NAME_MAX:
            raise ValueError(f"CN and O have 1 to {NAME_MAX} characters")
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def fits(certificate: x509.Certificate, key_pem: bytes) -> bool:
    """Whether the key is the certificate's."""
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return _public_bytes(key.public_key()) == _public_bytes(certificate.public_key())


# --- Inside ---------------------------------------------------------------------------------------


def _digest(algorithm: HashAlgorithm, data: bytes) -> str:
    digest = hashes.Hash(ALGORITHMS[algorithm]())
    digest.update(data)
    return digest.finalize().hex()


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The bit string of the public key, without tag and length (RFC 6960, issuerKeyHash)."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    raise CertificateError("neither an RSA nor an elliptic-curve key")


def _public_bytes(key: object) -> bytes:
    if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
        return b""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _weakness(certificate: x509.Certificate) -> str | None:
    """Y5: RSA from 2048 bit, elliptic curves from 224, no SHA1 or MD5."""
    try:
        key = certificate.public_key()
        digest = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"its key cannot be read: {error}"
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < RSA_MIN_BITS:
            return f"its RSA key has {key.key_size} bit, {RSA_MIN_BITS} are needed"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < EC_MIN_BITS:
            return f"its key has {key.curve.key_size} bit, {EC_MIN_BITS} are needed"
    else:
        return "neither an RSA nor an elliptic-curve key"
    if digest is not None and digest.name in ("md5", "sha1"):
        return f"signed with {digest.name}"
    return None


def _date_problem(certificate: x509.Certificate, now: datetime | None) -> str | None:
    if now is None:
        return None  # without a clock there is no today (Y4)
    at = now.astimezone(UTC)
    if at < certificate.not_valid_before_utc:
        return f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    if at > certificate.not_valid_after_utc:
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return None


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return found.value.ca


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str | None:
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else None
