"""Written log lines, taken apart again: `chargepoint.log` writes them, in one of two forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from chargepoint.ipc.care import LogLine

LEVELS = ("debug", "info", "warning", "error", "critical")
PRIORITY_PREFIX = re.compile(r"^<\d>")
TEXT_LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} (?P<level>\w+) +(?P<rest>.*)$")
"""As `log.set_up` writes it in the form `text`."""

EVENT = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
TEXT_FIELD = re.compile(r"(?:^| )(\w+)=")
OWN_KEYS = ("time", "level", "part", "event")


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


def iso(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
