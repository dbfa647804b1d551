"""Circuit breaker of one device: a dead device is left alone for growing pauses."""

from __future__ import annotations

TOLERATED = 3
"""Losses in a row before the first pause; one damaged frame must not blind anybody."""
TOLERATED_S = 0.25
"""And for at least so long: on a quick line three losses are soon come by, with noise alone."""
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class Breaker:
    """Says whether a device may be asked now.

    After `TOLERATED` losses in a row, over `TOLERATED_S`, it opens for 1, 2, 5, 10, 30 s, never
    longer than `pause_max_s`; each pause ends with one try, and the first answer closes it again.
    """

    def __init__(self, pause_max_s: float) -> None:
        self._pause_max_s = pause_max_s
        self._losses = 0
        self._first_loss_s = 0.0
        self._pauses = 0
        self._open_until_s = float("-inf")

    def open_for_s(self, now_s: float) -> float:
        """Seconds for which the device must be left alone; 0: ask."""
        return max(0.0, self._open_until_s - now_s)

    def answered(self) -> None:
        """The device is there (a refusal is an answer too)."""
        self._losses = self._pauses = 0

    def lost(self, now_s: float) -> None:
        """The device did not give an intact answer."""
        if self._losses == 0:
            self._first_loss_s = now_s
        self._losses += 1
        if self._losses < TOLERATED or now_s - self._first_loss_s < TOLERATED_S:
            return
        pause = PAUSES_S[min(self._pauses, len(PAUSES_S) - 1)]
        self._pauses += 1
        self._open_until_s = now_s + min(pause, self._pause_max_s)
