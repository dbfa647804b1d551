"""Which of several periodic reads is due: pure, time is an argument.

Used where devices share a bus: the safety program gives the slack of its bus to meters and readers
by such a plan, the agent's field threads poll by one. The higher priority goes first, among equals
the one that has waited longest beyond its instant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BACKOFF_MAX_S = 30.0
BACKOFF_DOUBLINGS_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One periodic read."""

    name: str
    every_s: float
    priority: int = 0
    """The higher goes first, however late the others are."""


@dataclass(slots=True)
class _State:
    """One poll, when it is due and how often it failed in a row."""

    poll: Poll
    due_s: float
    failures: int = 0


class PollingPlan:
    """When each poll is due next.

    A poll that is due stays due until `done` is called for it. Missed periods are not made up for.
    Raises ValueError for a period that is not positive or a name that stands twice.
    """

    def __init__(
        self, polls: Iterable[Poll], now_s: float, *, backoff_max_s: float = BACKOFF_MAX_S
    ) -> None:
        self._backoff_max_s = backoff_max_s
        self._states: dict[str, _State] = {}
        for poll in polls:
            if poll.every_s <= 0.0:
                raise ValueError(f"{poll.name}: every_s {poll.every_s}: expected more than 0")
            if poll.name in self._states:
                raise ValueError(f"{poll.name}: stands twice")
            self._states[poll.name] = _State(poll, now_s)

    def next(self, now_s: float) -> str | None:
        """The name of the poll to do now, or None when nothing is due."""
        due = [state for state in self._states.values() if state.due_s <= now_s]
        if not due:
            return None
        return max(due, key=lambda state: (state.poll.priority, -state.due_s)).poll.name

    def done(self, name: str, now_s: float, ok: bool) -> None:
        """`name` was tried. After failures it comes at doubling intervals, up to the limit."""
        state = self._states[name]
        every_s = state.poll.every_s
        if ok:
            state.failures = 0
            on_time_s = state.due_s + every_s
            state.due_s = on_time_s if on_time_s > now_s else now_s + every_s
            return
        state.failures = min(state.failures + 1, BACKOFF_DOUBLINGS_MAX)
        backoff_s = min(every_s * 2 ** (state.failures - 1), self._backoff_max_s)
        state.due_s = now_s + max(every_s, backoff_s)

    def deadline_s(self) -> float | None:
        """When the next poll is due; None for an empty plan."""
        return min((state.due_s for state in self._states.values()), default=None)
