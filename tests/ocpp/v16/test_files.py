"""Firmware, diagnostics and logs on the wire: requests, answers, the four status messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chargepoint.station.effects import Answer, ReportFile, Verdict
from chargepoint.station.events import Call
from chargepoint.station.file_requests import (
    FileReportDelivered,
    FileStatusAsked,
    UpdateRequested,
    UploadRequested,
)
from chargepoint.station.file_values import (
    FileReport,
    FirmwareStatus,
    LogKind,
    Subject,
    UploadStatus,
)
from tests.ocpp.fakes import ACCEPTED, Line

PLACE = "https://user:secret@files.example/fw.bin"
SIGNED = {
    "requestId": 9,
    "retries": 2,
    "firmware": {
        "location": PLACE,
        "retrieveDateTime": "2026-11-24T10:00:00Z",
        "installDateTime": "2026-11-24T12:00:00+01:00",
        "signingCertificate": "PEM",
        "signature": "c2ln",
    },
}
LOG = {"logType": "SecurityLog", "requestId": 4, "log": {"remoteLocation": "ftp://h/d/"}}


@pytest.fixture
def line() -> Line:
    line = Line()
    line.accept()
    return line


def report(
    status: FirmwareStatus | UploadStatus,
    subject: Subject = Subject.FIRMWARE,
    request: int | None = None,
    *,
    triggered: bool = False,
) -> ReportFile:
    return ReportFile(
        report=FileReport(subject=subject, status=status, request=request, triggered=triggered)
    )


def decided(line: Line, verdict: Verdict, detail: str = "") -> Any:
    """The station's answer to the last request; the frame to the CSMS."""
    before = len(line.outputs)
    call = next(event.call for event in reversed(line.told()) if hasattr(event, "call"))
    line.effect(Answer(call=Call(call), verdict=verdict, detail=detail))
    return line.frames(before)[0]


# --- Requests -------------------------------------------------------------------------------------


def test_an_update_reaches_the_station_with_everything_in_it(line: Line) -> None:
    """10.1; times without a zone are UTC (R13)."""
    asked = {"location": PLACE, "retrieveDate": "2026-11-24T11:00:00", "retries": 3}
    line.ask("UpdateFirmware", asked | {"retryInterval": 20})
    update = line.told(UpdateRequested)[-1].update
    assert update.location == PLACE
    assert update.retrieve_at == datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert (update.retries, update.retry_interval_s, update.signed) == (3, 20, False)
    assert decided(line, Verdict.ACCEPTED) == [3, "csms-1", {}]


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.NOT_SUPPORTED, "NotSupported"), (Verdict.REJECTED, "GenericError")],
)
def test_an_update_that_is_refused_is_an_error_because_its_answer_has_no_word(
    line: Line, verdict: Verdict, code: str
) -> None:
    """10.2, L01.FR.20."""
    line.ask("UpdateFirmware", {"location": PLACE, "retrieveDate": "2026-11-24T11:00:00Z"})
    assert decided(line, verdict)[2] == code


def test_a_time_that_is_none_is_refused(line: Line) -> None:
    """R8."""
    answer = line.ask("UpdateFirmware", {"location": PLACE, "retrieveDate": "soon"})
    assert answer[2] == "PropertyConstraintViolation"


def test_a_signed_update_reaches_the_station(line: Line) -> None:
    """10.2."""
    line.ask("SignedUpdateFirmware", SIGNED)
    update = line.told(UpdateRequested)[-1].update
    assert (update.request, update.certificate, update.signature) == (9, "PEM", "c2ln")
    assert update.install_at == datetime(2026, 11, 24, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.ACCEPTED, "Accepted"),
        (Verdict.ACCEPTED_CANCELED, "AcceptedCanceled"),
        (Verdict.INVALID_CERTIFICATE, "InvalidCertificate"),
        (Verdict.REJECTED, "Rejected"),
    ],
)
def test_a_signed_update_is_answered(line: Line, verdict: Verdict, status: str) -> None:
    """10.2."""
    line.ask("SignedUpdateFirmware", SIGNED)
    assert decided(line, verdict) == [3, "csms-1", {"status": status}]


def test_diagnostics_are_answered_with_the_name_of_the_file(line: Line) -> None:
    """10.3."""
    line.ask("GetDiagnostics", {"location": "ftp://h/", "startTime": "2026-11-24T00:00:00Z"})
    upload = line.told(UploadRequested)[-1].upload
    assert (upload.subject, upload.kind) == (Subject.DIAGNOSTICS, LogKind.DIAGNOSTICS)
    assert upload.oldest == datetime(2026, 11, 24, tzinfo=UTC)
    assert decided(line, Verdict.ACCEPTED, "a.zip") == [3, "csms-1", {"fileName": "a.zip"}]


def test_diagnostics_that_there_are_none_of_are_an_empty_answer(line: Line) -> None:
    """10.3."""
    line.ask("GetDiagnostics", {"location": "C:"})
    assert decided(line, Verdict.REJECTED) == [3, "csms-1", {}]


def test_a_log_is_answered_with_the_name_of_the_file(line: Line) -> None:
    """10.3, TC_079."""
    line.ask("GetLog", LOG)
    upload = line.told(UploadRequested)[-1].upload
    assert (upload.subject, upload.kind, upload.request) == (Subject.LOG, LogKind.SECURITY, 4)
    answer = decided(line, Verdict.ACCEPTED_CANCELED, "a.log")
    assert answer == [3, "csms-1", {"status": "AcceptedCanceled", "filename": "a.log"}]


def test_no_trace_shows_a_location(line: Line) -> None:
    """Name and password stand in it."""
    line.ask("UpdateFirmware", {"location": PLACE, "retrieveDate": "2026-11-24T11:00:00Z"})
    line.ask("SignedUpdateFirmware", SIGNED, "csms-2")
    assert "secret" not in repr(line.traced())


def test_the_protocols_that_are_spoken_are_named(line: Line) -> None:
    """Keys, rule 9."""
    answer = line.ask("GetConfiguration", {"key": ["SupportedFileTransferProtocols"]})
    assert answer[2]["configurationKey"] == [
        {"key": "SupportedFileTransferProtocols", "readonly": True, "value": "FTP,FTPS,HTTP,HTTPS"}
    ]


# --- Statuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "action", "payload"),
    [
        (
            report(FirmwareStatus.DOWNLOADING),
            "FirmwareStatusNotification",
            {"status": "Downloading"},
        ),
        (
            report(FirmwareStatus.INSTALL_REBOOTING, Subject.SIGNED_FIRMWARE, 9),
            "SignedFirmwareStatusNotification",
            {"status": "InstallRebooting", "requestId": 9},
        ),
        (
            report(UploadStatus.PERMISSION_DENIED, Subject.DIAGNOSTICS),
            "DiagnosticsStatusNotification",
            {"status": "UploadFailed"},
        ),
        (
            report(UploadStatus.PERMISSION_DENIED, Subject.LOG, 4),
            "LogStatusNotification",
            {"status": "PermissionDenied", "requestId": 4},
        ),
        (
            report(UploadStatus.IDLE, Subject.LOG),
            "LogStatusNotification",
            {"status": "Idle"},
        ),
    ],
)
def test_a_status_goes_out_in_its_own_message(
    line: Line, effect: ReportFile, action: str, payload: dict[str, Any]
) -> None:
    """10.1 to 10.3."""
    line.effect(effect)
    assert line.in_flight[2:] == [action, payload]
    line.answer({})
    assert line.told(FileReportDelivered)[-1].report == effect.report


@pytest.mark.parametrize("status", list(FirmwareStatus))
def test_every_status_of_a_signed_update_is_legal(line: Line, status: FirmwareStatus) -> None:
    line.effect(report(status, Subject.SIGNED_FIRMWARE, 1))
    assert line.in_flight[3]["status"] == status.value


@pytest.mark.parametrize("status", list(UploadStatus))
def test_every_status_of_an_upload_is_legal(line: Line, status: UploadStatus) -> None:
    line.effect(report(status, Subject.LOG, 1))
    line.answer({})
    line.effect(report(status, Subject.DIAGNOSTICS))
    assert line.in_flight[2] == "DiagnosticsStatusNotification"


def test_what_the_plain_message_cannot_say_is_done_with_at_once(line: Line) -> None:
    """10.1."""
    line.effect(report(FirmwareStatus.INSTALL_REBOOTING))
    assert line.calls("FirmwareStatusNotification") == []
    assert len(line.told(FileReportDelivered)) == 1


def test_statuses_keep_their_order_one_at_a_time(line: Line) -> None:
    """R3."""
    for status in (FirmwareStatus.DOWNLOADING, FirmwareStatus.DOWNLOADED):
        line.effect(report(status))
    assert [call["status"] for call in line.calls("FirmwareStatusNotification")] == ["Downloading"]
    line.answer({})
    assert line.in_flight[3] == {"status": "Downloaded"}


def test_statuses_of_a_time_offline_are_told_after_the_next_acceptance() -> None:
    """10.1: Installed reaches the CSMS with the new software's first words."""
    line = Line()
    line.effect(report(FirmwareStatus.INSTALLED))
    assert line.frames() == []
    line.connect()
    line.answer(ACCEPTED)
    line.settle()
    assert line.in_flight[3] == {"status": "Installed"}


def test_a_status_that_met_a_broken_link_is_sent_again(line: Line) -> None:
    line.effect(report(FirmwareStatus.DOWNLOADING))
    line.disconnect()
    line.connect()
    line.settle()
    assert line.in_flight[3] == {"status": "Downloading"}
    line.answer({})
    assert len(line.told(FileReportDelivered)) == 1


def test_a_status_that_the_csms_refuses_is_not_sent_again(line: Line) -> None:
    """CQ11."""
    line.effect(report(FirmwareStatus.DOWNLOADING, Subject.SIGNED_FIRMWARE, 1))
    line.error("NotImplemented")
    assert len(line.told(FileReportDelivered)) == 1
    assert line.in_flight is None


def test_a_status_without_any_answer_is_given_up_in_the_end() -> None:
    line = Line()
    line.settings.unanswered_max = 50
    line.accept()
    line.effect(report(FirmwareStatus.DOWNLOADING))
    line.wait(200.0)
    assert len(line.calls("FirmwareStatusNotification")) == 3
    assert len(line.told(FileReportDelivered)) == 1


# --- Triggers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "message", "subject"),
    [
        ("TriggerMessage", "FirmwareStatusNotification", Subject.FIRMWARE),
        ("TriggerMessage", "DiagnosticsStatusNotification", Subject.DIAGNOSTICS),
        ("ExtendedTriggerMessage", "FirmwareStatusNotification", Subject.SIGNED_FIRMWARE),
        ("ExtendedTriggerMessage", "LogStatusNotification", Subject.LOG),
    ],
)
def test_a_trigger_is_answered_first_and_then_followed(
    line: Line, action: str, message: str, subject: Subject
) -> None:
    """M1, M4, TC_054."""
    line.ask(action, {"requestedMessage": message})
    assert line.told(FileStatusAsked)[-1].subject is subject
    assert decided(line, Verdict.ACCEPTED) == [3, "csms-1", {"status": "Accepted"}]
    status = UploadStatus.IDLE if "Log" in message or "Diag" in message else FirmwareStatus.IDLE
    line.effect(report(status, subject, triggered=True))
    assert line.in_flight[3] == {"status": "Idle"}


@pytest.mark.parametrize("status", list(FirmwareStatus))
def test_a_trigger_is_followed_also_where_the_plain_message_has_no_word(
    line: Line, status: FirmwareStatus
) -> None:
    """M4."""
    line.effect(report(status, triggered=True))
    assert line.in_flight[2] == "FirmwareStatusNotification"


def test_while_pending_only_what_was_triggered_goes_out() -> None:
    """Section 4.2.1."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"status": "Pending"})
    line.effect(report(FirmwareStatus.INSTALLED))
    line.effect(report(UploadStatus.IDLE, Subject.LOG, triggered=True))
    assert line.actions()[-1] == "LogStatusNotification"
    line.answer({})
    assert line.in_flight is None


def test_what_was_triggered_is_not_told_to_the_next_connection(line: Line) -> None:
    line.effect(report(FirmwareStatus.DOWNLOADING))
    line.effect(report(FirmwareStatus.IDLE, triggered=True))
    line.disconnect()
    line.connect()
    line.settle()
    line.answer({})
    assert line.in_flight is None
