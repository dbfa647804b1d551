"""What the machine decides from, and the conditions that its table is made of.

Nothing here remembers a permission: each step brings a `Situation` that was derived afresh. A
condition is a plain function of it (and of the settings, for the times); its name is the word that
the table and the diagram show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from chargepoint.ipc.messages import StopCause
from hal.values import PilotState

CLOSE_WITHIN_S = 3.0
"""A vehicle that asks while current is offered gets it within this time (sequence 4)."""

STEADY_HOLD_S = 3.0
"""Least x1 between two offers in one plug-in (sequence 9.2)."""


class Shutdown(Enum):
    """How this program is to end, as far as the contactor goes."""

    NO = "no"
    ORDERLY = "orderly"
    IMMEDIATE = "immediate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the machine decides from; derived anew in each step."""

    pilot: PilotState | None = None
    ventilated: bool = False
    ready: bool = True
    """The board was prepared and a first reading has come."""
    diode: Diode = Diode.UNKNOWN
    permitted: bool = False
    expired: bool = False
    """The permission is missing because it ran out."""
    operative: bool = True
    limited: bool = False
    """The limit in force is below 6 A: there is nothing to offer."""
    stop_hazard: bool = False
    """A hazard is active that forbids energy."""
    open_hazard: bool = False
    """A hazard is active that opens at once."""
    suspect: bool = False
    """What would open at once is seen, but has not lasted long enough to count."""
    shutdown: Shutdown = Shutdown.NO
    rewiring: bool = False
    """A change between one and three phases is due, or the vehicle has to let go of the last."""
    untested: bool = False
    """The residual-current monitor has not passed its test since the last vehicle."""
    asleep: bool = False
    """A vehicle has ignored the offer for so long that it is to be woken."""
    unlocked: bool = False
    """The connector must be locked first, and is not."""
    feedback: bool | None = None
    """Auxiliary contact closed; None: the board has none, or its word is too old."""
    elapsed_s: float = 0.0
    """Since the phase began."""
    asking_s: float = 0.0
    """Since the vehicle began to ask."""
    steady_s: float = STEADY_HOLD_S
    """Since the oscillator went off in this plug-in; 0 while it runs, endless if it never did."""
    open_s: float = 3600.0
    """Since the contactor was last commanded open; endless if it never was closed."""
    closing_s: float = 3600.0
    """Since the contactor was last commanded closed; endless if it never was."""


Condition = Callable[[Situation, EvseSettings], bool]


def asks(s: Situation) -> bool:
    """The vehicle asks for energy that this EVSE may give: C, or D with ventilation."""
    return s.pilot is PilotState.C or (s.pilot is PilotState.D and s.ventilated)


def may_offer(s: Situation) -> bool:
    """There is leave to offer a current.

    Permission, operative, a limit of 6 A, no hazard, monitor tested, phases as wanted.
    """
    return (
        s.permitted
        and s.operative
        and not s.limited
        and not s.stop_hazard
        and not s.open_hazard
        and not s.rewiring
        and not s.untested
        and s.shutdown is Shutdown.NO
    )


def may_stay_closed(s: Situation) -> bool:
    """A contactor that is closed may stay so: the vehicle asks, its diode was seen, no alarm.

    Leave is not part of it: without leave the vehicle first gets time to ramp down.
    """
    return (
        asks(s)
        and s.diode is Diode.PASSED
        and not s.open_hazard
        and s.shutdown is not Shutdown.IMMEDIATE
    )


def prepared(s: Situation, _: EvseSettings) -> bool:
    return s.ready and not s.feedback


def hazard(s: Situation, _: EvseSettings) -> bool:
    return s.stop_hazard or s.open_hazard


def inoperative(s: Situation, _: EvseSettings) -> bool:
    return not s.operative


def plugged(s: Situation, _: EvseSettings) -> bool:
    return s.pilot in (PilotState.B, PilotState.C, PilotState.D)


def unplugged(s: Situation, _: EvseSettings) -> bool:
    return s.pilot is PilotState.A


def asking(s: Situation, _: EvseSettings) -> bool:
    return asks(s)


def not_asking(s: Situation, _: EvseSettings) -> bool:
    return not asks(s)


def allowed(s: Situation, settings: EvseSettings) -> bool:
    """An offer may start: leave, a vehicle, and x1 was held long enough."""
    held = s.steady_s >= STEADY_HOLD_S
    if asks(s):
        # What asks now is served at once, so the pause between closings must be over before.
        held = held and _paused(s, settings)
    return may_offer(s) and held and plugged(s, settings)


def not_allowed(s: Situation, _: EvseSettings) -> bool:
    return not may_offer(s)


def ev_ready(s: Situation, settings: EvseSettings) -> bool:
    """Everything that closing takes."""
    prepared_to_close = not s.unlocked and not s.feedback and not s.suspect
    return may_offer(s) and may_stay_closed(s) and prepared_to_close and _paused(s, settings)


def kept_waiting(s: Situation, _: EvseSettings) -> bool:
    return asks(s) and min(s.asking_s, s.elapsed_s) >= CLOSE_WITHIN_S


def not_safe(s: Situation, _: EvseSettings) -> bool:
    return not may_stay_closed(s)


def closed(s: Situation, settings: EvseSettings) -> bool:
    """Confirmed by the auxiliary contact, or, without one, by the time it would have taken."""
    if s.feedback is None:
        return s.elapsed_s >= settings.close_feedback_s
    return s.feedback


def asleep(s: Situation, _: EvseSettings) -> bool:
    return s.asleep


def woken(s: Situation, settings: EvseSettings) -> bool:
    return s.elapsed_s >= settings.wake_shown_s


def ramped_down(s: Situation, settings: EvseSettings) -> bool:
    return s.elapsed_s >= settings.ramp_down_s


def opened(s: Situation, settings: EvseSettings) -> bool:
    if s.feedback is None:
        return s.elapsed_s >= settings.close_feedback_s
    return not s.feedback


def hazard_opened(s: Situation, settings: EvseSettings) -> bool:
    overdue = s.elapsed_s >= settings.open_feedback_s
    return hazard(s, settings) and (opened(s, settings) or overdue)


def opened_unplugged(s: Situation, settings: EvseSettings) -> bool:
    return opened(s, settings) and unplugged(s, settings)


def opened_inoperative(s: Situation, settings: EvseSettings) -> bool:
    return opened(s, settings) and not s.operative


def opened_offering(s: Situation, settings: EvseSettings) -> bool:
    """The oscillator still runs, as it may: the vehicle opened S2, or asks again by now."""
    return opened(s, settings) and plugged(s, settings) and may_offer(s) and s.steady_s <= 0


def opened_plugged(s: Situation, settings: EvseSettings) -> bool:
    return opened(s, settings) and plugged(s, settings)


def lifted_unplugged(s: Situation, settings: EvseSettings) -> bool:
    return not hazard(s, settings) and unplugged(s, settings)


def lifted_plugged(s: Situation, settings: EvseSettings) -> bool:
    return not hazard(s, settings) and plugged(s, settings)


def operative_unplugged(s: Situation, settings: EvseSettings) -> bool:
    return s.operative and unplugged(s, settings)


def operative_plugged(s: Situation, settings: EvseSettings) -> bool:
    return s.operative and plugged(s, settings)


def _paused(s: Situation, settings: EvseSettings) -> bool:
    return s.open_s >= settings.reclose_wait_s and s.closing_s >= settings.closing_pause_s


def cause_of(s: Situation) -> StopCause:
    """Why energy ends in this situation, the weightiest reason first."""
    # fmt: off
    reasons = (
        (s.stop_hazard or s.open_hazard, StopCause.HAZARD),
        (s.pilot is PilotState.A,        StopCause.UNPLUGGED),
        (s.pilot is PilotState.B,        StopCause.VEHICLE_PAUSED),
        (not asks(s),                    StopCause.HAZARD),
        (s.shutdown is not Shutdown.NO,  StopCause.SHUTDOWN),
        (not s.operative,                StopCause.INOPERATIVE),
        (s.expired,                      StopCause.PERMISSION_EXPIRED),
        (not s.permitted,                StopCause.REVOKED),
        (s.rewiring,                     StopCause.PHASE_SWITCH),
    )
    # fmt: on
    for holds, cause in reasons:
        if holds:
            return cause
    return StopCause.LIMIT_BELOW_MINIMUM
