"""The shell of everything about security: the log, the tasks, and the access for the link.

Loading is quick and happens before the first connection; the rest goes through one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from chargepoint import log
from chargepoint.agent.security.access import SafeAccess
from chargepoint.agent.security.journal import SecurityLog
from chargepoint.agent.security.safe import Safe
from chargepoint.agent.security.worker import SecurityWorker
from chargepoint.config import Config
from chargepoint.station.effects import DoSecurityTask, LogSecurityEvent
from chargepoint.station.security_requests import SecurityRequest, TaskFinished
from chargepoint.station.security_values import CertificateUse, Holdings, Outcome


class Keeper:
    """`tell` brings an event to the station, from any thread; `on_failure` a mistake of ours."""

    def __init__(
        self,
        config: Config,
        tell: Callable[[SecurityRequest], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._tell = tell
        self._safe = None if config.csms is None else Safe(config.state_dir, config.csms)
        self._worker = SecurityWorker(SecurityLog(config.state_dir), on_failure)
        self._log = log.get("security")
        self.access: SafeAccess | None = None
        if self._safe is not None and config.csms is not None:
            self._load(self._safe)
            self.access = SafeAccess(self._safe, self._worker, config.csms, tell)

    def start(self) -> None:
        self._worker.start()

    def stop(self, wait_s: float) -> bool:
        """Finish what waits; False when that takes longer. Blocks."""
        return self._worker.stop(wait_s)

    @property
    def holdings(self) -> Holdings:
        """What is held now; without a CSMS nothing is needed."""
        return Holdings() if self._safe is None else self._safe.holdings()

    def root_files(self, use: CertificateUse) -> tuple[str, ...]:
        """PEM files of the installed roots for one use."""
        return () if self._safe is None else self._safe.roots.paths(use)

    def write(self, event: LogSecurityEvent) -> None:
        """One line for the security log."""
        self._worker.write(event)

    def do(self, effect: DoSecurityTask) -> None:
        """A task; TaskFinished follows in any case."""
        if not self._worker.do(lambda: self._perform(effect)):
            outcome = Outcome(
                done=False, problem="too much waits", broken=True, holdings=self.holdings
            )
            self._finished(effect.job, outcome)

    def _load(self, safe: Safe) -> None:
        try:
            problems = safe.load()
        except OSError as error:
            problems = [f"{error}; nothing can be changed"]
        for problem in problems:
            self._log.warning("security.not_as_kept", problem=problem)

    def _perform(self, effect: DoSecurityTask) -> None:
        """In the security thread."""
        safe = self._safe
        assert safe is not None, "only a CSMS asks for tasks"
        self._finished(effect.job, safe.perform(effect.task))

    def _finished(self, job: int, outcome: Outcome) -> None:
        self._tell(TaskFinished(job=job, outcome=outcome, at_s=time.monotonic()))
