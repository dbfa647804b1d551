"""The numbers one EVSE is run with. Built by the shell from the configuration, checked there.

Names and defaults are those of `[[evse]]` and `[safety]`; the rest has its source beside it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseSettings:
    """Limits and times of one EVSE."""

    evse: int
    current_max_a: float = 32.0
    socket: bool = False
    """A socket outlet reads the cable rating and may lock; a fixed cable does neither."""
    ventilated: bool = False

    limit_lease_s: float = 10.0
    permission_lease_s: float = 120.0
    failsafe_current_a: float = 6.0
    stale_after_s: float = 0.25
    ramp_down_s: float = 6.0
    reclose_wait_s: float = 5.0
    over_current_grace_s: float = 7.0
    temperature_stop_c: float = 75.0
    temperature_resume_c: float = 65.0
    signal_fault: bool = True

    open_samples: int = 1
    """Equal samples that end state C or D; 1 keeps sequence 8.1 (open within 100 ms) in reach."""
    close_samples: int = 3
    """Equal samples that begin state C or D, that pass or fail the diode, that code a cable."""
    close_span_s: float = 0.06
    """Least time from the first to the last of those `close_samples`."""
    other_samples: int = 2
    """Equal samples for every other change of the pilot state."""
    close_feedback_s: float = 0.25
    """The auxiliary contact must follow a close command within this time."""
    open_feedback_s: float = 0.5
    """The auxiliary contact must follow an open command within this time, else it is welded."""
    closing_pause_s: float = 0.0
    """Least time between two closings, faults or not; 10 s spares some contactors."""
