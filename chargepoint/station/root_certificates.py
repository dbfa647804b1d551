"""Root certificates of the CSMS and of the manufacturer: install, list, delete (white paper, M03 to
M05; section 11.4 of the rules). Whether a text is a usable certificate at all is the shell's task.
"""

from __future__ import annotations

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.security import SecurityEvents
from chargepoint.station.security_requests import (
    RootDeleteRequested,
    RootInstallRequested,
    RootsAsked,
)
from chargepoint.station.security_tasks import SecurityTasks
from chargepoint.station.security_values import (
    CertificateHash,
    CertificateUse,
    HashAlgorithm,
    InstallRoot,
    Outcome,
    RemoveRoot,
)

STORE_MAX = ("SecurityCtrlr", "CertificateEntries")
ONE_ROOT = ("SecurityCtrlr", "AdditionalRootCertificateCheck")


class RootCertificates:
    """The roots that are installed at run time; those of the configuration are not counted."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        clock: Clock,
        security: SecurityEvents,
        tasks: SecurityTasks,
    ) -> None:
        self._desk = desk
        self._model = model
        self._clock = clock
        self._security = security
        self._tasks = tasks

    def install(self, event: RootInstallRequested) -> None:
        """REJECTED for what is no usable certificate or does not fit, FAILED for a disk."""
        task = InstallRoot(
            use=event.use,
            pem=event.pem,
            room=self._model.number(*STORE_MAX) - len(self._tasks.holdings.roots),
            signed_by_old=event.use is CertificateUse.CSMS_ROOT and self._model.flag(*ONE_ROOT),
            now=self._clock.now(self._desk.now_s),
        )

        def then(outcome: Outcome) -> None:
            self._answer(event, outcome, Verdict.REJECTED)
            if outcome.done:
                self._desk.note("certificate.installed", use=event.use.value)
                what = f"installed a {event.use.value}"
                self._security.requested("ReconfigurationOfSecurityParameters", what)
            else:
                self._desk.note("certificate.refused", use=event.use.value, problem=outcome.problem)
                if event.use is CertificateUse.CSMS_ROOT and not outcome.broken:
                    self._security.noticed("InvalidCentralSystemCertificate", outcome.problem)

        if not self._tasks.do(task, then):
            self._tasks.answer(event.call, Verdict.FAILED)

    def delete(self, event: RootDeleteRequested) -> None:
        """The station's own certificate is never deleted; nor is what the connection rests on."""
        if self._is_own(event.hash):
            self._tasks.answer(event.call, Verdict.FAILED, "the station's own certificate")
            return
        if not any(event.hash in root.hashes for root in self._tasks.holdings.roots):
            self._tasks.answer(event.call, Verdict.REJECTED, "no such certificate")
            return

        def then(outcome: Outcome) -> None:
            self._answer(event, outcome, Verdict.FAILED)
            if outcome.done:
                self._desk.note("certificate.deleted", serial=event.hash.serial)
                what = "deleted a root certificate"
                self._security.requested("ReconfigurationOfSecurityParameters", what)

        if not self._tasks.do(RemoveRoot(hash=event.hash), then):
            self._tasks.answer(event.call, Verdict.FAILED)

    def list(self, event: RootsAsked) -> None:
        """By SHA256; REJECTED when there are none."""
        found = tuple(
            named
            for root in self._tasks.holdings.roots
            if root.use is event.use
            for named in root.hashes
            if named.algorithm is HashAlgorithm.SHA256
        )
        verdict = Verdict.ACCEPTED if found else Verdict.REJECTED
        self._desk.emit(Answer(call=event.call, verdict=verdict, certificates=found))

    # --- Inside -----------------------------------------------------------------------------------

    def _is_own(self, named: CertificateHash) -> bool:
        own = self._tasks.holdings.certificate
        return own is not None and named in own.hashes

    def _answer(
        self,
        event: RootInstallRequested | RootDeleteRequested,
        outcome: Outcome,
        refusal: Verdict,
    ) -> None:
        verdict = Verdict.ACCEPTED
        if not outcome.done:
            verdict = Verdict.FAILED if outcome.broken else refusal
        self._tasks.answer(event.call, verdict, outcome.problem)
