"""How much current each EVSE may offer: static limits, and the share of a common supply.

The place where smart charging and load sharing will put their limits too: the smallest one holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chargepoint.station.effects import Grant
from chargepoint.station.session import Session
from chargepoint.station.settings import EvseSettings

CURRENT_MIN_A = 6.0
"""IEC 61851-1: less cannot be offered."""


def shares_a(evses: Sequence[EvseSettings], supply_a: float | None) -> dict[int, float]:
    """Limit per phase of each of `evses`, which charge together, oldest transaction first.

    The supply is shared equally. Where that is less than can be offered, as many as possible get
    the equal share of fewer, the oldest first, and the others 0.
    """
    if supply_a is None:
        return {evse.id: evse.current_max_a for evse in evses}
    served = min(len(evses), int(supply_a // CURRENT_MIN_A))
    share_a = supply_a / served if served else 0.0
    return {
        evse.id: min(evse.current_max_a, share_a) if place < served else 0.0
        for place, evse in enumerate(evses)
    }


def grants(
    sessions: Sequence[Session], operative: Callable[[int], bool], supply_a: float | None
) -> tuple[Grant, ...]:
    """What each EVSE may do now; one that becomes inoperative finishes its transaction first."""
    charging = sorted((each for each in sessions if each.permitted), key=lambda each: each.order)
    fed = [session.settings for session in charging if not session.paused]
    shares = shares_a(fed, supply_a)
    return tuple(
        Grant(
            evse=session.evse,
            permitted=session.permitted,
            current_a=shares.get(session.evse, 0.0),
            operative=session.charge is not None or operative(session.evse),
        )
        for session in sessions
    )
