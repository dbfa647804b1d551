"""Which part of the list a hazard in force belongs to, and which hazards only follow from others.

The catalogue's own cause and remedy are the finding's.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.catalog import entries
from chargepoint.doctor.checks.mark import Mark
from chargepoint.doctor.evidence import Evidence

# fmt: off
PART_OF = {
    "pilot_shorted":          "pilot",
    "pilot_out_of_range":     "pilot",
    "diode_missing":          "pilot",
    "simplified_pilot":       "pilot",
    "ventilation_missing":    "pilot",
    "contactor_welded":       "contactor",
    "contactor_not_closing":  "contactor",
    "contactor_opened_alone": "contactor",
    "contactor_driven":       "contactor",
    "output_live":            "contactor",
    "phase_switch_stuck":     "contactor",
    "rcd_tripped":            "rcd",
    "rcd_test_failed":        "rcd",
    "over_current":           "meter",
    "connector_not_locked":   "lock",
    "lock_opened":            "lock",
    "lock_stuck":             "lock",
    "proximity_invalid":      "lock",
    "cable_cut":              "lock",
}
FOLLOWS = ("board_lost", "board_refused", "reading_stale", "watchdog_tripped")
"""Of a board that does not answer, which the device check tells with its cause."""
# fmt: on
REST = "supply"
"""Mains, earth, enclosure, temperature and whatever the board itself reports."""


def hazards(evidence: Evidence, part: str) -> Iterator[Mark]:
    """One finding per hazard in force that belongs to `part`."""
    known = entries()
    for evse in evidence.config.evse:
        snapshot = evidence.snapshot(evse.id)
        for hazard in () if snapshot is None else snapshot.hazards:
            if PART_OF.get(hazard, REST) != part or hazard not in known:
                continue
            if hazard in FOLLOWS and evidence.trouble(evse.board):
                continue
            level = "fail" if known[hazard].stops else "warn"
            yield Mark(
                check="hazard",
                level="fail" if level == "fail" else "warn",
                subject=f"EVSE {evse.id}",
                found=hazard,
                problem=hazard,
            )
