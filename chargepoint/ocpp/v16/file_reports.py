"""Statuses of files for the CSMS: in order, one at a time, also after a time offline.

Four messages carry them. The plain ones of 1.6 know fewer words than the station: what they cannot
say is left out (`PLAIN`), and the station hears at once that it is done with. A status that met a
broken link is sent again after the next acceptance; one that the CSMS refused is not.
"""

from __future__ import annotations

from collections import deque

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.station.file_values import FileReport, FirmwareStatus, Subject, UploadStatus

REPORTS_MAX = 40
"""Statuses that may wait for the CSMS; more than one update and two uploads bring together."""

SENDINGS_MAX = 3
"""A status without any answer is given up after so many time-outs."""

_F, _U = FirmwareStatus, UploadStatus
# fmt: off
PLAIN = {
    # status of the station            word of 1.6; None: there is none
    _F.IDLE:               "Idle",
    _F.DOWNLOAD_SCHEDULED: None,
    _F.DOWNLOADING:        "Downloading",
    _F.DOWNLOADED:         "Downloaded",
    _F.DOWNLOAD_FAILED:    "DownloadFailed",
    _F.SIGNATURE_VERIFIED: None,
    _F.INVALID_SIGNATURE:  "InstallationFailed",
    _F.INSTALL_SCHEDULED:  None,
    _F.INSTALLING:         "Installing",
    _F.INSTALL_REBOOTING:  None,
    _F.INSTALLED:          "Installed",
    _F.INSTALLATION_FAILED: "InstallationFailed",
    _U.IDLE:               "Idle",
    _U.UPLOADING:          "Uploading",
    _U.UPLOADED:           "Uploaded",
    _U.UPLOAD_FAILURE:     "UploadFailed",
    _U.BAD_MESSAGE:        "UploadFailed",
    _U.PERMISSION_DENIED:  "UploadFailed",
    _U.NOT_SUPPORTED_OPERATION: "UploadFailed",
}
ACTIONS = {
    Subject.FIRMWARE:        "FirmwareStatusNotification",
    Subject.SIGNED_FIRMWARE: "SignedFirmwareStatusNotification",
    Subject.DIAGNOSTICS:     "DiagnosticsStatusNotification",
    Subject.LOG:             "LogStatusNotification",
}
TRIGGERED = {
    # request                  message that it asks for
    ("TriggerMessage",         "FirmwareStatusNotification"):    Subject.FIRMWARE,
    ("TriggerMessage",         "DiagnosticsStatusNotification"): Subject.DIAGNOSTICS,
    ("ExtendedTriggerMessage", "FirmwareStatusNotification"):    Subject.SIGNED_FIRMWARE,
    ("ExtendedTriggerMessage", "LogStatusNotification"):         Subject.LOG,
}
# fmt: on
_NUMBERED = {Subject.SIGNED_FIRMWARE, Subject.LOG}
_TRIGGER_STAND_INS = {
    _F.DOWNLOAD_SCHEDULED: "Idle",
    _F.SIGNATURE_VERIFIED: "Downloaded",
    _F.INSTALL_SCHEDULED: "Downloaded",
    _F.INSTALL_REBOOTING: "Installing",
}
"""A trigger wants an answer, also where the plain message has no word."""


class FileCall(msgspec.Struct, frozen=True):
    """One status, sent for the `sending`th time."""

    report: FileReport
    sending: int


def asked(action: str, payload: Payload) -> Subject | None:
    """Whose status a trigger wants to hear; None: another message, or no trigger."""
    return TRIGGERED.get((action, payload.get("requestedMessage", "")))


def message(report: FileReport) -> tuple[str, Payload] | None:
    """Action and payload; None when the message has no word for it."""
    action = ACTIONS[report.subject]
    if report.subject in _NUMBERED:
        payload: Payload = {"status": report.status.value}
        if report.request is not None:
            payload["requestId"] = report.request
        return action, payload
    word = PLAIN[report.status]
    if word is None and report.triggered and isinstance(report.status, FirmwareStatus):
        word = _TRIGGER_STAND_INS[report.status]
    return None if word is None else (action, {"status": word})


class FileReports:
    """What is owed to the CSMS. The oldest is given up when there is no room."""

    def __init__(self) -> None:
        self._owed: deque[FileCall] = deque()

    def owe(self, report: FileReport) -> FileReport | None:
        """Queue a status; one that is done with, because it cannot be said or there is no room."""
        if message(report) is None:
            return report
        self._owed.append(FileCall(report, 1))
        return self._owed.popleft().report if len(self._owed) > REPORTS_MAX else None

    def take(self, *, triggered_only: bool) -> FileCall | None:
        """The next to be sent."""
        for call in self._owed:
            if call.report.triggered or not triggered_only:
                self._owed.remove(call)
                return call
        return None

    def returned(self, call: FileCall, *, counts: bool) -> FileReport | None:
        """It was not answered: sent again, or given up as done with when that happens too often."""
        sending = call.sending + (1 if counts else 0)
        if sending > SENDINGS_MAX or call.report.triggered:
            return call.report
        self._owed.appendleft(FileCall(call.report, sending))
        return None

    def disconnected(self) -> None:
        """What was triggered belongs to its connection; the rest stays owed."""
        self._owed = deque(call for call in self._owed if not call.report.triggered)
