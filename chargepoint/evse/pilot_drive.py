"""A technician's signal on the pilot, to be measured at the plug of an EVSE that nobody uses.

It is asked for anew each time, lasts `HOLD_MAX_S` at most, and ends for good with the first step in
which `hindrance` finds one: a trace of a vehicle, a hazard, a permission, the EVSE back in service.
The contactor stays open while it lasts; `evse` sees to that on the way to the board.
"""

from __future__ import annotations

from chargepoint.evse.situation import Shutdown, Situation
from chargepoint.ipc.messages import Phase
from hal.values import PilotState

HOLD_MAX_S = 120.0
STEADY_RATIO = 1.0
DUTY_MIN, DUTY_MAX = 0.08, 0.97
"""What lies outside means no current to a vehicle, or digital communication (IEC 61851-1)."""


class PilotDrive:
    """The signal of one EVSE."""

    def __init__(self) -> None:
        self.until_s = 0.0
        self.duty_ratio: float | None = None
        """What is on the pilot now; None: nothing of ours."""

    @property
    def active(self) -> bool:
        """A signal of a technician is on the pilot."""
        return self.duty_ratio is not None

    def begin(self, duty_ratio: float, until_s: float, now_s: float) -> None:
        """Put `duty_ratio` (1: steady) on the pilot until `until_s`, capped."""
        self.duty_ratio = duty_ratio
        self.until_s = min(until_s, now_s + HOLD_MAX_S)

    def end(self) -> None:
        self.duty_ratio = None

    def step(self, hindrance: str, now_s: float) -> None:
        """End it when its time is over, or with a hindrance."""
        # Written so that a time that is no number ends it.
        if hindrance or not now_s < self.until_s:
            self.end()


def duty_problem(duty_ratio: float) -> str:
    """Why `duty_ratio` is no signal for a pilot; empty: it is one."""
    if duty_ratio == STEADY_RATIO or DUTY_MIN <= duty_ratio <= DUTY_MAX:
        return ""
    return f"duty ratio {duty_ratio:g}: expected {DUTY_MIN} to {DUTY_MAX}, or 1 for steady +12 V"


def hindrance(
    phase: Phase, s: Situation, *, raw: PilotState | None, open_now: bool, runs_pilot: bool
) -> str:
    """Why no signal of a technician may be on the pilot now; empty: it may.

    `raw`: pilot state of the newest sample alone, so that a vehicle ends it at the first.
    `open_now`: the contactor is open, by a word of the board that may be believed now.
    """
    # fmt: off
    hindrances = (
        (runs_pilot,                                  "the board runs its pilot by itself"),
        (s.operative,                                 "the EVSE is in service"),
        (s.permitted,                                 "there is a permission to charge"),
        (s.pilot is not PilotState.A,                 "a vehicle is, or may be, connected"),
        (raw is not PilotState.A,                     "a vehicle is, or may be, connected"),
        (phase is not Phase.OUT_OF_SERVICE,           f"it is {phase.value}, not out of service"),
        (not open_now or bool(s.feedback),            "the contactor is not known to be open"),
        (s.stop_hazard or s.open_hazard or s.suspect, "a hazard is active"),
        (s.shutdown is not Shutdown.NO,               "the safety program is about to end"),
    )
    # fmt: on
    return next((words for holds, words in hindrances if holds), "")
