"""Structured logs on standard output: one event, one name from the catalogue, values as fields.

JSON lines in service, readable lines on a terminal. The safety program must never wait for a full
pipe, so it logs through `QueuedOutput`: a bounded queue and one thread; what does not fit is
dropped and counted. Libraries that log through the standard library are shown from WARNING on.
IdTokens are masked with `masked`; keys and passwords never reach a log call.
"""

from __future__ import annotations

import logging
import queue
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from types import ModuleType
from typing import Any, TextIO, cast

import msgspec

# What structlog would load for uses that nobody here has: `rich` (80 modules) and `greenlet` where
# something else has installed them, and `asyncio`, which brings TLS into the safety program.
_spared = {"rich": None, "greenlet": None, "asyncio": ModuleType("asyncio")}
_absent = [name for name in _spared if name not in sys.modules]
sys.modules.update((name, _spared[name]) for name in _absent)  # type: ignore[misc]
import structlog  # noqa: E402

for _name in _absent:
    del sys.modules[_name]

PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""systemd's journal priority, as the `<N>` prefix of a line."""

QUEUE_LINES = 1000
"""Lines that may wait for a slow reader before they are dropped."""

RECENT_LINES = 1000
"""Lines that are kept for a diagnostics archive."""


class Logger(structlog.typing.FilteringBoundLogger):
    """What `get` returns, for annotations."""


def get(name: str) -> Logger:
    """A logger whose events carry `part=name`."""
    return cast(Logger, structlog.get_logger(part=name))


def masked(token: str) -> str:
    """An IdToken for logs: the last four characters, never more than half of it."""
    shown = min(4, len(token) // 2)
    return "…" + token[len(token) - shown :]


_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def legible(text: str, lines: bool = False) -> str:
    """`text` that commands no terminal: control characters as `\\x1b`, also what turns lines round.

    `lines`: line ends stay.
    """
    seen = _UNSEEN.sub(_spelt, text)
    return seen if lines else seen.replace("\n", "\\n")


def _spelt(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def set_up(
    level: str = "info",
    form: str = "json",
    output: TextIO | QueuedOutput | None = None,
    journal: bool = False,
) -> None:
    """Configure logging for this process. `journal` prefixes each line with its priority."""
    stream = cast(TextIO, sys.stdout if output is None else output)
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _overheard,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _json if form == "json" else _text,
    ]
    if journal:
        processors.append(_journal_prefix)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, force=True, format="%(message)s")


Listener = Callable[[str, Mapping[str, Any]], None]
"""Takes name and fields of an event, in whichever thread logs; must not log itself."""

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Let `listener` hear every event that is logged in this process from now on."""
    _listeners.append(listener)


def unlisten(listener: Listener) -> None:
    """The end of `listen`."""
    if listener in _listeners:
        _listeners.remove(listener)


class QueuedOutput:
    """A text stream that never blocks its writer; `dropped` counts what did not fit."""

    def __init__(self, stream: TextIO, lines_max: int = QUEUE_LINES) -> None:
        self.dropped = 0
        self.recent: deque[tuple[float, str]] = deque(maxlen=RECENT_LINES)
        """Seconds of the host's clock, and the line."""
        self.written = 0
        """Lines that were ever kept in `recent`."""
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(lines_max)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        if text.strip():
            self.recent.append((time.time(), text.rstrip()))
            self.written += 1
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self.dropped += 1
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the thread flushes after each line."""

    def close(self, within_s: float = 0.5) -> None:
        """Write out what waits, for at most `within_s`."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _run(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                return


def _overheard(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for listener in _listeners:
        listener(event["event"], event)
    return event


_encode = msgspec.json.Encoder(enc_hook=str).encode


def _json(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    ordered = {"time": event.pop("timestamp"), "level": event.pop("level"), **event}
    return _encode(ordered).decode()


def _text(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    time, level, name = event.pop("timestamp"), event.pop("level"), event.pop("event")
    part = event.pop("part", "")
    fields = " ".join(
        f"{key}={legible(str(value), lines=key == 'exception')}" for key, value in event.items()
    )
    return f"{time[11:23]} {level:<7} {part:<8} {name:<24} {fields}".rstrip()


def _journal_prefix(logger: Any, method: str, line: Any) -> str:
    return f"<{PRIORITY.get(method, 6)}>{line}"
