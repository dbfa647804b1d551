"""Requests and reports about files: a chapter of `station.events`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chargepoint.station.file_values import (
    FileReport,
    FirmwareUpdate,
    LogUpload,
    Subject,
    WorkOutcome,
)

if TYPE_CHECKING:
    from chargepoint.station.events import Call


class FileRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all of them."""

    at_s: float


class UpdateRequested(FileRequest, frozen=True, kw_only=True):
    """Answered NOT_SUPPORTED where only signed updates are taken."""

    call: Call
    update: FirmwareUpdate


class UploadRequested(FileRequest, frozen=True, kw_only=True):
    """Answered with the name of the file in `Answer.detail`."""

    call: Call
    upload: LogUpload


class FileStatusAsked(FileRequest, frozen=True, kw_only=True):
    """The CSMS wants to hear the present status again."""

    call: Call
    subject: Subject


class FileReportDelivered(FileRequest, frozen=True, kw_only=True):
    """The CSMS has this status, or never will."""

    report: FileReport


class WorkFinished(FileRequest, frozen=True, kw_only=True):
    """A work that the station wanted done has come to its end."""

    job: int
    outcome: WorkOutcome
