"""A contactor: coil, delays, bounce, auxiliary contact, and the ways in which it fails."""

from __future__ import annotations

import math

CLOSE_DELAY_S = 0.025
OPEN_DELAY_S = 0.015
BOUNCE_S = 0.003
"""Contacts touch, part again after a third of this, and stay after it."""


class Contactor:
    """`closed` is the main contact; the auxiliary (mirror) contact follows it rigidly."""

    def __init__(self) -> None:
        self.coil = False
        self.closed = False
        self.operations = 0
        """Closings, bounces not counted."""
        self.welded = False
        self.stuck_open = False
        """Broken coil: a close command has no effect."""
        self.dropped = False
        """Coil supply lost while commanded closed."""
        self.changed_s = -math.inf
        """Instant of the last change of the main contact."""
        self._moves: list[tuple[float, bool]] = []

    def drive(self, coil: bool, now_s: float) -> None:
        """Energise or release the coil."""
        if coil != self.coil:
            self.coil = coil
            self._aim(now_s)

    def fail(
        self,
        now_s: float,
        *,
        welded: bool | None = None,
        stuck_open: bool | None = None,
        dropped: bool | None = None,
    ) -> None:
        """Set or clear faults; a weld closes the contacts whatever the coil does."""
        self.welded = self.welded if welded is None else welded
        self.stuck_open = self.stuck_open if stuck_open is None else stuck_open
        self.dropped = self.dropped if dropped is None else dropped
        self._aim(now_s)

    def step(self, now_s: float) -> None:
        """Carry out the movements that are due."""
        while self._moves and self._moves[0][0] <= now_s:
            at_s, closed = self._moves.pop(0)
            if closed == self.closed:
                continue
            if closed and at_s - self.changed_s > BOUNCE_S:
                self.operations += 1
            self.closed = closed
            self.changed_s = at_s
        if not self._moves and self.closed != self._wanted():
            self._aim(now_s)

    def deadline_s(self) -> float:
        return self._moves[0][0] if self._moves else math.inf

    @property
    def moving(self) -> bool:
        return bool(self._moves)

    def _wanted(self) -> bool:
        if self.welded:
            return True
        return self.coil and not self.stuck_open and not self.dropped

    def _aim(self, now_s: float) -> None:
        wanted = self._wanted()
        if wanted and not self.closed:
            touch_s = now_s + (0.0 if self.welded else CLOSE_DELAY_S)
            self._moves = [(touch_s, True)]
            if not self.welded:
                self._moves += [(touch_s + BOUNCE_S / 3, False), (touch_s + BOUNCE_S, True)]
        elif not wanted and (self.closed or self._moves):
            self._moves = [(now_s + OPEN_DELAY_S, False)]
        elif wanted:
            self._moves = []
