"""Keys, certificates and security settings of the station: composes the parts, routes between them.

`access_changes` (key and profile), `root_certificates`, `own_certificate` decide;
`security_tasks` has the work done; `security` tells of it. White paper "Improved security for OCPP
1.6-J"; section 11 of the rules.
"""

from __future__ import annotations

from chargepoint.station import security_requests as requests
from chargepoint.station.access_changes import AccessChanges
from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.events import VariableSetRequested
from chargepoint.station.own_certificate import OwnCertificate
from chargepoint.station.root_certificates import RootCertificates
from chargepoint.station.security import SecurityEvents
from chargepoint.station.security_requests import SecurityRequest
from chargepoint.station.security_tasks import SecurityTasks
from chargepoint.station.settings import StationSettings

TAMPERING = frozenset({"tilted", "door_open"})
"""Hazards that somebody may have caused on purpose."""


class Safekeeping:
    """Everything about security that the CSMS can ask for."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        clock: Clock,
        security: SecurityEvents,
        settings: StationSettings,
    ) -> None:
        self._security = security
        self._tasks = tasks = SecurityTasks(desk, settings.holdings)
        common_name = settings.serial or settings.id
        self._changes = AccessChanges(desk, model, security, tasks, settings.key_form)
        self._roots = RootCertificates(desk, model, clock, security, tasks)
        self._own = OwnCertificate(desk, model, clock, security, tasks, common_name)

    def handle(self, event: SecurityRequest) -> None:
        match event:
            case requests.RootInstallRequested():
                self._roots.install(event)
            case requests.RootDeleteRequested():
                self._roots.delete(event)
            case requests.RootsAsked():
                self._roots.list(event)
            case requests.SigningTriggered():
                self._own.triggered(event)
            case requests.CsrAnswered():
                self._own.csr_answered(event)
            case requests.ChainGiven():
                self._own.given(event)
            case requests.TaskFinished():
                self._tasks.finished(event)
            case requests.AccessSettled():
                self._changes.settled(event)
            case requests.SecurityNoticed(kind=kind, info=info):
                self._security.noticed(kind, info)
            case _:
                raise AssertionError(f"nobody deals with {type(event).__name__}")

    def takes(self, event: VariableSetRequested) -> bool:
        """Deal with a variable that is no mere value; False: it is one."""
        return self._changes.takes(event)

    def hazard(self, evse: int, hazard: str) -> None:
        """The safety program found something."""
        if hazard in TAMPERING:
            self._security.happened("TamperDetectionActivated", f"EVSE {evse}: {hazard}")

    def due(self) -> None:
        self._own.due()

    def deadline_s(self) -> float | None:
        return self._own.deadline_s()
