"""Frames for people: no tokens, no keys, bounded."""

from __future__ import annotations

import json

from chargepoint.ocpp.redaction import SHOWN_MAX, redacted


def test_tokens_are_masked_to_their_last_four_characters() -> None:
    text = '[2,"1","Authorize",{"idTag":"04A2B3C4D5E6F7"}]'
    assert redacted(text) == '[2,"1","Authorize",{"idTag":"…E6F7"}]'
    assert redacted('{"parentIdTag" : "AB"}') == '{"parentIdTag" : "…B"}'
    assert redacted('{"idToken":{"idToken":"12345678","type":"Local"}}') == (
        '{"idToken":{"idToken":"…5678","type":"Local"}}'
    )


def test_a_token_with_escapes_or_without_an_end_is_masked_too() -> None:
    assert "secret" not in redacted('{"idTag":"secret\\"secret1234"}')
    assert redacted('[2,"1","Authorize",{"idTag":"04A2B3C4D5E6F7') == (
        '[2,"1","Authorize",{"idTag":"…E6F7'
    )


def test_a_new_authorization_key_is_never_shown() -> None:
    """Keys, rule 5."""
    text = '[2,"1","ChangeConfiguration",{"key":"authorizationKEY","value":"0123456789abcdef"}]'
    assert redacted(text) == (
        '[2,"1","ChangeConfiguration",{"key":"authorizationKEY","value":"…"}]'
    )


def test_other_values_are_shown() -> None:
    text = '[2,"1","ChangeConfiguration",{"key":"HeartbeatInterval","value":"60"}]'
    assert redacted(text) == text


def test_credentials_in_a_location_are_not_shown() -> None:
    text = '[2,"1","GetDiagnostics",{"location":"ftp://user:pass@host/"}]'
    assert "pass" not in redacted(text)


def test_a_huge_frame_is_cut() -> None:
    assert len(redacted("x" * 1_000_000)) == SHOWN_MAX + 1


def test_where_a_value_was_measured_is_no_secret() -> None:
    text = '[2,"1","MeterValues",{"value":"12.5","location":"Outlet"}]'
    assert redacted(text) == text


def test_what_a_driver_has_written_is_not_shown() -> None:
    data = json.dumps({"condition": "problem_reported", "detail": 'a "torn" cable, 0151 2345678'})
    call = {"vendorId": "Us", "messageId": "alert.raised", "data": data}
    shown = redacted(json.dumps([2, "1", "DataTransfer", call]))
    assert json.loads(shown)[3] == {**call, "data": "…"}
    other = json.dumps([2, "1", "DataTransfer", {**call, "data": '{"condition": "disk_worn"}'}])
    assert redacted(other) == other
