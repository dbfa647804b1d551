"""The particulars of an alert in the language of whoever reads them.

A `Detail` names a phrase, `detail.ID`, and what it is filled in with: figures with the unit in
their name, which are written as the language writes numbers, and words. A word that the phrases
know (`detail.word.TEXT`) is translated; others come from outside (a server, the system, a driver)
and stay as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from chargepoint.catalog import ENGLISH, entries, entry, phrase, phrases

Field = float | str


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, to be told in any language."""

    id: str
    fields: dict[str, Field] = {}

    def text(self, language: str = ENGLISH) -> str:
        """In words. Raises KeyError for a phrase or a field that does not exist."""
        fields = {name: _spelled(value, language) for name, value in self.fields.items()}
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


def detail_text(said: Detail | None, plain: str, language: str) -> str:
    """`said` in `language`; the plain words where there is none, or of an id of another release."""
    if said is None:
        return plain
    try:
        return said.text(language)
    except (KeyError, ValueError):
        return plain


def _spelled(value: Field, language: str) -> _Number | str:
    if not isinstance(value, str):
        return _Number(value, phrase("number.decimal", language))
    if value in entries():
        return entry(value, language).title
    known = f"detail.word.{value}"
    return phrase(known, language) if known in phrases(ENGLISH) else value
