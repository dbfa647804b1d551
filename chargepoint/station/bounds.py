"""What bounds the current of one EVSE, each by name: the same that `limits` reckons with, told.

The bounds of the station itself (hardware, profiles, people here, the share of a common supply),
and those of the safety program (cable, board, heat, failsafe), of which the view names the one in
force. A profile that is hidden by a weightier one bounds nothing and is not listed.
"""

from __future__ import annotations

import msgspec

from chargepoint.station.charging_limits import ChargingLimits
from chargepoint.station.charging_profiles.profile import Profile
from chargepoint.station.charging_profiles.timeline import CURRENT_MIN_A
from chargepoint.station.effects import Grant
from chargepoint.station.events import EvsePhase, EvseView
from chargepoint.station.local_limits import LocalLimits
from chargepoint.station.session import Session

STATION = 0

SAME_A = 0.05
"""Two currents that differ by less are the same one."""

LESS_A = 1.5
"""A vehicle that draws less than offered by more than this could have more, and does not take it:
chargers on board stay up to 1 A below what they are offered."""

SETTLED_S = 30.0
"""A vehicle raises its current over up to half a minute."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """At most `current_a` per phase; `id` and `detail` as in `Reason`."""

    id: str
    current_a: float
    detail: str = ""


class Bounds:
    """The bounds of all EVSEs. `supply_a`: what the installer allows all of them together."""

    def __init__(
        self, supply_a: float | None, profiled: ChargingLimits, local: LocalLimits
    ) -> None:
        self._supply_a = supply_a
        self._profiled = profiled
        self._local = local

    def of(self, session: Session, grant: Grant, now_s: float) -> tuple[Bound, ...]:
        """The bound in force first, the others by their size.

        Nothing is in force while nobody may charge: then all come by size.
        """
        view = session.vehicle.view
        own = sorted(self._own(session, now_s), key=lambda bound: bound.current_a)
        if view is None or not grant.permitted or session.paused:
            return tuple(own)
        if own[0].current_a >= CURRENT_MIN_A and grant.current_a < own[0].current_a - SAME_A:
            own.insert(0, self._share(grant.current_a, now_s))
        carried_a = cable_a(session)
        theirs = [] if carried_a is None else [Bound(id="limit_cable", current_a=carried_a)]
        force = _in_force(view, own)
        others = [bound for bound in (*own, *theirs) if bound.id != force.id]
        others.sort(key=lambda bound: bound.current_a)
        vehicle = _vehicle(session, view, now_s)
        return (*vehicle, force, *others)

    def _own(self, session: Session, now_s: float) -> list[Bound]:
        settings, evse = session.settings, session.evse
        bounds = [Bound(id="limit_configuration", current_a=settings.current_max_a)]
        if self._supply_a is not None:
            bounds.append(Bound(id="limit_supply", current_a=self._supply_a))
        for name, number in (("limit_local", evse), ("limit_local_station", STATION)):
            local_a = self._local.limit_a(number)
            if local_a is not None:
                bounds.append(Bound(id=name, current_a=local_a))
        for name, number in (("limit_profile", evse), ("limit_station_profile", STATION)):
            found = self._profiled.named(number, now_s)
            if found is not None:
                limit, profile = found
                bounds.append(
                    Bound(id=name, current_a=limit.current_a, detail=_profile_words(profile))
                )
        return bounds

    def _share(self, current_a: float, now_s: float) -> Bound:
        """Less than any bound: others charge from the same supply."""
        found = self._profiled.named(STATION, now_s)
        supplies_a = (
            self._supply_a,
            self._local.limit_a(STATION),
            None if found is None else found[0].current_a,
        )
        supply_a = min((each_a for each_a in supplies_a if each_a is not None), default=current_a)
        return Bound(id="limit_share", current_a=current_a, detail=f"{supply_a:g}")


def cable_a(session: Session) -> float | None:
    """What the cable in the socket carries; None: there is none, or it is our own."""
    view = session.vehicle.view
    return view.cable_current_a if view is not None and session.settings.socket else None


def _in_force(view: EvseView, own: list[Bound]) -> Bound:
    """The bound whose value the safety program reckons with."""
    if view.limited_by != "lease":
        return Bound(id=f"limit_{view.limited_by}", current_a=view.limit_a)
    too_little = max(own[0].current_a, view.limit_a) < CURRENT_MIN_A  # granted as 0
    if too_little or abs(own[0].current_a - view.limit_a) <= SAME_A:
        return own[0]
    return Bound(id="limit_changing", current_a=view.limit_a)  # told, but not in force yet


def _vehicle(session: Session, view: EvseView, now_s: float) -> tuple[Bound, ...]:
    """The vehicle takes less than it is offered, and has had the time to take more."""
    reading = session.meter.fresh
    settled = now_s - session.vehicle.phase_since_s >= SETTLED_S
    if view.phase is not EvsePhase.ENERGISED or not settled:
        return ()
    if reading is None or not reading.current_a:
        return ()
    drawn_a = max(reading.current_a)
    if drawn_a >= view.offered_a - LESS_A:
        return ()
    return (Bound(id="limit_vehicle", current_a=round(drawn_a, 1)),)


def _profile_words(profile: Profile) -> str:
    return f"{profile.purpose.value} {profile.id}, stack level {profile.level}"
