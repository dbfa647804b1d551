"""Which credentials the next connection shows, and what its fate says about them.

A change is tried first, twice; then what worked before and the change take turns, until one of them
opens a connection: that one stays (section 11.3 of the rules). The trial is on the disk before it
is answered, and its end when it is decided; a crash in between only repeats the question.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from chargepoint import log
from chargepoint.agent.clock import clock_read
from chargepoint.agent.endpoint import Endpoint, keys_of
from chargepoint.agent.security.contexts import verified_chain
from chargepoint.agent.security.credentials import Credentials
from chargepoint.agent.security.safe import Safe
from chargepoint.agent.security.verdicts import REFUSED, finding
from chargepoint.agent.security.worker import SecurityWorker
from chargepoint.config import Csms
from chargepoint.station.events import ClockRead
from chargepoint.station.security_requests import AccessSettled, SecurityNoticed, SecurityRequest
from chargepoint.station.settings import BUILT_AT

TRIAL_FIRST = 2
"""Attempts with the change alone: a key of hex digits has two spellings."""


class SafeAccess:
    """Access with what the safe holds. Lives in the loop; `report` takes events for the station."""

    def __init__(
        self,
        safe: Safe,
        worker: SecurityWorker,
        settings: Csms,
        report: Callable[[SecurityRequest], None],
        read_clock: Callable[[], ClockRead] = clock_read,
        built_at: datetime = BUILT_AT,
    ) -> None:
        self._safe = safe
        self._worker = worker
        self._settings = settings
        self._report = report
        self._read_clock = read_clock
        self._built_at = built_at
        self._shown: Credentials = safe.kept.current
        self._spelling = 0
        self._refusals: dict[tuple[Credentials, str], int] = {}
        """By address too: each central system has its own idea of a spelling."""
        self._trial: Credentials | None = None
        self._tries = 0
        self._undated_told = False
        self._log = log.get("security")

    # --- For the link -----------------------------------------------------------------------------

    @property
    def attempts(self) -> int:
        """A change and what worked before are both tried at an address before the next one."""
        return 1 if self._safe.kept.trial is None else 2 * TRIAL_FIRST

    def applied(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint` with what is shown now."""
        shown = self._shown = self._choose()
        spellings = self._spellings(shown)
        self._spelling = shown.spelling + self._refusals.get((shown, _where(endpoint)), 0)
        key = spellings[self._spelling % len(spellings)] if spellings else None
        certificate = self._safe.certificate(shown) if shown.profile == 3 else None
        return replace(
            endpoint,
            url=self._url(endpoint, shown),
            keys=() if key is None else (key,),
            roots=self._safe.csms_root_files(),
            certificate=certificate,
            dates=self._dates(),
        )

    def opened(self, endpoint: Endpoint, tls: ssl.SSLObject | None) -> None:
        """A connection is open: what it showed stays."""
        shown, self._refusals = self._shown, {}
        chain = verified_chain(tls)
        self._safe.in_use = frozenset(hashlib.sha256(each).hexdigest() for each in chain[-1:])
        trial = self._safe.kept.trial
        decides = trial is not None and (shown == trial or self._tries >= TRIAL_FIRST)
        spellings = self._spellings(shown)
        spelling = self._spelling % len(spellings) if spellings else 0
        if trial is not None and decides:
            self._worker.do(lambda: self._settle(trial, shown == trial, spelling))
        elif trial is None and spelling != shown.spelling:
            self._worker.do(lambda: self._remember(shown, spelling))

    def failed(self, endpoint: Endpoint, error: Exception) -> str:
        """No connection; words for people, where there are better ones than the error's own."""
        clock = self._read_clock()
        found = finding(
            error,
            certificate_shown=endpoint.certificate is not None,
            clock_trusted=clock.synchronised,
        )
        if found.kind == REFUSED:
            place = (self._shown, _where(endpoint))
            self._refusals[place] = self._refusals.get(place, 0) + 1
        if self._trial is not None:
            self._tries += 1
        if found.kind:
            text = found.text or "refused by the CSMS"
            self._report(SecurityNoticed(kind=found.kind, info=text, at_s=clock.at_s))
        return found.text

    # --- Inside -----------------------------------------------------------------------------------

    def _choose(self) -> Credentials:
        kept = self._safe.kept
        if kept.trial != self._trial:
            self._trial, self._tries, self._refusals = kept.trial, 0, {}
        if kept.trial is None:
            return kept.current
        before = self._tries >= TRIAL_FIRST and self._tries % 2 == 0
        return kept.current if before else kept.trial

    def _spellings(self, shown: Credentials) -> tuple[bytes, ...]:
        if shown.profile == 3 or (shown.profile == 0 and shown.key_given):
            return ()
        return keys_of(shown.key, self._settings.key_form)

    def _url(self, endpoint: Endpoint, shown: Credentials) -> str:
        """Profiles 2 and 3 need TLS; the scheme follows, unless there is an address for it."""
        if shown.profile < 2 or endpoint.secure:
            return endpoint.url
        return "wss:" + endpoint.url.removeprefix("ws:")

    def _dates(self) -> bool:
        """Whether the wall clock may be right at all (Y4)."""
        possible = self._read_clock().wall >= self._built_at
        if not possible and not self._undated_told:
            self._undated_told = True
            self._log.warning("security.dates_unchecked")
        return possible

    def _settle(self, trial: Credentials, kept: bool, spelling: int) -> None:
        """In the security thread."""
        what = self._safe.kept.changed
        try:
            settled = self._safe.settle(trial, kept, spelling)
        except OSError as error:
            self._log.error("security.not_kept", error=str(error))
            return
        if settled:
            holdings, at_s = self._safe.holdings(), self._read_clock().at_s
            self._report(AccessSettled(kept=kept, what=what, holdings=holdings, at_s=at_s))

    def _remember(self, shown: Credentials, spelling: int) -> None:
        try:
            self._safe.remember(shown, spelling)
        except OSError as error:
            self._log.error("security.not_kept", error=str(error))


def _where(endpoint: Endpoint) -> str:
    """Its URL without the scheme, which follows the profile."""
    return endpoint.url.partition(":")[2]
