"""Certificates of a station that does not run, from the files that its configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from chargepoint.config import Config
from chargepoint.ipc.care import CertificateHealth

BUILT_YEAR = 2026
"""A clock that shows an earlier year is not set."""

DAY_S = 86400.0
FILE_MAX_BYTES = 1024 * 1024


def look(config: Config, now: datetime) -> tuple[CertificateHealth, ...]:
    """The first certificate of each file that is there and can be read."""
    looked = ((use, _ends(path)) for use, path in _files(config))
    return tuple(_health(use, *found, now) for use, found in looked if found is not None)


def _files(config: Config) -> Iterator[tuple[str, Path]]:
    csms, web = config.csms, config.web
    if csms is not None and csms.client_cert:
        yield "client", Path(csms.client_cert)
    if csms is not None and csms.ca_file:
        yield "csms_root", Path(csms.ca_file)
    if web is not None and web.tls == "files":
        yield "web", Path(config.source).resolve().parent / web.cert_file


def _health(use: str, subject: str, end: datetime, now: datetime) -> CertificateHealth:
    return CertificateHealth(
        use=use,
        subject=subject,
        expires_at=f"{end:%Y-%m-%dT%H:%M:%SZ}",
        days_left=(end - now).total_seconds() / DAY_S if now.year >= BUILT_YEAR else None,
    )


def _ends(path: Path) -> tuple[str, datetime] | None:
    """Subject and end of the first certificate in `path`."""
    from cryptography import x509

    try:
        with path.open("rb") as file:
            found = x509.load_pem_x509_certificates(file.read(FILE_MAX_BYTES))[0]
        return found.subject.rfc4514_string(), found.not_valid_after_utc.astimezone(UTC)
    except (OSError, ValueError):
        return None
