"""Works with files: handed to the shell, remembered until they are done.

They may take hours; the station goes on meanwhile. A work that is not wanted any more is cancelled,
and what becomes of it is not listened to.
"""

from __future__ import annotations

from collections.abc import Callable

from chargepoint.station.desk import Desk
from chargepoint.station.effects import CancelFileWork, DoFileWork
from chargepoint.station.file_requests import WorkFinished
from chargepoint.station.file_values import Work, WorkOutcome

WORKS_MAX = 8
"""Works under way at a time; a CSMS that asks for more is refused."""

Then = Callable[[WorkOutcome], None]


class FileWorks:
    """What is being done."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._then: dict[int, Then] = {}
        self._last_job = 0

    @property
    def crowded(self) -> bool:
        return len(self._then) >= WORKS_MAX

    def do(self, work: Work, then: Then) -> int:
        """Have `work` done, and go on with `then`; the number to cancel it by."""
        self._last_job += 1
        self._then[self._last_job] = then
        self._desk.emit(DoFileWork(job=self._last_job, work=work))
        return self._last_job

    def cancel(self, job: int | None) -> None:
        """Give up a work; one that is done already is left."""
        if job is not None and self._then.pop(job, None) is not None:
            self._desk.emit(CancelFileWork(job=job))

    def finished(self, event: WorkFinished) -> None:
        then = self._then.pop(event.job, None)
        if then is not None:
            then(event.outcome)
