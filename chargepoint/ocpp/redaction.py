"""Frames as they may be shown: IdTokens masked, keys and passwords gone, length bounded.

Works on the text, so that it also covers frames that cannot be parsed.
"""

from __future__ import annotations

import re

SHOWN_MAX = 4_000
"""Characters of a frame that are kept for people."""

_TOKEN = re.compile(r'("(?:idTag|parentIdTag|idToken)"\s*:\s*")((?:[^"\\]|\\.)*)("?)')
_SECRET_KEY = re.compile(r"AuthorizationKey|BasicAuthPassword", re.IGNORECASE)
_SECRET_VALUE = re.compile(r'("(?:value|attributeValue)"\s*:\s*")((?:[^"\\]|\\.)*)("?)')
_SIGNATURE = re.compile(r'("signature"\s*:\s*")((?:[^"\\]|\\.)*)("?)')
_PLACE = re.compile(
    r'("(?:location|remoteLocation)"\s*:\s*")([a-z]+:(?:[^"\\]|\\.)*)("?)', re.IGNORECASE
)
"""Addresses of files carry passwords; where a value was measured is no secret."""

_REPORT = "problem_reported"
_DATA = re.compile(r'("data"\s*:\s*")((?:[^"\\]|\\.)*)("?)')
"""An alert for the CSMS that carries a driver's own words."""


def redacted(text: str) -> str:
    """`text` without secrets, at most `SHOWN_MAX` characters."""
    cut = text[:SHOWN_MAX]
    if _SECRET_KEY.search(cut):
        cut = _SECRET_VALUE.sub(r"\1…\3", cut)
    if _REPORT in cut:
        cut = _DATA.sub(r"\1…\3", cut)
    cut = _SIGNATURE.sub(r"\1…\3", cut)
    cut = _PLACE.sub(r"\1…\3", cut)
    cut = _TOKEN.sub(lambda found: found[1] + _masked(found[2]) + found[3], cut)
    return cut if len(text) <= SHOWN_MAX else cut + "…"


def _masked(token: str) -> str:
    """The last four characters, never more than half."""
    shown = min(4, len(token) // 2)
    return "…" + token[len(token) - shown :]
