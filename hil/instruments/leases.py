"""Holds the leases of the safety program in place of an agent.

A thread renews what is held twice a second, reads whatever the program says and looks at none of
it. When the program goes away it connects again, as an agent would.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Literal

from chargepoint.ipc.client import ControlClient, Unreachable
from chargepoint.ipc.messages import Command, RenewLimit, RenewPermission, ResetHazard, Revoke

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
        self._stop = threading.Event()
        self._limits_a: dict[int, float] = {}
        self._permitted: set[int] = set()
        self._client: ControlClient | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hold nothing any more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
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

    def limit(self, evse: int, current_a: float) -> float:
        with self._lock:
            self._limits_a[evse] = current_a
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
            return self._send(ResetHazard(evse=evse, hazard=hazard, request="bench"))

    # --- the line to the program -----------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                if self._client is None:
                    self._connect()
                for evse in self._limits_a.keys() | self._permitted:
                    self._renew(evse)
            self._stop.wait(RENEW_S if self._client is not None else 0.05)

    def _renew(self, evse: int) -> float:
        at_s = time.monotonic()
        if evse in self._limits_a:
            limit = RenewLimit(evse=evse, current_a=self._limits_a[evse], until_s=at_s + LEASE_S)
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

    def _drain(self, client: ControlClient) -> None:
        """Read and forget: the program drops a client that does not read."""
        try:
            for _ in client.facts():
                if self._stop.is_set():
                    return
        except Unreachable:
            pass
        finally:
            with self._lock:
                if self._client is client:
                    self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
