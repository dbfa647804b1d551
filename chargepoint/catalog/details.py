"""The particulars of an alert in the language of whoever reads them.

A `Detail` names a phrase, `detail.ID`, and what it is filled in with: figures with the unit in
their name, which are written as the language writes numbers, and words. Words that the phrases know
(`detail.word.TEXT`) are translated, also at the end of others (`csms.example does not answer`);
what else comes from outside (a server, the system, a driver) stays as it is.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from chargepoint.catalog import ENGLISH, entries, entry, phrase, phrases

Field = float | str

VERBATIM = ("text", "answer")
"""Fields that hold what people or the log have written."""


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, to be told in any language."""

    id: str
    fields: dict[str, Field] = {}

    def text(self, language: str = ENGLISH) -> str:
        """In words. Raises KeyError for a phrase or a field that does not exist."""
        fields = {
            name: value if name in VERBATIM else _spelled(value, language)
            for name, value in self.fields.items()
        }
        return phrase(f"detail.{self.id}", language, **fields)


class _Number(NamedTuple):
    """A number that formats itself with the decimal sign of a language."""

    value: float
    decimal: str

    def __format__(self, spec: str) -> str:
        return format(self.value, spec).replace(".", self.decimal)


def detail(id: str, **fields: Field) -> Detail:
    """Shorter to write."""
    return Detail(id=id, fields=fields)


class Saying(Protocol):
    """The same as the messages between the programs have it."""

    @property
    def id(self) -> str: ...
    @property
    def fields(self) -> dict[str, Field]: ...


def detail_of(said: Saying | None) -> Detail | None:
    """What a message has said."""
    return None if said is None else Detail(id=said.id, fields=said.fields)


def detail_text(said: Detail | None, plain: str, language: str) -> str:
    """`said` in `language`; the plain words where there is none, or of an id of another release."""
    if said is None:
        return plain
    try:
        return said.text(language)
    except (KeyError, ValueError):
        return plain


def place_text(place: str, language: str) -> str:
    """Where it is: what of `EVSE 1, contactor/1` or `report 7` is ours to translate."""
    parts = place.split(", ")
    task, _, evse = parts[-1].partition("/")
    if f"task.{task}" in phrases(ENGLISH):
        return phrase(f"task.{task}", language, evse=evse)  # names the EVSE itself
    return ", ".join(_place(part, language) for part in parts)


def _place(part: str, language: str) -> str:
    first, _, rest = part.partition(" ")
    key = f"detail.place.{first}"
    return phrase(key, language, rest=rest) if key in phrases(ENGLISH) else part


def _spelled(value: Field, language: str) -> _Number | str:
    if not isinstance(value, str):
        return _Number(value, phrase("number.decimal", language))
    if value in entries():
        return entry(value, language).title
    known, begin = phrases(ENGLISH), 0
    while f"detail.word.{value[begin:]}" not in known:
        begin = value.find(" ", begin) + 1
        if not begin or " " not in value[begin:]:  # a single word at the end may mean anything
            return value
    return value[:begin] + phrase(f"detail.word.{value[begin:]}", language)
