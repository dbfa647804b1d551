"""What the plant's instruments saw: its events, and levels and currents in small steps.

Two threads read the simulator, one its event stream (each event has the plant's own instant), one
its state. Scenarios judge by this record, and the report draws its curves from it.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

SAMPLE_S = 0.03
WAIT_S = 2.0
"""Longest time a sample or an event may be late before the recorder counts as broken."""
EVENTS_MAX = 4000
SAMPLES_MAX = 8000


class RecorderBroken(Exception):
    """The simulator no longer answers."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the plant."""

    at_s: float
    type: str
    evse: int | None
    fields: Mapping[str, Any]


class Recorder:
    """Runs from `start` to `stop`; `begin` forgets what was, for the next scenario."""

    def __init__(self, url: str) -> None:
        self._place = url.removeprefix("http://")
        self._news = threading.Condition()
        self._events: list[Event] = []
        self._samples: list[dict[str, Any]] = []
        self._last_event_id = -1
        self._running = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to record; returns when the first sample is there."""
        self._running = True
        for name, work in (("events", self._hear), ("samples", self._sample)):
            thread = threading.Thread(target=work, name=f"recorder {name}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self.fresh()

    def stop(self) -> None:
        self._running = False
        for thread in self._threads:
            thread.join(timeout=1.0)
        self._threads.clear()

    def begin(self) -> None:
        with self._news:
            self._events.clear()
            self._samples.clear()

    # --- what was seen ---------------------------------------------------------------------------

    def fresh(self) -> dict[str, Any]:
        """The state of the plant, taken after this call, with all events up to it at hand.

        Raises RecorderBroken.
        """
        after_s = time.monotonic()

        def there() -> bool:
            return bool(self._samples) and (
                self._samples[-1]["now_s"] > after_s
                and self._last_event_id >= self._samples[-1]["last_event_id"]
            )

        with self._news:
            if not self._news.wait_for(there, WAIT_S):
                raise RecorderBroken("no sample in time")
            return self._samples[-1]

    def events(self, since_s: float = 0.0) -> list[Event]:
        """Events from `since_s` on, in order."""
        with self._news:
            return [event for event in self._events if event.at_s >= since_s]

    def first(self, wanted: Callable[[Event], bool], since_s: float) -> Event | None:
        """The first event from `since_s` on that is `wanted`."""
        return next((event for event in self.events(since_s) if wanted(event)), None)

    def last(self, evse: int, types: Collection[str]) -> Event | None:
        """The latest event of these types at one EVSE."""
        found = reversed(self.events())
        return next((one for one in found if one.evse == evse and one.type in types), None)

    def samples(self) -> list[dict[str, Any]]:
        with self._news:
            return list(self._samples)

    # --- threads ---------------------------------------------------------------------------------

    def _hear(self) -> None:
        link = http.client.HTTPConnection(self._place, timeout=60.0)
        try:
            link.request("GET", "/events", headers={"Last-Event-ID": "0"})
            answer = link.getresponse()
            while self._running and (line := answer.readline()):
                if line.startswith(b"data:"):
                    self._take(json.loads(line[5:]))
        except (OSError, http.client.HTTPException):
            return
        finally:
            link.close()

    def _take(self, found: dict[str, Any]) -> None:
        number, at_s, kind = found.pop("id"), found.pop("at_s"), found.pop("type")
        event = Event(at_s, kind, found.pop("evse", None), found)
        with self._news:
            self._last_event_id = number
            self._events.append(event)
            del self._events[:-EVENTS_MAX]
            self._news.notify_all()

    def _sample(self) -> None:
        link = http.client.HTTPConnection(self._place, timeout=WAIT_S)
        while self._running:
            try:
                link.request("GET", "/state")
                state = json.load(link.getresponse())
            except (OSError, ValueError, http.client.HTTPException):
                link.close()
                time.sleep(SAMPLE_S)
                continue
            with self._news:
                if self._last_event_id < 0 and state["last_event_id"] == 0:
                    self._last_event_id = 0
                self._samples.append(state)
                del self._samples[:-SAMPLES_MAX]
                self._news.notify_all()
            time.sleep(SAMPLE_S)
        link.close()
