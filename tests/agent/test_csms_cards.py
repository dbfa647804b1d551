"""docs/csms.md is right: the settings of each card load, its URL fits, its rules hold.

That each rule named there has a test is what `tests/rules.py` collects them for.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from chargepoint.agent.endpoint import endpoint
from chargepoint.config import Csms
from tests.rules import named

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "csms.md").read_text("utf-8")

# fmt: off
PATHS = {
    # what each takes the identity `CP-1` from; `CP-1` has no character that anybody decodes
    "SteVe":                     "/steve/websocket/CentralSystemService/CP-1",
    "CitrineOS":                 "/CP-1",
    "MaEVe":                     "/ws/CP-1",
    "evcc":                      "/CP-1",
    "Home Assistant":            "/CP-1",
    "OCPP.Core":                 "/OCPP/CP-1",
    "products on ocpp-go":       "/ocpp/CP-1",
    "products on Java-OCA-OCPP": "/ocpp/CP-1",
    "Tap Electric":              "/token/CP-1",
    "be.ENERGISED":              "/CP-1",
    "Monta":                     "/ocpp/CP-1",
    "Joulepoint":                "/ocpp16j/CP-1",
}
# fmt: on


def cards() -> dict[str, tuple[str, str]]:
    """CSMS -> URL and settings of the first table."""
    rows = re.findall(r"^\| ([^|]+) \| `(wss?://[^`]+)` \| 1\.6 \| ([^|]*)\|$", PAGE, re.MULTILINE)
    return {name: (url, settings) for name, url, settings in rows}


def settings_of(text: str) -> dict[str, Any]:
    """What stands in backticks, as the TOML that it is."""
    return tomllib.loads("\n".join(re.findall(r"`([^`]+)`", text)))


def test_every_card_has_a_url() -> None:
    assert list(cards()) == list(PATHS)


@pytest.mark.parametrize("name", PATHS)
def test_the_url_of_a_card_leads_where_its_csms_looks_for_the_identity(name: str) -> None:
    """CQ1, CQ2, T1: no trailing slash, no query, exactly one element behind the prefix."""
    url, text = cards()[name]
    known = {key: value for key, value in settings_of(text).items() if key in dir(Csms)}
    made = endpoint(Csms(url=url, **known), "CP-1").url
    assert made.endswith(PATHS[name])
    assert made.removesuffix(PATHS[name]).count("/") == 2


def test_every_rule_that_the_page_names_is_held_by_a_test() -> None:
    rules = set(re.findall(r"\b(?:CQ|[RTB])\d{1,2}\b", PAGE.partition("## What is known")[2]))
    assert rules >= {f"CQ{number}" for number in range(1, 16)}
    held = named()
    assert {rule for rule in rules if not held.get(rule)} == set()
