"""The wall clock: whom it believes."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence

UNSET = ("none", "monotonic")


def check(evidence: Evidence) -> Iterator[Mark]:
    synchronised = evidence.host.clock_synchronised
    status = evidence.status
    if status is not None and status.clock in UNSET:
        level = warn if evidence.config.csms is None else fail
        yield level("time", "doctor.clock_unset", found=f"{evidence.taken_at}, source: none")
    elif synchronised:
        yield good("time", found=f"{evidence.taken_at}, kept by NTP")
    elif status is not None and status.clock == "csms":
        yield good("time", found=f"{evidence.taken_at}, told by the CSMS")
    elif synchronised is None:
        yield unknown("time", why="the host does not say whether its clock is kept")
    else:
        yield warn("time", "doctor.clock_unsynchronised", found=evidence.taken_at)
