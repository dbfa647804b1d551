"""Settings of a driver: a table says which exist, their type, range and default.

`parse` turns what an installer wrote under `options` into values that a driver can take as they
are, and names every key that is unknown or out of range.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hal.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`; whole when the default or the bounds say so."""

    default: float | None
    low: float
    high: float
    whole: bool = False

    def accepts(self, value: object) -> bool:
        right = (int,) if self.whole else (int, float)
        return type(value) in right and self.low <= value <= self.high  # type: ignore[operator]

    @property
    def expected(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    default: bool | None

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)

    @property
    def expected(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `length_max` characters."""

    default: str
    length_max: int = 40

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and len(value) <= self.length_max

    @property
    def expected(self) -> str:
        return f"text of at most {self.length_max} characters"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    default: str | None
    allowed: tuple[str, ...]

    def accepts(self, value: object) -> bool:
        return value in self.allowed

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.allowed)}"


Option = Number | Flag | Text | Choice


def parse(
    device: str, options: Mapping[str, object], known: Mapping[str, Option]
) -> dict[str, Any]:
    """A value for every key of `known`. Raises ConfigurationError that names device and key."""
    for key, value in options.items():
        if key not in known:
            close = difflib.get_close_matches(key, list(known), n=1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            expected = f"one of {', '.join(known)}" if known else "no options"
            raise ConfigurationError(
                f"{device}: options.{key}: unknown option, expected {expected}{hint}"
            )
        if not known[key].accepts(value):
            raise ConfigurationError(
                f"{device}: options.{key}: found {value!r}, expected {known[key].expected}"
            )
    return {key: options.get(key, option.default) for key, option in known.items()}
