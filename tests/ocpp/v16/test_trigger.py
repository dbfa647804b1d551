"""TriggerMessage: the answer first, then what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.station.effects import Verdict
from chargepoint.station.events import MeterValuesTriggered
from tests.ocpp.fakes import ACCEPTED, Line
from tests.ocpp.v16.test_status import STATES, accepted, change, statuses


def trigger(line: Line, message: Any, connector: Any = None) -> Any:
    request = {"requestedMessage": message}
    if connector is not None:
        request["connectorId"] = connector
    frame = line.ask("TriggerMessage", request)
    return None if frame is None else frame[2].get("status") if frame[0] == 3 else frame[2]


def test_the_answer_comes_before_the_message() -> None:
    """M1, R3."""
    line = accepted()
    line.forget()
    assert trigger(line, "Heartbeat") == "Accepted"
    assert [frame[0] for frame in line.frames()] == [3, 2]
    assert line.actions() == ["Heartbeat"]


def test_status_without_a_connector_means_the_station_and_every_connector() -> None:
    """M2; central systems, 8, TC_054: 0 and every connector, once."""
    line = accepted(connectors=2)
    trigger(line, "StatusNotification")
    line.settle()
    assert statuses(line) == [(0, "Available"), (1, "Available"), (2, "Available")]


@pytest.mark.parametrize("connector", [0, 1, 2])
def test_status_of_one_connector(connector: int) -> None:
    """M2: 0 is one of them."""
    line = accepted(connectors=2)
    assert trigger(line, "StatusNotification", connector) == "Accepted"
    line.settle()
    assert statuses(line) == [(connector, "Available")]


def test_a_triggered_status_does_not_wait_for_the_minimum_duration() -> None:
    """central systems, 8."""
    line = accepted()
    line.view.device_model.set("Ocpp16Ctrlr", "MinimumStatusDuration", "60")
    change(line, STATES.PREPARING)
    trigger(line, "StatusNotification", 1)
    assert statuses(line) == [(1, "Preparing")]
    line.settle()
    line.wait(120)
    assert statuses(line) == [(1, "Preparing")]


@pytest.mark.parametrize("message", ["StatusNotification", "MeterValues"])
@pytest.mark.parametrize("connector", [3, -1, 99])
def test_unknown_connectors_are_rejected(message: str, connector: int) -> None:
    """M2; central systems, 8, TC_055: their number is found out that way."""
    line = accepted(connectors=2)
    assert trigger(line, message, connector) == "Rejected"
    assert line.calls() == []


def test_a_connector_that_does_not_matter_is_ignored() -> None:
    """M2."""
    line = accepted()
    assert trigger(line, "Heartbeat", 99) == "Accepted"


@pytest.mark.parametrize("connector", [None, 0, 1])
def test_meter_values_are_the_stations_to_give(connector: int | None) -> None:
    """M3, TC_054: answered when the station has decided."""
    line = accepted()
    assert trigger(line, "MeterValues", connector) is None
    assert [e.evse for e in line.told(MeterValuesTriggered)] == [connector]
    assert line.verdict(Verdict.ACCEPTED)[2] == {"status": "Accepted"}


@pytest.mark.parametrize(
    "message",
    [
        "LogStatusNotification",
        "SignChargePointCertificate2",
        "Nonsense",
    ],
)
def test_what_we_do_not_have_is_not_implemented(message: str) -> None:
    """M5."""
    assert trigger(accepted(), message) == "NotImplemented"


def test_a_trigger_without_a_message_is_refused() -> None:
    """R8."""
    line = accepted()
    assert line.ask("TriggerMessage", {})[2] == "OccurenceConstraintViolation"


def test_a_boot_notification_is_sent_again_without_a_reboot() -> None:
    """B7, M6, CQ7, TC_054: a plain resend; a reboot at each connect would never end."""
    line = accepted()
    assert trigger(line, "BootNotification") == "Accepted"
    assert line.actions() == ["BootNotification"]
    line.answer(ACCEPTED)
    line.settle()
    line.wait(200)
    assert line.actions().count("BootNotification") == 1


def test_a_triggered_boot_that_fails_changes_nothing() -> None:
    line = accepted()
    trigger(line, "BootNotification")
    line.error("InternalError")
    line.wait(299)
    assert line.actions().count("BootNotification") == 1
    assert line.told() == []


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_a_boot_may_be_triggered_before_its_interval_is_over(status: str) -> None:
    """B1, M6."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"status": status, "interval": 600})
    assert trigger(line, "BootNotification") == "Accepted"
    assert line.actions() == ["BootNotification"] * 2


def test_what_is_triggered_while_pending_is_sent() -> None:
    """Section 2, TC_002: only what a TriggerMessage asks for."""
    line = Line(connectors=1)
    line.connect()
    line.answer(ACCEPTED | {"status": "Pending", "interval": 600})
    change(line, STATES.PREPARING)
    trigger(line, "StatusNotification", 1)
    trigger(line, "Heartbeat")
    line.settle()
    assert line.actions() == ["BootNotification", "StatusNotification", "Heartbeat"]


def test_what_is_triggered_before_the_first_answer_follows_it() -> None:
    """CQ6, M1: the trigger is answered; what it wants may not leave before the boot is answered."""
    line = Line(connectors=1)
    line.connect()
    assert trigger(line, "Heartbeat") == "Accepted"
    assert trigger(line, "MeterValues") == "Accepted"
    assert trigger(line, "BootNotification") == "Accepted"
    assert line.actions() == ["BootNotification"]
    line.answer(ACCEPTED | {"status": "Pending"})
    assert line.actions() == ["BootNotification", "Heartbeat"]
    assert len(line.told(MeterValuesTriggered)) == 1


def test_the_same_trigger_many_times_is_bounded() -> None:
    """central systems, 9: serve triggers cheaply."""
    line = accepted()
    for _ in range(60):
        trigger(line, "StatusNotification")
        trigger(line, "Heartbeat")
    line.settle()
    assert len(line.actions()) < 10
