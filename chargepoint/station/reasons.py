"""Why an EVSE does not charge, or not faster: everything in force, the binding one first.

`BLOCKERS` are read from top to bottom, the weightiest first, and tell what keeps energy from
flowing; they are silent while it flows. `bounds` tells what limits the current. Nothing here
decides anything: each rule looks at what decides elsewhere, and its words stand in the catalogue as
`reason.ID` and `next.ID`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from chargepoint.station.bounds import Bound
from chargepoint.station.effects import Grant
from chargepoint.station.events import EvsePhase, EvseView
from chargepoint.station.faults import PAUSES, stops, weight
from chargepoint.station.session import Session, Stage
from hal.values import PilotState

IDS = (
    # what inhibits or waits, as in BLOCKERS
    "control_lost", "hazard", "meter_lost", "starting", "not_accepted", "restarting", "installing",
    "disabled_here", "disabled_by_csms", "station_disabled_by_csms", "reserved", "ending",
    "resuming", "no_vehicle", "vehicle_awaited", "meter_awaited", "authorization_pending",
    "authorization_refused", "unplug", "authorization_missing", "vehicle_left", "token_invalid",
    "limit_below_minimum", "vehicle_pauses", "waking", "not_locked", "phase_switch", "pause",
    "switching",
    # what bounds the current, as in `bounds`
    "limit_configuration", "limit_supply", "limit_local", "limit_local_station", "limit_profile",
    "limit_station_profile", "limit_share", "limit_changing", "limit_failsafe", "limit_cable",
    "limit_board", "limit_heat", "limit_pilot", "limit_vehicle",
)  # fmt: skip

Kind = Literal["inhibits", "waits", "limits"]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps an EVSE from charging, or bounds its current."""

    id: str
    kind: Kind
    """It must change before energy flows; somebody or something is waited for; it bounds."""
    current_a: float | None = None
    detail: str = ""
    binding: bool = False


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at besides the session."""

    session: Session
    grant: Grant
    bounds: Sequence[Bound]
    accepted: bool
    """The CSMS has accepted the station once, or need not."""
    enabled: bool
    """In service as people here go."""
    wanted: bool
    """In service as the CSMS goes."""
    station_wanted: bool
    installing: bool
    restarting: bool
    reserved: bool
    card_waits: bool
    """An accepted card waits for a vehicle."""
    asking: bool
    """The CSMS was asked about a card."""
    refusal: str
    """Verdict on the card that was refused last, while that matters."""

    @property
    def view(self) -> EvseView | None:
        return self.session.vehicle.view

    @property
    def phase(self) -> EvsePhase | None:
        return None if self.view is None else self.view.phase

    @property
    def charging(self) -> bool:
        """There is a transaction, be it ending."""
        return self.session.charge is not None

    @property
    def offerable(self) -> bool:
        """The agent permits energy, and the vehicle is there."""
        return self.session.stage is Stage.RUNNING and self.session.vehicle.connected


def reasons(c: Circumstances) -> tuple[Reason, ...]:
    """All of them, the binding one first."""
    flows = c.phase is EvsePhase.ENERGISED
    found = [] if flows else [reason for rule in BLOCKERS for reason in rule(c)]
    found += [
        Reason(id=bound.id, kind="limits", current_a=bound.current_a, detail=bound.detail)
        for bound in c.bounds
    ]
    return tuple(
        msgspec.structs.replace(reason, binding=not place) for place, reason in enumerate(found)
    )


# --- Rules ----------------------------------------------------------------------------------------


def _control(c: Circumstances) -> Iterator[Reason]:
    if c.view is None:
        yield Reason(id="control_lost", kind="inhibits")


def _hazards(c: Circumstances) -> Iterator[Reason]:
    seen = c.session.vehicle.hazards if c.view is not None else c.session.vehicle.kept
    for hazard in sorted(seen, key=weight):
        if stops(hazard) or hazard in PAUSES:
            yield Reason(id="hazard", kind="inhibits", detail=hazard)


def _meter(c: Circumstances) -> Iterator[Reason]:
    if not c.charging and c.session.settings.meter_required and c.session.meter.lost:
        yield Reason(id="meter_lost", kind="inhibits")


def _starting(c: Circumstances) -> Iterator[Reason]:
    if c.phase is EvsePhase.STARTING:
        yield Reason(id="starting", kind="waits")


def _service(c: Circumstances) -> Iterator[Reason]:
    """Nothing new may start; a transaction that runs is finished first."""
    # fmt: off
    held = (
        (not c.accepted,       "not_accepted"),
        (c.restarting,         "restarting"),
        (c.installing,         "installing"),
        (not c.enabled,        "disabled_here"),
        (not c.station_wanted, "station_disabled_by_csms"),
        (c.station_wanted and not c.wanted, "disabled_by_csms"),
    )
    # fmt: on
    if not c.charging:
        yield from (Reason(id=name, kind="inhibits") for holds, name in held if holds)


def _passing(c: Circumstances) -> Iterator[Reason]:
    """A transaction that ends, or of which it is not known yet whether it goes on."""
    if c.session.stage is Stage.ENDING:
        yield Reason(id="ending", kind="waits")
    elif c.session.stage is Stage.RESUMING:
        yield Reason(id="resuming", kind="waits")


def _nobody(c: Circumstances) -> Iterator[Reason]:
    """Without a transaction: the vehicle, and leave for it."""
    if c.charging:
        return
    authorized = c.session.stage is Stage.AUTHORIZED
    if c.reserved and not (authorized or c.card_waits):
        yield Reason(id="reserved", kind="waits")
    if not c.session.vehicle.connected:
        waited = authorized or c.card_waits
        yield Reason(id="vehicle_awaited" if waited else "no_vehicle", kind="waits")
    elif authorized:
        metered = not c.session.meter.present or c.session.meter.fresh_register is not None
        yield Reason(id="switching" if metered else "meter_awaited", kind="waits")
    elif c.asking:
        yield Reason(id="authorization_pending", kind="waits")
    elif c.refusal:
        yield Reason(id="authorization_refused", kind="waits", detail=c.refusal)
    else:
        yield Reason(id="unplug" if c.session.used else "authorization_missing", kind="waits")


def _left(c: Circumstances) -> Iterator[Reason]:
    if c.session.stage is Stage.RUNNING and not c.session.vehicle.connected:
        yield Reason(id="vehicle_left", kind="waits")


def _token(c: Circumstances) -> Iterator[Reason]:
    if c.offerable and c.session.paused:
        yield Reason(id="token_invalid", kind="inhibits")


def _limit(c: Circumstances) -> Iterator[Reason]:
    if not c.offerable or c.view is None or c.session.paused:
        return
    current_a = min(c.grant.current_a, c.view.limit_a)
    if current_a < c.session.settings.current_min_a and c.bounds:
        least = c.bounds[0]
        detail = f"{least.id} {least.detail}".strip()
        yield Reason(id="limit_below_minimum", kind="inhibits", current_a=current_a, detail=detail)


def _vehicle(c: Circumstances) -> Iterator[Reason]:
    """Everything is there; the vehicle, the lock or a pause is waited for."""
    if not c.offerable or c.view is None or c.session.paused:
        return
    if min(c.grant.current_a, c.view.limit_a) < c.session.settings.current_min_a:
        return
    asks = c.view.pilot in (PilotState.C, PilotState.D)
    unlocked = c.session.settings.socket and c.view.locked is False
    rewired = c.grant.phases is not None and c.grant.phases != c.view.phases
    # fmt: off
    waits = (
        (c.phase is EvsePhase.WAKING,                        "waking"),
        (c.phase in PASSING,                                 "switching"),
        (c.phase is EvsePhase.OFFERING and not asks,         "vehicle_pauses"),
        (unlocked,                                           "not_locked"),
        (rewired,                                            "phase_switch"),
        (c.phase is not EvsePhase.FAULTED,                   "pause"),
    )
    # fmt: on
    name = next((name for holds, name in waits if holds), None)
    if name is not None:
        yield Reason(id=name, kind="waits")


PASSING = (EvsePhase.CLOSING, EvsePhase.STOPPING, EvsePhase.OPENING, EvsePhase.OUT_OF_SERVICE)

BLOCKERS: tuple[Callable[[Circumstances], Iterator[Reason]], ...] = (
    _control,
    _hazards,
    _meter,
    _starting,
    _service,
    _passing,
    _nobody,
    _left,
    _token,
    _limit,
    _vehicle,
)
