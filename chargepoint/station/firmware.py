"""Firmware updates: from the request to the first words of the new software (sections 10.1, 10.2).

The phases, each kept in space `firmware` before it is acted on, so that a restart goes on from it:

    SCHEDULED    until retrieve_at                   after a restart: the same
    DOWNLOADING  an attempt, or the wait for one     the next attempt, which resumes the file
    VERIFYING    signed updates only                 verified again
    WAITING      until install_at and until no       the same
                 transaction runs
    INSTALLING   the installer runs                  failed, unless other software runs now
    REBOOTING    installed; restart                  confirmed with the next acceptance: Installed
    FINISHED     a final status is owed              it is told

While the installation only waits for transactions to end, and while it runs, no transaction starts.
Plain and signed updates are the same but for the signing certificate, which is checked before the
answer, the signature, and the statuses that exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import msgspec
from msgspec.structs import replace

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.diagnostics import HOPELESS, RETRIES_MAX, RETRY_INTERVAL_S
from chargepoint.station.effects import Answer, ReportFile, Verdict
from chargepoint.station.events import Call
from chargepoint.station.file_requests import UpdateRequested
from chargepoint.station.file_values import (
    CheckSigner,
    Confirm,
    Discard,
    Download,
    FileReport,
    FirmwareStatus,
    FirmwareUpdate,
    Install,
    Subject,
    Verify,
    WorkOutcome,
)
from chargepoint.station.file_works import FileWorks
from chargepoint.station.resets import Resets
from chargepoint.station.security import SecurityEvents
from chargepoint.station.session import Session

SPACE = "firmware"
KEY = "update"

RETRIES = 3
"""Where the CSMS does not say."""

RESUMES_MAX = 5
"""Restarts during the last attempt after which the download itself is suspected."""

RESTART_WAIT_S = 10.0
"""For the CSMS to hear that the restart comes."""

_S = FirmwareStatus


class Phase(Enum):
    SCHEDULED = "scheduled"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    WAITING = "waiting"
    INSTALLING = "installing"
    REBOOTING = "rebooting"
    FINISHED = "finished"


HOLDING = {Phase.WAITING, Phase.INSTALLING, Phase.REBOOTING}
"""No transaction starts, WAITING only when it is time to install."""

CANCELLABLE = {Phase.SCHEDULED, Phase.DOWNLOADING, Phase.VERIFYING, Phase.WAITING, Phase.FINISHED}


DOWNLOADED = {Phase.VERIFYING, Phase.WAITING}
"""The file is whole here."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An update as it stands."""

    update: FirmwareUpdate
    phase: Phase
    attempts_left: int
    firmware: str
    """Version that ran when it was asked for."""
    status: FirmwareStatus = _S.IDLE
    """What the CSMS was told last."""


class FirmwareUpdates:
    """At most one update at a time."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        security: SecurityEvents,
        works: FileWorks,
        resets: Resets,
        sessions: Mapping[int, Session],
        kept: Mapping[str, str],
        firmware: str,
        signed_only: bool,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._security = security
        self._works = works
        self._resets = resets
        self._sessions = sessions
        self._firmware = firmware
        self._signed_only = signed_only
        self._kept: Kept | None = None
        self._last: FileReport | None = None
        self._job: int | None = None
        self._again_s: float | None = None
        self._restart_by_s: float | None = None
        """Set in the run that has installed; what follows the restart finds it unset."""
        self._untold = 0
        self._restored = False
        if KEY in kept:
            self._kept = msgspec.json.decode(kept[KEY], type=Kept)
            self._restored = True

    @property
    def holding(self) -> bool:
        """An installation is due or runs: no transaction may start."""
        kept = self._kept
        if kept is None or kept.phase not in HOLDING:
            return False
        if kept.phase is Phase.WAITING:
            return self._is_time(kept.update.install_at)
        return kept.phase is Phase.INSTALLING or self._restart_by_s is not None

    # --- Requests ---------------------------------------------------------------------------------

    def request(self, event: UpdateRequested) -> None:
        """Answer at once, or when the signing certificate is checked."""
        update = event.update
        if not update.signed:
            verdict = Verdict.NOT_SUPPORTED if self._signed_only else Verdict.ACCEPTED
            if verdict is Verdict.ACCEPTED and not self._cancellable:
                self._desk.note("firmware.update_ignored", phase="installing")
                verdict = Verdict.REJECTED
            self._desk.emit(Answer(call=event.call, verdict=verdict))
            if verdict is Verdict.ACCEPTED:
                self._begin(update)
        elif self._works.crowded or not self._cancellable:
            self._desk.emit(Answer(call=event.call, verdict=Verdict.REJECTED))
        else:
            work = CheckSigner(
                certificate=update.certificate, now=self._clock.now(self._desk.now_s)
            )
            self._works.do(work, lambda outcome: self._checked(event.call, update, outcome))

    def _checked(self, call: Call, update: FirmwareUpdate, outcome: WorkOutcome) -> None:
        if not outcome.done:
            self._desk.emit(Answer(call=call, verdict=Verdict.INVALID_CERTIFICATE))
            self._security.happened("InvalidFirmwareSigningCertificate", outcome.detail)
        elif not self._cancellable:
            self._desk.emit(Answer(call=call, verdict=Verdict.REJECTED))
        else:
            verdict = Verdict.ACCEPTED_CANCELED if self._active else Verdict.ACCEPTED
            self._desk.emit(Answer(call=call, verdict=verdict))
            self._begin(update)

    @property
    def _active(self) -> bool:
        return self._kept is not None and self._kept.phase is not Phase.FINISHED

    @property
    def _cancellable(self) -> bool:
        return self._kept is None or self._kept.phase in CANCELLABLE

    def _begin(self, update: FirmwareUpdate) -> None:
        """A new update takes the place of what was there."""
        if self._active:
            self._desk.note("firmware.update_replaced")
        self._works.cancel(self._job)
        if self._kept is not None and self._kept.phase in DOWNLOADED:
            self._works.do(Discard(), _nothing)  # another file may stand at the same place now
        self._job = self._again_s = None
        retries = RETRIES if update.retries is None else min(max(update.retries, 0), RETRIES_MAX)
        self._kept = Kept(
            update=update,
            phase=Phase.SCHEDULED,
            attempts_left=retries + 1,
            firmware=self._firmware,
        )
        self._enter(Phase.SCHEDULED)
        if not self._is_time(update.retrieve_at):
            self._report(_S.DOWNLOAD_SCHEDULED)
        self.due()

    # --- Statuses ---------------------------------------------------------------------------------

    def status(self, subject: Subject) -> FileReport:
        """What a trigger brings (M4): plain, idle when idle; signed, the last but for Installed."""
        idle = FileReport(subject=subject, status=_S.IDLE, triggered=True)
        last = self._last
        if last is None or last.subject is not subject:
            return idle
        if subject is Subject.FIRMWARE and not self._active:
            return idle
        if last.status in (_S.INSTALLED, _S.IDLE):
            return idle
        return replace(last, triggered=True)

    def delivered(self, report: FileReport) -> None:
        """The CSMS has heard a status of an update."""
        self._untold = max(0, self._untold - 1)
        kept = self._kept
        if kept is not None and kept.phase is Phase.FINISHED and report == self._last:
            self._kept = None
            self._desk.delete(SPACE, KEY, durable=False)

    def _report(self, status: FirmwareStatus) -> None:
        """Tell a status that is not told already; kept with the phase that follows it."""
        kept = self._kept
        assert kept is not None
        if kept.status is status:
            return
        self._kept = replace(kept, status=status)
        self._keep()
        subject = Subject.SIGNED_FIRMWARE if kept.update.signed else Subject.FIRMWARE
        report = FileReport(subject=subject, status=status, request=kept.update.request)
        self._tell(report)

    def _tell(self, report: FileReport) -> None:
        self._last = report
        self._untold += 1
        self._desk.emit(ReportFile(report=report))

    # --- Progress ---------------------------------------------------------------------------------

    def due(self) -> None:
        """Do what has become possible."""
        if self._restored:
            self._restored = False
            self._go_on()
        kept = self._kept
        if kept is None:
            return
        match kept.phase:
            case Phase.SCHEDULED if self._is_time(kept.update.retrieve_at):
                self._enter(Phase.DOWNLOADING)
                self._attempt()
            case Phase.DOWNLOADING if self._job is None and self._again_s is not None:
                if self._desk.now_s >= self._again_s:
                    self._attempt()
            case Phase.WAITING:
                self._install_when_idle()
            case Phase.REBOOTING if self._restart_by_s is not None:
                told = self._untold == 0 or not self._desk.online
                if told or self._desk.now_s >= self._restart_by_s:
                    self._resets.restart("new firmware")
            case Phase.REBOOTING if self._desk.online and self._job is None:
                # What runs after the restart has reached the CSMS: time to say what became of it.
                self._job = self._works.do(Confirm(), self._confirmed)
            case _:
                pass

    def deadline_s(self) -> float | None:
        kept = self._kept
        if kept is None:
            return None
        match kept.phase:
            case Phase.SCHEDULED:
                return self._due_s(kept.update.retrieve_at)
            case Phase.DOWNLOADING:
                return self._again_s
            case Phase.WAITING:
                waits = not self._is_time(kept.update.install_at)
                return self._due_s(kept.update.install_at) if waits else None
            case Phase.REBOOTING if not self._resets.pending:
                return self._restart_by_s
            case _:
                return None

    def _go_on(self) -> None:
        """After a restart of this program: where the update stands, from what was kept of it."""
        kept = self._kept
        assert kept is not None
        subject = Subject.SIGNED_FIRMWARE if kept.update.signed else Subject.FIRMWARE
        last = FileReport(subject=subject, status=kept.status, request=kept.update.request)
        self._last = last
        match kept.phase:
            case Phase.DOWNLOADING if kept.attempts_left <= -RESUMES_MAX:
                self._fail(_S.DOWNLOAD_FAILED, "interrupted by too many restarts")
            case Phase.DOWNLOADING:
                self._again_s = self._desk.now_s
            case Phase.VERIFYING:
                self._verify()
            case Phase.INSTALLING if self._firmware == kept.firmware:
                self._fail(_S.INSTALLATION_FAILED, "interrupted by a restart")
            case Phase.INSTALLING:
                self._enter(Phase.REBOOTING)
            case Phase.FINISHED:
                self._tell(last)
            case _:
                pass

    def _attempt(self) -> None:
        kept = self._kept
        assert kept is not None
        self._again_s = None
        self._kept = replace(kept, attempts_left=kept.attempts_left - 1)
        self._report(_S.DOWNLOADING)
        self._keep()
        self._job = self._works.do(Download(location=kept.update.location), self._downloaded)

    def _downloaded(self, outcome: WorkOutcome) -> None:
        self._job = None
        kept = self._kept
        assert kept is not None
        if not outcome.done:
            hopeless = outcome.problem in HOPELESS
            if hopeless or kept.attempts_left <= 0:
                self._fail(_S.DOWNLOAD_FAILED, outcome.detail)
                return
            self._desk.note("firmware.download_retried", problem=outcome.detail)
            given_s = kept.update.retry_interval_s
            interval_s = RETRY_INTERVAL_S if given_s is None else given_s
            self._again_s = self._desk.now_s + max(1, interval_s)
            return
        self._report(_S.DOWNLOADED)
        if kept.update.signed:
            self._enter(Phase.VERIFYING)
            self._verify()
        else:
            self._ready()

    def _verify(self) -> None:
        assert self._kept is not None
        update = self._kept.update
        work = Verify(certificate=update.certificate, signature=update.signature)
        self._job = self._works.do(work, self._verified)

    def _verified(self, outcome: WorkOutcome) -> None:
        self._job = None
        if outcome.done:
            self._report(_S.SIGNATURE_VERIFIED)
            self._ready()
        else:
            self._security.happened("InvalidFirmwareSignature", outcome.detail)
            self._fail(_S.INVALID_SIGNATURE, outcome.detail)

    def _ready(self) -> None:
        self._enter(Phase.WAITING)
        assert self._kept is not None
        busy = any(session.charge is not None for session in self._sessions.values())
        if busy or not self._is_time(self._kept.update.install_at):
            self._report(_S.INSTALL_SCHEDULED)
        self._install_when_idle()

    def _install_when_idle(self) -> None:
        if not self.holding:
            return
        for session in self._sessions.values():
            session.withdraw()
        if any(session.charge is not None for session in self._sessions.values()):
            return
        if self._resets.pending:
            return  # asked for after this restart
        self._enter(Phase.INSTALLING)
        self._report(_S.INSTALLING)
        self._desk.note("firmware.installing")
        self._job = self._works.do(Install(), self._installed)

    def _installed(self, outcome: WorkOutcome) -> None:
        self._job = None
        if not outcome.done:
            self._fail(_S.INSTALLATION_FAILED, outcome.detail)
            return
        self._restart_by_s = self._desk.now_s + RESTART_WAIT_S
        self._enter(Phase.REBOOTING)
        self._report(_S.INSTALL_REBOOTING)
        self.due()

    def _confirmed(self, outcome: WorkOutcome) -> None:
        self._job = None
        if not outcome.done:
            self._fail(_S.INSTALLATION_FAILED, outcome.detail)
            return
        self._desk.note("firmware.installed", version=self._firmware)
        self._enter(Phase.FINISHED)
        self._report(_S.INSTALLED)
        self._security.happened("FirmwareUpdated", f"version {self._firmware}")
        self._works.do(Discard(), _nothing)

    def _fail(self, status: FirmwareStatus, problem: str) -> None:
        self._desk.note("firmware.update_failed", status=status.value, problem=problem)
        self._enter(Phase.FINISHED)
        self._report(status)
        self._works.do(Discard(), _nothing)

    # --- Small change -----------------------------------------------------------------------------

    def _enter(self, phase: Phase) -> None:
        assert self._kept is not None
        self._kept = replace(self._kept, phase=phase)
        self._keep()

    def _keep(self) -> None:
        self._desk.put(SPACE, KEY, self._kept, durable=True)

    def _is_time(self, wanted: datetime | None) -> bool:
        """Whether `wanted` has come; an unknown clock says no, and the CSMS soon tells the time."""
        if wanted is None:
            return True
        now = self._clock.now(self._desk.now_s)
        return now is not None and now >= wanted

    def _due_s(self, wanted: datetime | None) -> float | None:
        now = self._clock.now(self._desk.now_s)
        if wanted is None or now is None:
            return None
        return self._desk.now_s + max(0.0, (wanted - now).total_seconds())


def _nothing(outcome: WorkOutcome) -> None:
    """A file that cannot be removed takes room, which the next download will complain of."""
