"""Relay boards of a rig: outputs by what they do, inputs by what they see.

An output is switched when the board has confirmed it. The contact moved between the request and
the confirmation or up to `operate_s` later: the instant given is the middle, half of the span its
doubt.
Such boards have no watchdog; whoever uses this calls `all_off` at the end, whatever happened. An
output with `hold_s` is only ever switched on for that long ("flash on"), and falls off by itself
unless `refresh` is called in time.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hal.bus.modbus import DeviceLink
from hal.drivers.relay_board import FLASH_ON, FLASH_STEP_S
from hal.errors import DeviceError

ATTEMPTS = 3
REFRESH_RATIO = 0.4
"""A held output is told again after this part of its time: twice before it falls off."""


class OutputFailed(Exception):
    """A relay board did not confirm; what is switched is not known."""


@dataclass(frozen=True, slots=True)
class Switched:
    """When an output moved: `at_s` ± `doubt_s`."""

    at_s: float
    doubt_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One relay: which board, which coil (from 0), and whether its coil is off while it acts."""

    link: DeviceLink
    lock: threading.Lock
    """Of the line on which the board is."""
    coil: int
    inverted: bool
    operate_s: float
    hold_s: float | None = None
    request_s: float
    """Time that the request, or its confirmation, takes on the line."""


class RelayOutputs:
    """All outputs of a rig by name."""

    def __init__(self, relays: Mapping[str, Relay]) -> None:
        self._relays = relays
        self._on: dict[str, bool] = {}
        self._refresh_s: dict[str, float] = {}
        """When outputs that are held must be told again."""
        self._lock = threading.RLock()

    def __contains__(self, name: str) -> bool:
        return name in self._relays

    def on(self, name: str) -> bool:
        """Whether this output acts now, as far as it was told."""
        return self._on.get(name, False)

    def switch(self, name: str, on: bool) -> Switched:
        """Let `name` act or not; writes even when it should be so already.

        Raises OutputFailed, and KeyError for what is not wired.
        """
        relay = self._relays[name]
        with self._lock:
            begin_s = time.monotonic()
            echo_s = self._write(name, relay, on)
            self._on[name] = on
        earliest_s = begin_s + relay.request_s
        latest_s = max(echo_s - relay.request_s, earliest_s) + relay.operate_s
        return Switched((earliest_s + latest_s) / 2, (latest_s - earliest_s) / 2)

    def switch_some(self, wanted: Iterable[tuple[str, bool]]) -> Switched | None:
        """Switch those that differ, in order; the first that moved. Raises OutputFailed."""
        first: Switched | None = None
        with self._lock:
            for name, on in wanted:
                if name in self._relays and self._on.get(name) is not on:
                    moved = self.switch(name, on)
                    first = first or moved
        return first

    def refresh(self) -> None:
        """Tell those that fall off by themselves to stay. Raises OutputFailed."""
        with self._lock:
            now_s = time.monotonic()
            for name in [one for one, due_s in self._refresh_s.items() if due_s <= now_s]:
                self._write(name, self._relays[name], True)

    def all_off(self, order: Sequence[str] = (), but: Sequence[str] = ()) -> None:
        """Nothing acts any more: those in `order` first. Tries all; raises OutputFailed."""
        failures: list[str] = []
        for name in dict.fromkeys([*order, *self._relays]):
            if name not in self._relays or name in but:
                continue
            try:
                self.switch(name, False)
            except OutputFailed as failed:
                failures.append(str(failed))
        if failures:
            raise OutputFailed("; ".join(failures))

    def _write(self, name: str, relay: Relay, on: bool) -> float:
        problem = ""
        for _ in range(ATTEMPTS):
            try:
                with relay.lock:
                    return self._told(name, relay, on)
            except DeviceError as error:
                problem = str(error)
        raise OutputFailed(f"{name}: {problem}")

    def _told(self, name: str, relay: Relay, on: bool) -> float:
        self._refresh_s.pop(name, None)
        if relay.hold_s is None or not on:
            return relay.link.write_coil(relay.coil, on != relay.inverted)
        self._refresh_s[name] = time.monotonic() + relay.hold_s * REFRESH_RATIO
        steps = math.floor(relay.hold_s / FLASH_STEP_S + 1e-6)
        return relay.link.write_coil_value(FLASH_ON + relay.coil, steps)
