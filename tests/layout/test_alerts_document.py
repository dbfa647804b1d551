"""docs/alerts.md says what the code does."""

from __future__ import annotations

import tomllib

from chargepoint.catalog import FOLDER, entries
from chargepoint.evse.hazards import HAZARDS
from chargepoint.station.alerts.rules import RULES, Rules
from tests.alerts_provoked import DOCUMENT, recorded, renewed

CHANNELS_LEAST = 2
FAULTS = {"control_lost", "local_list_conflict", "meter_lost", "reader_lost"}
"""Of the station; what a board says of itself is told as `board_fault`, with its name."""


def test_the_tables_are_those_of_the_code_and_of_the_last_run() -> None:
    """Else: python -m tests.alerts_provoked --table"""
    text = DOCUMENT.read_text("utf-8")
    assert renewed(text) == text


def test_every_treatment_is_of_a_condition_that_the_catalogue_knows() -> None:
    assert sorted(set(RULES) - set(entries())) == []


def test_every_condition_was_provoked_and_seen_raised_and_cleared_on_two_real_channels() -> None:
    """Else: python -m tests.alerts_provoked CONDITION"""
    alerts = {one.id for one in entries().values() if one.kind == "alert" and "." not in one.id}
    rows = recorded()
    assert set(rows) == alerts | set(HAZARDS) | FAULTS
    unseen = {
        one: about
        for one, row in rows.items()
        for about in ("raised", "cleared")
        if len(row.get(about, ())) < CHANNELS_LEAST
        and not (about == "cleared" and not Rules({}).of(one).ends)
    }
    assert unseen == {}


def test_every_fault_of_the_catalogue_is_a_condition_of_its_own_or_one_of_a_board() -> None:
    simulator = set(tomllib.loads((FOLDER / "hil.toml").read_text("utf-8")))
    faults = {one.id for one in entries().values() if one.kind == "fault"} - simulator
    assert {one for one in faults if not one.startswith("board_")} == FAULTS
