"""The field of a card reader: which card lies on it, and until when."""

from __future__ import annotations

import math

HOLD_DEFAULT_S = 0.3


class CardField:
    """At most one card at a time; a newly presented one takes the place of the old."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.presentations = 0
        """Counts cards laid on the reader, so that the same card twice is two."""
        self._until_s = math.inf

    def present(self, token: str, until_s: float) -> None:
        self.token = token
        self.presentations += 1
        self._until_s = until_s

    def step(self, now_s: float) -> bool:
        """True when the card has just been taken away."""
        if self.token is None or now_s < self._until_s:
            return False
        self.token = None
        self._until_s = math.inf
        return True

    def deadline_s(self) -> float:
        return self._until_s
