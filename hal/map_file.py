"""A register-map file as text: typed access to its keys, and units.

Every access checks and names the file, the key, what was found and what was expected; what a map
means is decided in `hal.register_map`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hal.errors import ConfigurationError

# fmt: off
#         symbol  dimension         SI per unit
UNITS = {
    "":     ("number",         "1"),
    "V":    ("voltage",        "1"),  "mV":   ("voltage",        "0.001"),
    "A":    ("current",        "1"),  "mA":   ("current",        "0.001"),
    "W":    ("power",          "1"),  "kW":   ("power",          "1000"),
    "var":  ("reactive power", "1"),  "kvar": ("reactive power", "1000"),
    "Wh":   ("energy",         "1"),  "kWh":  ("energy",         "1000"),
    "Hz":   ("frequency",      "1"),
    "ohm":  ("resistance",     "1"),
    "C":    ("temperature",    "1"),
    "%":    ("ratio",          "0.01"),
    "s":    ("time",           "1"),  "ms":   ("time",           "0.001"),
}
# fmt: on
_UNIT = re.compile(r"(?:(\d+(?:\.\d+)?)(?: |$))?([A-Za-z%]*)")


@dataclass(frozen=True, slots=True)
class Unit:
    """What one raw step is worth."""

    dimension: str = "number"
    factor: Fraction = Fraction(1)


def parse_unit(text: str, table: MapTable) -> Unit:
    """`text` such as `V`, `0.1 V`, `0.01 kWh`, `0.01` or nothing. Raises ConfigurationError."""
    match = _UNIT.fullmatch(text)
    if match is None or match[2] not in UNITS or Fraction(match[1] or "1") == 0:
        known = ", ".join(symbol for symbol in UNITS if symbol)
        raise table.wrong("unit", f"`{text}`", f"an optional number and one of {known}")
    dimension, step = UNITS[match[2]]
    return Unit(dimension, Fraction(match[1] or "1") * Fraction(step))


class MapFile:
    """The parsed file. Raises ConfigurationError for what is not TOML."""

    def __init__(self, text: str, *, file: str) -> None:
        self._file = file
        try:
            self._content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{file}: is not TOML: {error}") from error

    def wrong(self, key: str, found: str, expected: str) -> ConfigurationError:
        """The error that says `found` stands at `key` where `expected` should."""
        return ConfigurationError(f"{self._file}: {key}: found {found}, expected {expected}")

    def names(self, group: str) -> tuple[str, ...]:
        """Keys of the table `group`, none when it is absent."""
        content = self._content.get(group, {})
        if not isinstance(content, dict):
            raise self.wrong(group, f"`{content}`", "a table")
        return tuple(content)

    def table(self, *path: str) -> MapTable:
        """The table at `path`."""
        content: Any = self._content
        for key in path:
            content = content.get(key) if isinstance(content, dict) else None
        where = ".".join(path)
        if not isinstance(content, dict):
            raise self.wrong(where, "nothing" if content is None else f"`{content}`", "a table")
        return MapTable(self, where, content)

    def finish(self, known: Sequence[str]) -> None:
        """Refuse tables outside `known`."""
        for key in self._content:
            if key not in known:
                raise self.wrong(key, f"`{key}`", f"one of {', '.join(known)}")


class MapTable:
    """One table of the file; remembers which keys were asked for."""

    def __init__(self, document: MapFile, where: str, content: Mapping[str, Any]) -> None:
        self._document = document
        self._where = where
        self._content = content
        self._known: list[str] = []

    def wrong(self, key: str, found: str, expected: str) -> ConfigurationError:
        """As `MapFile.wrong`, with `key` inside this table."""
        return self._document.wrong(f"{self._where}.{key}", found, expected)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default, "text")
        if not isinstance(value, str):
            raise self.wrong(key, f"`{value}`", "text")
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        expected = f"one of {', '.join(allowed)}"
        value = self._get(key, default, expected)
        if value not in allowed:
            raise self.wrong(key, f"`{value}`", expected)
        return str(value)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        expected = f"a whole number from {low} to {high}"
        value = self._get(key, default, expected)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(key, f"`{value}`", expected)
        return value

    def optional_integer(self, key: str) -> int | None:
        self._known.append(key)
        return self.integer(key, 0, 0xFFFFFFFF) if key in self._content else None

    def integers(self, key: str) -> tuple[int, ...]:
        value = self._get(key, [], "a list of whole numbers")
        if not isinstance(value, list) or any(type(one) is not int for one in value):
            raise self.wrong(key, f"`{value}`", "a list of whole numbers")
        return tuple(value)

    def bits(self, key: str) -> dict[str, int]:
        expected = "names with bit numbers from 0 to 15, each once"
        value = self._get(key, {}, expected)
        if not isinstance(value, dict):
            raise self.wrong(key, f"`{value}`", expected)
        numbers = list(value.values())
        usable = all(type(one) is int and 0 <= one <= 15 for one in numbers)
        if not usable or len(set(numbers)) != len(numbers):
            raise self.wrong(key, f"`{value}`", expected)
        return dict(value)

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self._content:
            if key not in self._known:
                raise self.wrong(key, "an unknown key", f"one of {', '.join(self._known)}")

    def _get(self, key: str, default: Any, expected: str) -> Any:
        self._known.append(key)
        if key in self._content:
            return self._content[key]
        if default is None:
            raise self.wrong(key, "nothing", expected)
        return default
