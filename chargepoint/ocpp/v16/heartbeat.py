"""When a Heartbeat is due: at its interval, whatever else went out (OCPP 1.6, section 4.6).

The text allows to skip it while other requests go out; central systems that judge us by heartbeats
alone do not (rule CQ4 of the matrix), so we never skip. At least one a day keeps the clock.
"""

from __future__ import annotations

DEFAULT_S = 300.0
MAX_S = 86_400.0


class Heartbeat:
    """The timer; counts from the last Heartbeat or from acceptance."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._interval_s = DEFAULT_S

    def start(self, now_s: float) -> None:
        """Count from now: accepted, or one was sent."""
        self._since_s = now_s

    def hurry(self, now_s: float) -> None:
        """Due at once: whether the CSMS still answers is to be known soon."""
        if self._since_s is not None:
            self._since_s = now_s - self._interval_s

    def stop(self) -> None:
        self._since_s = None

    def set_interval(self, text: str | None, now_s: float) -> None:
        """Follow the configuration; a change counts from now. Zero or nonsense: the default."""
        try:
            interval_s = float(text or 0)
        except ValueError:
            interval_s = 0.0
        interval_s = min(interval_s, MAX_S) if interval_s >= 1 else DEFAULT_S
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            if self._since_s is not None:
                self._since_s = now_s

    def due(self, now_s: float) -> bool:
        deadline_s = self.deadline_s()
        return deadline_s is not None and now_s >= deadline_s

    def deadline_s(self) -> float | None:
        return None if self._since_s is None else self._since_s + self._interval_s
