"""docs/alerts.md says what the code does."""

from __future__ import annotations

from chargepoint.catalog import entries
from chargepoint.station.alerts.rules import RULES
from tests.alerts_provoked import DOCUMENT, renewed


def test_the_tables_are_those_of_the_code_and_of_the_last_run() -> None:
    """Else: python -m tests.alerts_provoked --table"""
    text = DOCUMENT.read_text("utf-8")
    assert renewed(text) == text


def test_every_treatment_is_of_a_condition_that_the_catalogue_knows() -> None:
    assert sorted(set(RULES) - set(entries())) == []
