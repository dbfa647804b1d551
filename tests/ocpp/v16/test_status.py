"""StatusNotification: every change in order, nothing twice, the present after a time away."""

from __future__ import annotations

import pytest

from chargepoint.catalog import Entry, entries
from chargepoint.ocpp.v16.status import Shown, shown
from chargepoint.station.effects import ConnectorReport, ConnectorState, ReportConnector
from tests.ocpp.fakes import ACCEPTED, Line

STATES = ConnectorState


def change(
    line: Line,
    state: ConnectorState,
    evse: int = 1,
    fault: str | None = None,
    info: str = "",
) -> None:
    report = ConnectorReport(
        evse=evse, connector=1, state=state, since_s=line.now_s, fault=fault, info=info
    )
    line.effect(ReportConnector(report=report))


def statuses(line: Line) -> list[tuple[int, str]]:
    return [(c["connectorId"], c["status"]) for c in line.calls("StatusNotification")]


def accepted(connectors: int = 1) -> Line:
    line = Line(connectors=connectors)
    for evse in range(1, connectors + 1):
        change(line, STATES.AVAILABLE, evse)
    line.accept()
    line.forget()
    return line


def test_every_change_is_notified_in_order_and_with_its_time() -> None:
    """S1, S11, Q2: quick changes too, while the CSMS is slow to answer."""
    line = accepted()
    for state in (STATES.PREPARING, STATES.CHARGING, STATES.SUSPENDED_EV, STATES.CHARGING):
        line.wait(1)
        change(line, state)
    line.settle()
    assert [(c["status"], c["timestamp"]) for c in line.calls()] == [
        ("Preparing", "2026-11-24T10:00:01.000Z"),
        ("Charging", "2026-11-24T10:00:02.000Z"),
        ("SuspendedEV", "2026-11-24T10:00:03.000Z"),
        ("Charging", "2026-11-24T10:00:04.000Z"),
    ]


def test_a_report_that_changes_nothing_is_not_notified() -> None:
    line = accepted()
    change(line, STATES.AVAILABLE)
    assert line.calls() == []


def test_a_state_shorter_than_the_minimum_duration_is_skipped() -> None:
    """S1: the timer restarts on each change; only the state that survives is sent."""
    line = accepted()
    line.view.device_model.set("Ocpp16Ctrlr", "MinimumStatusDuration", "5")
    change(line, STATES.PREPARING)
    line.wait(3)
    change(line, STATES.CHARGING)
    line.wait(4)
    assert line.calls() == []
    line.wait(1)
    assert statuses(line) == [(1, "Charging")]
    assert line.calls()[0]["timestamp"] == "2026-11-24T10:00:03.000Z"


def test_a_state_that_returns_within_the_minimum_duration_was_none() -> None:
    """S1."""
    line = accepted()
    line.view.device_model.set("Ocpp16Ctrlr", "MinimumStatusDuration", "5")
    change(line, STATES.PREPARING)
    line.wait(3)
    change(line, STATES.AVAILABLE)
    line.wait(60)
    assert line.calls() == []


def test_after_a_reconnect_only_what_differs_is_told_and_with_the_present_time() -> None:
    """S3, TC_036: no history; central systems, 6: an old time with a new message is ignored."""
    line = accepted(connectors=2)
    line.disconnect()
    change(line, STATES.PREPARING)
    line.wait(50)
    change(line, STATES.CHARGING)
    change(line, STATES.PREPARING, evse=2)
    change(line, STATES.AVAILABLE, evse=2)
    line.wait(50)
    line.connect()
    line.settle()
    assert statuses(line) == [(1, "Charging")]
    assert line.calls()[0]["timestamp"] == "2026-11-24T10:01:40.000Z"


def test_a_notification_that_was_under_way_when_the_link_broke_is_told_again() -> None:
    """central systems, 8: a forgotten Available leaves the connector occupied for ever."""
    line = accepted()
    change(line, STATES.PREPARING)
    change(line, STATES.AVAILABLE)
    line.disconnect()
    line.forget()
    line.connect()
    line.settle()
    assert statuses(line) == [(1, "Available")]


def test_a_notification_that_timed_out_is_told_again_on_the_next_connection() -> None:
    line = accepted()
    change(line, STATES.PREPARING)
    line.wait(31)
    line.disconnect()
    line.forget()
    line.connect()
    assert statuses(line) == [(1, "Preparing")]


def test_a_refused_notification_is_not_repeated() -> None:
    line = accepted()
    change(line, STATES.PREPARING)
    line.error("InternalError")
    line.wait(200)
    assert statuses(line) == [(1, "Preparing")]


def test_a_fault_carries_the_codes_of_the_catalogue() -> None:
    """S11, S12, TC_041: MREC code and the vendorId of its publisher."""
    line = accepted()
    change(line, STATES.FAULTED, fault="rcd_tripped")
    assert line.calls() == [
        {
            "connectorId": 1,
            "errorCode": "GroundFailure",
            "status": "Faulted",
            "timestamp": "2026-11-24T10:00:00.000Z",
            "info": "Residual current detected",
            "vendorId": "https://chargex.inl.gov",
            "vendorErrorCode": "CX002",
        }
    ]


def test_a_warning_is_notified_and_its_end_too() -> None:
    """S7: the same status again with NoError."""
    line = accepted()
    change(line, STATES.CHARGING)
    line.settle()
    change(line, STATES.CHARGING, fault="over_temperature")
    line.settle()
    change(line, STATES.CHARGING)
    line.settle()
    assert [(c["status"], c["errorCode"]) for c in line.calls()] == [
        ("Charging", "NoError"),
        ("Charging", "HighTemperature"),
        ("Charging", "NoError"),
    ]


WARNINGS = [each for each in entries().values() if each.kind == "hazard" and not each.stops]


@pytest.mark.parametrize("entry", WARNINGS, ids=lambda entry: entry.id)
@pytest.mark.parametrize("state", [STATES.AVAILABLE, STATES.CHARGING, STATES.SUSPENDED_EVSE])
def test_a_hazard_that_does_not_stop_never_shows_faulted(
    entry: Entry, state: ConnectorState
) -> None:
    """S7, S12: the present status, an error, the MREC code signed by its publisher."""
    found = shown(report(state, fault=entry.id), "Vendor")
    assert found.status == state.value
    assert found.error != "NoError"
    assert found.vendor_error == entry.code_mrec
    published = entry.code_mrec.startswith("CX")
    assert found.vendor == ("https://chargex.inl.gov" if published else "Vendor")


def test_an_error_code_of_our_own_is_signed_by_the_vendor() -> None:
    """S12."""
    line = accepted()
    change(line, STATES.FAULTED, fault="board_lost")
    call = line.calls()[0]
    assert (call["errorCode"], call["vendorErrorCode"], call["vendorId"]) == (
        "InternalError",
        "BOARD_COMM",
        "Vendor",
    )


def test_the_info_of_the_station_wins_and_is_cut() -> None:
    """S8, S11: at most 50 characters."""
    line = accepted()
    change(line, STATES.SUSPENDED_EV, info="EV side disconnected")
    change(line, STATES.FINISHING, info="x" * 80)
    line.settle()
    assert [c["info"] for c in line.calls()] == ["EV side disconnected", "x" * 50]


def report(state: ConnectorState, evse: int = 1, fault: str | None = None) -> ConnectorReport:
    return ConnectorReport(evse=evse, connector=1, state=state, since_s=0.0, fault=fault)


# fmt: off
SHOWN = [
    # report                                             status           errorCode
    (report(STATES.AVAILABLE),                           "Available",     "NoError"),
    (report(STATES.FAULTED),                             "Faulted",       "OtherError"),
    (report(STATES.FAULTED, fault="never_heard_of"),     "Faulted",       "OtherError"),
    (report(STATES.PREPARING, fault="ventilation_missing"), "Preparing",  "EVCommunicationError"),
    (report(STATES.SUSPENDED_EVSE, fault="ventilation_missing"), "SuspendedEVSE",
                                                                          "EVCommunicationError"),
    (report(STATES.CHARGING, fault="ventilation_missing"), "Charging",    "OtherError"),
    (report(STATES.FAULTED, fault="ventilation_missing"), "Faulted",      "OtherError"),
    (report(STATES.CHARGING, evse=0),                    "Available",     "NoError"),
    (report(STATES.UNAVAILABLE, evse=0),                 "Unavailable",   "NoError"),
    (report(STATES.FAULTED, evse=0, fault="emergency_stopped"), "Faulted", "OtherError"),
]
# fmt: on


@pytest.mark.parametrize(("told", "status", "error"), SHOWN)
def test_a_report_in_words_of_1_6(told: ConnectorReport, status: str, error: str) -> None:
    """S6, S10: communication errors only in four states; connector 0 knows three states."""
    found = shown(told, "Vendor")
    assert (found.status, found.error) == (status, error)


def test_an_unknown_fault_is_told_by_its_own_name() -> None:
    assert shown(report(STATES.FAULTED, fault="never_heard_of"), "Vendor") == Shown(
        "Faulted", "OtherError", "", "Vendor", "never_heard_of"
    )


def test_every_state_has_its_word() -> None:
    """Table 6.1."""
    assert {state.value for state in ConnectorState} == {
        "Available",
        "Preparing",
        "Charging",
        "SuspendedEV",
        "SuspendedEVSE",
        "Finishing",
        "Reserved",
        "Unavailable",
        "Faulted",
    }


def test_connectors_that_the_station_does_not_have_are_not_reported() -> None:
    """R15."""
    line = accepted(connectors=1)
    change(line, STATES.CHARGING, evse=2)
    assert line.calls() == []


def test_a_storm_of_changes_is_bounded_and_ends_with_the_truth() -> None:
    line = accepted()
    for _ in range(200):
        change(line, STATES.PREPARING)
        change(line, STATES.AVAILABLE)
    change(line, STATES.CHARGING)
    line.settle()
    assert len(line.calls()) < 60
    assert line.calls()[-1]["status"] == "Charging"


def test_without_a_wall_time_the_timestamp_is_left_out() -> None:
    """B2: no invented times."""
    line = Line(connectors=0)
    line.view.clock.known = False
    line.connect()
    line.answer({"status": "Accepted", "interval": 300})
    assert line.calls("StatusNotification") == [
        {"connectorId": 0, "errorCode": "NoError", "status": "Available"}
    ]


def test_a_boot_tells_everything_again() -> None:
    """S2."""
    line = accepted()
    line.ask("TriggerMessage", {"requestedMessage": "BootNotification"})
    line.answer(ACCEPTED)
    line.settle()
    assert statuses(line) == [(0, "Available"), (1, "Available")]
