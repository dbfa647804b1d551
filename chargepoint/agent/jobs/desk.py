"""The shell of everything about files: works of the station, done in threads of their own.

Works on the firmware file go one after another in one thread, uploads in a second, and the check of
a signing certificate, which a request waits for, in a third. Everything lies in two directories of
the state directory: `firmware` (the file and what belongs to its installation) and `uploads`
(archives in the making, cleared at the start). What a server sends may break a protocol library in
ways that nobody foresaw; such an error fails the work and is logged, and does not end the agent.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from chargepoint import log
from chargepoint.agent.clock import host_boot_id
from chargepoint.agent.jobs.snapshot import Snapshot, Span
from chargepoint.config import Config
from chargepoint.station.effects import CancelFileWork, DoFileWork
from chargepoint.station.file_requests import FileRequest, WorkFinished
from chargepoint.station.file_values import (
    CheckSigner,
    Confirm,
    Discard,
    Download,
    Install,
    LogKind,
    Problem,
    Upload,
    Verify,
    Work,
    WorkOutcome,
)

MB = 1024 * 1024
UPLOAD_TOTAL_S = 3600.0
ARCHIVE_MAX = 64 * MB
ARCHIVE_ROOM = 16 * MB
"""What must be free for an archive in the making, besides what is left to others."""

Job = tuple[int, Work, Snapshot | None, threading.Event]


class Trust:
    """Whose certificates are believed: roots of the CSMS and of the manufacturer, as they are now.

    `csms_roots`, `manufacturer_roots`: the PEM files of installed ones.
    """

    def __init__(
        self,
        config: Config,
        csms_roots: Callable[[], Sequence[str]],
        manufacturer_roots: Callable[[], Sequence[str]],
    ) -> None:
        self._config = config
        self._csms_roots = csms_roots
        self._manufacturer_roots = manufacturer_roots

    def context(self) -> ssl.SSLContext:
        """TLS towards servers of files. Raises OSError, ssl.SSLError among them."""
        csms = self._config.csms
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        named = [self._config.files.ca_file, csms.ca_file if csms is not None else ""]
        for path in [*(each for each in named if each), *self._csms_roots()]:
            context.load_verify_locations(cafile=path)
        return context

    def signers(self) -> list[str]:
        """PEM texts of the manufacturer's roots. Raises OSError."""
        named = self._config.firmware.root_file
        paths = [*([named] if named else []), *self._manufacturer_roots()]
        return [Path(path).read_text("ascii", errors="replace") for path in paths]


class FileJobs:
    """`tell` brings an event to the station, from any thread."""

    def __init__(self, config: Config, trust: Trust, tell: Callable[[FileRequest], None]) -> None:
        self._config = config
        self._trust = trust
        self._tell = tell
        self.snapshot: Callable[[], Snapshot] | None = None
        """Called in the loop, when an archive is to be made."""
        self._firmware = config.state_dir / "firmware"
        self._uploads = config.state_dir / "uploads"
        self._lanes = {name: _Lane(name, self._done) for name in ("firmware", "uploads", "checks")}
        self._cancels: dict[int, threading.Event] = {}
        self._cleared = False
        self._log = log.get("files")

    @property
    def file(self) -> Path:
        """The firmware file, when it is whole."""
        return self._firmware / "firmware.bin"

    @property
    def waiting(self) -> int:
        """Works that wait for their turn."""
        return sum(lane.waiting for lane in self._lanes.values())

    def do(self, effect: DoFileWork) -> None:
        """Begin a work; WorkFinished follows, unless it is cancelled. Called in the loop."""
        match effect.work:
            case CheckSigner():
                lane = "checks"
            case Upload():
                lane = "uploads"
            case _:
                lane = "firmware"
        cancelled = self._cancels[effect.job] = threading.Event()
        archive = isinstance(effect.work, Upload) and effect.work.kind is LogKind.DIAGNOSTICS
        snapshot = self.snapshot() if archive and self.snapshot is not None else None
        self._lanes[lane].put((effect.job, effect.work, snapshot, cancelled))

    def cancel(self, effect: CancelFileWork) -> None:
        """Stop a work as soon as it moves again."""
        cancelled = self._cancels.pop(effect.job, None)
        if cancelled is not None:
            cancelled.set()

    def stop(self, wait_s: float) -> None:
        """Stop everything; what does not stop in time ends with the process. Blocks."""
        for cancelled in list(self._cancels.values()):
            cancelled.set()
        until_s = time.monotonic() + wait_s
        for lane in self._lanes.values():
            lane.stop(max(0.0, until_s - time.monotonic()))

    # --- In the threads ---------------------------------------------------------------------------

    def _done(self, job: Job) -> None:
        """Do a work and tell what became of it."""
        number, work, snapshot, cancelled = job
        outcome = self._outcome(work, snapshot, cancelled)
        if outcome is None or cancelled.is_set():
            return
        self._cancels.pop(number, None)
        self._tell(WorkFinished(job=number, outcome=outcome, at_s=time.monotonic()))

    def _outcome(
        self, work: Work, snapshot: Snapshot | None, cancelled: threading.Event
    ) -> WorkOutcome | None:
        """None: nobody wants it any more."""
        from chargepoint.agent.jobs.places import TransferError
        from chargepoint.agent.jobs.transfer import Cancelled

        if cancelled.is_set():
            return None
        try:
            return self._perform(work, snapshot, cancelled)
        except Cancelled:
            return None
        except TransferError as error:
            return WorkOutcome(problem=error.problem, detail=str(error))
        except OSError as error:
            return WorkOutcome(problem=Problem.FAILED, detail=f"{error.strerror or error}")
        except Exception as error:
            self._log.error("files.work_broken", work=type(work).__name__, exc_info=error)
            return WorkOutcome(problem=Problem.FAILED, detail=type(error).__name__)

    def _perform(
        self, work: Work, snapshot: Snapshot | None, cancelled: threading.Event
    ) -> WorkOutcome:
        match work:
            case CheckSigner(certificate=certificate, now=now):
                from chargepoint.agent.jobs.signatures import signer_outcome

                return signer_outcome(certificate, self._trust.signers(), now)
            case Verify(certificate=certificate, signature=signature):
                from chargepoint.agent.jobs.signatures import signature_outcome

                return signature_outcome(certificate, signature, self.file)
            case Download(location=location):
                self._download(location, cancelled)
            case Install():
                return self._install(cancelled)
            case Confirm():
                from chargepoint.agent.jobs.installer import confirm

                self._private(self._firmware)
                return confirm(self._firmware)
            case Discard():
                for ending in (".bin", ".part", ".json"):
                    self.file.with_suffix(ending).unlink(missing_ok=True)
            case Upload():
                self._upload(work, snapshot, cancelled)
        return WorkOutcome()

    def _download(self, location: str, cancelled: threading.Event) -> None:
        from chargepoint.agent.jobs.download import download, room
        from chargepoint.agent.jobs.transfer import Transfer

        files = self._config.files
        self._private(self._firmware)
        size_max = room(self._firmware, int(files.size_max_mb * MB), int(files.free_min_mb * MB))
        part = self.file.with_suffix(".part")
        if part.exists():
            size_max = min(int(files.size_max_mb * MB), size_max + part.stat().st_size)
        speed = files.speed_max_kb_s * 1024
        download(
            location,
            self.file,
            Transfer(self._trust.context, size_max, speed, cancelled=cancelled),
            host_boot_id(),
        )

    def _install(self, cancelled: threading.Event) -> WorkOutcome:
        from chargepoint.agent.jobs.installer import install

        settings = self._config.firmware
        self._private(self._firmware)
        return install(
            settings.installer, self.file, self._firmware, settings.installer_timeout_s, cancelled
        )

    def _upload(self, work: Upload, snapshot: Snapshot | None, cancelled: threading.Event) -> None:
        from chargepoint.agent.jobs.archive import write_archive, write_security_log
        from chargepoint.agent.jobs.download import room
        from chargepoint.agent.jobs.places import TransferError, place
        from chargepoint.agent.jobs.transfer import Transfer
        from chargepoint.agent.jobs.upload import upload

        place(work.location)  # before anything is made for it
        self._clear_uploads()
        if (
            room(self._uploads, ARCHIVE_ROOM, int(self._config.files.free_min_mb * MB))
            < ARCHIVE_ROOM
        ):
            raise TransferError(Problem.FAILED, "no room on the disk")
        span = Span(work.oldest, work.latest)
        source = self._uploads / work.file_name
        try:
            if work.kind is LogKind.SECURITY:
                write_security_log(source, self._config.state_dir, span)
            elif snapshot is not None:
                write_archive(source, self._config, snapshot, span)
            else:
                raise OSError("the station is not up yet")
            upload(
                work.location,
                source,
                work.file_name,
                Transfer(
                    self._trust.context,
                    ARCHIVE_MAX,
                    self._config.files.speed_max_kb_s * 1024,
                    total_s=UPLOAD_TOTAL_S,
                    cancelled=cancelled,
                ),
            )
        finally:
            source.unlink(missing_ok=True)

    def _clear_uploads(self) -> None:
        """Remains of an earlier run; in this one each upload removes its own."""
        self._private(self._uploads)
        if self._cleared:
            return
        self._cleared = True
        remains = list(self._uploads.iterdir())
        for path in remains:
            path.unlink()
        if remains:
            self._log.info("files.leftovers_removed", count=len(remains))

    @staticmethod
    def _private(directory: Path) -> None:
        from chargepoint.agent.security.private_files import private_directory

        private_directory(directory)


class _Lane:
    """A thread that does jobs one after another; it starts with the first."""

    def __init__(self, name: str, do: Callable[[Job], None]) -> None:
        self._name = name
        self._do = do
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False

    @property
    def waiting(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> None:
        with self._changed:
            # What is cancelled needs no turn: a flood of requests leaves no queue behind.
            self._jobs = deque(each for each in self._jobs if not each[3].is_set())
            self._jobs.append(job)
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self, wait_s: float) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._do(job)

    def _next(self) -> Job | None:
        with self._changed:
            while not self._jobs and not self._ended:
                self._changed.wait()
            return None if self._ended else self._jobs.popleft()
