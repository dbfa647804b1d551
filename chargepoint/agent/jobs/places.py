"""Locations of files: URLs of ftp, ftps, http and https, as central systems give them.

A location may hold a name and a password; only `Place.shown` is for people. What else it may be:
a directory with or without a slash at its end, a complete file name, or rubbish (section 11 of the
quirks).
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

import msgspec

from chargepoint.station.file_values import Problem

PORTS = {"ftp": 21, "ftps": 21, "http": 80, "https": 443}
KNOWN_UNSPOKEN = {"sftp", "scp", "tftp", "file", "smb", "nfs", "s3"}
LENGTH_MAX = 2000

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,6}$")
"""What makes the last part of a path a file name; `logs.d` is one too, and no harm."""


class TransferError(Exception):
    """A file did not get through; `problem` is the kind, the message is for people."""

    def __init__(self, problem: Problem, text: str) -> None:
        super().__init__(text)
        self.problem = problem


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A location, taken apart. `path` and `query` are percent-encoded."""

    scheme: str
    host: str
    port: int
    path: str
    query: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Place({self.shown})"

    @property
    def shown(self) -> str:
        """Without name, password and query, which may hold a key."""
        return f"{self.scheme}://{self.host}:{self.port}{self.path}"

    @property
    def target(self) -> str:
        """Path and query, for a request."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def segments(self) -> list[str]:
        """Parts of the path, decoded."""
        return [unquote(part) for part in self.path.split("/") if part]

    def below(self, name: str) -> Place:
        """Where a file of this name goes: into the directory, or to the complete name given."""
        last = self.path.rsplit("/", 1)[-1]
        if self.query or _ENDING.search(unquote(last)):
            return self
        joined = self.path.rstrip("/") + "/" + quote(name)
        return msgspec.structs.replace(self, path=joined)

    def same_server(self, other: Place) -> bool:
        mine = (self.scheme, self.host, self.port)
        return mine == (other.scheme, other.host, other.port)


def place(location: str) -> Place:
    """The place that `location` names. Raises TransferError, which does not repeat it."""
    text = location.strip()
    if not text or len(text) > LENGTH_MAX or _CONTROL.search(text):
        raise TransferError(Problem.BAD_PLACE, "the location is no URL")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise TransferError(Problem.BAD_PLACE, "the location is no URL") from error
    scheme = parts.scheme.casefold()
    if scheme in KNOWN_UNSPOKEN:
        raise TransferError(Problem.UNSUPPORTED, f"{scheme} is not spoken here")
    if scheme not in PORTS or not parts.hostname:
        raise TransferError(Problem.BAD_PLACE, "the location is no URL of ftp, ftps, http or https")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if any(part in (".", "..") for part in unquote(path).split("/")) or "%00" in path:
        raise TransferError(Problem.BAD_PLACE, "the location leads out of its directory")
    return Place(
        scheme=scheme,
        host=parts.hostname,
        port=PORTS[scheme] if port is None else port,
        path=path,
        query=parts.query,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
