"""Text that fits one SMS: 160 characters of the GSM alphabet (3GPP TS 23.038)."""

from __future__ import annotations

import unicodedata

LIMIT = 160

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€")
"""Each takes the room of two."""

# fmt: off
INSTEAD = {
    "…": "...", "–": "-", "—": "-", "‐": "-", "→": "->", "·": "-", "`": "'", "´": "'",
    "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "°": "", "\u00a0": " ", "\t": " ", "ẞ": "SS",
}
# fmt: on


def gsm_text(text: str) -> str:
    """`text` in the GSM alphabet: what it lacks becomes something alike, else `?`."""
    return "".join(map(_sign, text))


def length(text: str) -> int:
    """Room that `text` of the GSM alphabet takes."""
    return sum(2 if sign in EXTENDED else 1 for sign in text)


def cut(text: str, room: int = LIMIT) -> str:
    """`text` in the GSM alphabet, shortened to `room`."""
    text = gsm_text(text)
    if length(text) <= room:
        return text
    kept = 0
    used = 0
    while used + length(text[kept]) <= room - 3:
        used += length(text[kept])
        kept += 1
    return text[:kept].rstrip() + "..."


def _sign(sign: str) -> str:
    if sign in BASIC or sign in EXTENDED:
        return sign
    if sign in INSTEAD:
        return INSTEAD[sign]
    plain = unicodedata.normalize("NFKD", sign)[0]
    return plain if plain in BASIC else "?"
