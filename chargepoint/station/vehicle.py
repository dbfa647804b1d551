"""What the safety program says of one EVSE, remembered so that instants can be told.

Levels, not edges: whatever was missed in between, the last view counts. While the safety program
has not found out about the vehicle yet (just started), the view before it stays.
"""

from __future__ import annotations

from chargepoint.station.desk import Desk
from chargepoint.station.events import EvsePhase, EvseView
from chargepoint.station.faults import stops, weightiest

CONTROL_LOST = "control_lost"
"""Catalogue id of the problem while the safety program cannot be reached."""

CONTROL_WAIT_S = 10.0
"""It may be away this long before that is told: it restarts in about one second."""


class Vehicle:
    """The view of one EVSE and since when what holds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.view: EvseView | None = None
        """The last view; None while the safety program is away."""
        self.connected = False
        """As last known."""
        self.known = False
        """Whether a running safety program has told about the vehicle since it (re)started."""
        self.plug_in = 0
        self.plugged_s = 0.0
        self.phase_since_s = 0.0
        self.open_since_s: float | None = None
        """When the contactor was first known to be open; None: closed or not known."""
        self.fault_since_s: float | None = None
        """When a problem began that stops the connector."""
        self.kept: tuple[str, ...] = ()
        """Hazards that hold until the safety program has cleared them, whatever it says of them."""
        self._away_s: float | None = None

    def observe(self, view: EvseView, at_s: float) -> None:
        before = self.view
        if before is None or before.phase is not view.phase:
            self.phase_since_s = at_s
        self.view = view
        self._away_s = None
        if view.contactor_closed is not False:
            self.open_since_s = None
        elif self.open_since_s is None:
            self.open_since_s = at_s
        if view.phase is not EvsePhase.STARTING and view.pilot is not None:
            self._follow_plug(view, at_s)
        self._follow_faults()

    def lost(self, at_s: float) -> None:
        """The safety program is not there (yet, or any more): what happens is not known."""
        self.view, self.known, self.open_since_s = None, False, None
        self._away_s = at_s

    @property
    def hazards(self) -> tuple[str, ...]:
        """Problems of the EVSE, a safety program that is away for long included."""
        seen = self.view.hazards if self.view is not None else self._absence
        return (*seen, *(hazard for hazard in self.kept if hazard not in seen))

    @property
    def stopped_by(self) -> str | None:
        """The weightiest problem that stops the connector."""
        return weightiest(hazard for hazard in self.hazards if stops(hazard))

    @property
    def faulted(self) -> bool:
        return self.stopped_by is not None

    def due(self) -> None:
        self._follow_faults()

    def deadline_s(self) -> float | None:
        if self._away_s is None or self._absence:
            return None
        return self._away_s + CONTROL_WAIT_S

    @property
    def _absence(self) -> tuple[str, ...]:
        away = self._away_s is not None and self._desk.now_s >= self._away_s + CONTROL_WAIT_S
        return (CONTROL_LOST,) if away else ()

    def _follow_plug(self, view: EvseView, at_s: float) -> None:
        again = self.known and view.plug_in != self.plug_in
        if view.connected and (again or not self.connected):
            self.plugged_s = at_s
        self.connected, self.plug_in, self.known = view.connected, view.plug_in, True

    def _follow_faults(self) -> None:
        if not self.faulted:
            self.fault_since_s = None
        elif self.fault_since_s is None:
            self.fault_since_s = self._desk.now_s
