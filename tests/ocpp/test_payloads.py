"""Payloads: read leniently, written strictly."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.ocpp.frames import Fault
from chargepoint.ocpp.payloads import Violation, request, response, written

# fmt: off
LENIENT: list[tuple[str, Any, Any]] = [
    # action                what the CSMS sent                              what we read
    ("Reset",               {"type": "Hard", "extra": 1},                   {"type": "Hard"}),
    ("RemoteStartTransaction", {"idTag": "A", "connectorId": None},         {"idTag": "A"}),
    ("RemoteStartTransaction", {"idTag": 1234, "connectorId": "1"},
                                                          {"idTag": "1234", "connectorId": 1}),
    ("RemoteStopTransaction", {"transactionId": "-5"},                      {"transactionId": -5}),
    ("RemoteStopTransaction", {"transactionId": 7.0},                       {"transactionId": 7}),
    ("ChangeConfiguration", {"key": "A", "value": 30},         {"key": "A", "value": "30"}),
    ("ChangeConfiguration", {"key": "A", "value": True},       {"key": "A", "value": "true"}),
    ("ChangeConfiguration", {"key": "A", "value": 1.5},        {"key": "A", "value": "1.5"}),
    ("GetConfiguration",    {"key": None},                                  {}),
    ("GetConfiguration",    {"key": ["A", None, 5]},                        {"key": ["A", "5"]}),
]
FAULTY: list[tuple[str, Any, Fault]] = [
    # action                 what the CSMS sent                             what is wrong
    ("Reset",                {},                                            Fault.MISSING),
    ("Reset",                {"type": "Warm"},                              Fault.BAD_VALUE),
    ("Reset",                {"type": {"a": 1}},                            Fault.WRONG_TYPE),
    ("RemoteStopTransaction", {"transactionId": "seven"},                   Fault.WRONG_TYPE),
    ("RemoteStopTransaction", {"transactionId": 7.5},                       Fault.WRONG_TYPE),
    ("RemoteStopTransaction", {"transactionId": True},                      Fault.WRONG_TYPE),
    ("RemoteStartTransaction", {"idTag": "x" * 21},                         Fault.BAD_VALUE),
    ("GetConfiguration",     {"key": "HeartbeatInterval"},                  Fault.WRONG_TYPE),
    ("ChangeConfiguration",  {"key": "x" * 51, "value": ""},                Fault.BAD_VALUE),
]
# fmt: on


@pytest.mark.parametrize(("action", "sent", "read"), LENIENT)
def test_a_request_is_read_leniently(action: str, sent: Any, read: Any) -> None:
    """R11, CQ9: unknown fields and nulls dropped, types converted where unambiguous."""
    assert request("v16", action, sent) == read


@pytest.mark.parametrize(("action", "sent", "fault"), FAULTY)
def test_a_request_that_cannot_be_used_names_its_fault(
    action: str, sent: Any, fault: Fault
) -> None:
    """R8."""
    with pytest.raises(Violation) as caught:
        request("v16", action, sent)
    assert caught.value.fault is fault


def test_limits_with_two_decimals_are_taken() -> None:
    """P9: the schema wants multiples of 0.1; central systems send 16.25."""
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.25}],
        },
    }
    read = request("v16", "RemoteStartTransaction", {"idTag": "A", "chargingProfile": profile})
    assert read["chargingProfile"] == profile


def test_one_decimal_limits_of_ours_are_legal() -> None:
    """Floats such as 0.3 are multiples of 0.1 whatever their binary form says."""
    for tenth in range(1, 1000):
        schedule = {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": tenth / 10}],
        }
        answer = {"status": "Accepted", "chargingSchedule": schedule}
        assert written("v16", "GetCompositeSchedule", "response", answer) == answer


def test_an_answer_is_read_as_far_as_it_can_be() -> None:
    """CQ9: answers are never refused."""
    sent = {
        "idTagInfo": {"status": "Accepted", "parentIdTag": None, "more": 1},
        "transactionId": "42",
        "status": "ok",
    }
    assert response("v16", "StartTransaction", sent) == {
        "idTagInfo": {"status": "Accepted"},
        "transactionId": 42,
    }
    assert response("v16", "StartTransaction", {"idTagInfo": "none"}) == {"idTagInfo": "none"}


def test_texts_of_ours_are_cut_to_what_the_schema_allows() -> None:
    """B4, central systems, 6: a central system refuses the whole message for one long field."""
    boot = {"chargePointVendor": "v" * 30, "chargePointModel": "m", "firmwareVersion": "f" * 60}
    cut = written("v16", "BootNotification", "request", boot)
    assert cut == {
        "chargePointVendor": "v" * 20,
        "chargePointModel": "m",
        "firmwareVersion": "f" * 50,
    }


def test_a_mistake_of_ours_is_found_before_it_is_sent() -> None:
    """R11: no extra fields, no missing ones, no wrong types in what we send."""
    for payload in ({"currentTime": "x"}, {"extra": None}):
        with pytest.raises(Violation) as caught:
            written("v16", "Heartbeat", "request", payload)
        assert caught.value.fault is Fault.INTERNAL
    with pytest.raises(Violation):
        written("v16", "StartTransaction", "request", {"connectorId": 1})


def test_celsius_is_what_we_may_send() -> None:
    """The first published schema spelled it Celcius; both are in the schema, we send Celsius."""
    for unit in ("Celsius", "Celcius"):
        value = {"value": "21", "unit": unit}
        payload = {
            "connectorId": 1,
            "meterValue": [{"timestamp": "2026-11-24T10:00:00Z", "sampledValue": [value]}],
        }
        assert written("v16", "MeterValues", "request", payload) == payload
