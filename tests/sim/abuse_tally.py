"""What an abuse campaign did, and the worst that it saw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

COUNTS = ("cycles", "charged", "closings", "openings", "restarts", "ticks", "frames", "spoiled")


@dataclass
class Tally:
    """What was done, and the worst that was seen."""

    cycles: int = 0
    charged: int = 0
    closings: int = 0
    openings: int = 0
    restarts: int = 0
    ticks: int = 0
    frames: int = 0
    spoiled: int = 0
    virtual_s: float = 0.0
    prompt_s: float = 0.0
    loose_s: float = 0.0
    leave_s: float = 0.0
    abuses: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.virtual_s += other.virtual_s
        for name in ("prompt_s", "loose_s", "leave_s"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
        self.abuses += other.abuses
