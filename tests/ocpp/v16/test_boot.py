"""Registration: what is sent and answered in which state, and when it is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.ocpp.v16.boot import Registered, boot_notification, heartbeat_interval_s
from chargepoint.ocpp.view import BootInformation
from chargepoint.station.effects import (
    AskAuthorization,
    ConnectorReport,
    ConnectorState,
    ReportConnector,
    SendRecord,
    Verdict,
)
from chargepoint.station.events import (
    AuthorizationUnanswered,
    CsmsAccepted,
    CsmsLost,
    HeartbeatIntervalGiven,
    RecordReturned,
    ResetRequested,
    TimeGiven,
)
from chargepoint.station.records import IdToken, SecurityEventHappened, Stamp
from tests.ocpp.fakes import ACCEPTED, START, Line, Settings


def report(evse: int, state: ConnectorState = ConnectorState.AVAILABLE) -> ReportConnector:
    return ReportConnector(report=ConnectorReport(evse=evse, connector=1, state=state, since_s=0.0))


def event(sequence: int = 1) -> SendRecord:
    stamp = Stamp(boot="boot-1", at_s=0.0)
    return SendRecord(
        record=SecurityEventHappened(sequence=sequence, kind="StartupOfTheDevice", stamp=stamp)
    )


def test_the_first_thing_on_the_first_connection_is_a_boot_notification() -> None:
    """B4, CQ7, Z4, TC_001: after every start, before anything else."""
    line = Line()
    line.effect(report(1))
    line.connect()
    assert line.frames() == [
        [
            2,
            "own-1",
            "BootNotification",
            {
                "chargePointVendor": "Vendor",
                "chargePointModel": "Model",
                "chargePointSerialNumber": "S1",
                "firmwareVersion": "1.0",
            },
        ]
    ]


def test_nothing_else_leaves_before_the_first_answer() -> None:
    """Q3, B5: also not tokens and records."""
    line = Line()
    line.connect()
    line.effect(AskAuthorization(request="r1", id_token=IdToken(value="AB")))
    line.effect(event())
    line.effect(report(1))
    line.wait(20)
    assert line.actions() == ["BootNotification"]
    assert [e.request for e in line.told(AuthorizationUnanswered)] == ["r1"]
    assert [e.sequence for e in line.told(RecordReturned)] == [1]


def test_acceptance_tells_time_interval_and_readiness_in_this_order() -> None:
    """B1, B2."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED)
    assert line.told() == [
        TimeGiven(wall=START, at_s=0.0),
        HeartbeatIntervalGiven(interval_s=300, at_s=0.0),
        CsmsAccepted(at_s=0.0),
    ]
    assert line.adapter.registered is Registered.ACCEPTED


def test_acceptance_is_followed_by_the_status_of_the_station_and_every_connector() -> None:
    """B3, S2, TC_001."""
    line = Line(connectors=2)
    line.effect(report(1))
    line.effect(report(2, ConnectorState.UNAVAILABLE))
    line.accept()
    assert [(call["connectorId"], call["status"]) for call in line.calls("StatusNotification")] == [
        (0, "Available"),
        (1, "Available"),
        (2, "Unavailable"),
    ]


def test_heartbeats_follow_the_interval_of_the_acceptance_at_once() -> None:
    """B8, TC_001: the station sets what it is told of before the statuses are answered."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"interval": 60})
    (given,) = line.told(HeartbeatIntervalGiven)
    line.view.device_model.set("OCPPCommCtrlr", "HeartbeatInterval", str(given.interval_s))
    line.settle()
    line.forget()
    line.wait(59)
    assert line.actions() == []
    line.wait(1)
    assert line.actions() == ["Heartbeat"]


def test_pending_waits_for_its_interval_and_boots_again() -> None:
    """B1, TC_002: not earlier."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"status": "Pending", "interval": 40})
    line.wait(39)
    assert line.actions() == ["BootNotification"]
    line.wait(1)
    assert line.actions() == ["BootNotification"] * 2
    assert line.told(CsmsAccepted) == []


def test_the_interval_of_a_refusal_outlives_the_connection() -> None:
    """B1: a reconnect is no way around the wait."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"status": "Rejected", "interval": 40})
    line.disconnect()
    line.wait(5)
    line.connect()
    line.wait(34)
    assert line.actions() == ["BootNotification"]
    line.wait(1)
    assert line.actions() == ["BootNotification"] * 2


@pytest.mark.parametrize("interval", [0, -5, None, "soon", True, {}])
def test_a_refusal_without_a_usable_interval_waits_a_minute(interval: Any) -> None:
    """B1: 0 means own choice without flooding."""
    line = Line()
    line.connect()
    line.answer({"status": "Pending", "interval": interval})
    line.wait(59)
    assert len(line.actions()) == 1
    line.wait(1)
    assert len(line.actions()) == 2


@pytest.mark.parametrize("answer", [{}, {"status": "Perhaps"}, {"status": None}, {"status": 1}])
def test_an_unusable_answer_counts_as_none(answer: Any) -> None:
    """B5."""
    line = Line()
    line.connect()
    line.answer(answer)
    line.wait(14)
    assert len(line.actions()) == 1
    line.wait(1)
    assert len(line.actions()) == 2


def test_boots_without_an_answer_are_repeated_with_growing_waits() -> None:
    """B5: CALLERROR counts as no answer yet."""
    line = Line()
    line.connect()
    times = []
    for _ in range(7):
        line.error("InternalError")
        before = len(line.actions())
        while len(line.actions()) == before:
            line.wait(1)
        times.append(line.now_s)
    waits = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    assert waits == [15, 30, 60, 120, 300, 300, 300]


def test_a_boot_that_times_out_is_repeated() -> None:
    """B5."""
    line = Line()
    line.connect()
    line.wait(30 + 15)
    assert line.actions() == ["BootNotification"] * 2


def test_requests_before_the_first_answer_are_served() -> None:
    """CQ6: silence makes several central systems drop us."""
    line = Line()
    line.connect()
    assert line.ask("GetConfiguration", {"key": ["NumberOfConnectors"]})[0] == 3
    line.ask("Reset", {"type": "Soft"}, "csms-2")
    assert len(line.told(ResetRequested)) == 1
    assert line.verdict(Verdict.ACCEPTED) == [3, "csms-2", {"status": "Accepted"}]


@pytest.mark.parametrize("status", [None, "Pending"])
def test_remote_start_and_stop_are_rejected_before_acceptance(status: str | None) -> None:
    """Section 2, state Pending: the CS must not send them."""
    line = Line()
    line.connect()
    if status is not None:
        line.answer(ACCEPTED | {"status": status})
    start = line.ask("RemoteStartTransaction", {"idTag": "AB"}, "c1")
    stop = line.ask("RemoteStopTransaction", {"transactionId": 1}, "c2")
    assert start == [3, "c1", {"status": "Rejected"}]
    assert stop == [3, "c2", {"status": "Rejected"}]


def test_nothing_is_answered_in_state_rejected() -> None:
    """Section 2, state Rejected: SHALL NOT respond."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"status": "Rejected", "interval": 60})
    assert line.ask("GetConfiguration", {}) is None
    assert line.ask("TriggerMessage", {"requestedMessage": "Heartbeat"}) is None
    line.wait(59)
    assert line.actions() == ["BootNotification"]


def test_a_mere_reconnect_does_not_boot_again() -> None:
    """T10: BootNotification only when its content changed."""
    line = Line()
    line.accept()
    line.disconnect()
    line.forget()
    line.connect()
    assert "BootNotification" not in line.actions()
    assert len(line.told(CsmsAccepted)) == 1


def test_a_reconnect_boots_again_where_the_operator_wants_it() -> None:
    """CQ7: a setting for central systems that need it."""
    line = Line(settings=Settings(boot_on_reconnect=True))
    line.accept()
    line.disconnect()
    line.forget()
    line.connect()
    assert line.actions() == ["BootNotification"]
    assert line.told(CsmsAccepted) == []
    line.answer(ACCEPTED)
    assert len(line.told(CsmsAccepted)) == 1


def test_the_station_hears_of_each_loss_once() -> None:
    line = Line()
    line.accept()
    line.disconnect()
    line.disconnect()
    assert line.told(CsmsLost) == [CsmsLost(at_s=0.0)]
    assert line.adapter.deadline_s() is None


def test_a_connection_that_was_never_accepted_is_no_loss() -> None:
    line = Line()
    line.connect()
    line.disconnect()
    assert line.told() == []


def test_a_security_error_to_a_record_makes_us_register_again_and_keeps_the_record() -> None:
    """B9: the CS takes the call for premature; keep the message and wait for Accepted."""
    line = Line()
    line.accept()
    line.effect(event(7))
    line.error("SecurityError")
    assert [e.sequence for e in line.told(RecordReturned)] == [7]
    assert len(line.told(CsmsLost)) == 1
    assert line.actions()[-1] == "BootNotification"
    line.answer(ACCEPTED)
    assert len(line.told(CsmsAccepted)) == 2


def test_a_second_security_error_on_a_connection_is_a_plain_refusal() -> None:
    line = Line()
    line.accept()
    line.effect(event(7))
    line.error("SecurityError")
    line.answer(ACCEPTED)
    line.settle()
    line.effect(event(7))
    line.error("SecurityError")
    assert line.actions().count("BootNotification") == 2


# fmt: off
INTERVALS = [(300, 300), (10, 10), (9, 10), (1, 10), (0, 300), (-1, 300), (None, 300), ("x", 300)]
# fmt: on


@pytest.mark.parametrize(("given", "used"), INTERVALS)
def test_odd_heartbeat_intervals_are_made_sane(given: Any, used: int) -> None:
    """central systems, 5: 0, negative or missing means our own; never below 10 s."""
    assert heartbeat_interval_s({"interval": given}) == used


def test_what_is_not_known_is_left_out_of_the_boot_notification() -> None:
    """B4."""
    minimal = BootInformation(vendor="V", model="M")
    assert boot_notification(minimal) == {"chargePointVendor": "V", "chargePointModel": "M"}


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_an_impossible_time_is_not_believed(time: str) -> None:
    """CQ13."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"currentTime": time})
    assert line.told(TimeGiven) == []
    assert "csms.told_odd_time" in line.noted()
    assert len(line.told(CsmsAccepted)) == 1


@pytest.mark.parametrize("time", [None, "", "now", 17, {"a": 1}])
def test_an_acceptance_without_a_time_is_one_all_the_same(time: Any) -> None:
    """central systems, 6: currentTime may be missing."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"currentTime": time})
    assert line.told(TimeGiven) == []
    assert len(line.told(CsmsAccepted)) == 1


def test_an_interval_of_years_is_taken_as_a_day() -> None:
    """B1: a mistake of the CSMS must not be final."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"status": "Pending", "interval": 2**31 - 1})
    line.wait(86_399)
    assert len(line.actions()) == 1
    line.wait(1)
    assert len(line.actions()) == 2
