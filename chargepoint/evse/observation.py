"""All that detections of hazards look at, at one instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from chargepoint.ipc.messages import Said
from hal.values import BoardReading, MeterReading, PilotState


class BoardLevel(Enum):
    """What the shell knows of the board, as a level: told in each step."""

    UNHEARD = "unheard"
    """Not identified and prepared yet since this start."""
    HEARD = "heard"
    """Prepared, and answering."""
    LOST = "lost"
    """Several requests in a row went unanswered."""
    REFUSED = "refused"
    """Answered, but not as the configured board, or its watchdog could not be set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is known now. What cannot be known is None."""

    now_s: float
    board: BoardLevel = BoardLevel.HEARD
    reading: BoardReading | None = None
    """Newest good reading, however old."""
    newest: BoardReading | None = None
    """Newest reading of any quality; alarms count even when the rest of it is suspect."""
    reading_age_s: float = 0.0
    sample_age_s: float = 0.0
    """How long the board's sample counter has stood still over fresh readings."""
    active: frozenset[str] = frozenset()
    """Hazards in force, for those with a hysteresis."""

    pilot: PilotState | None = None
    """Debounced."""
    pilot_raw: PilotState | None = None
    """Of the newest sample; one wild sample ends state C, but is no hazard."""
    diode: Diode = Diode.UNKNOWN
    connected: bool = False
    permitted: bool = False
    fault_shown: bool = False
    """State F is ours, now or so shortly ago that readings may still show it."""
    simplified: bool = False
    """The vehicle has asked ever since it was plugged in: it has no S2."""
    proximity_used: bool = False
    cable_coded_a: float | None = None

    closed_s: float | None = None
    """Since when the contactor has been commanded closed; None: it is commanded open."""
    opened_s: float | None = None
    """Since when it must be open by our command; None: it need not be."""
    confirmed: bool = False
    """This closing was confirmed by the auxiliary contact."""
    phases: int = 3
    """Phases that are commanded."""
    phases_s: float | None = None
    """Since when `phases` has been commanded; None: the board cannot switch."""
    lock_failed: bool = False
    """The lock did not engage in all attempts."""
    lock_stuck: bool = False
    """The lock did not release in all attempts."""
    lock_commanded: bool = False

    rcd_testing: bool = False
    """The residual-current monitor is being tested: that it trips is what we want."""
    rcd_failure: Said | None = None
    """What was wrong with its latest test."""

    offered_a: float = 0.0
    current_max_a: float | None = None
    """Largest phase current by a meter reading that may be judged against `offered_a`."""
    mains: MeterReading | None = None
    """Newest meter reading that shows the supply; None: none, too old, or taken behind an open
    contactor."""
    leaking: Said | None = None
    """Current that meter readings show behind a contactor that must be open."""
    live: Said | None = None
    """Voltage that meter readings show behind a contactor that must be open."""
    derating: int = 0
    """Step of the temperature staircase; 0: none."""
    temperature_missing_s: float = 0.0
    """How long a fitted sensor has given nothing."""


Detection = Callable[[Observation, EvseSettings], Said | None]
"""What was measured against what limit, or None when all is well."""


def reported(o: Observation) -> frozenset[str]:
    """Faults that the board reports by itself."""
    return o.reading.faults if o.reading is not None else frozenset()
