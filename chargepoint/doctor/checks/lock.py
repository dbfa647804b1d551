"""The connector lock of sockets: its hazards and its position."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.hazards import hazards
from chargepoint.doctor.checks.mark import Mark, good, unknown
from chargepoint.doctor.evidence import Evidence


def check(evidence: Evidence) -> Iterator[Mark]:
    told = list(hazards(evidence, "lock"))
    yield from told
    for evse in evidence.config.evse:
        subject = f"EVSE {evse.id}"
        if any(mark.subject == subject for mark in told):
            continue
        if evse.connector == "cable":
            yield unknown("lock", subject, "fixed cable: there is nothing to lock")
            continue
        snapshot = evidence.snapshot(evse.id)
        probe = evidence.probe(evse.board)
        locked = None if snapshot is None else snapshot.locked
        if locked is None and probe is not None and probe.board is not None:
            locked = probe.board.locked
        if locked is None:
            yield unknown("lock", subject, "the board does not tell its lock's position")
        else:
            yield good("lock", subject, "locked" if locked else "open")
