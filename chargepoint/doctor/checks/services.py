"""The service manager: units installed, enabled, running, guarded by a watchdog."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence, ServiceFacts

RESTARTS_MANY = 5


def check(evidence: Evidence) -> Iterator[Mark]:
    if evidence.services is None:
        yield unknown("unit", why="no systemd on this host")
        return
    installed = [service for service in evidence.services if service.installed]
    if not installed:
        yield unknown("unit", why="no unit of chargepoint is installed")
    for service in installed:
        yield _unit(service)


def _unit(service: ServiceFacts) -> Mark:
    unit, state = service.unit, service.active
    if state == "failed":
        return fail("unit", "doctor.service_failed", unit, f"failed: {service.result}")
    if state != "active":
        return warn("unit", "doctor.service_stopped", unit, state)
    if not service.enabled.startswith("enabled"):
        return warn("unit", "doctor.service_not_enabled", unit, service.enabled)
    if service.restarts > RESTARTS_MANY:
        return warn("unit", "doctor.service_restarts", unit, f"{service.restarts} restarts")
    if not service.watchdog:
        return warn("unit", "doctor.service_unguarded", unit, "WatchdogSec is not set")
    return good("unit", unit, f"active, {service.restarts} restarts")
