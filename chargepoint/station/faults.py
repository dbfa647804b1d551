"""What problems do to a connector and to its transaction; which of several is the weightiest."""

from __future__ import annotations

from collections.abc import Iterable

from chargepoint import catalog
from chargepoint.station.records import StopReason

FAULT_WAIT_S = 600.0
"""A transaction outlives a passing problem (bus, temperature) for this long, without energy."""

# fmt: off
ENDS = {
    # Problems after which nobody should count on energy coming back by itself.
    "emergency_stopped": StopReason.EMERGENCY_STOP,
    "rcd_tripped":       StopReason.GROUND_FAULT,
    "over_current":      StopReason.OVERCURRENT_FAULT,
    # Those that outlive restarts.
    "contactor_welded":  StopReason.OTHER,
    "output_live":       StopReason.OTHER,
    "cable_cut":         StopReason.OTHER,
    "breaker_tripped":   StopReason.OTHER,
    "tilted":            StopReason.OTHER,
    "water_detected":    StopReason.OTHER,
}
PAUSES = ("ventilation_missing", "simplified_pilot")
"""Hazards that keep energy from flowing although the connector counts as usable: another vehicle
can charge."""

BLIND = ("board_lost", "board_refused")
"""Where nothing can be seen any more, what was seen before says more: a tilted station is told as
tilted, and nobody is to touch it."""

_SEVERITY = {"critical": 0, "error": 1, "warning": 2, "info": 3}
# fmt: on


def stops(hazard: str) -> bool:
    """Whether the connector cannot be used while this holds; unknown names are taken seriously."""
    entry = catalog.entries().get(hazard)
    return entry is None or entry.stops


def weightiest(hazards: Iterable[str]) -> str | None:
    """The problem to tell of."""
    return min(hazards, key=weight, default=None)


def weight(hazard: str) -> tuple[bool, int, bool, str]:
    """The weightiest first: one that stops before one that warns, then by severity."""
    entry = catalog.entries().get(hazard)
    severity = _SEVERITY[entry.severity] if entry else 1
    return not stops(hazard), severity, hazard in BLIND, hazard


def ending_reason(hazards: Iterable[str]) -> StopReason | None:
    """The reason for which a transaction ends at once, if one of these is such a problem."""
    return next((reason for hazard, reason in ENDS.items() if hazard in set(hazards)), None)
