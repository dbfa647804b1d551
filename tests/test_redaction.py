"""What must not leave the station with an archive."""

from __future__ import annotations

import time

import pytest

from chargepoint.config import parse
from chargepoint.config.redaction import blanked, redacted, secrets_of


def test_every_secret_is_blanked_however_deep() -> None:
    raw = {
        "csms": {"password": "x", "url": "u"},
        "v16": [{"AuthorizationKey": "y"}],
        "password": "",
        "alerts": {
            "contact": [{"name": "Anna", "sms": "+491", "apprise": ["tgram://t/c"], "email": ""}],
            "email": {"server": "s", "password": "p"},
            "webhook": {"secret": "w", "timeout_s": 10.0},
            "modem": {"pin": "1234"},
            "dead_man": {"url": "https://hc.example/uuid", "every_s": 60.0},
        },
    }
    assert blanked(raw) == {
        "csms": {"password": "…", "url": "u"},
        "v16": [{"AuthorizationKey": "…"}],
        "password": "",
        "alerts": {
            "contact": [{"name": "Anna", "sms": "…", "apprise": "…", "email": ""}],
            "email": {"server": "s", "password": "…"},
            "webhook": {"secret": "…", "timeout_s": 10.0},
            "modem": {"pin": "…"},
            "dead_man": {"url": "…", "every_s": 60.0},
        },
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see ftp://u:p@h/x and https://h/y", "see ftp://…@h/x and https://h/y"),
        ("to anna.b+c@mail.example.org, again", "to …, again"),
        ("call +4915112345678 now", "call … now"),
        (
            "chargepoint-control@safety.service started",
            "chargepoint-control@safety.service started",
        ),
        (
            "2026-07-01T10:00:00+02:00 1+23456 +0123456789",
            "2026-07-01T10:00:00+02:00 1+23456 +0123456789",
        ),
    ],
)
def test_addresses_and_numbers_are_found_by_their_form(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_a_secret_of_the_configuration_is_found_wherever_it_is_repeated() -> None:
    config = parse(
        {
            "station": {"id": "CP-1", "vendor": "v", "model": "m"},
            "bus": [{"name": "s", "kind": "modbus-rtu", "port": "s"}],
            "device": [
                {
                    "name": "b",
                    "driver": "pilot-board",
                    "map": "reference_pilot_board",
                    "bus": "s",
                }
            ],
            "evse": [{"id": 1, "board": "b"}],
            "csms": {"url": "wss://c/x", "password": 'say "hello" twice', "security_profile": 2},
            "mqtt": {"host": "h", "user": "chargepoint", "password": "longer than hello"},
        },
        "",
    )
    secrets = secrets_of(config)
    assert redacted('a say "hello" twice b', secrets) == "a … b"
    assert redacted('{"x":"say \\"hello\\" twice"}', secrets) == '{"x":"…"}'
    assert redacted("chargepoint stays", secrets) == "chargepoint stays", "a name, no secret"


def test_a_hostile_text_does_not_hold_up_the_program() -> None:
    text = "a" * 300_000 + "@" + "+" * 300_000 + "9" * 300_000
    began_s = time.process_time()
    redacted(text)
    assert time.process_time() - began_s < 1.0
