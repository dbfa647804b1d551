"""Diagnostics and logs in OCPP 1.6: GetDiagnostics, and GetLog of the white paper (10.3)."""

from __future__ import annotations

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.v16.firmware import instant
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import Call
from chargepoint.station.file_requests import UploadRequested
from chargepoint.station.file_values import LogKind, LogUpload, Subject

KINDS = {"DiagnosticsLog": LogKind.DIAGNOSTICS, "SecurityLog": LogKind.SECURITY}

LOG_ANSWERS = {Verdict.ACCEPTED: "Accepted", Verdict.ACCEPTED_CANCELED: "AcceptedCanceled"}


def diagnostics(call: Call, request: Payload, connectors: int, at_s: float) -> UploadRequested:
    """GetDiagnostics. Raises Violation for a time that is none."""
    wanted = LogUpload(
        subject=Subject.DIAGNOSTICS,
        kind=LogKind.DIAGNOSTICS,
        location=request["location"],
        oldest=instant(request, "startTime"),
        latest=instant(request, "stopTime"),
        retries=request.get("retries"),
        retry_interval_s=request.get("retryInterval"),
    )
    return UploadRequested(call=call, upload=wanted, at_s=at_s)


def log(call: Call, request: Payload, connectors: int, at_s: float) -> UploadRequested:
    """GetLog. Raises Violation for a time that is none."""
    place = request["log"]
    wanted = LogUpload(
        subject=Subject.LOG,
        kind=KINDS[request["logType"]],
        location=place["remoteLocation"],
        oldest=instant(place, "oldestTimestamp"),
        latest=instant(place, "latestTimestamp"),
        retries=request.get("retries"),
        retry_interval_s=request.get("retryInterval"),
        request=request["requestId"],
    )
    return UploadRequested(call=call, upload=wanted, at_s=at_s)


def diagnostics_answer(answer: Answer) -> Payload:
    """GetDiagnostics.conf; without a file there is no name."""
    accepted = answer.verdict in LOG_ANSWERS
    return {"fileName": answer.detail} if accepted else {}


def log_answer(answer: Answer) -> Payload:
    """GetLog.conf."""
    status = LOG_ANSWERS.get(answer.verdict)
    return (
        {"status": "Rejected"} if status is None else {"status": status, "filename": answer.detail}
    )
