"""Files of the station, in both directions: composes the parts and routes between them.

`firmware` brings software, `diagnostics` takes logs away, `file_works` has the work done.
"""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.station import diagnostics, firmware
from chargepoint.station import file_requests as requests
from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, earliest
from chargepoint.station.diagnostics import Uploads
from chargepoint.station.effects import Answer, ReportFile, Verdict
from chargepoint.station.file_requests import FileRequest
from chargepoint.station.file_values import Subject
from chargepoint.station.file_works import FileWorks
from chargepoint.station.firmware import FirmwareUpdates
from chargepoint.station.resets import Resets
from chargepoint.station.security import SecurityEvents
from chargepoint.station.session import Session
from chargepoint.station.settings import Restored, StationSettings

UPDATES = {Subject.FIRMWARE, Subject.SIGNED_FIRMWARE}


class Files:
    """Everything about files that the CSMS can ask for."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        security: SecurityEvents,
        resets: Resets,
        sessions: Mapping[int, Session],
        settings: StationSettings,
        restored: Restored,
    ) -> None:
        self._desk = desk
        self._works = works = FileWorks(desk)
        self._updates = FirmwareUpdates(
            desk,
            clock,
            security,
            works,
            resets,
            sessions,
            restored.space(firmware.SPACE),
            settings.firmware,
            settings.signed_firmware_only,
        )
        self._uploads = Uploads(desk, clock, works, settings.id, restored.space(diagnostics.SPACE))

    @property
    def holding(self) -> bool:
        """An installation lets no transaction start."""
        return self._updates.holding

    def handle(self, event: FileRequest) -> None:
        match event:
            case requests.UpdateRequested():
                self._updates.request(event)
            case requests.UploadRequested():
                self._uploads.request(event)
            case requests.FileStatusAsked():
                self._asked(event)
            case requests.FileReportDelivered(report=report):
                if report.subject in UPDATES and not report.triggered:
                    self._updates.delivered(report)
            case requests.WorkFinished():
                self._works.finished(event)
            case _:
                raise AssertionError(f"nobody deals with {type(event).__name__}")

    def due(self) -> None:
        self._uploads.due()
        self._updates.due()

    def deadline_s(self) -> float | None:
        return earliest(self._uploads.deadline_s(), self._updates.deadline_s())

    def _asked(self, event: requests.FileStatusAsked) -> None:
        """Answer first, then the status (M1, M4)."""
        source = self._updates if event.subject in UPDATES else self._uploads
        self._desk.emit(Answer(call=event.call, verdict=Verdict.ACCEPTED))
        self._desk.emit(ReportFile(report=source.status(event.subject)))
