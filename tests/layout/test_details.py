"""What the safety program says of a hazard can be told in every language."""

from __future__ import annotations

from string import Formatter

import pytest

from chargepoint.catalog import ENGLISH, languages, phrases
from chargepoint.catalog.details import detail, detail_text
from chargepoint.evse.words import WORDS


def test_the_words_of_the_safety_program_are_those_of_the_catalogue() -> None:
    catalogue = {name: phrases(ENGLISH).get(f"detail.{name}") for name in WORDS}
    assert catalogue == WORDS


@pytest.mark.parametrize("language", languages())
def test_figures_are_written_alike_in_each_language(language: str) -> None:
    """The same precision, and a unit in the name of each figure that has one."""
    for key, text in phrases(ENGLISH).items():
        if key.startswith("detail."):
            wanted = {(name, spec) for _, name, spec, _ in Formatter().parse(text) if name}
            other = phrases(language)[key]
            found = {(name, spec) for _, name, spec, _ in Formatter().parse(other) if name}
            assert found == wanted, key


def test_german_is_german_to_the_decimal_sign_and_strange_words_stay() -> None:
    stuck = detail("contact_closed", contact="second contactor", waited_s=0.5, limit_s=0.25)
    german = "zweites Schütz 0,50 s nach dem Befehl zum Öffnen geschlossen, Grenze 0,25 s"
    assert stuck.text("de") == german
    assert detail("board_reports", faults="fan").text("de") == "Platine meldet fan"
    assert (
        detail("answer", reason="csms:80 does not answer").text("de") == "csms:80 antwortet nicht"
    )
    assert detail("answer", reason="switched off").text("de") == "switched off"
    assert detail("report", text="it says no reply").text("de") == "it says no reply"
    assert detail("answer", reason="door_open").text("de") == "Gehäuse ist offen"


def test_what_another_release_has_said_is_told_in_its_own_words() -> None:
    assert detail_text(detail("of_next_year"), "42 of 23", "de") == "42 of 23"
    assert detail_text(detail("voltage", phase=1), "L1 270 V", "de") == "L1 270 V"
    assert detail_text(None, "32 mA against 30", "de") == "32 mA against 30"
