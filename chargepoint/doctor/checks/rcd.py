"""The residual-current monitor: its hazards, and when it was last tested with what result."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config import Evse
from chargepoint.doctor.checks.hazards import hazards
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence
from chargepoint.ipc.messages import RcdTested


def check(evidence: Evidence) -> Iterator[Mark]:
    told = list(hazards(evidence, "rcd"))
    yield from told
    for evse in evidence.config.evse:
        subject = f"EVSE {evse.id}"
        if not any(mark.subject == subject for mark in told):
            yield _test(evidence, evse, subject)


def _test(evidence: Evidence, evse: Evse, subject: str) -> Mark:
    if evidence.trouble(evse.board):
        return unknown("test", subject, f"{evse.board} does not answer")
    probe = evidence.probe(evse.board)
    if probe is not None and probe.board is not None and probe.board.rcd_tripped:
        return fail("test", "rcd_tripped", subject, "the monitor reports a residual current")
    if not evse.rcd_test:
        return warn("test", "doctor.rcd_test_off", subject, "evse.rcd_test = false")
    last, age_s = _last(evidence, evse.id)
    if last is not None:
        text = f"{last.detail or ('passed' if last.passed else 'failed')}, {age_s / 3600:.1f} h ago"
        return (
            good("test", subject, text)
            if last.passed
            else fail("test", "rcd_test_failed", subject, text)
        )
    return _counted(evidence, evse, subject)


def _last(evidence: Evidence, evse: int) -> tuple[RcdTested | None, float]:
    for control in evidence.controls:
        tests = [test for test in control.rcd_tests if test.evse == evse]
        if tests:
            return tests[-1], max(0.0, control.now_s - tests[-1].at_s)
    return None, 0.0


def _counted(evidence: Evidence, evse: Evse, subject: str) -> Mark:
    told = None
    if evidence.status is not None:
        told = next((e for e in evidence.status.evses if e.evse == evse.id), None)
    counts = None if told is None else told.counts
    if counts is None or not counts.rcd_tests_passed + counts.rcd_tests_failed:
        return unknown(
            "test", subject, "not tested yet; it is before each session, where it can be"
        )
    text = f"{counts.rcd_tests_passed} passed, {counts.rcd_tests_failed} failed so far"
    return good("test", subject, text)
