"""What keeps a connector from being used is told to drivers too, in every language."""

from __future__ import annotations

import re

import pytest

from chargepoint.catalog import ENGLISH, entries, entry, languages

TEXT_MAX = 200
STOPPING = sorted(found.id for found in entries().values() if found.stops)
TOLD = sorted(found.id for found in entries().values() if found.driver)
ASKED_TOO_MUCH = re.compile(
    r"\b(open|remove|loosen) (the|a) (door|cover|housing|enclosure|box)"
    r"|\brepair\b|\breparier|\bschrauben\b|\böffnen Sie (das|den|die)\b",
    re.IGNORECASE,
)
JARGON = re.compile(r"\b(pilot|contactor|schütz|modbus|hazard|register|watchdog|rcd|evse)\b", re.I)


@pytest.mark.parametrize("language", languages())
def test_a_driver_is_told_of_everything_that_stops_a_connector(language: str) -> None:
    assert [each for each in STOPPING if not entry(each, language).driver] == []


@pytest.mark.parametrize("language", [each for each in languages() if each != ENGLISH])
@pytest.mark.parametrize("entry_id", TOLD)
def test_a_text_for_drivers_is_translated_with_its_title(entry_id: str, language: str) -> None:
    english, other = entry(entry_id), entry(entry_id, language)
    assert other.driver != english.driver
    assert other.title != english.title
    assert len(other.title) <= 60
    assert other.title[-1] != "."


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("entry_id", TOLD)
def test_a_text_for_drivers_is_short_and_asks_for_no_repair(entry_id: str, language: str) -> None:
    text = entry(entry_id, language).driver
    assert len(text) <= TEXT_MAX
    assert text.endswith((".", "!"))
    assert not ASKED_TOO_MUCH.search(text)
    assert not JARGON.search(text)
