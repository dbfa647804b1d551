"""Firmware of a Simple EVSE-WB class controller: it runs pilot and contactor itself.

There is no watchdog: when the host falls silent the last current stays. Behaviour as collected in
the public projects that drive it.
"""

from __future__ import annotations

from hil.plant.own_pilot import OwnPilot

POWER_ON_CURRENT_A = 6.0


class SimpleBoard(OwnPilot):
    """One controller, one EVSE. `failed` is its state 5."""

    def __init__(self, current_max_a: float) -> None:
        super().__init__(current_max_a, POWER_ON_CURRENT_A)
        self.start_current_a = POWER_ON_CURRENT_A

    def clear(self) -> None:
        """Forget a failure; it returns when its cause is still there."""
        self.failure = ""
