"""From TOML to frozen values: every mistake is collected, none is guessed away.

A mistake is reported as `file: key: what was found, what was expected`, with a suggestion for
misspelt keys.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec

from chargepoint.config.secret_names import secret

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Natural = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$",
        description="a name of letters, digits, `_`, `.` and `-`, at most 40",
    ),
]
Text = Annotated[str, msgspec.Meta(max_length=300)]
Text20 = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong in a file."""

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}" if self.key else self.problem


class ConfigError(Exception):
    """A configuration file cannot be used; `mistakes` holds all that was found."""

    def __init__(self, source: str, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(f"{source}: {mistake}" for mistake in mistakes))
        self.source = source
        self.mistakes = mistakes


def read(path: str | Path) -> dict[str, Any]:
    """A TOML file as it is. Raises ConfigError."""
    source = str(path)
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(source, [Mistake("", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(source, [Mistake("", f"is not UTF-8: {error}")]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(source, [Mistake("", f"is not TOML: {error}")]) from error


AnySection = TypeVar("AnySection", bound=Section)


def checked(
    raw: Mapping[str, Any],
    kind: type[AnySection],
    source: str,
    contradictions: Callable[[AnySection], Iterable[Mistake]],
) -> AnySection:
    """`raw` TOML as a `kind`: each value alone, then what they contradict each other in.

    Raises ConfigError with every mistake found.
    """
    mistakes: list[Mistake] = []
    found: AnySection | None = _convert(dict(raw), kind, "", mistakes)
    if found is None:
        raise ConfigError(source, mistakes)
    mistakes.extend(contradictions(found))
    if mistakes:
        raise ConfigError(source, mistakes)
    return found


# --- Conversion that collects mistakes instead of stopping at the first ---------------------------


def _convert(raw: Any, kind: type[Section], where: str, mistakes: list[Mistake]) -> Any:
    """`raw` as a `kind`, or None with at least one more entry in `mistakes`."""
    if not isinstance(raw, dict):
        mistakes.append(Mistake(where, f"found {shown(raw)}, expected a table"))
        return None
    before = len(mistakes)
    hints, fields = get_type_hints(kind, include_extras=True), msgspec.structs.fields(kind)
    types = {field.encode_name: hints[field.name] for field in fields}
    for key in raw:
        if key not in types or key == "source":
            mistakes.append(Mistake(joined(where, key), f"unknown key{_suggestion(key, types)}"))
    values: dict[str, Any] = {}
    for field in fields:
        key = field.encode_name
        if key in raw:
            values[field.name] = _value(raw[key], types[key], joined(where, key), mistakes)
        elif field.required:
            mistakes.append(Mistake(joined(where, key), "missing, but required"))
    return kind(**values) if len(mistakes) == before else None


def _value(raw: Any, kind: Any, where: str, mistakes: list[Mistake]) -> Any:
    section = _section(kind)
    if section is None:
        return _plain(raw, kind, where, mistakes)
    element, container = section
    if container is tuple:
        if not isinstance(raw, list):
            mistakes.append(Mistake(where, f"found {shown(raw)}, expected [[{where}]] tables"))
            return None
        return tuple(
            _convert(item, element, f"{where}.{number}", mistakes)
            for number, item in enumerate(raw, start=1)
        )
    if container is dict:
        if not isinstance(raw, dict):
            mistakes.append(Mistake(where, f"found {shown(raw)}, expected a table of tables"))
            return None
        return {key: _convert(raw[key], element, f"{where}.{key}", mistakes) for key in raw}
    return _convert(raw, element, where, mistakes)


def _plain(raw: Any, kind: Any, where: str, mistakes: list[Mistake]) -> Any:
    if isinstance(raw, float) and math.isinf(raw):
        mistakes.append(Mistake(where, f"found {raw}, expected a finite number"))
        return None
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        place = where + path.rstrip("`")
        if "matching regex" in problem and (described := _description(kind)):
            problem = f"expected {described}"
        if problem.startswith("Invalid enum value"):
            problem = f"expected one of {', '.join(map(repr, _choices(kind)))}"
        found = "a value that is not shown" if secret(where.rpartition(".")[2]) else shown(raw)
        mistakes.append(Mistake(place, f"found {found}; {problem[0].lower()}{problem[1:]}"))
        return None


def _description(kind: Any) -> str:
    """What a pattern inside `kind` stands for, in words; empty: nobody has said it."""
    for argument in (*get_args(kind), *getattr(kind, "__metadata__", ())):
        if isinstance(argument, msgspec.Meta):
            if argument.description:
                return argument.description
        elif found := _description(argument):
            return found
    return ""


def _choices(kind: Any) -> list[Any]:
    """The literals that `kind` allows, also inside a tuple."""
    found: list[Any] = []
    for argument in get_args(kind):
        found += [argument] if isinstance(argument, (str, int)) else _choices(argument)
    return found


def _section(kind: Any) -> tuple[type[Section], type | None] | None:
    """The Section inside `kind` and what contains it: a tuple, a dict or nothing."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind, None
    for argument in get_args(kind):
        if isinstance(argument, type) and issubclass(argument, Section):
            origin = getattr(kind, "__origin__", None)
            return argument, origin if origin in (tuple, dict) else None
    return None


def joined(where: str, key: str) -> str:
    """Place of `key` in the table at `where`."""
    return f"{where}.{key}" if where else key


def shown(raw: Any) -> str:
    """`raw` as it is shown in a message."""
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
