"""DataTransfer of the application note on prices, in and out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chargepoint.ocpp.v16.pricing import VENDOR
from chargepoint.station.effects import SendRecord, Verdict
from chargepoint.station.events import RecordAcknowledged
from chargepoint.station.prices import (
    FinalCostTold,
    MeterTrigger,
    PriceRequest,
    RunningCostTold,
    UserPriceTold,
)
from chargepoint.station.records import (
    ChargingState,
    ConnectorUnplugged,
    Stamp,
    TransactionId,
)
from tests.ocpp.fakes import Line


def ready() -> Line:
    line = Line()
    line.accept()
    return line


def request(message: str | None, data: Any) -> dict[str, Any]:
    text = data if isinstance(data, str) else json.dumps(data)
    named = {} if message is None else {"messageId": message}
    return {"vendorId": VENDOR, **named, "data": text}


def told(line: Line, message: str, data: Any) -> PriceRequest:
    """What the station is told; the answer is its."""
    line.ask("DataTransfer", request(message, data))
    (event,) = (event for event in line.told() if isinstance(event, PriceRequest))
    return event


def test_a_price_for_a_token_in_several_languages() -> None:
    extra = [{"format": "UTF8", "language": "de", "content": "0,30 je kWh"}]
    data = {"idToken": "04A1", "priceText": "0.30 per kWh", "priceTextExtra": extra}
    event = told(ready(), "SetUserPrice", data)
    assert isinstance(event, UserPriceTold)
    assert event.id_token.value == "04A1"
    assert event.texts == {"": "0.30 per kWh", "de": "0,30 je kWh"}


def test_a_running_cost_with_all_triggers() -> None:
    data = {
        "transactionId": 500,
        "timestamp": "2026-11-24T10:00:00Z",
        "meterValue": 1200,
        "cost": 1.25,
        "state": "Idle",
        "chargingPrice": {"kWhPrice": 0.3},
        "triggerMeterValue": {
            "atTime": "2026-11-24T11:00:00Z",
            "atEnergykWh": 12.5,
            "atPowerkW": 1.5,
            "atCPStatus": ["SuspendedEV", "Finishing"],
        },
    }
    event = told(ready(), "RunningCost", data)
    assert isinstance(event, RunningCostTold)
    assert (event.transaction, event.cost, event.idle) == (500, 1.25, True)
    assert event.trigger == MeterTrigger(
        at=datetime(2026, 11, 24, 11, tzinfo=UTC),
        energy_wh=12500.0,
        power_w=1500.0,
        states=frozenset({ChargingState.SUSPENDED_EV}),
    )


def test_a_final_cost() -> None:
    data = {"transactionId": "500", "cost": 2, "priceText": "paid", "qrCodeText": "https://x"}
    event = told(ready(), "FinalCost", data)
    assert isinstance(event, FinalCostTold)
    assert (event.transaction, event.cost, event.texts) == (500, 2.0, {"": "paid"})


# fmt: off
ANSWERED_AT_ONCE = [
    # message            data                               status
    ("RunningCost",      "no json",                         "Rejected"),
    ("RunningCost",      "",                                "Rejected"),
    ("RunningCost",      "[]",                              "Rejected"),
    ("RunningCost",      '{"transactionId":1}',             "Rejected"),
    ("RunningCost",      '{"transactionId":1,"cost":"x"}',  "Rejected"),
    ("SetUserPrice",     '{"priceText":"x"}',               "Rejected"),
    ("FinalCost",        "9" * 5000,                        "Rejected"),
    ("SetDisplay",       "{}",                              "UnknownMessageId"),
    (None,               "{}",                              "UnknownMessageId"),
]
# fmt: on


@pytest.mark.parametrize(("message", "data", "status"), ANSWERED_AT_ONCE)
def test_what_cannot_be_used_is_refused(message: str | None, data: str, status: str) -> None:
    assert ready().ask("DataTransfer", request(message, data))[2] == {"status": status}


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.ACCEPTED, "Accepted"),
        (Verdict.REJECTED, "Rejected"),
        (Verdict.NOT_SUPPORTED, "UnknownVendorId"),
    ],
)
def test_the_station_decides(verdict: Verdict, status: str) -> None:
    line = ready()
    told(line, "FinalCost", {"transactionId": 1, "cost": 2})
    assert line.verdict(verdict)[2] == {"status": status}


def test_a_vehicle_that_left_is_told_as_data_of_the_note() -> None:
    line = ready()
    record = ConnectorUnplugged(
        sequence=9,
        transaction=TransactionId("t"),
        evse=1,
        stamp=Stamp(boot="boot-1", at_s=60.0),
        csms_id=None,
    )
    line.effect(SendRecord(record=record, csms_transaction_id=500))
    _, _, action, payload = line.in_flight
    assert (action, payload["vendorId"], payload["messageId"]) == (
        "DataTransfer",
        VENDOR,
        "ConnectorUnplugged",
    )
    data = json.loads(payload["data"])
    assert data["transactionId"] == 500
    assert data["timestamp"].startswith("2026-11-24T10:01:00")
    line.answer({"status": "Accepted"})
    assert [event.sequence for event in line.told(RecordAcknowledged)] == [9]
