"""What happened in the plant and on its wires: numbered events in a bounded ring."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RING_EVENTS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantEvent:
    """One thing that happened, at a monotonic instant."""

    id: int
    at_s: float
    type: str
    fields: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "at_s": self.at_s, "type": self.type, **self.fields}


class Record:
    """The last events, and those who want to hear of new ones at once."""

    def __init__(self, ring_events: int = RING_EVENTS) -> None:
        self._ring: deque[PlantEvent] = deque(maxlen=ring_events)
        self._last = 0
        self._listeners: list[Callable[[PlantEvent], None]] = []

    @property
    def last_id(self) -> int:
        return self._last

    def add(self, at_s: float, event_type: str, **fields: Any) -> PlantEvent:
        self._last += 1
        event = PlantEvent(id=self._last, at_s=at_s, type=event_type, fields=fields)
        self._ring.append(event)
        for listener in self._listeners:
            listener(event)
        return event

    def after(self, event_id: int) -> tuple[PlantEvent, ...]:
        """Events newer than `event_id` that the ring still holds, oldest first."""
        if event_id >= self._last:
            return ()
        return tuple(event for event in self._ring if event.id > event_id)

    def listen(self, listener: Callable[[PlantEvent], None]) -> None:
        """Call `listener` with each new event; it must return at once."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[PlantEvent], None]) -> None:
        self._listeners.remove(listener)
