"""What we show of ourselves: profile, key, certificate; in force, and under trial.

Kept in `security/credentials.json` of the state directory, mode 0600, and read before the first
connection. What the CSMS has set wins over the configuration until somebody changes the security
settings there: then the file wins again, so that a station that locked itself out can be mended.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from chargepoint.agent.security.private_files import write_private
from chargepoint.config import Csms

NAME = "credentials.json"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """One way to show who we are; `repr` does not show the key."""

    profile: int
    key: str = ""
    key_given: bool = False
    """The CSMS has set the key. On profile 0 such a key is kept, but not shown."""
    spelling: int = 0
    """Which spelling of the key the CSMS took last."""
    certificate: str = ""
    """Directory of certificate and key under `security/own`; empty: those of the configuration."""

    def __repr__(self) -> str:
        return f"Credentials(profile={self.profile}, certificate={self.certificate!r})"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The file. `trial` is tried first at each connection, until one decides."""

    current: Credentials
    configured: str
    """Digest of the settings that `current` began with."""
    trial: Credentials | None = None
    changed: str = ""
    """What the trial changes: `key`, `profile` or `certificate`, the last change first."""


def from_settings(settings: Csms) -> Kept:
    """What the configuration says."""
    current = Credentials(profile=settings.security_profile, key=settings.password)
    return Kept(current=current, configured=digest(settings))


def digest(settings: Csms) -> str:
    """Changes when somebody edits the security settings."""
    text = "\n".join(
        (
            str(settings.security_profile),
            settings.password,
            settings.client_cert,
            settings.client_key,
        )
    )
    return hashlib.sha256(text.encode()).hexdigest()


def load(directory: Path, settings: Csms) -> tuple[Kept, str]:
    """What counts now, and why the file does not, if it does not."""
    configured = from_settings(settings)
    try:
        kept = msgspec.json.decode((directory / NAME).read_bytes(), type=Kept)
    except FileNotFoundError:
        return configured, ""
    except (OSError, msgspec.MsgspecError) as error:
        return configured, f"{NAME} cannot be read: {error}"
    if kept.configured != configured.configured:
        return configured, "the security settings of the configuration have changed"
    return kept, ""


def save(directory: Path, kept: Kept) -> None:
    """Durable when it returns. Raises OSError."""
    write_private(directory / NAME, msgspec.json.encode(kept))
