"""Holds the leases of the safety program in place of an agent.

A thread renews what is held twice a second. Of what the program says it keeps which hazards it told
of, for those who check their names; the rest is read and thrown away. When the program goes away it
connects again, as an agent would, and tells of the latched hazards before it renews anything.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Literal

from chargepoint.ipc.client import ControlClient, Unreachable
from chargepoint.ipc.messages import (
    Command,
    Fact,
    HazardRaised,
    LatchHazard,
    Observed,
    RenewLimit,
    RenewPermission,
    ResetHazard,
    Revoke,
)
from hil.instruments.worker import Worker

RENEW_S = 0.5
LEASE_S = 600.0
"""Asked for each time; the program shortens it to what its configuration allows."""
SILENCE_S = 10.0
NAME = "bench"

Lease = Literal["limit", "permission"]


class Leases:
    """Use as a context manager, or `start` and `stop`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._worker = Worker("leases", self._run)
        self._limits_a: dict[int, float] = {}
        self._phases: dict[int, int] = {}
        self._latched: set[tuple[int, str]] = set()
        self._told: dict[tuple[int, str], float] = {}
        self._details: dict[tuple[int, str], str] = {}
        self._active: dict[int, frozenset[str]] = {}
        self._permitted: set[int] = set()
        self._client: ControlClient | None = None

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        """Hold nothing any more."""
        self._worker.stop(within_s=5.0)
        with self._lock:
            self._drop()

    @property
    def connected(self) -> bool:
        return self._client is not None

    # --- what is held ----------------------------------------------------------------------------

    def permit(self, evse: int, current_a: float) -> float:
        with self._lock:
            self._limits_a[evse] = current_a
            self._permitted.add(evse)
            return self._renew(evse)

    def limit(self, evse: int, current_a: float, phases: int | None = None) -> float:
        with self._lock:
            self._limits_a[evse] = current_a
            if phases is not None:
                self._phases[evse] = phases
            return self._renew(evse)

    def revoke(self, evse: int) -> float:
        with self._lock:
            self._permitted.discard(evse)
            return self._send(Revoke(evse=evse))

    def lapse(self, evse: int, lease: Lease) -> float:
        """The instant of the last renewal: the lease counts from there."""
        with self._lock:
            at_s = self._renew(evse)
            if lease == "limit":
                self._limits_a.pop(evse, None)
            else:
                self._permitted.discard(evse)
            return at_s

    def reset_hazard(self, evse: int, hazard: str) -> float:
        with self._lock:
            self._latched.discard((evse, hazard))
            return self._send(ResetHazard(evse=evse, hazard=hazard, request="bench"))

    def latch(self, evse: int, hazard: str) -> float:
        """Tell the program of this hazard, now and each time it starts, until it is reset."""
        with self._lock:
            self._latched.add((evse, hazard))
            return self._tell(evse, hazard)

    # --- what the program said -------------------------------------------------------------------

    def told(self, evse: int) -> frozenset[str]:
        """Hazards of this EVSE that it has told of since `start`."""
        return frozenset(self.details(evse))

    def details(self, evse: int) -> dict[str, str]:
        """The same, with the latest detail of each."""
        found = list(self._details.items())
        return {hazard: detail for (number, hazard), detail in found if number == evse}

    def told_s(self, evse: int, hazard: str) -> float | None:
        """Since when `hazard` is in force, as it says; None: it is not."""
        if hazard not in self._active.get(evse, ()):
            return None
        return self._told.get((evse, hazard))

    # --- the line to the program -----------------------------------------------------------------

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            with self._lock:
                if self._client is None:
                    self._connect()
                for evse in self._limits_a.keys() | self._permitted:
                    self._renew(evse)
            stopping.wait(RENEW_S if self._client is not None else 0.05)

    def _renew(self, evse: int) -> float:
        at_s = time.monotonic()
        if evse in self._limits_a:
            limit = RenewLimit(
                evse=evse,
                current_a=self._limits_a[evse],
                until_s=at_s + LEASE_S,
                phases=self._phases.get(evse),
            )
            self._send(limit)
        if evse in self._permitted:
            self._send(RenewPermission(evse=evse, until_s=at_s + LEASE_S))
        return at_s

    def _send(self, command: Command) -> float:
        at_s = time.monotonic()
        if self._client is not None:
            try:
                self._client.send(command)
            except Unreachable:
                self._drop()
        return at_s

    def _connect(self) -> None:
        try:
            client = ControlClient(self._path, NAME, timeout_s=SILENCE_S)
        except Unreachable:
            return
        self._client = client
        threading.Thread(target=self._drain, args=(client,), daemon=True).start()
        for evse, hazard in sorted(self._latched):
            self._tell(evse, hazard)

    def _tell(self, evse: int, hazard: str) -> float:
        return self._send(LatchHazard(evse=evse, hazard=hazard, detail="before a restart"))

    def _drain(self, client: ControlClient) -> None:
        """Read all: the program drops a client that does not read."""
        try:
            for fact in client.facts():
                self._note(fact)
                if self._worker.stopping.is_set():
                    return
        except Unreachable:
            pass
        finally:
            with self._lock:
                if self._client is client:
                    self._drop()

    def _note(self, fact: Fact) -> None:
        match fact:
            case HazardRaised(evse=evse, hazard=hazard, at_s=at_s, detail=detail):
                self._told[(evse, hazard)] = at_s
                self._details[(evse, hazard)] = detail
            case Observed(evse=seen):
                self._active[seen.evse] = frozenset(seen.hazards)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
            self._active.clear()
