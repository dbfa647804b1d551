"""The contactor of L2 and L3: it decides how many phases the outlet has, and moves without load."""

from __future__ import annotations

import math

TRAVEL_S = 0.05


class PhaseSwitch:
    """`one_phase` is where it stands, as its auxiliary contact reports it."""

    def __init__(self) -> None:
        self.told_one_phase = False
        self.one_phase = False
        self._stuck = False
        self._due_s = math.inf

    def tell(self, one_phase: bool, now_s: float) -> None:
        if one_phase != self.told_one_phase:
            self.told_one_phase = one_phase
            self._due_s = now_s + TRAVEL_S

    def stick(self, stuck: bool, now_s: float) -> None:
        """Let it stay where it is; freed, it goes where it was told last."""
        self._stuck = stuck
        if not stuck and self.one_phase != self.told_one_phase:
            self._due_s = now_s + TRAVEL_S

    def step(self, now_s: float) -> None:
        if now_s >= self._due_s:
            self._due_s = math.inf
            if not self._stuck:
                self.one_phase = self.told_one_phase

    def deadline_s(self) -> float:
        return self._due_s
