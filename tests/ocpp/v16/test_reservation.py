"""Reservations across the edge of OCPP 1.6."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chargepoint.station.effects import (
    ConnectorReport,
    ConnectorState,
    ReportConnector,
    SendRecord,
    Verdict,
)
from chargepoint.station.events import CancelReservationRequested, ReserveRequested
from chargepoint.station.records import IdToken
from tests.ocpp.fakes import Line
from tests.ocpp.v16.test_records import started


def ready() -> Line:
    line = Line(connectors=2)
    line.accept()
    line.forget()
    return line


def asked(**fields: Any) -> dict[str, Any]:
    whole = {
        "connectorId": 1,
        "expiryDate": "2026-11-24T12:00:00Z",
        "idTag": "04A1",
        "reservationId": 7,
    }
    return {name: value for name, value in (whole | fields).items() if value is not None}


def test_a_reservation_arrives_with_everything() -> None:
    """V2, V4, TC_053_1."""
    line = ready()
    assert line.ask("ReserveNow", asked(connectorId=2, parentIdTag="P")) is None
    event = line.told(ReserveRequested)[0]
    assert (event.reservation, event.evse, event.group) == (7, 2, "P")
    assert event.id_token == IdToken(value="04A1")
    assert event.expires_at == datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_connector_0_is_any_connector() -> None:
    """V3, TC_049."""
    line = ready()
    line.ask("ReserveNow", asked(connectorId=0))
    assert line.told(ReserveRequested)[0].evse == 0


@pytest.mark.parametrize("connector", [3, -1])
def test_an_unknown_connector_is_rejected(connector: int) -> None:
    """V2, R15."""
    line = ready()
    assert line.ask("ReserveNow", asked(connectorId=connector))[2] == {"status": "Rejected"}
    assert line.told(ReserveRequested) == []


# fmt: off
STATUSES = [
    (Verdict.ACCEPTED,    "Accepted"),       # TC_046_1
    (Verdict.FAULTED,     "Faulted"),        # TC_048_1, TC_050_1
    (Verdict.OCCUPIED,    "Occupied"),       # TC_048_2, TC_050_2
    (Verdict.UNAVAILABLE, "Unavailable"),    # TC_048_3, TC_050_3
    (Verdict.REJECTED,    "Rejected"),       # TC_048_4, TC_050_4
]
FAULTY = [
    # fields                         code
    ({"expiryDate": "soon"},         "PropertyConstraintViolation"),
    ({"expiryDate": None},           "OccurenceConstraintViolation"),
    ({"idTag": None},                "OccurenceConstraintViolation"),
    ({"idTag": "x" * 21},            "PropertyConstraintViolation"),
    ({"reservationId": "seven"},     "TypeConstraintViolation"),
]
# fmt: on


@pytest.mark.parametrize(("verdict", "status"), STATUSES)
def test_each_verdict_has_its_status(verdict: Verdict, status: str) -> None:
    """V2, TC_048_1, TC_048_2, TC_048_3, TC_048_4."""
    line = ready()
    line.ask("ReserveNow", asked())
    assert line.verdict(verdict)[2] == {"status": status}


@pytest.mark.parametrize(("fields", "code"), FAULTY)
def test_a_faulty_reservation_is_refused_as_a_message(fields: Any, code: str) -> None:
    """R8."""
    line = ready()
    assert line.ask("ReserveNow", asked(**fields))[2] == code
    assert line.told(ReserveRequested) == []


@pytest.mark.parametrize(
    ("verdict", "status"), [(Verdict.ACCEPTED, "Accepted"), (Verdict.REJECTED, "Rejected")]
)
def test_a_reservation_is_cancelled_or_not(verdict: Verdict, status: str) -> None:
    """V6, TC_051, TC_052."""
    line = ready()
    line.ask("CancelReservation", {"reservationId": 7})
    assert line.told(CancelReservationRequested)[0].reservation == 7
    assert line.verdict(verdict)[2] == {"status": status}


def test_reserved_and_available_again_are_told() -> None:
    """V3, V6, TC_047: StatusNotification, in order."""
    line = ready()
    for state in (ConnectorState.RESERVED, ConnectorState.AVAILABLE):
        report = ConnectorReport(evse=1, connector=1, state=state, since_s=1.0)
        line.effect(ReportConnector(report=report))
        line.settle()
    told = line.calls("StatusNotification")
    assert [(each["connectorId"], each["status"]) for each in told] == [
        (1, "Reserved"),
        (1, "Available"),
    ]


def test_a_start_names_the_reservation_that_it_used() -> None:
    """V5, TC_046_1: reservationId; none without a reservation."""
    line = ready()
    line.effect(SendRecord(record=replace(started(), reservation_id=7)))
    assert line.calls("StartTransaction")[0]["reservationId"] == 7


def test_a_start_without_a_reservation_names_none() -> None:
    """V5."""
    line = ready()
    line.effect(SendRecord(record=started()))
    assert "reservationId" not in line.calls("StartTransaction")[0]


def test_the_key_says_whether_any_connector_can_be_reserved() -> None:
    """Keys, rule 9: and SupportedFeatureProfiles says that there are reservations."""
    line = ready()
    names = ["ReserveConnectorZeroSupported", "SupportedFeatureProfiles"]
    answer = line.ask("GetConfiguration", {"key": names})[2]
    values = [each["value"] for each in answer["configurationKey"]]
    assert values[0] == "true"
    assert "Reservation" in values[1].split(",")
