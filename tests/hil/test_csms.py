"""The local CSMS: what it answers, what it remembers, what it finds fault with."""

from __future__ import annotations

import asyncio
import json
import urllib.request

import pytest
from websockets.asyncio.client import connect

from hil.csms.central import Behaviour, Central, Refusal
from hil.csms.server import Csms

START = {"connectorId": 1, "idTag": "A", "meterStart": 10, "timestamp": "2026-11-24T10:00:00Z"}


def test_an_identical_start_gets_the_same_transaction_again() -> None:
    central = Central()
    first = central.handle("cp", "StartTransaction", dict(START))
    again = central.handle("cp", "StartTransaction", dict(START))
    assert first["transactionId"] == again["transactionId"]
    assert [transaction.repeats for transaction in central.transactions.values()] == [1]


def test_a_payload_against_the_schema_is_refused_and_remembered() -> None:
    central = Central()
    with pytest.raises(Refusal, match="FormationViolation"):
        central.handle("cp", "StartTransaction", {**START, "meterStart": "10"})
    assert central.violations == ["StartTransaction: meterStart: '10' is not of type 'integer'"]


def test_energy_is_the_difference_of_the_registers() -> None:
    central = Central()
    number = central.handle("cp", "StartTransaction", dict(START))["transactionId"]
    stop = {"transactionId": number, "meterStop": 1510, "timestamp": "2026-11-24T11:00:00Z"}
    central.handle("cp", "StopTransaction", stop)
    assert central.transactions[number].energy_wh == 1500


def test_samples_after_the_stop_are_a_violation() -> None:
    central = Central()
    number = central.handle("cp", "StartTransaction", dict(START))["transactionId"]
    stop = {"transactionId": number, "meterStop": 10, "timestamp": "2026-11-24T11:00:00Z"}
    central.handle("cp", "StopTransaction", stop)
    sample = {"timestamp": "2026-11-24T11:00:01Z", "sampledValue": [{"value": "1"}]}
    values = {"connectorId": 1, "transactionId": number, "meterValue": [sample]}
    central.handle("cp", "MeterValues", values)
    assert central.violations == [f"MeterValues: after the stop of {number}"]


async def test_a_station_is_served_over_a_real_socket_and_can_be_called() -> None:
    async with (
        Csms(Central(Behaviour(boot_status="Pending"))) as csms,
        connect(csms.url + "/CP%201", subprotocols=["ocpp1.6"], compression=None) as socket,
    ):
        boot = {"chargePointVendor": "v", "chargePointModel": "m"}
        await socket.send(json.dumps([2, "1", "BootNotification", boot]))
        answer = json.loads(await socket.recv())
        assert (answer[0], answer[1], answer[2]["status"]) == (3, "1", "Pending")
        call = asyncio.create_task(csms.call("CP 1", "Reset", {"type": "Soft"}))
        _, number, action, payload = json.loads(await socket.recv())
        assert (action, payload) == ("Reset", {"type": "Soft"})
        await socket.send(json.dumps([3, number, {"status": "Accepted"}]))
        assert await call == {"status": "Accepted"}
        assert [m.action for m in csms.messages] == ["BootNotification"] * 2 + ["Reset"] * 2


async def test_the_panel_page_is_served_on_the_same_port() -> None:
    async with Csms(simulator_url="http://127.0.0.1:1/") as csms:

        def get(path: str) -> str:
            with urllib.request.urlopen(csms.page_url + path, timeout=5) as answer:
                return str(answer.read().decode())

        assert "Local CSMS" in await asyncio.to_thread(get, "")
        assert 'src="http://127.0.0.1:1/"' in await asyncio.to_thread(get, "demo")


async def test_wrong_credentials_are_refused_with_401() -> None:
    async with Csms(password="secret-secret-16") as csms:
        with pytest.raises(Exception, match="401"):
            async with connect(csms.url + "/CP1", subprotocols=["ocpp1.6"]):
                pass
