"""Certificates that the configuration names: read only, and judged by others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from chargepoint.agent.security.private_files import write_private
from chargepoint.config import Csms
from chargepoint.station.security_values import OwnCertificate

NAME = "configured.json"


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the certificate of the configuration says, so that a start need not read it again."""

    digest: str
    about: OwnCertificate


def configured_roots(settings: Csms) -> list[str]:
    """PEM of `ca_file`. Raises OSError."""
    return [Path(settings.ca_file).read_text("ascii", errors="replace")] if settings.ca_file else []


def configured_about(path: Path, directory: Path) -> tuple[OwnCertificate | None, str]:
    """What `client_cert` says, and the problem if it cannot be read.

    Read with the certificate library only when the file is not the one of the last start.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        return None, f"{path}: {error.strerror}"
    digest = hashlib.sha256(data).hexdigest()
    known = _known(directory / NAME)
    if known is not None and known.digest == digest:
        return known.about, ""
    about, problem = _read(data)
    if about is not None:
        try:
            text = msgspec.json.encode(_Known(digest=digest, about=about))
            write_private(directory / NAME, text)
        except OSError as error:
            problem = f"{NAME} cannot be written: {error}"
    return about, problem


def _known(path: Path) -> _Known | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Known)
    except (OSError, msgspec.MsgspecError):
        return None


def _read(data: bytes) -> tuple[OwnCertificate | None, str]:
    from chargepoint.agent.security import x509

    try:
        leaf = x509.parsed(data.decode("ascii", errors="replace"))[0]
        about = OwnCertificate(
            subject=x509.subject(leaf),
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
        )
    except x509.UNREADABLE as error:
        return None, f"client_cert: {error}"
    return about, ""
