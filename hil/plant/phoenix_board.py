"""A Phoenix Contact EV-CC-AC1 class controller: pilot and contactor on its own, no watchdog.

The host enables it and sets a current; when the host falls silent it keeps charging with that.
Behaviour as the evcc and nymea projects know it; there is no complete document.
"""

from __future__ import annotations

from hal.values import PilotState
from hil.plant.board import BoardSenses
from hil.plant.own_pilot import OwnPilot
from hil.plant.pilot import PROXIMITY_BROKEN_OHM

POWER_ON_A = 16.0


class PhoenixBoard(OwnPilot):
    """One controller, one EVSE; not enabled after power-up."""

    def __init__(self, current_max_a: float) -> None:
        super().__init__(current_max_a, 0.0)
        self.setting_a = min(POWER_ON_A, current_max_a)
        self.enabled = False

    def enable(self, enabled: bool, now_s: float) -> None:
        self.enabled = enabled
        self._apply(now_s)

    def set_current(self, current_a: float, now_s: float) -> None:
        self.setting_a = current_a
        self._apply(now_s)

    @property
    def letter(self) -> str:
        """IEC 61851 state; F while it fails for another reason than a short."""
        if self.failed and self.failure != "shorted" and self.state is not PilotState.A:
            return "F"
        return self.state.value

    def _apply(self, now_s: float) -> None:
        self.permit(self.setting_a if self.enabled else 0.0, now_s)

    def _cause(self, now_s: float, senses: BoardSenses) -> str:
        if senses.proximity_ohm <= PROXIMITY_BROKEN_OHM:
            return "proximity"
        if self._stays_closed(now_s, senses):
            return "contactor"
        return super()._cause(now_s, senses)
