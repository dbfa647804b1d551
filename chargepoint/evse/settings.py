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
    signal_fault: bool = True

    phases: int = 3
    nominal_v: float = 230.0
    current_min_a: float = 6.0
    phase_switching: bool = False
    simplified_pilot_refused: bool = False
    wake_up: bool = True
    rcd_test: bool = True
    meter_behind_contactor: bool = False

    retry_waits_s: tuple[float, ...] = (30.0, 60.0, 300.0)
    temperature_warn_c: float = 60.0
    temperature_derate_c: float = 65.0
    temperature_pause_c: float = 70.0
    temperature_open_c: float = 75.0
    temperature_hysteresis_c: float = 4.0
    over_voltage_ratio: float = 1.15
    under_voltage_ratio: float = 0.8
    under_voltage_hold_s: float = 3.0
    frequency_min_hz: float = 47.5
    frequency_max_hz: float = 51.5
    mains_good_s: float = 60.0
    wake_after_s: float = 30.0
    wake_shown_s: float = 4.0
    wake_attempts: int = 1
    phase_switch_wait_s: float = 15.0
    phase_switch_every_s: float = 300.0
    lock_attempts: int = 5

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
