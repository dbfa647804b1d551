"""What a CSMS tells of prices and costs, as values (application note California Pricing, 3.1)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from chargepoint.station.records import ChargingState, IdToken

if TYPE_CHECKING:
    from chargepoint.station.events import Call


class MeterTrigger(msgspec.Struct, frozen=True, kw_only=True):
    """When the CSMS wants meter values, so that its cost stays right; None: not for that."""

    at: datetime | None = None
    """Aware UTC."""
    energy_wh: float | None = None
    """Register that is reached."""
    power_w: float | None = None
    """Power that is crossed, up or down."""
    states: frozenset[ChargingState] = frozenset()
    """Charging states that begin."""


class PriceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the requests; answered with Answer."""

    call: Call
    at_s: float


class UserPriceTold(PriceRequest, frozen=True, kw_only=True):
    """The price for one token, to be shown to whoever presented it."""

    id_token: IdToken
    texts: dict[str, str]
    """Language -> text; an empty language is the CSMS's own."""


class RunningCostTold(PriceRequest, frozen=True, kw_only=True):
    """What a running transaction costs so far."""

    transaction: int
    """The CSMS's number."""
    cost: float
    idle: bool
    trigger: MeterTrigger | None


class FinalCostTold(PriceRequest, frozen=True, kw_only=True):
    """What an ended transaction costs."""

    transaction: int
    cost: float
    texts: dict[str, str]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown at one EVSE."""

    price: str = ""
    """The price in words."""
    cost: float | None = None
    final: bool = False
    idle: bool = False
    """Time without charging is being charged for."""
    text: str = ""
    """The final cost in words."""
