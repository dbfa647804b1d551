"""Every name that the programs log, raise or note stands in the catalogue, and says what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.catalog import Entry, entries
from chargepoint.evse.hazards import HAZARDS

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
NAMED = {"Note", "Noted"}
EVENT = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
MREC = re.compile(r"^CX0(0[1-9]|1\d|2[0-6])$")
V16_CODES = {
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "NoError",
    "OtherError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "WeakSignal",
}


def used_names() -> Iterator[tuple[str, str]]:
    """(place, name) of each event name that stands as a literal in a log call or a Note."""
    for program in ("chargepoint", "hal", "hil"):
        for path in sorted((ROOT / program).rglob("*.py")):
            if "_validators" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = _name(node)
                if name is not None and EVENT.match(name):
                    assert isinstance(node, ast.Call)
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", name


def _name(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in LEVELS and node.args:
        return _literal(node.args[0])
    called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if called in NAMED:
        named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
        return _literal((named or node.args or [ast.Constant(None)])[0])
    return None


def _literal(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_name_that_is_logged_or_noted_stands_in_the_catalogue() -> None:
    missing = [f"{place}: {name}" for place, name in used_names() if name not in entries()]
    assert missing == []


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.id)
def test_an_entry_says_what_happened_why_and_what_to_do(entry: Entry) -> None:
    assert len(entry.title) <= 60
    assert len(entry.cause) >= 15
    assert len(entry.remedy) >= 10
    assert entry.title[-1] != "."
    assert entry.code_v16 in V16_CODES
    assert len(entry.code_mrec) <= 50
    if entry.code_mrec.startswith("CX"):
        assert MREC.match(entry.code_mrec)


@pytest.mark.parametrize(
    "entry", [e for e in entries().values() if e.kind == "hazard"], ids=lambda entry: entry.id
)
def test_a_hazard_tells_the_csms_more_than_no_error(entry: Entry) -> None:
    assert entry.code_v16 != "NoError"


def test_the_catalogue_and_the_safety_program_agree_on_what_outlives_restarts() -> None:
    """The agent takes it from the catalogue where a fact was missed."""
    told = {entry.id for entry in entries().values() if entry.persists}
    assert told == {hazard for hazard, row in HAZARDS.items() if row.persists}
