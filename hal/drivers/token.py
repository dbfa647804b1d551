"""Tokens as readers give them: one spelling, and one event per presentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hal.drivers.options import Choice, Flag, Option, Text
from hal.values import TokenKind

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
TOKEN_LENGTH_MAX = 36
"""Longest IdToken of OCPP 2.x; 1.6 takes 20 characters."""
OPTIONS: Mapping[str, Option] = {
    "reverse": Flag(False),
    "uppercase": Flag(None),
    "prefix": Text("", 20),
    "strip": Text("", 20),
    "kind": Choice(None, tuple(kind.value for kind in TokenKind)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How the text of a token is brought into the form that the back office knows."""

    reverse: bool = False
    """Turn the byte order of a hexadecimal token round."""
    uppercase: bool | None = None
    """True: upper case, False: lower case, None: upper case if hexadecimal, else as read."""
    prefix: str = ""
    """Put in front, after everything else."""
    strip: str = ""
    """Removed from the front if it stands there."""

    def spell(self, text: str) -> str | None:
        """`text` in its normal form; None when that cannot be made or is too long."""
        text = text.removeprefix(self.strip)
        hexadecimal = _HEX.fullmatch(text) is not None
        if self.reverse:
            if not hexadecimal:
                return None
            text = bytes.fromhex(text)[::-1].hex().upper()
        if self.uppercase or (self.uppercase is None and hexadecimal):
            text = text.upper()
        elif self.uppercase is False:
            text = text.lower()
        text = self.prefix + text
        return text if 0 < len(text) <= TOKEN_LENGTH_MAX else None


class Presentation:
    """Tells a newly presented token from one that is still there."""

    def __init__(self, absent_s: float) -> None:
        """A token counts as new again after it was not seen for `absent_s`."""
        self._absent_s = absent_s
        self._token: str | None = None
        self._seen_s = 0.0

    def begins(self, token: str, taken_s: float) -> bool:
        """Whether `token`, seen at `taken_s`, begins a presentation."""
        same = token == self._token and taken_s - self._seen_s < self._absent_s
        self._token = token
        self._seen_s = taken_s
        return not same
