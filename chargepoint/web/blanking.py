"""The values of the configuration file, one a line, without anything secret."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chargepoint.config import Config
from chargepoint.config.redaction import HIDDEN
from chargepoint.config.secret_names import secret

ADDRESSES = ("webhook", "ntfy", "apprise", "url", "urls", "public_url")
"""Keys with addresses, in which path and query may be as good as a password."""

OPEN_ADDRESSES = ("csms.", "web.")
"""Their paths are the station's identity, and not secret."""


class FileValue(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    """`evse.1.current_max_a`"""
    value: str
    origin: str
    """`file`, or `default`."""


def file_values(config: Config) -> list[FileValue]:
    """Every value of the configuration and whether it stands in the file."""
    given = dict(_flat(_raw(config), ""))
    values = msgspec.to_builtins(config)
    values.pop("source", None)
    return [
        FileValue(key=key, value=_shown(key, value), origin="file" if key in given else "default")
        for key, value in _flat(values, "")
    ]


def _raw(config: Config) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(config.source).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _flat(each, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(each, dict) for each in value):
        for number, each in enumerate(value, start=1):
            yield from _flat(each, f"{key}.{number}")
    else:
        yield key, value


def _shown(key: str, value: Any) -> str:
    name = key.rpartition(".")[2].casefold()
    if value in ("", None, []):
        return ""
    if secret(name):
        return HIDDEN
    if name in ADDRESSES:
        whole = key.startswith(OPEN_ADDRESSES)
        texts = value if isinstance(value, list | tuple) else [value]
        return ", ".join(_address(str(text), whole) for text in texts)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _address(text: str, whole: bool) -> str:
    """An address without name and password, and without its path unless `whole`."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    if not parts.scheme:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    if whole:
        return f"{parts.scheme}://{host}{parts.path}"
    return f"{parts.scheme}://{host}/{HIDDEN}"
