"""The lock of a socket: a motor, a bolt and its feedback switch, and the ways in which it fails."""

from __future__ import annotations

import math

TRAVEL_S = 0.25
"""From the command to the feedback."""


class Lock:
    """`locked` is where the bolt is, as its switch reports it."""

    def __init__(self) -> None:
        self.told = False
        self.locked = False
        self._jammed = False
        self._sprung = False
        self._stuck = False
        self._due_s = math.inf

    def tell(self, locked: bool, now_s: float) -> None:
        """Drive the motor; telling it the same again does nothing."""
        if locked != self.told:
            self.told = locked
            self._due_s = now_s + TRAVEL_S

    def fail(
        self,
        now_s: float,
        *,
        jammed: bool | None = None,
        sprung: bool | None = None,
        stuck: bool | None = None,
    ) -> None:
        """Set or clear faults.

        `jammed`: the bolt does not go in. `sprung`: it comes out by itself and stays out. `stuck`:
        it does not come out. A cleared fault waits for the next command.
        """
        self._jammed = self._jammed if jammed is None else jammed
        self._stuck = self._stuck if stuck is None else stuck
        self._sprung = self._sprung if sprung is None else sprung
        if self._sprung:
            self.locked = False

    def step(self, now_s: float) -> None:
        if now_s < self._due_s:
            return
        self._due_s = math.inf
        blocked = self._jammed or self._sprung if self.told else self._stuck
        if not blocked:
            self.locked = self.told

    def deadline_s(self) -> float:
        return self._due_s
