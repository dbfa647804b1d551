"""URL, headers and TLS towards the CSMS."""

from __future__ import annotations

import base64

import pytest

from chargepoint.agent.endpoint import endpoint
from chargepoint.config import Csms

HEX_KEY = "4f43415f4f4354545f61646d696e5f74657374"


@pytest.mark.parametrize(
    ("url", "identity", "wanted"),
    [
        ("ws://host/ocpp", "CP-1", "ws://host/ocpp/CP-1"),
        ("ws://host/ocpp/", "CP-1", "ws://host/ocpp/CP-1"),
        ("ws://host", "CP-1", "ws://host/CP-1"),
        ("ws://host:80/a//", "RDAM 123", "ws://host:80/a/RDAM%20123"),
        ("wss://host/a?tenant=7", "a/b:c", "wss://host/a/a%2Fb%3Ac?tenant=7"),
        ("ws://host/x", "Säule", "ws://host/x/S%C3%A4ule"),
    ],
)
def test_the_identity_is_appended_encoded_behind_one_slash(
    url: str, identity: str, wanted: str
) -> None:
    """T1, CQ1: OCPP-J 1.6, section 3.1.1."""
    assert endpoint(Csms(url=url), identity).url == wanted


def test_a_url_that_holds_the_identity_stays_as_it_is() -> None:
    settings = Csms(url="ws://host/ocpp/CP-1", url_has_identity=True)
    assert endpoint(settings, "CP-1").url == "ws://host/ocpp/CP-1"


def header(settings: Csms, identity: str = "CP 1", attempt: int = 0) -> bytes:
    scheme, _, token = endpoint(settings, identity).headers(attempt)["Authorization"].partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(token)


def test_the_header_holds_the_identity_as_it_is() -> None:
    """T5, CQ2."""
    settings = Csms(url="wss://host/ocpp", security_profile=2, password="0123456789abcdef:")
    assert header(settings) == b"CP 1:0123456789abcdef:"


def test_without_a_password_there_is_no_header_at_all() -> None:
    assert endpoint(Csms(url="ws://host/ocpp"), "CP-1").headers(0) == {}


def test_a_key_in_hex_is_tried_as_bytes_and_as_text_in_turns() -> None:
    settings = Csms(url="ws://host/ocpp", security_profile=1, password=HEX_KEY)
    assert header(settings, attempt=0) == b"CP 1:OCA_OCTT_admin_test"
    assert header(settings, attempt=1) == b"CP 1:" + HEX_KEY.encode()
    assert header(settings, attempt=2) == header(settings, attempt=0)


def test_the_url_that_is_logged_holds_no_password() -> None:
    settings = Csms(url="ws://host/ocpp", security_profile=1, password="0123456789abcdef")
    assert "0123456789abcdef" not in endpoint(settings, "CP-1").url


def test_the_tls_context_checks_names_and_offers_http_1_only() -> None:
    context = endpoint(Csms(url="wss://host/ocpp"), "CP-1").tls_context()
    assert context.check_hostname
    assert context.minimum_version.name == "TLSv1_2"
