"""The contactor: does its feedback agree with its coil, and how much of its life is used."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config import Evse
from chargepoint.doctor.checks.hazards import hazards
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence


def check(evidence: Evidence) -> Iterator[Mark]:
    told = list(hazards(evidence, "contactor"))
    yield from told
    for evse in evidence.config.evse:
        subject = f"EVSE {evse.id}"
        if not any(mark.subject == subject for mark in told):
            yield _feedback(evidence, evse, subject)
        yield from _life(evidence, evse, subject)


def _feedback(evidence: Evidence, evse: Evse, subject: str) -> Mark:
    if evidence.trouble(evse.board):
        return unknown("feedback", subject, f"{evse.board} does not answer")
    probe = evidence.probe(evse.board)
    reading = None if probe is None else probe.board
    if reading is None:
        snapshot = evidence.snapshot(evse.id)
        if snapshot is None or snapshot.contactor_closed is None:
            return unknown("feedback", subject, "no reading")
        return good("feedback", subject, "closed" if snapshot.contactor_closed else "open")
    coil, contact = reading.contactor_commanded, reading.contactor_closed
    if contact is None:
        return unknown("feedback", subject, "this board has no feedback of the contactor")
    if contact and coil is False:
        return fail("feedback", "contactor_welded", subject, "coil off, feedback closed")
    if coil and not contact:
        return fail("feedback", "contactor_not_closing", subject, "coil on, feedback open")
    if reading.output_live and not contact:
        return fail("feedback", "output_live", subject, "voltage behind the open contactor")
    return good("feedback", subject, "closed as commanded" if contact else "open as commanded")


def _life(evidence: Evidence, evse: Evse, subject: str) -> Iterator[Mark]:
    if evidence.status is None:
        return
    told = next((e for e in evidence.status.evses if e.evse == evse.id), None)
    if told is None or told.counts is None:
        return
    rated = evidence.config.maintenance
    shares = (
        told.counts.operations / rated.contactor_operations,
        told.counts.openings_under_load / rated.contactor_load_operations,
    )
    text = (
        f"{told.counts.operations} operations of {rated.contactor_operations}, "
        f"{told.counts.openings_under_load} under load of {rated.contactor_load_operations}"
    )
    if max(shares) >= rated.warn_ratio:
        yield warn("life", "doctor.contactor_worn", subject, text)
    else:
        yield good("life", subject, text)
