"""Broker and mail servers: what cannot be, and what is usually a slip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.config import parse
from chargepoint.config.advice import advice
from tests.test_config import DEMO, mistakes

BOX = {"reply_server": "imap.example.com", "reply_user": "u", "reply_password": "p"}
HOOK = {"name": "ops", "webhook": "https://hook.example.com/x"}
MAIL = {"server": "smtp.example.com", "sender": "charger@example.com"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mqtt": {"host": "b", "password": "x"}}, "mqtt.user: missing, but mqtt.password is set"),
        (
            {"mqtt": {"host": "b", "ca_file": "/x.pem"}},
            "mqtt.ca_file: has no effect without mqtt.tls = true",
        ),
        (
            {"mqtt": {"host": "mqtt://b"}},
            "mqtt.host: found 'mqtt://b', expected a name or an address, nothing else",
        ),
        (
            {"mqtt": {"host": "b", "discovery": "ha/#"}},
            "mqtt.discovery: found 'ha/#', expected a topic without #, + and spaces",
        ),
        (
            {"alerts": {"email": {**MAIL, "server": "smtp:25"}}},
            "alerts.email.server: found 'smtp:25', expected a name or an address, nothing else",
        ),
        (
            {"alerts": {"email": {**MAIL, "password": "x"}}},
            "alerts.email.user: missing, but alerts.email.password is set",
        ),
        (
            {"alerts": {"email": {**MAIL, "reply_server": "imap.example.com"}}},
            "alerts.email.reply_user: alerts.email.reply_server needs reply_user, reply_password",
        ),
        (
            {"alerts": {"email": {**MAIL, "security": "none", "reply_security": "none",
                                  "ca_file": "/x.pem"}}},
            "alerts.email.ca_file: has no effect with security none",
        ),
    ],
)  # fmt: skip
def test_a_contradiction_is_named(changes: dict[str, Any], expected: str) -> None:
    assert f"station.toml: {expected}" in mistakes(changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mqtt": {"host": "b", "port": 8883}}, "8883 is the usual port of TLS"),
        ({"mqtt": {"host": "b", "tls": True}}, "1883 is the usual port without TLS"),
        ({"mqtt": {"host": "b", "user": "u", "password": "p"}}, "can be read on the way"),
        ({"mqtt": {"host": "b", "commands": True}}, "commands without a user"),
        ({"alerts": {"email": {**MAIL, "port": 465}}}, '465 is the usual port of security = "tls"'),
        ({"alerts": {"email": {**MAIL, "security": "tls"}}}, "587 is the usual port"),
        (
            {"alerts": {"email": {**MAIL, "security": "none", "user": "u", "password": "p"}}},
            "can be read on the way",
        ),
        (
            {"alerts": {"email": {**MAIL, **BOX, "reply_security": "none"}}},
            "the mailbox's password can be read on the way",
        ),
        ({"alerts": {"contact": [HOOK]}}, "`ops` carry no signature"),
        ({"alerts": {"webhook": {"secret": "short"}}}, "shorter than 16 characters"),
    ],
)
def test_a_likely_slip_is_told(changes: dict[str, Any], expected: str) -> None:
    assert any(expected in line for line in advice(parse({**DEMO, **changes}, "station.toml")))


def test_a_file_that_is_not_there_is_told_unless_its_place_is_not_certain(tmp_path: Path) -> None:
    there = tmp_path / "c.pem"
    there.write_text("")
    gone = tmp_path / "gone" / "k.pem"
    web = {"tls": "files", "cert_file": str(there), "key_file": str(gone)}
    webhook = {"ca_file": "relative.pem"}
    config = parse({**DEMO, "web": web, "alerts": {"webhook": webhook}}, "station.toml")
    assert list(advice(config)) == [f"web.key_file: there is no file {gone}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"mqtt": {"host": "b"}},
        {"mqtt": {"host": "127.0.0.1", "user": "u", "password": "p", "commands": True}},
        {"mqtt": {"host": "b", "port": 8883, "tls": True, "user": "u", "password": "p"}},
        {"alerts": {"email": {**MAIL, "user": "u", "password": "p"}}},
        {"alerts": {"email": {**MAIL, "security": "none", "port": 25}}},
        {"alerts": {"email": {**MAIL, **BOX}}},
        {"alerts": {"contact": [HOOK], "webhook": {"secret": "sixteen or longer"}}},
    ],
)
def test_what_is_usual_needs_no_advice(changes: dict[str, Any]) -> None:
    told = advice(parse({**DEMO, **changes}, "station.toml"))
    assert [line for line in told if line.startswith(("mqtt", "alerts"))] == []
