"""What the agent's own log says went wrong: each such event is something that happened.

The log is where every part of the agent tells of its trouble, under a name of the catalogue; so it
is the one place to listen to. Called in whichever thread logs: it only takes note.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from chargepoint.catalog import entries
from chargepoint.catalog.details import detail
from chargepoint.station.alerts.settings import rank
from chargepoint.station.alerts.values import Condition

HELD_MAX = 200
FIELDS_MAX = 6
VALUE_MAX = 120

SEEN_ELSEWHERE = frozenset(
    {
        # what a level of the status tells better: when it is over, too
        "device.lost",
        "meter.silent",
        "record.quarantined",
        "hazard.kept",
        "hazard.raised",
        "control.lost",
        "modem.lost",
        "store.recovered",
        # of the alerts themselves, and of messages that could not be sent
        "alert.raised",
        "alert.worse",
        "alert.undelivered",
        "alert.escalated",
        "alert.reminded",
        "alert.crowded",
        "channel.failed",
        "channel.broken",
        "signal.failed",
    }
)
PLACES = ("device", "bus", "reader", "channel")
LEFT_OUT = frozenset({"event", "level", "part", "timestamp", "exc_info", "exception", "left_out"})


class Overheard:
    """Collects conditions from log events until they are taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], tuple[Condition, int]] = {}

    def hear(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take note of a log event, if it is one of these."""
        if not weighty(name):
            return
        evse = fields.get("evse")
        place = (
            f"EVSE {evse}" if evse else next((str(fields[k]) for k in PLACES if k in fields), "")
        )
        said = [f"{key}={value}" for key, value in fields.items() if key not in LEFT_OUT]
        text = ", ".join(one[:VALUE_MAX] for one in said[:FIELDS_MAX])
        left_out = fields.get("left_out")
        times = 1 + (left_out if isinstance(left_out, int) else 0)
        with self._lock:
            key = (name, place)
            before = self._held.get(key)
            if before is None and len(self._held) >= HELD_MAX:
                return
            log = detail("log", text=text) if text else None
            condition = Condition(id=name, place=place, detail=text, said=log)
            self._held[key] = (condition, times + (0 if before is None else before[1]))

    def take(self) -> list[tuple[Condition, int]]:
        """All since this was last asked."""
        with self._lock:
            held, self._held = self._held, {}
        return list(held.values())


def weighty(name: str) -> bool:
    """Whether people are told of this event."""
    entry = entries().get(name)
    if entry is None or name in SEEN_ELSEWHERE or entry.kind not in ("alert", "event"):
        return False
    return rank(entry.severity) >= rank("warning" if entry.kind == "alert" else "error")
