"""How much may go to one address: a token bucket per minute and a count per day.

A quarter of the day's count is left to what is urgent: lesser matters cannot use it up. A lane that
had to hold messages back sends what has gathered as one when it may send again.
"""

from __future__ import annotations

from collections import deque

import msgspec

DAY_S = 86_400.0
MINUTE_S = 60.0
LEFT_SHARE = 4


class Lane(msgspec.Struct):
    """The allowance of one way."""

    per_minute: float
    per_day: int
    filled_s: float
    tokens: float = -1.0
    day: deque[float] = msgspec.field(default_factory=deque)
    held_back: bool = False
    """Something is due that the limit does not let through yet."""

    def __post_init__(self) -> None:
        if self.tokens < 0.0:
            self.tokens = self._depth

    def free_s(self, now_s: float, urgent: bool = False) -> float:
        """From when on one more may go; `now_s` when at once."""
        self._fill(now_s)
        when_s = now_s
        if self.tokens < 1.0:
            when_s = now_s + (1.0 - self.tokens) / self.per_minute * MINUTE_S
        most = self.per_day if urgent else self.per_day - self.per_day // LEFT_SHARE
        if len(self.day) >= most:
            when_s = max(when_s, self.day[len(self.day) - most] + DAY_S)
        return when_s

    def take(self, now_s: float) -> None:
        """One goes now, whether or not it may."""
        self._fill(now_s)
        self.tokens = max(0.0, self.tokens - 1.0)
        self.day.append(now_s)

    def used(self, at_s: float) -> None:
        """One went at `at_s`, in an earlier run."""
        self.day.append(at_s)

    @property
    def _depth(self) -> float:
        return max(1.0, self.per_minute)

    def _fill(self, now_s: float) -> None:
        gained = max(0.0, now_s - self.filled_s) / MINUTE_S * self.per_minute
        self.tokens = min(self._depth, self.tokens + gained)
        if self.tokens > 1.0 - 1e-9:  # so many seconds make a whole message, not almost one
            self.tokens = max(self.tokens, 1.0)
        self.filled_s = now_s
        while self.day and self.day[0] <= now_s - DAY_S:
            self.day.popleft()
