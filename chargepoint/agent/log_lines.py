"""The last lines of the agent's log, and of the story that the safety programs tell, as one log.

The agent's own lines come from `log.QueuedOutput`, in whichever form they are written. Nothing is
kept twice: lines are taken apart when somebody wants to see them.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from chargepoint.ipc import messages as m
from chargepoint.ipc.care import GetLog, LogLine
from chargepoint.ipc.story import noted

FACTS_KEPT = 500
LEVELS = ("debug", "info", "warning", "error", "critical")
PRIORITY_PREFIX = re.compile(r"^<\d>")
TEXT_LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} (?P<level>\w+) +(?P<rest>.*)$")
"""As `log.set_up` writes it in the form `text`."""

EVENT = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
TEXT_FIELD = re.compile(r"(?:^| )(\w+)=")
OWN_KEYS = ("time", "level", "part", "event")


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


def parsed(at: float, text: str) -> LogLine:
    """One written line; what cannot be taken apart is a line without an event."""
    text = PRIORITY_PREFIX.sub("", text)
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return _of_text(at, text)
    if not isinstance(found, dict):
        return _of_text(at, text)
    return LogLine(
        at=str(found.get("time", iso(at))),
        level=str(found.get("level", "info")),
        part=str(found.get("part", "")),
        event=str(found.get("event", "")),
        fields={key: str(value) for key, value in found.items() if key not in OWN_KEYS},
    )


def chosen(lines: Sequence[Kept], request: GetLog, now: float) -> list[LogLine]:
    """What of `lines` was asked for, in order of time."""
    ordered = sorted(lines, key=lambda kept: kept.at)
    return [kept.line for kept in ordered if _wanted(kept, request, now)]


def iso(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wanted(kept: Kept, request: GetLog, now: float) -> bool:
    if request.since_s is not None and kept.at < now - request.since_s:
        return False
    level = kept.line.level if kept.line.level in LEVELS else "info"
    if LEVELS.index(level) < LEVELS.index(request.level):
        return False
    event = kept.line.event
    return event.startswith(request.event) if request.event else True


def _of_text(at: float, text: str) -> LogLine:
    match = TEXT_LINE.match(text)
    if match is None:
        return LogLine(at=iso(at), level="warning", part="", event="", fields={"text": text})
    words = match["rest"].split(None, 2)
    event = next((one for one in words[:2] if EVENT.match(one)), "")
    part = words[0] if words and words[0] != event else ""
    _, _, rest = match["rest"].partition(event) if event else ("", "", match["rest"])
    return LogLine(
        at=iso(at), level=match["level"], part=part, event=event, fields=dict(_fields(rest))
    )


def _fields(text: str) -> Iterator[tuple[str, str]]:
    _, *pairs = TEXT_FIELD.split(text.strip())
    yield from zip(pairs[::2], pairs[1::2], strict=True)
