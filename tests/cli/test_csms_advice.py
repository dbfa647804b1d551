"""What `config check` notes of `[csms]`: legal, but known to be refused somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chargepoint.config import Csms, load
from chargepoint.config.advice import advice

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "demo.toml"


def notes(identity: str = "CP-1", url: str = "ws://host/ocpp", **settings: Any) -> list[str]:
    config = load(EXAMPLE)
    return advice(replace(config, csms=Csms(identity=identity, url=url, **settings)))


def test_the_ordinary_needs_no_note() -> None:
    assert notes(security_profile=1, password="0123456789abcdef") == []
    assert notes(password="4f43415f4f4354545f61646d696e5f74657374") == []
    assert advice(replace(load(EXAMPLE), csms=None)) == []


@pytest.mark.parametrize("identity", ["CP 1", "Säule", "GaroCS-41/2", "a:b"])
def test_an_identity_of_odd_characters_is_noted(identity: str) -> None:
    """CQ2."""
    (note,) = notes(identity)
    assert note.startswith(f"csms: identity `{identity}`: ")


def test_a_url_that_ends_in_the_identity_is_noted_and_one_that_should_but_does_not() -> None:
    """CQ1."""
    assert "set url_has_identity = true" in notes(url="ws://host/ocpp/CP-1/")[0]
    assert "set url_has_identity = false" in notes(url_has_identity=True)[0]
    assert notes(url="ws://host/ocpp/CP-1", url_has_identity=True) == []


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "16 to 20 bytes"),
        ("far too long for a key of OCPP 1.6", "16 to 20 bytes"),
        ("0123456789:abcdef", "neither `:`"),
        ("0123456789abcdü", "neither `:`"),
    ],
)
def test_a_key_that_some_refuse_is_noted(password: str, words: str) -> None:
    (note,) = notes(password=password)
    assert words in note


def test_on_profile_3_the_key_does_not_matter() -> None:
    assert notes(security_profile=3, password="short") == []
