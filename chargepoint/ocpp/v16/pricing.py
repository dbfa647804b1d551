"""DataTransfer of the application note California Pricing (version 3.1) as requests of the station.

The vendor and the message names are those of the note. Of the fields only those are read that
peers send; others are ignored, so that a later edition of the note does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.station.events import Call
from chargepoint.station.prices import (
    FinalCostTold,
    MeterTrigger,
    PriceRequest,
    RunningCostTold,
    UserPriceTold,
)
from chargepoint.station.records import ChargingState, IdToken
from hal.values import TokenKind

VENDOR = "org.openchargealliance.costmsg"
UNPLUGGED = "ConnectorUnplugged"

_STATES = {
    "Charging": ChargingState.CHARGING,
    "SuspendedEV": ChargingState.SUSPENDED_EV,
    "SuspendedEVSE": ChargingState.SUSPENDED_EVSE,
}


class _Extra(msgspec.Struct):
    content: str
    language: str = ""


class _UserPrice(msgspec.Struct, rename="camel"):
    id_token: str
    price_text: str
    price_text_extra: list[_Extra] = []


class _Trigger(msgspec.Struct, rename="camel"):
    at_time: datetime | None = None
    at_energyk_wh: float | None = msgspec.field(default=None, name="atEnergykWh")
    at_powerk_w: float | None = msgspec.field(default=None, name="atPowerkW")
    at_cp_status: list[str] | str = msgspec.field(default="", name="atCPStatus")


class _RunningCost(msgspec.Struct, rename="camel"):
    transaction_id: int
    cost: float
    state: str = "Charging"
    trigger_meter_value: _Trigger | None = None


class _FinalCost(msgspec.Struct, rename="camel"):
    transaction_id: int
    cost: float
    price_text: str = ""
    price_text_extra: list[_Extra] = []


def transferred(call: Call, request: Payload, at_s: float) -> PriceRequest | Payload:
    """The request, or the answer to data that cannot be used."""
    read = _MESSAGES.get(request.get("messageId", ""))
    if read is None:
        return {"status": "UnknownMessageId"}
    try:
        return read(call, request.get("data", ""), at_s)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return {"status": "Rejected"}


def _user_price(call: Call, data: str, at_s: float) -> PriceRequest:
    told = msgspec.json.decode(data, type=_UserPrice, strict=False)
    return UserPriceTold(
        call=call,
        at_s=at_s,
        id_token=IdToken(value=told.id_token, kind=TokenKind.CENTRAL),
        texts=_texts(told.price_text, told.price_text_extra),
    )


def _running_cost(call: Call, data: str, at_s: float) -> PriceRequest:
    told = msgspec.json.decode(data, type=_RunningCost, strict=False)
    wanted = told.trigger_meter_value
    return RunningCostTold(
        call=call,
        at_s=at_s,
        transaction=told.transaction_id,
        cost=told.cost,
        idle=told.state == "Idle",
        trigger=None if wanted is None else _trigger(wanted),
    )


def _final_cost(call: Call, data: str, at_s: float) -> PriceRequest:
    told = msgspec.json.decode(data, type=_FinalCost, strict=False)
    return FinalCostTold(
        call=call,
        at_s=at_s,
        transaction=told.transaction_id,
        cost=told.cost,
        texts=_texts(told.price_text, told.price_text_extra),
    )


_MESSAGES: dict[str, Callable[[Call, str, float], PriceRequest]] = {
    "SetUserPrice": _user_price,
    "RunningCost": _running_cost,
    "FinalCost": _final_cost,
}


def _trigger(wanted: _Trigger) -> MeterTrigger:
    at, states = wanted.at_time, wanted.at_cp_status
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    named = states.split(",") if isinstance(states, str) else states
    energy_kwh, power_kw = wanted.at_energyk_wh, wanted.at_powerk_w
    return MeterTrigger(
        at=None if at is None else at.astimezone(UTC),
        energy_wh=None if energy_kwh is None else energy_kwh * 1000.0,
        power_w=None if power_kw is None else power_kw * 1000.0,
        states=frozenset(_STATES[name.strip()] for name in named if name.strip() in _STATES),
    )


def _texts(text: str, extras: list[_Extra]) -> dict[str, str]:
    return {"": text, **{extra.language: extra.content for extra in extras if extra.language}}
