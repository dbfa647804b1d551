"""How long the end of a transaction waits, so that its register is the one that counts.

After a stop the contactor opens, and the meter is read once more: only then does the register stand
still. Both waits are bounded. While its board is silent a contactor does not count as open before
the board's own watchdog must have opened it: until then energy may flow, and it belongs to whoever
charges. A transaction that a power loss interrupted waits for the same, but keeps its last known
instant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chargepoint.station.evse_meter import EvseMeter
from chargepoint.station.records import IdToken, StopReason, Trigger
from chargepoint.station.vehicle import Vehicle

OPEN_WAIT_S = 20.0
"""Longest wait for the contactor to open: 6 s of ramp-down, 10 s of the watchdog of a board that
falls silent just then, and some."""

METER_WAIT_S = 3.0
"""Longest wait for a reading after the contactor has opened."""

METER_SETTLE_S = 0.5
"""A meter shows the last energy no later than this after the contactor opened."""

LOSS_METER_WAIT_S = 30.0
"""Longest wait for the meter after a power loss: it starts up too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a transaction ends, and until when the end may wait."""

    reason: StopReason
    trigger: Trigger
    until_s: float
    id_token: IdToken | None = None
    """Who stopped it at the station."""
    loss: bool = False
    """A power loss: the instant is the last one known."""

    def ready(self, vehicle: Vehicle, meter: EvseMeter, now_s: float) -> bool:
        """Nothing more to wait for, or no more time."""
        return now_s >= self.until_s or _settled(vehicle, meter)

    def hurried(self, vehicle: Vehicle, now_s: float) -> Ending:
        """With its wait shortened: once the contactor is open there is only the meter.

        Not with a fault: what silences a board may silence its meter, which speaks again later.
        """
        if self.loss or vehicle.faulted or vehicle.open_since_s is None:
            return self
        return replace(self, until_s=min(self.until_s, now_s + METER_WAIT_S))

    def again(self, now_s: float) -> Ending:
        """After a restart of the agent: it knows of neither contactor nor meter yet."""
        return replace(self, until_s=now_s + OPEN_WAIT_S)


def stopped(reason: StopReason, trigger: Trigger, id_token: IdToken | None, now_s: float) -> Ending:
    """An end that was decided on now."""
    until_s = now_s + OPEN_WAIT_S
    return Ending(reason=reason, trigger=trigger, id_token=id_token, until_s=until_s)


def lost(now_s: float) -> Ending:
    """An end by a power loss that was found out about now."""
    return Ending(
        reason=StopReason.POWER_LOSS,
        trigger=Trigger.ABNORMAL_CONDITION,
        until_s=now_s + LOSS_METER_WAIT_S,
        loss=True,
    )


def _settled(vehicle: Vehicle, meter: EvseMeter) -> bool:
    """The contactor is open and the register was read after that."""
    open_s, register = vehicle.open_since_s, meter.register
    if open_s is None:
        return False
    if not meter.present:
        return True
    return register is not None and register.taken_s >= open_s + METER_SETTLE_S
