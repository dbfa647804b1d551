"""Telephone numbers in PDUs: semi-octets behind a type of address (23.040, 9.1.2.5)."""

from __future__ import annotations

import re

from hal.sms.alphabet import text_of, unpacked

INTERNATIONAL = 0x91
UNKNOWN = 0x81
ALPHANUMERIC = 0x50
"""Type of number in bits 4 to 6."""
TYPE_BITS = 0x70
DIGITS = "0123456789*#abc"
_NUMBER = re.compile(r"\+?[0-9]{3,20}")
SHOWN_DIGITS = 3


def address(number: str) -> bytes:
    """Length in digits, type, semi-octets of `+4915112345678` or of a short code.

    Raises ValueError for what is no number.
    """
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"found `{masked(number)}`, expected 3 to 20 digits, perhaps after a +")
    digits = number.removeprefix("+")
    kind = INTERNATIONAL if number.startswith("+") else UNKNOWN
    return bytes((len(digits), kind)) + semi_octets(digits)


def semi_octets(digits: str) -> bytes:
    """Two digits in each octet, the first in the low half; an odd end is filled with F."""
    padded = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(b + a for a, b in zip(padded[::2], padded[1::2], strict=True)))


def number_of(length: int, kind: int, octets: bytes) -> str:
    """The number, or the name of an alphanumeric sender; `length` in semi-octets."""
    if kind & TYPE_BITS == ALPHANUMERIC:
        return text_of(unpacked(octets, length * 4 // 7))
    halves = [half for octet in octets for half in (octet & 0x0F, octet >> 4)][:length]
    digits = "".join(DIGITS[half] for half in halves if half < len(DIGITS))
    return ("+" if kind & TYPE_BITS == INTERNATIONAL & TYPE_BITS else "") + digits


def masked(number: str) -> str:
    """For logs: `+49…678`."""
    if len(number) <= 2 * SHOWN_DIGITS:
        return "…" + number[-2:]
    return f"{number[:SHOWN_DIGITS]}…{number[-SHOWN_DIGITS:]}"
