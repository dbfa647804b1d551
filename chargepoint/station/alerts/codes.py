"""Short names of alerts, for people to read out and type: three letters and a digit, `KPT7`.

No letter looks like a digit or another letter, and no code is a word, so that one in the middle of
a message is meant. Neighbouring numbers give codes that differ in more than one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LETTERS = "ACDEFGHJKLMNPQRTUVWXY"
DIGITS = "34679"
COUNT = len(LETTERS) ** 3 * len(DIGITS)
STEP = 15_013
"""A prime that does not divide COUNT: all codes are passed before one comes again."""

_CODE = re.compile(rf"(?<![A-Z0-9])[{LETTERS}]{{3}}[{DIGITS}](?![A-Z0-9])")


def code_of(number: int) -> str:
    """The code of the `number`th alert; the same again after `COUNT` alerts."""
    rest = number * STEP % COUNT
    rest, digit = divmod(rest, len(DIGITS))
    letters = []
    for _ in range(3):
        rest, letter = divmod(rest, len(LETTERS))
        letters.append(LETTERS[letter])
    return "".join(letters) + DIGITS[digit]


def codes_in(text: str) -> Iterator[str]:
    """Every code in `text`, each once, in upper case."""
    return iter(dict.fromkeys(_CODE.findall(text.upper())))
