"""How much current each EVSE may offer: hardware, profiles, people here, share of a common supply.

The smallest one holds. A supply that profiles limit is shared like one that the installer limited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chargepoint.station.charging_profiles.timeline import CURRENT_MIN_A, Limit, smallest
from chargepoint.station.effects import Grant
from chargepoint.station.phase_rotation import LINES, lines_of, rotation_of
from chargepoint.station.session import Session
from chargepoint.station.settings import EvseSettings


def shares_a(
    limits_a: Mapping[int, float],
    supply_a: float | None,
    lines: Mapping[int, str] | None = None,
) -> dict[int, float]:
    """Current per phase of each EVSE in `limits_a`, which charge together, oldest first.

    Each phase of the supply is shared equally by those that may load it (`lines`; all, where an
    EVSE is missing there); what one cannot use goes to the others. Where that is less than can be
    offered, as many as possible are served, the oldest first, and the others get 0.
    """
    if supply_a is None:
        return dict(limits_a)
    loaded = {evse: set((lines or {}).get(evse, LINES)) for evse in limits_a}
    waiting = _served(loaded, supply_a)
    shares = dict.fromkeys(limits_a, 0.0)
    rest_a = dict.fromkeys(LINES, supply_a)
    while waiting:
        part_a = {
            evse: min(
                limits_a[evse],
                *(rest_a[line] / _count(line, waiting, loaded) for line in loaded[evse]),
            )
            for evse in waiting
        }
        least = min(waiting, key=lambda evse: part_a[evse])
        shares[least] = part_a[least]
        for line in loaded[least]:
            rest_a[line] -= shares[least]
        waiting.remove(least)
    return shares


def _served(loaded: Mapping[int, set[str]], supply_a: float) -> list[int]:
    """As many as can have the least current on each of their phases, the oldest first."""
    served: list[int] = []
    for evse, own in loaded.items():
        if all((1 + _count(line, served, loaded)) * CURRENT_MIN_A <= supply_a for line in own):
            served.append(evse)
    return served


def _count(line: str, evses: Sequence[int], loaded: Mapping[int, set[str]]) -> int:
    return sum(line in loaded[evse] for evse in evses)


def grants(
    sessions: Sequence[Session],
    operative: Callable[[int], bool],
    supply_a: float | None,
    profiled: Callable[[int], Limit | None],
    rotations: str = "",
    local_a: Callable[[int], float | None] = lambda evse: None,
) -> tuple[Grant, ...]:
    """What each EVSE may do now; one that becomes inoperative finishes its transaction first.

    `profiled`: what charging profiles allow at an EVSE, or to all together (0). `rotations`: the
    value of ConnectorPhaseRotation, which tells on which phase a single-phase EVSE hangs.
    `local_a`: the upper bound that people here have set for an EVSE, or for all together (0).
    """
    station = profiled(0)
    profile_a = None if station is None else station.current_a
    supply_a = min(_given(supply_a, profile_a, local_a(0)), default=None)
    charging = sorted((each for each in sessions if each.permitted), key=lambda each: each.order)
    allowed = {
        each.evse: _allowed(each.settings, profiled(each.evse), station, local_a(each.evse))
        for each in charging
    }
    fed = {
        each.evse: allowed[each.evse].current_a
        for each in charging
        if not each.paused and allowed[each.evse].current_a >= CURRENT_MIN_A
    }
    lines = {
        each.evse: lines_of(rotation_of(rotations, each.evse), each.settings.phases)
        for each in charging
    }
    shares = shares_a(fed, supply_a, lines)
    return tuple(
        Grant(
            evse=session.evse,
            permitted=session.permitted,
            current_a=shares.get(session.evse, 0.0),
            operative=session.charge is not None or operative(session.evse),
            phases=_phases(session.settings, allowed.get(session.evse)),
        )
        for session in sessions
    )


def _allowed(
    evse: EvseSettings, own: Limit | None, station: Limit | None, local_a: float | None
) -> Limit:
    """Per phase, without regard to others."""
    hardware = Limit(evse.current_max_a, evse.phases)
    local = None if local_a is None else Limit(local_a, evse.phases)
    return smallest(own, station, local, hardware) or hardware


def _given(*currents_a: float | None) -> list[float]:
    return [current_a for current_a in currents_a if current_a is not None]


def _phases(evse: EvseSettings, allowed: Limit | None) -> int | None:
    """1 or 3 where that can be chosen; a limit for two phases is one for three."""
    if allowed is None or not evse.phase_switching or evse.phases == 1:
        return None
    return 1 if allowed.phases == 1 else 3
