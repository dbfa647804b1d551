"""The file itself: what drivers refuse, and what is legal but known to give trouble."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, warn
from chargepoint.doctor.evidence import Evidence


def check(evidence: Evidence) -> Iterator[Mark]:
    for refusal in evidence.refusals:
        yield fail("drivers", "doctor.device_refused_by_driver", found=refusal)
    if not evidence.refusals:
        count = len(evidence.config.device)
        yield good("drivers", found=f"{evidence.config.source or 'configuration'}: {count} devices")
    for advice in evidence.advice:
        yield warn("advice", "doctor.config_advice", found=advice)
    for evse in evidence.config.evse:
        if evse.accept_no_watchdog:
            yield warn("watchdog", "doctor.no_watchdog", f"EVSE {evse.id}", evse.board)
