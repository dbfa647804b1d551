"""DataTransfer of our own: sent while accepted, once, and what the CSMS says is told."""

from __future__ import annotations

import pytest

from chargepoint.station.effects import TransferData
from chargepoint.station.local_requests import Transferred
from tests.ocpp.fakes import Line

TOLD = TransferData(request="r1", vendor_id="com.example", message_id="alert.raised", data="{}")


def ready() -> Line:
    line = Line()
    line.accept()
    line.forget()
    return line


@pytest.mark.parametrize(
    ("status", "ok"),
    [("Accepted", True), ("Rejected", False), ("UnknownVendorId", False),
     ("UnknownMessageId", False)],
)  # fmt: skip
def test_it_is_sent_and_what_the_csms_says_is_told(status: str, ok: bool) -> None:
    line = ready()
    line.effect(TOLD)
    assert line.calls("DataTransfer") == [
        {"vendorId": "com.example", "messageId": "alert.raised", "data": "{}"}
    ]
    line.answer({"status": status})
    (told,) = line.told(Transferred)
    assert (told.request, told.ok, told.detail) == ("r1", ok, f"the CSMS answers {status}")


def test_a_refusal_by_an_error_is_told() -> None:
    line = ready()
    line.effect(TOLD)
    line.error("NotImplemented")
    (told,) = line.told(Transferred)
    assert (told.ok, told.detail) == (False, "the CSMS answers NotImplemented")


def test_silence_and_a_lost_link_are_told_and_nothing_is_sent_again() -> None:
    line = ready()
    line.effect(TOLD)
    line.wait(31)
    line.effect(TOLD)
    line.disconnect()
    assert [told.ok for told in line.told(Transferred)] == [False, False]
    assert len(line.calls("DataTransfer")) == 1


def test_before_it_is_accepted_nothing_is_sent() -> None:
    line = Line()
    line.connect()
    line.effect(TOLD)
    assert line.calls("DataTransfer") == []
    assert [told.ok for told in line.told(Transferred)] == [False]


def test_more_than_a_few_at_a_time_are_not_taken() -> None:
    line = ready()
    for _ in range(12):
        line.effect(TOLD)
    assert len(line.told(Transferred)) == 4
