"""What the conditions are read from: one look at the station, and what was watched over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chargepoint.config.alert_limits import limit_of
from chargepoint.config.alerts import AlertRule
from chargepoint.ipc.care import HealthStatus, MaintenanceItem
from chargepoint.ipc.service import StationStatus


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What one look cannot tell."""

    hazards: Mapping[int, tuple[str, ...]] = {}
    """EVSE -> hazards last seen while its safety program is not reached."""
    temperature_slopes: Mapping[int, float] = {}
    """EVSE -> degrees per minute, over the last minutes."""
    failed_sessions: Mapping[int, int] = {}
    """EVSE -> sessions in a row that came to nothing."""
    blocked_s: Mapping[int, float] = {}
    """EVSE -> how long a vehicle is plugged in after it has stopped charging."""
    bus_errors: Mapping[str, tuple[int, int]] = {}
    """Bus -> errors and requests of the last minute."""
    unused_days: float = 0.0
    unclean_starts: int = 0
    """Within the last hour, ends that were no orderly stop."""
    control_starts: int = 0
    """Within the last hour, safety programs that were met anew."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    status: StationStatus
    health: HealthStatus
    maintenance: Sequence[MaintenanceItem] = ()
    watched: Watched = Watched()
    sim_days_left: float | None = None
    dead_man_problem: str = ""
    """Why the sign of life does not get out."""
    derate_c: float = 65.0
    rules: Mapping[str, AlertRule] = {}
    """The operator's, for the limits of conditions."""
    boards: Mapping[str, int] = {}
    """Device -> EVSE, of those whose loss is a hazard."""
    meters: Mapping[str, int] = {}
    """Device -> EVSE."""
    readers: Mapping[str, tuple[int, ...]] = {}
    """Device -> EVSEs; several may share one."""

    def limit(self, condition: str, key: str) -> float:
        """From where on a condition holds."""
        return limit_of(self.rules, condition, key)
