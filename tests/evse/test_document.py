"""docs/iec61851.md shows the tables that run."""

from __future__ import annotations

import re

import pytest

from chargepoint.evse.diagram import transition_diagram
from chargepoint.evse.machine import TRANSITIONS
from tests.evse.document import BLOCKS, DOCUMENT, renewed

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_document_is_current() -> None:
    """Renew it with `python -m tests.evse.document`."""
    assert renewed(TEXT) == TEXT


@pytest.mark.parametrize("block", BLOCKS)
def test_the_document_has_each_generated_block_once(block: str) -> None:
    assert TEXT.count(f"<!-- generated: {block} -->") == 1


def test_the_diagram_has_an_arrow_for_each_row() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): ", transition_diagram(), re.MULTILINE)
    assert arrows == [(row.source.value, row.to.value) for row in TRANSITIONS]


def test_each_row_has_a_clause_and_a_confidence() -> None:
    assert all(row.clause and row.confidence in ("H", "M", "L") for row in TRANSITIONS)
