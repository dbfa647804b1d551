"""What is legal, but known to be refused by some central systems, or usually a slip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from chargepoint.config import Config, Csms, servers

SAFE_IDENTITY = re.compile(r"[A-Za-z0-9._-]+")

KEY_BYTES = range(16, 21)
"""What central systems built on the Java library take; OCPP's own bounds."""

HEX_KEY = re.compile(r"(?:[0-9A-Fa-f]{2}){16,20}")


def advice(config: Config) -> list[str]:
    """One line for each thing to know."""
    return [*(f"csms: {note}" for note in _csms(config)), *servers.advice(config)]


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
