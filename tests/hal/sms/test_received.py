"""What comes, against published PDUs and the simulator's own encoder."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.sms.assembly import KEPT_S, Assembly
from hal.sms.received import BadPdu, Delivered, Part, StatusReport, decoded
from hil.wire import sms_pdu

HELLO = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"
"""From a tutorial that many implementations quote."""


def test_a_published_message_is_read() -> None:
    assert decoded(HELLO) == Delivered(
        number="+31641600986",
        text="How are you?",
        sent_at=datetime(2002, 8, 26, 19, 37, 41, tzinfo=UTC),
    )


@given(st.text(alphabet="ACK ack 0123456789\näöü?@", max_size=100))
def test_what_a_phone_sends_is_read(text: str) -> None:
    message = decoded(sms_pdu.deliver("+4915112345678", text))
    assert isinstance(message, Delivered)
    assert (message.number, message.text) == ("+4915112345678", text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_a_phone_sends_in_unicode_is_read(text: str) -> None:
    message = decoded(sms_pdu.deliver("0151123", text))
    assert isinstance(message, Delivered)
    assert message.text == text


def test_a_sender_with_a_name_is_read() -> None:
    message = decoded("00040ED0D637396C7EBBCB00002621010021000002E834")
    assert isinstance(message, Delivered)
    assert (message.number, message.text) == ("Vodafone", "hi")


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (0x00, "delivered", "delivered"),
        (0x01, "delivered", "forwarded by the service centre, without confirmation"),
        (0x20, "pending", "congestion"),
        (0x30, "pending", "status 0x30"),
        (0x43, "failed", "the number cannot be reached"),
        (0x46, "failed", "its validity has expired"),
        (0x62, "failed", "the phone does not answer"),
    ],
)
def test_a_report_says_what_became_of_a_message(status: int, outcome: str, reason: str) -> None:
    report = decoded(sms_pdu.report(42, "+12025550123", status))
    assert isinstance(report, StatusReport)
    assert (report.reference, report.number) == (42, "+12025550123")
    assert (report.outcome, report.reason) == (outcome, reason)


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_no_pdu(octets: bytes) -> None:
    try:
        message = decoded(octets.hex())
    except BadPdu:
        return
    assert isinstance(message, Delivered | StatusReport)


@pytest.mark.parametrize("text", ["", "0", "xyz", "00", "0004", "00" * 301])
def test_what_is_no_message_is_no_pdu(text: str) -> None:
    with pytest.raises(BadPdu):
        decoded(text)


def test_parts_are_joined_in_their_order() -> None:
    assembly = Assembly()
    pdus = [sms_pdu.deliver("+4915112345678", text, (7, 2, n)) for n, text in ((2, "b"), (1, "a"))]
    messages = [message for message in map(decoded, pdus) if isinstance(message, Delivered)]
    assert messages[1].part == Part(reference=7, total=2, number=1)
    assert assembly.add(messages[0], 0.0) == []
    assert assembly.add(messages[1], 1.0) == [("+4915112345678", "ab")]
    assert assembly.expired(1e9) == []


def test_a_part_whose_rest_never_comes_is_given_after_a_while() -> None:
    assembly = Assembly()
    message = decoded(sms_pdu.deliver("+4915112345678", "ack 7", (7, 2, 1)))
    assert isinstance(message, Delivered)
    assert assembly.add(message, 0.0) == []
    assert assembly.expired(KEPT_S - 1.0) == []
    assert assembly.expired(KEPT_S) == [("+4915112345678", "ack 7")]


def test_parts_without_end_are_bounded() -> None:
    assembly = Assembly()
    given_up = []
    for reference in range(100):
        message = decoded(sms_pdu.deliver("+4915112345678", "x", (reference, 2, 1)))
        assert isinstance(message, Delivered)
        given_up += assembly.add(message, 0.0)
    assert len(given_up) == 92
