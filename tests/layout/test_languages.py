"""Every language says everything that English says, with the same fields."""

from __future__ import annotations

import tomllib
from string import Formatter

import pytest

from chargepoint.catalog import ENGLISH, FOLDER, entries, entry, languages, phrase, phrases

WORDS = {"title", "cause", "remedy"}
TITLE_MAX = 70

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


@pytest.mark.parametrize("language", OTHERS)
def test_every_entry_of_a_station_is_translated_and_no_other_is(language: str) -> None:
    """The simulator speaks English only."""
    simulator = set(tomllib.loads((FOLDER / "hil.toml").read_text(encoding="utf-8")))
    wanted = set(entries()) - simulator
    folder = FOLDER / "languages" / language
    texts = [tomllib.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.toml")]
    whole = {entry_id for area in texts for entry_id, words in area.items() if set(words) >= WORDS}
    assert sorted(wanted - whole) == []
    assert sorted(whole - set(entries())) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translated_title_fits_where_the_english_one_does(language: str) -> None:
    assert [one for one in entries() if len(entry(one, language).title) > TITLE_MAX] == []
