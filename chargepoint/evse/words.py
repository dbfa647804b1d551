"""What a detection has found, in words and in figures.

The words are English, for the log and for technicians; whoever tells it to people in another
language takes the phrase `detail.ID` of the catalogue and the same fields. The two say the same
(tests/layout).
"""

from __future__ import annotations

from chargepoint.ipc.messages import Said

# fmt: off
WORDS = {
    "active":             "{input} active",
    "board_reports":      "board reports {faults}",
    "by_board":           "reported by the board",
    "cable_gone":         "no vehicle and no cable, but the lock is engaged",
    "contact_closed":     "{contact} closed {waited_s:.2f} s after the open command, "
                          "limit {limit_s:g} s",
    "contact_not_closed": "{contact} open {waited_s:.2f} s after the close command, "
                          "limit {limit_s:g} s",
    "contact_opened":     "{contact} open while commanded closed",
    "current_behind":     "{current_a:.1f} A with the contactor open, limit {limit_a:g} A",
    "current_high":       "{current_a:.1f} A, limit {limit_a:.1f} A for {offered_a:.1f} A offered",
    "derated":            "{temperature_c:.1f} °C, limit {limit_c:g} °C, step {step:g}",
    "door_contact":       "door contact open",
    "driven":             "the board drives the coil, we command open",
    "frequency":          "{frequency_hz:.2f} Hz, expected {low_hz:g} to {high_hz:g} Hz",
    "hot":                "{temperature_c:.1f} °C, limit {limit_c:g} °C",
    "identity":           "identity or watchdog not as configured",
    "lock_open":          "lock open with the contactor closed",
    "no_answer":          "no answer",
    "no_reading":         "no good reading for more than {limit_s:g} s",
    "no_release":         "did not release within {limit_s:g} s",
    "no_temperature":     "no value for {missing_s:.0f} s",
    "no_trip":            "did not trip within {limit_s:g} s",
    "not_locked":         "not locked after {attempts:g} attempts",
    "phases":             "{phases:g} phase(s), {commanded:g} commanded",
    "pilot_levels":       "high {high_v:.1f} V, low {low_v:.1f} V",
    "pilot_state":        "state {state}",
    "proximity":          "vehicle connected, no valid coding",
    "proximity_empty":    "vehicle connected, no cable",
    "rotation":           "the meter reports L1, L3, L2",
    "same_sample":        "same sample number for more than {limit_s:g} s",
    "simplified":         "state C since it was plugged in, never B",
    "still_locked":       "still locked after {attempts:g} attempts",
    "ventilation":        "state D, no ventilation",
    "voltage":            "L{phase:g} {voltage_v:.0f} V, limit {limit_v:.0f} V",
    "voltage_behind":     "{voltage_v:.0f} V with the contactor open, limit {limit_v:g} V",
    "voltage_seen":       "the board sees voltage behind the open contactor",
    "watchdog":           "board watchdog expired",
}
# fmt: on


def said(id: str, **fields: float | str) -> Said:
    """A finding: one of `WORDS`, and what was measured."""
    return Said(id=id, fields=fields)


def words(said: Said) -> str:
    """The same in English."""
    return WORDS[said.id].format_map(said.fields)
