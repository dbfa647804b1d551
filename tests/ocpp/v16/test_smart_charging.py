"""Smart charging across the edge of OCPP 1.6: profiles in, composite schedules out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chargepoint.station.charging_profiles.book import Criteria
from chargepoint.station.charging_profiles.composite import CompositePeriod, CompositeSchedule
from chargepoint.station.charging_profiles.profile import (
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
    RemoteStartRequested,
)
from tests.ocpp.fakes import Line

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def ready() -> Line:
    line = Line(connectors=2)
    line.accept()
    line.forget()
    return line


def asked(**changes: Any) -> dict[str, Any]:
    """A TxDefaultProfile of 10 A; a change of None leaves the field out."""
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
        "startSchedule": "2026-11-24T12:00:00Z",
    }
    whole = {
        "chargingProfileId": 7,
        "stackLevel": 3,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    }
    for name, value in changes.items():
        (schedule if name in SCHEDULE else whole)[name] = value
    whole["chargingSchedule"] = {k: v for k, v in schedule.items() if v is not None}
    return {k: v for k, v in whole.items() if v is not None}


SCHEDULE = {
    "chargingRateUnit", "chargingSchedulePeriod", "startSchedule", "duration", "minChargingRate",
}  # fmt: skip


def sent(profile: dict[str, Any], connector: int = 1) -> tuple[Line, Any]:
    line = ready()
    reply = line.ask(
        "SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile}
    )
    return line, reply


def test_every_field_of_a_profile_reaches_the_station() -> None:
    """9.1: fields of SetChargingProfile."""
    profile = asked(
        transactionId=12,
        chargingProfilePurpose="TxProfile",
        chargingProfileKind="Recurring",
        recurrencyKind="Weekly",
        validFrom="2026-11-24T13:00:00+01:00",
        validTo="2026-12-24T12:00:00.123456Z",
        duration=3600,
        chargingRateUnit="W",
        minChargingRate=1.5,
        chargingSchedulePeriod=[
            {"startPeriod": 0, "limit": 11000, "numberPhases": 1},
            {"startPeriod": 60, "limit": 0.1},
        ],
    )
    line, reply = sent(profile, connector=2)
    assert reply is None
    event = line.told(ChargingProfileSetRequested)[0]
    assert event.evse == 2
    assert event.profile == Profile(
        id=ProfileId(7),
        level=3,
        purpose=Purpose.TX,
        kind=Kind.RECURRING,
        recurrency=Recurrency.WEEKLY,
        valid_from=NOON,
        valid_to=NOON.replace(month=12),
        transaction=12,
        schedule=Schedule(
            unit=RateUnit.WATT,
            starts_at=NOON,
            duration_s=3600,
            min_rate=1.5,
            periods=(
                Period(start_s=0, limit=11000, phases=1),
                Period(start_s=60, limit=0.1),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.ACCEPTED, "Accepted"),
        (Verdict.REJECTED, "Rejected"),
        (Verdict.NOT_SUPPORTED, "Rejected"),
    ],
)
def test_the_verdict_on_a_profile_is_spelled(verdict: Verdict, status: str) -> None:
    """TC_056, TC_057: the answer to SetChargingProfile."""
    line, _ = sent(asked())
    assert line.verdict(verdict) == [3, "csms-1", {"status": status}]


@pytest.mark.parametrize("connector", [-1, 3, 10**30])
def test_a_profile_for_an_unknown_connector_is_refused_as_a_message(connector: int) -> None:
    """R8, R15, errata 3.39."""
    line, reply = sent(asked(), connector=connector)
    assert reply[:3] == [4, "csms-1", "PropertyConstraintViolation"]
    assert line.told(ChargingProfileSetRequested) == []


# fmt: off
FAULTY = [
    ({"chargingProfilePurpose": "MaxProfile"},      "PropertyConstraintViolation"),
    ({"chargingProfileKind": "Daily"},              "PropertyConstraintViolation"),
    ({"recurrencyKind": "Monthly"},                 "PropertyConstraintViolation"),
    ({"chargingRateUnit": "kW"},                    "PropertyConstraintViolation"),
    ({"validTo": "tomorrow"},                       "PropertyConstraintViolation"),
    ({"startSchedule": "2026-13-01T00:00:00Z"},     "PropertyConstraintViolation"),
    ({"stackLevel": "high"},                        "TypeConstraintViolation"),
    ({"stackLevel": None},                          "OccurenceConstraintViolation"),
    ({"chargingSchedulePeriod": None},              "OccurenceConstraintViolation"),
    ({"chargingSchedulePeriod": [{"limit": 6}]},    "OccurenceConstraintViolation"),
]
# fmt: on


@pytest.mark.parametrize(("changes", "code"), FAULTY)
def test_a_faulty_profile_gets_the_code_that_fits(changes: dict[str, Any], code: str) -> None:
    """R8: enums, times, types and missing fields."""
    line, reply = sent(asked(**changes))
    assert reply[:3] == [4, "csms-1", code]
    assert line.told() == []


@pytest.mark.parametrize(
    ("limit", "read"),
    [(9.99, 9.9), (16.05, 16.0), ("10.5", 10.5), (0, 0.0), (-3, -1.0), (10**400, -1.0)],
)
def test_limits_are_read_with_one_decimal_rounded_down(limit: Any, read: float) -> None:
    """Central systems, 10: more decimals than allowed; nonsense is the station's to refuse."""
    periods = [{"startPeriod": 0, "limit": limit}]
    line, _ = sent(asked(chargingSchedulePeriod=periods))
    event = line.told(ChargingProfileSetRequested)[0]
    assert event.profile.schedule.periods[0].limit == read


def test_a_profile_comes_with_a_remote_start() -> None:
    """TC_059: RemoteStart with a TxProfile inside."""
    line = ready()
    profile = asked(chargingProfilePurpose="TxProfile")
    line.ask("RemoteStartTransaction", {"idTag": "A", "chargingProfile": profile})
    given = line.told(RemoteStartRequested)[0].profile
    assert (given.id, given.purpose) == (7, Purpose.TX)


def test_a_remote_start_with_a_time_that_is_none_is_refused_as_a_message() -> None:
    """R8."""
    line = ready()
    profile = asked(chargingProfilePurpose="TxProfile", validFrom="?")
    reply = line.ask("RemoteStartTransaction", {"idTag": "A", "chargingProfile": profile})
    assert reply[:3] == [4, "csms-1", "PropertyConstraintViolation"]


def test_a_clear_says_what_to_look_for() -> None:
    """9.6: all criteria of ClearChargingProfile."""
    line = ready()
    everything = {
        "id": 1,
        "connectorId": 0,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "stackLevel": 4,
    }
    line.ask("ClearChargingProfile", everything)
    line.ask("ClearChargingProfile", {}, "csms-2")
    criteria = [event.criteria for event in line.told(ChargingProfileClearRequested)]
    assert criteria == [
        Criteria(id=ProfileId(1), evse=0, purpose=Purpose.STATION_MAX, level=4),
        Criteria(),
    ]


@pytest.mark.parametrize(
    ("verdict", "status"), [(Verdict.ACCEPTED, "Accepted"), (Verdict.REJECTED, "Unknown")]
)
def test_clearing_nothing_is_unknown(verdict: Verdict, status: str) -> None:
    """TC_067."""
    line = ready()
    line.ask("ClearChargingProfile", {"id": 1})
    assert line.verdict(verdict) == [3, "csms-1", {"status": status}]


def test_a_composite_schedule_is_spelled_without_a_start_inside() -> None:
    """TC_066, errata 3.57."""
    line = ready()
    line.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 60, "chargingRateUnit": "W"})
    event = line.told(CompositeScheduleRequested)[0]
    assert (event.evse, event.duration_s, event.unit) == (1, 60, RateUnit.WATT)
    composite = CompositeSchedule(
        evse=1,
        starts_at=NOON,
        duration_s=60,
        unit=RateUnit.WATT,
        periods=(
            CompositePeriod(start_s=0, limit=11000.0, phases=3),
            CompositePeriod(start_s=30, limit=0.0, phases=1),
        ),
    )
    line.effect(Answer(call=Call("16-1"), verdict=Verdict.ACCEPTED, composite=composite))
    assert line.frames()[-1][2] == {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2026-11-24T12:00:00Z",
        "chargingSchedule": {
            "duration": 60,
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 11000.0, "numberPhases": 3},
                {"startPeriod": 30, "limit": 0.0, "numberPhases": 1},
            ],
        },
    }


@pytest.mark.parametrize("connector", [-1, 3])
def test_a_composite_schedule_of_an_unknown_connector_is_rejected(connector: int) -> None:
    """R15, 9.7."""
    reply = ready().ask("GetCompositeSchedule", {"connectorId": connector, "duration": 60})
    assert reply == [3, "csms-1", {"status": "Rejected"}]


def test_a_composite_schedule_in_an_unknown_unit_is_refused_as_a_message() -> None:
    """9.7, R8."""
    request = {"connectorId": 1, "duration": 60, "chargingRateUnit": "kW"}
    reply = ready().ask("GetCompositeSchedule", request)
    assert reply[:3] == [4, "csms-1", "PropertyConstraintViolation"]


def test_the_keys_of_smart_charging_are_there_and_cannot_be_changed() -> None:
    """keys 9: presence means that the feature exists; units as home systems want them."""
    line = ready()
    values = {
        "ChargeProfileMaxStackLevel": "20",
        "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
        "ChargingScheduleMaxPeriods": "96",
        "ConnectorSwitch3to1PhaseSupported": "false",
        "MaxChargingProfilesInstalled": "100",
    }
    entries = line.ask("GetConfiguration", {"key": list(values)})[2]["configurationKey"]
    assert {entry["key"]: entry["value"] for entry in entries} == values
    fixed = line.ask(
        "ChangeConfiguration",
        {"key": "ChargingScheduleAllowedChargingRateUnit", "value": "Power"},
        "csms-2",
    )
    assert fixed[2] == {"status": "Rejected"}
