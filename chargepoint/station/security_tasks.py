"""Tasks with keys and certificates: handed to the shell, remembered until they are done.

They touch the disk and compute for a while, so that the station goes on meanwhile. The shell does
them one after another, in the order in which they were asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from chargepoint.station.desk import Desk
from chargepoint.station.effects import Answer, DoSecurityTask, Verdict
from chargepoint.station.events import Call
from chargepoint.station.security_requests import TaskFinished
from chargepoint.station.security_values import Holdings, Outcome, Task

TASKS_MAX = 8
"""Tasks that may wait; a CSMS that asks for more at once is refused."""

Then = Callable[[Outcome], None]


class SecurityTasks:
    """What is being done, and what is held as far as the last report says."""

    def __init__(self, desk: Desk, holdings: Holdings) -> None:
        self._desk = desk
        self._then: dict[int, Then] = {}
        self._last_job = 0
        self.holdings = holdings

    def do(self, task: Task, then: Then) -> bool:
        """Have `task` done, and go on with `then`; False when too many wait already."""
        if len(self._then) >= TASKS_MAX:
            self._desk.note("security.crowded", waiting=len(self._then))
            return False
        self._last_job += 1
        self._then[self._last_job] = then
        self._desk.emit(DoSecurityTask(job=self._last_job, task=task))
        return True

    def finished(self, event: TaskFinished) -> None:
        """A task is done, or could not be."""
        self.holdings = event.outcome.holdings
        then = self._then.pop(event.job, None)
        if then is not None:
            then(event.outcome)

    def answer(self, call: Call, verdict: Verdict, detail: str = "") -> None:
        self._desk.emit(Answer(call=call, verdict=verdict, detail=detail))
