"""Card readers: there for each EVSE that shall have one, and answering where they can."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, good, unknown
from chargepoint.doctor.evidence import Evidence

ONLY_LISTEN = ("rfid-text",)
"""Drivers of readers that say nothing without a card."""


def check(evidence: Evidence) -> Iterator[Mark]:
    names = dict.fromkeys(evse.reader for evse in evidence.config.evse if evse.reader)
    if not names:
        yield unknown("reader", why="none is configured")
    for name in names:
        device = evidence.config.device_named(name)
        users = [str(evse.id) for evse in evidence.config.evse if evse.reader == name]
        served = f"serves EVSE {', '.join(users)}"
        if evidence.trouble(name):
            yield unknown("reader", name, "it does not answer")
        elif device.driver in ONLY_LISTEN:
            yield unknown("reader", name, f"{served}; it speaks only with a card: show one")
        else:
            yield good("reader", name, served)
