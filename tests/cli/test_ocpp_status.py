"""`chargepoint ocpp status`: what is said of the way to the CSMS."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from chargepoint.cli.ocpp import show_way
from chargepoint.cli.status import show_csms
from chargepoint.ipc.service import CsmsStatus

URLS = ("wss://a.example/ocpp/CP", "wss://b.example/ocpp/CP")
WAITING = CsmsStatus(
    configured=True,
    url=URLS[1],
    state="waiting",
    version="",
    since_s=12.0,
    last_error="b.example:443 refuses connections",
    next_attempt_s=8.4,
    check="whether the CSMS runs",
    error_age_s=12.0,
    failures=6,
    urls=URLS,
    address=1,
)


def said(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[str]:
    csms = replace(WAITING, **changes)
    show_csms(csms)
    show_way(csms)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_it_says_where_since_when_why_not_what_to_check_and_when_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert said(capsys) == [
        "CSMS waiting for 12 s, wss://b.example/ocpp/CP",
        "last error: b.example:443 refuses connections; next try in 8 s",
        "to check: whether the CSMS runs",
        "→ address 1 wss://a.example/ocpp/CP",
        "address 2 wss://b.example/ocpp/CP",
        "Attempts in vain 6",
    ]


def test_while_connected_it_says_when_and_why_the_last_one_was_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = said(
        capsys,
        state="accepted",
        version="1.6",
        failures=0,
        urls=URLS[:1],
        proxy="proxy.example:3128",
        error_age_s=30.0,
        last_error="connection lost",
        check="",
        answer_awaited_s=4.0,
    )
    assert lines == [
        "CSMS accepted OCPP 1.6 for 12 s, wss://b.example/ocpp/CP",
        "By the proxy proxy.example:3128",
        "Last lost 30 s ago: connection lost",
        "An answer is awaited for 4 s",
    ]
