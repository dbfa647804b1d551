"""Smart charging in OCPP 1.6: charging profiles and composite schedules across the edge.

Reads SetChargingProfile, ClearChargingProfile, GetCompositeSchedule and the profile of a remote
start into the station's words, and spells the answers (sections 5.16 to 5.18, 6.21, 7.8 to 7.14).
What the schema cannot say of a profile is the station's to refuse, with a status; a connector that
does not exist and a time that is none are refused as messages (errata 3.39).
"""

from __future__ import annotations

from datetime import datetime

from chargepoint.ocpp.frames import Fault, Payload
from chargepoint.ocpp.payloads import Violation
from chargepoint.ocpp.times import parsed, spelled
from chargepoint.station.charging_profiles.book import Criteria
from chargepoint.station.charging_profiles.composite import CompositeSchedule
from chargepoint.station.charging_profiles.forecast import rounded
from chargepoint.station.charging_profiles.profile import (
    LIMIT_MAX,
    Kind,
    Period,
    Profile,
    ProfileId,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
)
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import (
    Call,
    ChargingProfileClearRequested,
    ChargingProfileSetRequested,
    CompositeScheduleRequested,
    Event,
)

PURPOSES = {
    "ChargePointMaxProfile": Purpose.STATION_MAX,
    "TxDefaultProfile": Purpose.TX_DEFAULT,
    "TxProfile": Purpose.TX,
}


# --- Requests -------------------------------------------------------------------------------------


def set_profile(call: Call, request: Payload, connectors: int, at_s: float) -> Event:
    """SetChargingProfile. Raises Violation for an unknown connector or a time that is none."""
    return ChargingProfileSetRequested(
        call=call,
        evse=_evse(request, connectors),
        profile=profile(request["csChargingProfiles"]),
        at_s=at_s,
    )


def clear_profile(call: Call, request: Payload, connectors: int, at_s: float) -> Event:
    """ClearChargingProfile; whatever does not exist is simply not found."""
    purpose = request.get("chargingProfilePurpose")
    number = request.get("id")
    criteria = Criteria(
        id=None if number is None else ProfileId(number),
        evse=request.get("connectorId"),
        purpose=None if purpose is None else PURPOSES[purpose],
        level=request.get("stackLevel"),
    )
    return ChargingProfileClearRequested(call=call, criteria=criteria, at_s=at_s)


def composite_schedule(
    call: Call, request: Payload, connectors: int, at_s: float
) -> Event | Payload:
    """GetCompositeSchedule; Rejected for an unknown connector (section 5.7)."""
    evse, unit = request["connectorId"], request.get("chargingRateUnit")
    if not 0 <= evse <= connectors:
        return {"status": "Rejected"}
    return CompositeScheduleRequested(
        call=call,
        evse=evse,
        duration_s=request["duration"],
        unit=None if unit is None else RateUnit(unit),
        at_s=at_s,
    )


def _evse(request: Payload, connectors: int) -> int:
    evse: int = request["connectorId"]
    if not 0 <= evse <= connectors:
        raise Violation(Fault.BAD_VALUE, "connectorId", f"there is no connector {str(evse)[:20]}")
    return evse


# --- Profiles -------------------------------------------------------------------------------------


def profile(payload: Payload) -> Profile:
    """A ChargingProfile that fits the schema. Raises Violation for a time that is none."""
    purpose = PURPOSES[payload["chargingProfilePurpose"]]
    recurrency = payload.get("recurrencyKind")
    return Profile(
        id=ProfileId(payload["chargingProfileId"]),
        level=payload["stackLevel"],
        purpose=purpose,
        kind=Kind(payload["chargingProfileKind"]),
        recurrency=None if recurrency is None else Recurrency(recurrency),
        valid_from=_instant(payload, "validFrom"),
        valid_to=_instant(payload, "validTo"),
        schedule=_schedule(payload["chargingSchedule"]),
        # Only a TxProfile has a transaction; central systems send 0 elsewhere.
        transaction=payload.get("transactionId") if purpose is Purpose.TX else None,
    )


def _schedule(payload: Payload) -> Schedule:
    return Schedule(
        unit=RateUnit(payload["chargingRateUnit"]),
        periods=tuple(
            Period(
                start_s=period["startPeriod"],
                limit=_tenths(period["limit"]),
                phases=period.get("numberPhases"),
            )
            for period in payload["chargingSchedulePeriod"]
        ),
        starts_at=_instant(payload, "startSchedule"),
        duration_s=payload.get("duration"),
        min_rate=_tenths(payload["minChargingRate"]) if "minChargingRate" in payload else None,
    )


def _tenths(value: float) -> float:
    """`value` with one decimal, rounded down: some central systems send more (section 10 of the
    quirks). What no charger can mean becomes negative, and is refused with the profile."""
    return rounded(value) if 0 <= value <= LIMIT_MAX else -1.0


def _instant(payload: Payload, name: str) -> datetime | None:
    if name not in payload:
        return None
    instant = parsed(payload[name])
    if instant is None:
        raise Violation(Fault.BAD_VALUE, "format", f"{name} is no time")
    return instant.replace(microsecond=0)


# --- Answers --------------------------------------------------------------------------------------


def composite_answer(answer: Answer) -> Payload:
    """GetCompositeSchedule.conf; no startSchedule inside (errata 3.57)."""
    composite = answer.composite
    if answer.verdict is not Verdict.ACCEPTED or composite is None:
        return {"status": "Rejected"}
    payload: Payload = {
        "status": "Accepted",
        "connectorId": composite.evse,
        "chargingSchedule": _composite(composite),
    }
    if composite.starts_at is not None:
        payload["scheduleStart"] = spelled(composite.starts_at, milliseconds=False)
    return payload


def _composite(composite: CompositeSchedule) -> Payload:
    return {
        "duration": composite.duration_s,
        "chargingRateUnit": composite.unit.value,
        "chargingSchedulePeriod": [
            {"startPeriod": period.start_s, "limit": period.limit, "numberPhases": period.phases}
            for period in composite.periods
        ],
    }
