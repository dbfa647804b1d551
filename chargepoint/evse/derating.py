"""Less current when it is hot inside: two steps down, each with a hysteresis on the way back.

Half of the configured current from `temperature_derate_c`, a quarter from 3 K above (OpenEVSE: 65
and 68 °C; M), never below what can be offered. Without a reading from a fitted sensor, 10 A. It is
a limit, not a fault: the transaction goes on.
"""

from __future__ import annotations

from chargepoint.evse.settings import EvseSettings

STEP_C = 3.0
RATIOS = (1.0, 0.5, 0.25)
SENSOR_LOST_A = 10.0


class Derating:
    """Step of the staircase of one EVSE."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._seen_s: float | None = None
        self.step = 0
        """0: none, 1: half, 2: a quarter."""
        self.missing_s = 0.0
        """How long a fitted sensor has given nothing."""

    def take(self, temperature_c: float | None, *, fitted: bool, now_s: float) -> None:
        """Temperature of a fresh reading; None: the reading had none, or there was no reading."""
        if temperature_c is None:
            self._seen_s = now_s if self._seen_s is None or not fitted else self._seen_s
            self.missing_s = now_s - self._seen_s
            return
        self._seen_s, self.missing_s = now_s, 0.0
        while self.step < len(RATIOS) - 1 and temperature_c >= self._enters_c(self.step + 1):
            self.step += 1
        hysteresis_c = self._settings.temperature_hysteresis_c
        while self.step and temperature_c < self._enters_c(self.step) - hysteresis_c:
            self.step -= 1

    def limit_a(self, *, sensor_lost: bool) -> float | None:
        """Most that may be offered; None: the temperature says nothing."""
        limits_a = []
        if self.step:
            share_a = self._settings.current_max_a * RATIOS[self.step]
            limits_a.append(max(share_a, self._settings.current_min_a))
        if sensor_lost:
            limits_a.append(SENSOR_LOST_A)
        return min(limits_a, default=None)

    def _enters_c(self, step: int) -> float:
        return self._settings.temperature_derate_c + (step - 1) * STEP_C
