"""Every language says everything that English says, with the same fields."""

from __future__ import annotations

from string import Formatter

import pytest

from chargepoint.catalog import ENGLISH, entries, entry, languages, phrase, phrases

OTHERS = [language for language in languages() if language != ENGLISH]


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_there_is_german() -> None:
    assert "de" in OTHERS


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_exactly_the_phrases_of_english(language: str) -> None:
    assert sorted(phrases(language)) == sorted(phrases(ENGLISH))


@pytest.mark.parametrize("language", OTHERS)
def test_a_phrase_has_the_same_fields_in_each_language(language: str) -> None:
    wrong = [
        key
        for key, text in phrases(ENGLISH).items()
        if _fields(text) != _fields(phrases(language).get(key, text))
    ]
    assert wrong == []


def test_what_a_language_lacks_is_said_in_english() -> None:
    assert phrase("severity.error", "xx") == "fault"
    assert entry("rcd_tripped", "xx") == entries()["rcd_tripped"]
