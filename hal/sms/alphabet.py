"""The default alphabet of GSM (3GPP TS 23.038): septets, and how they are packed into octets.

A character of the extension table takes two septets, the first of them ESCAPE. Septet i occupies
bits 7 i to 7 i + 6 of the octets, counted from the least significant bit of the first one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ESCAPE = 0x1B
UNKNOWN = "?"

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Character of each septet, 0 to 127."""

# fmt: off
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[",  0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}
"""Character of the septet behind an ESCAPE."""
# fmt: on

_BASIC_OF = {character: number for number, character in enumerate(BASIC) if number != ESCAPE}
_EXTENSION_OF = {character: number for number, character in EXTENSION.items()}


def septets_of(text: str) -> list[tuple[int, ...]] | None:
    """One or two septets for each character; None for text that the alphabet cannot say."""
    found: list[tuple[int, ...]] = []
    for character in text:
        if character in _BASIC_OF:
            found.append((_BASIC_OF[character],))
        elif character in _EXTENSION_OF:
            found.append((ESCAPE, _EXTENSION_OF[character]))
        else:
            return None
    return found


def text_of(septets: Iterable[int]) -> str:
    """The text of `septets`. An unknown extension is shown as its basic character, as 23.038 has
    it; an ESCAPE at the end says nothing."""
    characters = []
    escaped = False
    for septet in septets:
        if septet == ESCAPE and not escaped:
            escaped = True
            continue
        characters.append(_character(septet, escaped))
        escaped = False
    return "".join(characters)


def _character(septet: int, escaped: bool) -> str:
    if septet == ESCAPE:
        return " "
    return EXTENSION.get(septet, BASIC[septet]) if escaped else BASIC[septet]


def packed(septets: Sequence[int], fill_bits: int = 0) -> bytes:
    """Octets that carry `septets` after `fill_bits` zero bits."""
    octets = bytearray()
    waiting, bits = 0, fill_bits
    for septet in septets:
        waiting |= septet << bits
        bits += 7
        while bits >= 8:
            octets.append(waiting & 0xFF)
            waiting >>= 8
            bits -= 8
    if bits:
        octets.append(waiting)
    return bytes(octets)


def unpacked(octets: bytes, count: int, fill_bits: int = 0) -> list[int]:
    """The first `count` septets behind `fill_bits`; fewer when the octets end before."""
    septets: list[int] = []
    waiting, bits = 0, -fill_bits
    for octet in octets:
        waiting |= octet << bits if bits >= 0 else octet >> -bits
        bits += 8
        while bits >= 7 and len(septets) < count:
            septets.append(waiting & 0x7F)
            waiting >>= 7
            bits -= 7
    return septets
