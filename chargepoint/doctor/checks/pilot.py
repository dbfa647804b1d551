"""The control pilot: its levels against IEC 61851-1, Table A.2, and its hazards."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config import Evse
from chargepoint.doctor.checks.hazards import hazards
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence
from hal.values import PilotLevels, PilotState

IDLE_V = 12.0
IDLE_GOOD_V = 0.6
"""The generator's own tolerance, and a little for the measurement (Table A.2: 11.4 to 12.6)."""

STATES_V = (12.0, 9.0, 6.0, 3.0)
BAND_V = 1.0
"""Around each level (Table A.4)."""

NEGATIVE_V = -12.0
NEGATIVE_GOOD_V = 1.0


def check(evidence: Evidence) -> Iterator[Mark]:
    told = list(hazards(evidence, "pilot"))
    yield from told
    for evse in evidence.config.evse:
        subject = f"EVSE {evse.id}"
        if not any(mark.subject == subject for mark in told):
            yield _pilot(evidence, evse, subject)


def _pilot(evidence: Evidence, evse: Evse, subject: str) -> Mark:
    if evidence.trouble(evse.board):
        return unknown("level", subject, f"{evse.board} does not answer")
    probe = evidence.probe(evse.board)
    reading = None if probe is None else probe.board
    snapshot = evidence.snapshot(evse.id)
    if reading is not None and isinstance(reading.pilot, PilotLevels):
        return _levels(reading.pilot, bool(reading.oscillating), subject)
    if reading is not None and isinstance(reading.pilot, PilotState):
        return _state(reading.pilot, subject)
    if snapshot is not None and snapshot.pilot is not None:
        return _state(snapshot.pilot, subject)
    return unknown("level", subject, "no reading")


def _levels(levels: PilotLevels, oscillating: bool, subject: str) -> Mark:
    text = f"{levels.high_v:+.2f} V"
    if oscillating:
        text += f" / {levels.low_v:+.2f} V"
        if abs(levels.low_v - NEGATIVE_V) > NEGATIVE_GOOD_V:
            return fail("level", "doctor.pilot_negative_wrong", subject, text)
    nearest = min(STATES_V, key=lambda level: abs(level - levels.high_v))
    off = abs(levels.high_v - nearest)
    if off > BAND_V:
        return fail("level", "doctor.pilot_level_wrong", subject, f"{text}, in no band")
    if nearest == IDLE_V and off > IDLE_GOOD_V:
        return warn("level", "doctor.pilot_level_off", subject, f"{text}, nothing plugged in")
    state = {12.0: "nothing plugged in", 9.0: "vehicle connected"}.get(nearest, "vehicle asks")
    return good("level", subject, f"{text}, {state}")


def _state(state: PilotState, subject: str) -> Mark:
    if state in (PilotState.E, PilotState.F):
        return fail("level", "doctor.pilot_level_wrong", subject, f"state {state.value}")
    return good("level", subject, f"state {state.value}, levels not known here")
