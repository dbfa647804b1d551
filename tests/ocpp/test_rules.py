"""The rule matrix: complete, and up to date where it is published from."""

from __future__ import annotations

import os

import pytest

from tests import certification, rules

CASES = [name for _, table in certification.CASES for name, _, _ in table]
CASES_OF_1_6 = 107
"""Certification cases for a charge point."""


def test_rules_are_found_in_docstrings() -> None:
    assert rules.rules_in("R3, B5: why; CQ9, keys, rules 6 and 7; TC_042_1, X5, 9.4 rule 1.") == {
        "9.4",
        "R3",
        "B5",
        "CQ9",
        "keys 6",
        "keys 7",
        "TC_042_1",
        "X5",
    }
    assert rules.rules_in("PR3, E12V, B1x, 3.18, SoC, MB2x, 9.45, 1.9.1") == set()


def test_no_rule_stands_twice_in_the_matrix() -> None:
    numbers = [rule for _, table in rules.GROUPS for rule, _, _ in table]
    assert len(numbers) == len(set(numbers))


def test_every_rule_of_framing_has_a_test() -> None:
    tests = rules.named()
    assert [rule for rule in (f"R{n}" for n in range(1, 16)) if rule not in tests] == []


def test_every_rule_that_the_adapter_keeps_has_a_test() -> None:
    """A place under ocpp/ without a test is a promise that nobody checks."""
    tests = rules.named()
    ours = [
        rule
        for _, table in rules.GROUPS
        for rule, _, place in table
        if place.startswith("ocpp/") and "station" not in place
    ]
    assert [rule for rule in ours if rule not in tests] == []


def test_every_rule_of_lists_and_reservations_has_a_test() -> None:
    ours = [f"V{n}" for n in range(1, 9)] + [f"5.{n}" for n in range(1, 5)]
    tests = rules.named()
    assert [rule for rule in ours if rule not in tests] == []


def test_every_certification_case_stands_once_in_the_table() -> None:
    assert len(CASES) == len(set(CASES)) == CASES_OF_1_6


def test_every_certification_case_has_a_test_or_a_reason() -> None:
    assert certification.without_test_or_reason(rules.named()) == []


def test_a_case_that_lost_its_test_is_found() -> None:
    """Guards the check above: the cases with a reason are few."""
    without = certification.without_test_or_reason({"TC_001": {"a file"}, "TC_002": set()})
    assert len(without) >= CASES_OF_1_6 - 5
    assert "TC_001" not in without
    assert "TC_002" in without


def test_no_docstring_names_a_case_that_does_not_exist() -> None:
    named = [rule for rule in rules.named() if rule.startswith("TC_")]
    assert [name for name in named if name not in CASES] == []


@pytest.mark.skipif(not os.environ.get("CI"), reason="others add tests meanwhile; CI compares")
def test_the_page_is_up_to_date() -> None:
    """Written anew by `python -m tests.rules`."""
    assert rules.DOCUMENT.read_text(encoding="utf-8") == rules.document()
