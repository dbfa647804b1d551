"""The last lines of the agent's log, and of the story that the safety programs tell, as one log.

The agent's own lines come from `log.QueuedOutput`, in whichever form they are written. Nothing is
kept twice: lines are taken apart when somebody wants to see them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chargepoint.ipc import messages as m
from chargepoint.ipc.care import GetLog, LogLine
from chargepoint.ipc.log_text import LEVELS, iso, parsed
from chargepoint.ipc.story import noted

FACTS_KEPT = 500


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A line and its instant on the host's clock."""

    at: float
    line: LogLine


class FactLog:
    """Lines of the safety programs, made of the facts that they tell. `written` counts all."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._now = now
        self._wall = wall
        self._kept: deque[tuple[float, str, Any]] = deque(maxlen=FACTS_KEPT)
        self.written = 0

    def heard(self, bus: str, fact: m.AnyFact) -> None:
        """Keep `fact`, if it belongs to the story."""
        if noted(fact) is None:
            return
        age_s = max(0.0, self._now() - fact.at_s) if fact.at_s else 0.0
        self._kept.append((self._wall() - age_s, bus, fact))
        self.written += 1

    def lines(self, last: int = FACTS_KEPT) -> list[Kept]:
        """The last `last` of them, the oldest first."""
        kept = list(self._kept)[max(0, len(self._kept) - last) :] if last > 0 else []
        found = []
        for at, bus, fact in kept:
            line = noted(fact)
            assert line is not None
            fields = {key: str(value) for key, value in line.fields.items()} | {"bus": bus}
            found.append(
                Kept(
                    at=at,
                    line=LogLine(
                        at=iso(at),
                        level=line.level,
                        part="control",
                        event=line.name,
                        fields=fields,
                    ),
                )
            )
        return found


def own_lines(lines: Sequence[tuple[float, str]]) -> list[Kept]:
    """The agent's own lines, taken apart."""
    return [Kept(at=at, line=parsed(at, text)) for at, text in lines]


def chosen(lines: Sequence[Kept], request: GetLog, now: float) -> list[LogLine]:
    """What of `lines` was asked for, in order of time."""
    ordered = sorted(lines, key=lambda kept: kept.at)
    return [kept.line for kept in ordered if _wanted(kept, request, now)]


def _wanted(kept: Kept, request: GetLog, now: float) -> bool:
    if request.since_s is not None and kept.at < now - request.since_s:
        return False
    level = kept.line.level if kept.line.level in LEVELS else "info"
    if LEVELS.index(level) < LEVELS.index(request.level):
        return False
    event = kept.line.event
    return event.startswith(request.event) if request.event else True
