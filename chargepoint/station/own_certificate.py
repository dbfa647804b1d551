"""The station's own certificate: asked for, taken, renewed in time (white paper, A02 and A03).

A request makes a new key pair each time. Once the CSMS has taken it, the signed certificate is
awaited for CertSigningWaitMinimum, twice as long after each new request, CertSigningRepeatTimes
times; then only a trigger or the next renewal asks again. A certificate that cannot be used ends
the waiting too (edition 4). A renewal begins 30 days before the end, once a day at most.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, earliest
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Reconnect, SendCsr, Verdict
from chargepoint.station.security import SecurityEvents
from chargepoint.station.security_requests import ChainGiven, CsrAnswered, SigningTriggered
from chargepoint.station.security_tasks import SecurityTasks
from chargepoint.station.security_values import MakeRequest, Outcome, TakeChain

ORGANIZATION = ("SecurityCtrlr", "OrganizationName")
CHAIN_MAX = ("SecurityCtrlr", "MaxCertificateChainSize")
WAIT_MIN = ("SecurityCtrlr", "CertSigningWaitMinimum")
REPEATS = ("SecurityCtrlr", "CertSigningRepeatTimes")

RENEW_BEFORE = timedelta(days=30)
RENEW_EVERY_S = 86_400.0
"""Pause after a renewal that led to nothing; a refused one keeps the old certificate."""

WAIT_MAX_S = 7 * 86_400.0
"""A minimum that doubles many times becomes years; this is long enough."""


class OwnCertificate:
    """`common_name`: CN of our certificates, the serial number of the station."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        clock: Clock,
        security: SecurityEvents,
        tasks: SecurityTasks,
        common_name: str,
    ) -> None:
        self._desk = desk
        self._model = model
        self._clock = clock
        self._security = security
        self._tasks = tasks
        self._common_name = common_name
        self._making = False
        self._requests = 0
        """Requests since the trigger or renewal, for the doubling of the wait."""
        self._repeat_s: float | None = None
        self._renew_s = 0.0

    # --- What the CSMS says -----------------------------------------------------------------------

    def triggered(self, event: SigningTriggered) -> None:
        """Answer first; the request follows (M1, M7)."""
        if not self._model.text(*ORGANIZATION):
            self._desk.note("certificate.unnamed")
            self._tasks.answer(event.call, Verdict.REJECTED, "CpoName is not set")
            return
        self._tasks.answer(event.call, Verdict.ACCEPTED)
        self._begin()

    def csr_answered(self, event: CsrAnswered) -> None:
        """Rejected ends it; without an answer the wait is the same as after Accepted."""
        if event.accepted is False:
            self._desk.note("certificate.request_refused")
            self._repeat_s = None
            return
        wait_s = self._model.number(*WAIT_MIN) * 2.0 ** min(self._requests - 1, 30)
        again = wait_s > 0 and self._requests <= self._model.number(*REPEATS)
        self._repeat_s = self._desk.now_s + min(wait_s, WAIT_MAX_S) if again else None

    def given(self, event: ChainGiven) -> None:
        """Take the certificate if it is one, and connect with it."""
        self._repeat_s = None
        if len(event.pem) > self._model.number(*CHAIN_MAX):
            self._refuse(event, "longer than CertificateSignedMaxChainSize")
            return
        task = TakeChain(
            pem=event.pem,
            common_name=self._common_name,
            organization=self._model.text(*ORGANIZATION),
            now=self._clock.now(self._desk.now_s),
        )

        def then(outcome: Outcome) -> None:
            if not outcome.done:
                self._refuse(event, outcome.problem)
                return
            self._tasks.answer(event.call, Verdict.ACCEPTED)
            self._desk.note("certificate.taken")
            what = "took a new certificate of the station"
            self._security.requested("ReconfigurationOfSecurityParameters", what)
            if outcome.tried_next:
                self._desk.emit(Reconnect(reason="new certificate"))

        if not self._tasks.do(task, then):
            self._tasks.answer(event.call, Verdict.REJECTED)

    # --- Time -------------------------------------------------------------------------------------

    def due(self) -> None:
        """Ask again, or renew, when it is time and somebody listens."""
        if not self._desk.online or self._making:
            return
        if self._repeat_s is not None:
            if self._repeat_s <= self._desk.now_s:
                self._ask()
        elif self._renewable() and self._renew_s <= self._desk.now_s:
            self._renew()

    def deadline_s(self) -> float | None:
        if not self._desk.online or self._making:
            return None
        if self._repeat_s is not None:
            return self._repeat_s
        ends = self._ends()
        now = self._clock.now(self._desk.now_s)
        if ends is None or now is None:
            return None
        left_s = (ends - RENEW_BEFORE - now).total_seconds()
        return earliest(max(self._desk.now_s + left_s, self._renew_s))

    # --- Inside -----------------------------------------------------------------------------------

    def _ends(self) -> datetime | None:
        own = self._tasks.holdings.certificate
        return None if own is None else own.not_after

    def _renewable(self) -> bool:
        ends, now = self._ends(), self._clock.now(self._desk.now_s)
        return ends is not None and now is not None and now >= ends - RENEW_BEFORE

    def _renew(self) -> None:
        self._renew_s = self._desk.now_s + RENEW_EVERY_S
        ends, now = self._ends(), self._clock.now(self._desk.now_s)
        if ends is not None and now is not None:
            left_days = round((ends - now).total_seconds() / 86_400, 1)
            self._desk.note("certificate.expires", left_days=left_days)
        if self._model.text(*ORGANIZATION):
            self._begin()
        else:
            self._desk.note("certificate.unnamed")

    def _begin(self) -> None:
        self._requests = 0
        self._ask()

    def _ask(self) -> None:
        if self._making:
            return  # the request that is being made is the one that was asked for
        self._repeat_s = None
        task = MakeRequest(
            common_name=self._common_name, organization=self._model.text(*ORGANIZATION)
        )
        self._making = self._tasks.do(task, self._made)

    def _made(self, outcome: Outcome) -> None:
        self._making = False
        if not outcome.done:
            self._desk.note("certificate.request_failed", problem=outcome.problem)
            return
        self._requests += 1
        self._desk.note("certificate.requested", attempt=self._requests)
        self._desk.emit(SendCsr(csr=outcome.csr))

    def _refuse(self, event: ChainGiven, problem: str) -> None:
        self._tasks.answer(event.call, Verdict.REJECTED, problem)
        self._desk.note("certificate.refused", use="ChargingStationCertificate", problem=problem)
        self._security.requested("InvalidChargePointCertificate", problem)
