"""Certificates that expire."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence

SOON_DAYS = 30.0


def check(evidence: Evidence) -> Iterator[Mark]:
    told = () if evidence.health is None else evidence.health.certificates
    held = told or evidence.certificates
    if not held:
        yield unknown("expiry", why="none is held")
    for one in held:
        text = f"{one.subject}, until {one.expires_at}"
        if one.days_left is None:
            yield unknown("expiry", one.use, f"{text}; the clock is not trusted")
        elif one.days_left <= 0:
            yield fail("expiry", "doctor.certificate_expired", one.use, text)
        elif one.days_left < SOON_DAYS:
            found = f"{text}: {one.days_left:.0f} days"
            yield warn("expiry", "doctor.certificate_expiring", one.use, found)
        else:
            yield good("expiry", one.use, f"{text}: {one.days_left:.0f} days")
