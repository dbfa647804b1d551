"""What is legal, but known to be refused by some central systems, or usually a slip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chargepoint.config import Config, Csms, servers

SAFE_IDENTITY = re.compile(r"[A-Za-z0-9._-]+")

KEY_BYTES = range(16, 21)
"""What central systems built on the Java library take; OCPP's own bounds."""

FILE_KEYS = ("ca_file", "client_cert", "client_key", "root_file", "cert_file", "key_file")
HEX_KEY = re.compile(r"(?:[0-9A-Fa-f]{2}){16,20}")


def advice(config: Config) -> list[str]:
    """One line for each thing to know."""
    return [*(f"csms: {note}" for note in _csms(config)), *servers.advice(config), *_files(config)]


def _files(config: Config) -> Iterator[str]:
    """Files that are named with their whole path and are not there."""
    sections = {
        "csms": config.csms,
        "files": config.files,
        "firmware": config.firmware,
        "web": config.web,
        "mqtt": config.mqtt,
        "alerts.email": config.alerts.email,
        "alerts.webhook": config.alerts.webhook,
    }
    for name, section in sections.items():
        for key in FILE_KEYS:
            path = getattr(section, key, "")
            if path and _missing(Path(path)):
                yield f"{name}.{key}: there is no file {path}"


def _missing(path: Path) -> bool:
    """Whether that is certain: not where this user cannot look, or where a path is relative."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path.is_absolute()
    except OSError:
        return False
    return False


def _csms(config: Config) -> Iterator[str]:
    if config.csms is not None:
        yield from _identity(config.csms, config.csms.identity or config.station.id)
        yield from _key(config.csms)


def _identity(csms: Csms, identity: str) -> Iterator[str]:
    if not SAFE_IDENTITY.fullmatch(identity):
        yield (
            f"identity `{identity}`: some central systems and proxies take letters, digits, `-`, "
            "`_` and `.` only"
        )
    for url in csms.addresses:
        last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
        if last == identity and not csms.url_has_identity:
            yield f"{url}: ends in the identity already; set url_has_identity = true"
        if last != identity and csms.url_has_identity:
            yield f"{url}: does not end in the identity `{identity}`; set url_has_identity = false"


def _key(csms: Csms) -> Iterator[str]:
    key = csms.password
    if not key or csms.security_profile == 3:
        return
    if csms.key_form != "text" and HEX_KEY.fullmatch(key):
        return
    if len(key.encode()) not in KEY_BYTES:
        yield "password: some central systems take keys of 16 to 20 bytes only"
    if ":" in key or not key.isascii():
        yield "password: some central systems take neither `:` nor letters beyond ASCII"
