"""Uploads of diagnostics and logs (GetDiagnostics, GetLog; OCPP 1.6, section 6.9; white paper N01).

One upload per message at a time: a second one takes the place of the first. The file has its name
before it is made, because the answer carries it. What is in it, and how it gets to its place, is
the shell's; here are statuses, attempts and what is told after a restart that cut an upload short.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, earliest
from chargepoint.station.effects import Answer, ReportFile, Verdict
from chargepoint.station.file_requests import UploadRequested
from chargepoint.station.file_values import (
    FileReport,
    LogKind,
    LogUpload,
    Problem,
    Subject,
    Upload,
    UploadStatus,
    WorkOutcome,
)
from chargepoint.station.file_works import FileWorks

SPACE = "uploads"
RETRIES_MAX = 20
RETRY_INTERVAL_S = 60
"""Where the CSMS does not say."""

# fmt: off
FAILURES = {
    Problem.BAD_PLACE:   UploadStatus.BAD_MESSAGE,
    Problem.UNSUPPORTED: UploadStatus.NOT_SUPPORTED_OPERATION,
    Problem.DENIED:      UploadStatus.PERMISSION_DENIED,
    Problem.FAILED:      UploadStatus.UPLOAD_FAILURE,
}
# fmt: on
HOPELESS = {Problem.BAD_PLACE, Problem.UNSUPPORTED}
"""Nothing changes by trying again."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class Kept(msgspec.Struct, frozen=True):
    """What a restart must know of an upload."""

    request: int | None


class Running(msgspec.Struct, kw_only=True):
    """An upload under way. `job` None: it waits for its next attempt at `again_s`."""

    upload: LogUpload
    file_name: str
    attempts_left: int
    job: int | None = None
    again_s: float | None = None


class Uploads:
    """At most one for GetDiagnostics and one for GetLog."""

    def __init__(
        self, desk: Desk, clock: Clock, works: FileWorks, station: str, kept: Mapping[str, str]
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._works = works
        self._station = _UNFIT.sub("_", station).strip("._") or "station"
        self._running: dict[Subject, Running] = {}
        self._cut = {Subject(name): _kept(text) for name, text in kept.items()}

    def request(self, event: UploadRequested) -> None:
        """Answer, and begin; what runs for the same message is given up."""
        upload = event.upload
        before = self._running.pop(upload.subject, None)
        if before is not None:
            self._works.cancel(before.job)
        elif self._works.crowded:
            self._desk.emit(Answer(call=event.call, verdict=Verdict.REJECTED))
            return
        verdict = Verdict.ACCEPTED if before is None else Verdict.ACCEPTED_CANCELED
        name = self._file_name(upload.kind)
        self._desk.emit(Answer(call=event.call, verdict=verdict, detail=name))
        retries = min(max(upload.retries or 0, 0), RETRIES_MAX)  # 0 is one attempt, as is none
        running = Running(upload=upload, file_name=name, attempts_left=retries + 1)
        self._running[upload.subject] = running
        self._cut.pop(upload.subject, None)
        self._desk.put(SPACE, upload.subject.value, Kept(upload.request), durable=False)
        self._report(upload, UploadStatus.UPLOADING)
        self._desk.note("upload.started", file=name, log=upload.kind.value)
        self._attempt(running)

    def status(self, subject: Subject) -> FileReport:
        """The present status, as the CSMS may ask for it (M4)."""
        running = self._running.get(subject)
        if running is None:
            return FileReport(subject=subject, status=UploadStatus.IDLE, triggered=True)
        return FileReport(
            subject=subject,
            status=UploadStatus.UPLOADING,
            request=running.upload.request,
            triggered=True,
        )

    def due(self) -> None:
        """Try again what has waited; tell of what a restart has cut short."""
        for subject, kept in self._cut.items():
            self._desk.delete(SPACE, subject.value, durable=False)
            self._desk.emit(
                ReportFile(
                    report=FileReport(
                        subject=subject, status=UploadStatus.UPLOAD_FAILURE, request=kept.request
                    )
                )
            )
        self._cut.clear()
        for running in list(self._running.values()):
            if running.again_s is not None and self._desk.now_s >= running.again_s:
                self._attempt(running)

    def deadline_s(self) -> float | None:
        return earliest(*(running.again_s for running in self._running.values()))

    # --- Attempts ---------------------------------------------------------------------------------

    def _attempt(self, running: Running) -> None:
        upload = running.upload
        running.attempts_left -= 1
        running.again_s = None
        work = Upload(
            kind=upload.kind,
            location=upload.location,
            file_name=running.file_name,
            oldest=upload.oldest,
            latest=upload.latest,
        )
        running.job = self._works.do(work, lambda outcome: self._ended(running, outcome))

    def _ended(self, running: Running, outcome: WorkOutcome) -> None:
        running.job = None
        if outcome.done:
            self._desk.note("upload.finished", file=running.file_name)
            self._close(running, UploadStatus.UPLOADED)
            return
        final = outcome.problem in HOPELESS or running.attempts_left <= 0
        self._desk.note(
            "upload.failed", file=running.file_name, problem=outcome.detail, final=final
        )
        if final:
            self._close(running, FAILURES[outcome.problem])
            return
        given_s = running.upload.retry_interval_s
        running.again_s = self._desk.now_s + max(
            1, RETRY_INTERVAL_S if given_s is None else given_s
        )

    def _close(self, running: Running, status: UploadStatus) -> None:
        del self._running[running.upload.subject]
        self._desk.delete(SPACE, running.upload.subject.value, durable=False)
        self._report(running.upload, status)

    def _report(self, upload: LogUpload, status: UploadStatus) -> None:
        report = FileReport(subject=upload.subject, status=status, request=upload.request)
        self._desk.emit(ReportFile(report=report))

    def _file_name(self, kind: LogKind) -> str:
        """Ours alone, whatever the CSMS asks: letters, digits, `.`, `_` and `-`."""
        wall = self._clock.now(self._desk.now_s)
        at = f"{wall:%Y%m%dT%H%M%SZ}" if wall is not None else f"up{self._desk.now_s:.0f}s"
        ending = "zip" if kind is LogKind.DIAGNOSTICS else "log"
        return f"{self._station[:40]}-{kind.value}-{at}.{ending}"


def _kept(text: str) -> Kept:
    return msgspec.json.decode(text, type=Kept)
