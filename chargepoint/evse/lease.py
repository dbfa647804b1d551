"""A right that ends by itself: absolute expiry on the clock shared by both programs, capped by us.

A sender that stops, hangs or lies can hold it no longer than `max_s` after its last word was read.
Relative renewals would outlive a stopped sender: each one lying in the socket buffer would count
from the moment it is read.
"""

from __future__ import annotations


class Lease:
    """Held until `until_s`, never longer than `max_s` from the last renewal."""

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._until_s: float | None = None

    @property
    def until_s(self) -> float | None:
        """When it ends, or ended; None when never given, or revoked, or its end was told."""
        return self._until_s

    def renew(self, until_s: float, now_s: float) -> None:
        """Hold until `until_s`, at most until now + max. An instant in the past ends it."""
        self._until_s = min(until_s, now_s + self._max_s)

    def revoke(self) -> None:
        """End it now, without an expiry to tell."""
        self._until_s = None

    def alive(self, now_s: float) -> bool:
        """Whether it holds. A level, derived afresh: no timer has to fire for it to end."""
        return self._until_s is not None and now_s < self._until_s

    def take_expiry(self, now_s: float) -> bool:
        """True once after it ran out by itself."""
        if self._until_s is None or self.alive(now_s):
            return False
        self._until_s = None
        return True
