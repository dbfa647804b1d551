"""Certificate authorities, servers and stations that exist for one test."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = timedelta(days=1)


class Party(msgspec.Struct):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def files(self, directory: Path, name: str) -> tuple[str, str]:
        """Chain and key as files."""
        chain, key = directory / f"{name}.pem", directory / f"{name}.key"
        chain.write_text(self.pem, "ascii")
        key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(chain), str(key)


def authority(
    name: str = "Test Root",
    issuer: Party | None = None,
    key: Key | None = None,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> Party:
    """A CA, self-signed unless `issuer` signs it."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(name, "Operator"), own, issuer, begins, ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return _signed(builder, own, issuer)


def server(
    issuer: Party,
    host: str = "127.0.0.1",
    begins: datetime | None = None,
    ends: datetime | None = None,
    key: Key | None = None,
) -> Party:
    """A server's certificate for an address or a name."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    alternative: x509.GeneralName
    try:
        alternative = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    builder = _builder(_name(host, "Operator"), own, issuer, begins, ends)
    builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    return _signed(builder, own, issuer)


def station(
    issuer: Party,
    csr: str,
    common_name: str | None = None,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> str:
    """What an operator signs for a request: PEM of the certificate, issued for `csr`'s key."""
    request = x509.load_pem_x509_csr(csr.encode())
    assert request.is_signature_valid
    subject = request.subject if common_name is None else _name(common_name, "Operator")
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now - DAY)
        .not_valid_after(ends or now + 365 * DAY)
    )
    certificate = builder.sign(issuer.key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )


def _builder(
    subject: x509.Name,
    key: Key,
    issuer: Party | None,
    begins: datetime | None,
    ends: datetime | None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now - DAY)
        .not_valid_after(ends or now + 365 * DAY)
    )


def _signed(builder: x509.CertificateBuilder, own: Key, issuer: Party | None) -> Party:
    signer = own if issuer is None else issuer.key
    return Party(builder.sign(signer, hashes.SHA256()), own)
