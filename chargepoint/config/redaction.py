"""What must not leave the station with an archive: secrets, and how people can be reached.

Keys of the configuration tell what is secret; their values are then looked for in every text, so
that a log line or a message which repeats one does not give it away. Addresses and telephone
numbers are found by their form too, wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from chargepoint.config.secret_names import secret
from chargepoint.config.station_file import Config

HIDDEN = "…"
PERSONAL_KEYS = (
    "email",
    "sms",
    "smsc",
    "phone",
    "webhook",
    "ntfy",
    "apprise",
    "sender",
    "user",
    "reply_user",
    "proxy_user",
)
NAMES = ("user", "reply_user", "proxy_user")
"""Hidden where they stand, but not looked for: an account may be called like anything else."""

SECRET_PLACES = (("dead_man", "url"),)
"""Whoever has this address can keep the alarm from being raised."""

SOUGHT_MIN = 5
"""Shorter values would be found in every number."""

_CREDENTIALS = re.compile(r"([a-z][a-z0-9+.-]{1,8}://)[^\s/@\"']+@", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.%+-])[\w.%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_NUMBER = re.compile(r"(?<![\w+])\+[1-9]\d{6,14}(?!\d)")
_UNIT_SUFFIX = ".service"
"""`chargepoint-control@safety.service` is a unit of systemd, no address."""


def blanked(value: Any, above: str = "") -> Any:
    """`value` of TOML or JSON kind, with what is secret or personal hidden, however deep."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if _hidden(str(key), item, above) else blanked(item, str(key))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [blanked(item, above) for item in value]
    return value


def secrets_of(config: Config) -> tuple[str, ...]:
    """The values that `blanked` hides of a configuration, also as JSON writes them.

    The longest first.
    """
    plain = [one for one in _collected(msgspec.to_builtins(config), "") if len(one) >= SOUGHT_MIN]
    found = {*plain, *(msgspec.json.encode(one)[1:-1].decode() for one in plain)}
    return tuple(sorted(found, key=len, reverse=True))


def redacted(text: str, secrets: Sequence[str] = ()) -> str:
    """`text` without these secrets, credentials in URLs, addresses and telephone numbers.

    Line by line: one long search would hold up the rest of the program.
    """
    for one in secrets:
        text = text.replace(one, HIDDEN)
    return "".join(_line(line) for line in text.splitlines(keepends=True))


def _line(line: str) -> str:
    if "://" in line:
        line = _CREDENTIALS.sub(rf"\1{HIDDEN}@", line)
    if "@" in line:
        line = _ADDRESS.sub(_address, line)
    return _NUMBER.sub(HIDDEN, line) if "+" in line else line


def _address(match: re.Match[str]) -> str:
    found = match[0]
    return found if found.endswith(_UNIT_SUFFIX) else HIDDEN


def _hidden(key: str, item: Any, above: str) -> bool:
    if not item or isinstance(item, dict):
        return False
    return secret(key) or key in PERSONAL_KEYS or (above, key) in SECRET_PLACES


def _collected(value: Any, above: str) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _collected(item, above)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if _hidden(str(key), item, above) and key not in NAMES:
            yield from (str(one) for one in (item if isinstance(item, list | tuple) else (item,)))
        else:
            yield from _collected(item, str(key))
