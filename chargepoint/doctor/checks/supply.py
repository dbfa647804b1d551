"""Mains, earth and enclosure, as boards and meters tell; the supply of the computer itself."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.hazards import REST, hazards
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence


def check(evidence: Evidence) -> Iterator[Mark]:
    yield from hazards(evidence, REST)
    for evse in evidence.config.evse:
        yield from _enclosure(evidence, evse.id)
    host = evidence.host
    if host.under_voltage is None:
        yield unknown("host", why="this computer does not tell its supply")
    elif host.under_voltage:
        yield fail("host", "doctor.under_voltage", found="now")
    elif host.under_voltage_seen:
        yield warn("host", "doctor.under_voltage", found="since the last boot, not now")
    else:
        yield good("host", found="no under-voltage since boot")


def _enclosure(evidence: Evidence, evse: int) -> Iterator[Mark]:
    snapshot = evidence.snapshot(evse)
    if snapshot is None or snapshot.temperature_c is None:
        return
    text = f"{snapshot.temperature_c:.1f} °C"
    raised = evidence.config.safety.temperature_warn_c
    if snapshot.temperature_c < raised:
        yield good("enclosure", f"EVSE {evse}", f"{text}, warned at {raised:g}")
