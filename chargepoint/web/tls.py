"""The certificate of the pages: of the operator's files, or made here and renewed in time.

A self-signed one lives in `web_tls/` of the state directory (ECDSA P-256). It names the host and
all its addresses; it is made again before it ends, and when the host has got another name.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chargepoint.config import Config, ConfigError, Mistake
from chargepoint.config.people import Web

FOLDER = "web_tls"
DAYS = 825
"""Longer ones are refused by some browsers."""

RENEW_DAYS = 60
CLOCK_SLACK = dt.timedelta(days=1)


def context_of(config: Config, web: Web) -> ssl.SSLContext | None:
    """The TLS of the pages; None where there is none. Raises ConfigError, OSError."""
    if web.tls == "off":
        return None
    cert, key = files_of(config, web)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        mistakes = [Mistake("web.cert_file", f"{cert} with {key} cannot be used: {error}")]
        raise ConfigError(config.source, mistakes) from error
    return context


def files_of(config: Config, web: Web) -> tuple[Path, Path]:
    """Certificate and key; a self-signed pair is made where there is none that is good."""
    if web.tls == "files":
        base = Path(config.source).resolve().parent if config.source else Path()
        return base / web.cert_file, base / web.key_file
    folder = config.state_dir / FOLDER
    cert, key = folder / "cert.pem", folder / "key.pem"
    now = dt.datetime.now(dt.UTC)
    if not (key.exists() and _good(cert, socket.gethostname(), now)):
        _make(folder, config.station.id, now)
    return cert, key


def fingerprint(path: Path) -> str:
    """SHA-256 of the certificate, as browsers show it; empty where there is none."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return ""
    digest = found.fingerprint(hashes.SHA256()).hex().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def expires_at(path: Path) -> dt.datetime | None:
    """When the certificate ends; None where there is none."""
    with contextlib.suppress(OSError, ValueError):
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    return None


def _good(path: Path, host: str, now: dt.datetime) -> bool:
    """Whether a certificate of ours can be used on. A clock that is far off does not renew it."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    ends_soon = found.not_valid_after_utc - now < dt.timedelta(days=RENEW_DAYS)
    return host in names.get_values_for_type(x509.DNSName) and not ends_soon


def _make(folder: Path, station: str, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    host = socket.gethostname()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, host[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"chargepoint {station}"[:64]),
        ]
    )
    public = key.public_key()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + dt.timedelta(days=DAYS) - CLOCK_SLACK)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(folder / "key.pem", secret, 0o600)
    _write(folder / "cert.pem", made.public_bytes(serialization.Encoding.PEM), 0o644)


def _names(host: str) -> list[x509.GeneralName]:
    names = [host, f"{host.split('.')[0]}.local", "localhost"]
    return [
        *(x509.DNSName(name) for name in dict.fromkeys(names)),
        *(x509.IPAddress(address) for address in addresses()),
    ]


def addresses() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Addresses of this host, as far as the kernel tells without a name server."""
    found = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    for family, remote in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # A UDP socket that is connected sends nothing, but has chosen its address.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((remote, 9))
            found.append(ipaddress.ip_address(probe.getsockname()[0].split("%")[0]))
    return list(dict.fromkeys(found))


def _write(path: Path, data: bytes, mode: int) -> None:
    new = path.with_suffix(".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
