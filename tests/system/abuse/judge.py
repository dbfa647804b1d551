"""The judge of the real-time campaign: reads the plant's events, and nothing that a station says.

Every event has the plant's own instant, so it does not matter how late it is read. The campaign
adds what only it knows: when something was disturbed, when the agent or the safety program was not
running, and when nobody had asked for energy.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# fmt: off
PROMPT_S   = 0.25   # contact open after the vehicle left, nothing disturbed, on a busy machine
LOOSE_S    = 1.60   # the same whatever happens: watchdog 1 s, what was heard before, movement
CALM_S     = 1.5    # undisturbed for this long before, so `PROMPT_S` holds
RAMP_S     = 6.0    # what a vehicle gets to stop by itself
CLOSING_S  = 0.10   # a contact that closes later than this after the command follows another cause
BUFFERED_S = 0.2    # a command of a program that is gone may still be on its way
DUTY_MIN, DUTY_MAX = 0.08, 0.97
OPENING = {"emergency_stopped", "rcd_tripped", "board_fault"}
FORBIDDING = OPENING | {"pilot_shorted", "pilot_out_of_range", "diode_missing"}
# fmt: on


@dataclass
class Spans:
    """Intervals of time, the last one perhaps still open."""

    ended: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=4000))
    begun: list[float] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[None]:
        began_s = time.monotonic()
        self.begun.append(began_s)
        try:
            yield
        finally:
            self.ended.append((began_s, time.monotonic()))
            self.begun.remove(began_s)

    def touch(self, from_s: float, to_s: float) -> bool:
        """Whether any of them overlaps."""
        ended = any(begin <= to_s and end >= from_s for begin, end in tuple(self.ended))
        return ended or any(begin <= to_s for begin in tuple(self.begun))

    def covers(self, from_s: float, to_s: float) -> bool:
        """Whether one of them covers all of it."""
        ended = any(begin <= from_s and end >= to_s for begin, end in tuple(self.ended))
        return ended or any(begin <= from_s for begin in tuple(self.begun))


@dataclass
class Outlet:
    """What the plant's events say of one EVSE."""

    closed: bool = False
    commanded: bool = False
    opened_s: float = float("-inf")
    """When it was last commanded open."""
    commanded_s: float = float("-inf")
    """When it was last commanded closed."""
    pilot: str = "A"
    duty: float = 1.0
    faults: set[str] = field(default_factory=set)
    unsafe_s: float | None = None
    closings: int = 0

    @property
    def unsafe(self) -> str:
        """Why its contact must not be closed; empty when it may."""
        wrong = self.faults & OPENING
        if not self.closed or (self.pilot == "C" and not wrong):
            return ""
        return f"pilot {self.pilot}, {wrong or 'no fault'}"


class PlantJudge:
    """One station. `violations` stays empty."""

    def __init__(self, place: str, lease_s: float, reclose_s: float) -> None:
        self._place = place
        self._lease_s = lease_s
        self._reclose_s = reclose_s
        self._last = 0
        self._running = True
        self._lock = threading.Lock()
        self.outlets: dict[int, Outlet] = {}
        self.disturbed = Spans()
        self.agent_away = Spans()
        self.control_away = Spans()
        self.unasked: dict[int, Spans] = {}
        self.violations: list[str] = []
        self.prompt_s: list[float] = []
        self.loose_s: list[float] = []
        self.recent: deque[dict[str, Any]] = deque(maxlen=60)
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._running = False

    def outlet(self, evse: int) -> Outlet:
        return self.outlets.setdefault(evse, Outlet())

    def check(self) -> None:
        """Judge what lasts and brings no event."""
        now_s = time.monotonic()
        with self._lock:
            for evse, outlet in self.outlets.items():
                if outlet.unsafe_s is not None and now_s - outlet.unsafe_s > LOOSE_S + 1.0:
                    self._violated(evse, now_s, f"still closed with {outlet.unsafe}")
                    outlet.unsafe_s = None
                grace_s = self._lease_s + RAMP_S + LOOSE_S
                if outlet.closed and self.agent_away.covers(now_s - grace_s, now_s):
                    self._violated(evse, now_s, f"closed {grace_s:g} s without an agent")

    # --- events -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._running:
            link = http.client.HTTPConnection(self._place, timeout=60.0)
            try:
                link.request("GET", "/events", headers={"Last-Event-ID": str(self._last)})
                answer = link.getresponse()
                while self._running and (line := answer.readline()):
                    if line.startswith(b"data:"):
                        self._take(json.loads(line[5:]))
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            finally:
                link.close()

    def _take(self, event: dict[str, Any]) -> None:
        with self._lock:
            if event["id"] > self._last + 1:
                self.violations.append(f"events {self._last + 1} to {event['id'] - 1} were lost")
            self._last = event["id"]
            self.recent.append(event)
            evse = event.get("evse")
            if evse is not None:
                self._follow(evse, self.outlet(evse), event)

    def _follow(self, evse: int, outlet: Outlet, event: dict[str, Any]) -> None:
        at_s = float(event["at_s"])
        match event["type"]:
            case "pilot_changed":
                outlet.pilot = event["pilot_state"]
            case "pilot_commanded":
                outlet.duty = event["duty_ratio"]
            case "fault_set":
                outlet.faults.add(event["fault"])
            case "fault_cleared":
                outlet.faults.discard(event["fault"])
            case "contactor_commanded":
                self._commanded(evse, outlet, event["closed"], at_s)
            case "lock_commanded" if not event["locked"] and outlet.closed:
                self._violated(evse, at_s, "unlocked with a closed contact")
            case "contactor_closed":
                outlet.closed = True
                self._closed(evse, outlet, at_s)
            case "contactor_opened":
                outlet.closed = False
        self._judge_unsafe(evse, outlet, at_s)

    def _commanded(self, evse: int, outlet: Outlet, closed: bool, at_s: float) -> None:
        if closed and not outlet.commanded:
            rest_s = at_s - outlet.opened_s
            if rest_s < self._reclose_s - 0.1 and not self.control_away.touch(at_s - rest_s, at_s):
                self._violated(evse, at_s, f"told to close {rest_s:.2f} s after opening")
            if self.control_away.covers(at_s - BUFFERED_S, at_s):
                self._violated(evse, at_s, "told to close though no safety program runs")
        if closed:
            outlet.commanded_s = at_s
        elif outlet.commanded:
            outlet.opened_s = at_s
        outlet.commanded = closed

    def _closed(self, evse: int, outlet: Outlet, at_s: float) -> None:
        outlet.closings += 1
        if not outlet.commanded:
            self._violated(evse, at_s, "closed without a command")
        if at_s - outlet.commanded_s > CLOSING_S:
            return  # The coil's supply came back; how long it may stay so is judged by `unsafe`.
        wrong = outlet.faults & FORBIDDING
        if outlet.pilot != "C":
            self._violated(evse, at_s, f"closed in pilot {outlet.pilot}")
        if not DUTY_MIN <= outlet.duty <= DUTY_MAX:
            self._violated(evse, at_s, f"closed with duty {outlet.duty}")
        if wrong:
            self._violated(evse, at_s, f"closed with {wrong}")
        if evse in self.unasked and self.unasked[evse].covers(at_s - 0.3, at_s):
            self._violated(evse, at_s, "closed though nobody asked for energy")
        if self.agent_away.covers(at_s - self._lease_s - 0.5, at_s):
            self._violated(evse, at_s, "closed after the permission must have ended")

    def _judge_unsafe(self, evse: int, outlet: Outlet, at_s: float) -> None:
        why = outlet.unsafe
        if why and outlet.unsafe_s is None:
            outlet.unsafe_s = at_s
        elif not why and outlet.unsafe_s is not None:
            began_s, outlet.unsafe_s = outlet.unsafe_s, None
            lasted_s = at_s - began_s
            calm = not self.disturbed.touch(began_s - CALM_S, at_s)
            (self.prompt_s if calm else self.loose_s).append(lasted_s)
            if lasted_s > (PROMPT_S if calm else LOOSE_S):
                calmly = "undisturbed" if calm else "disturbed"
                self._violated(evse, at_s, f"opened only after {lasted_s:.3f} s, {calmly}")

    def _violated(self, evse: int, at_s: float, what: str) -> None:
        story = [
            f"{one['at_s'] - at_s:+.3f} {one['type']} "
            + " ".join(f"{k}={v}" for k, v in one.items() if k not in ("id", "at_s", "type"))
            for one in self.recent
            if one["at_s"] > at_s - 8.0
        ]
        self.violations.append(f"EVSE {evse} at {at_s:.3f}: {what}\n    " + "\n    ".join(story))
