"""Local lists across the edge of OCPP 1.6: entries in, versions and statuses out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chargepoint.station.effects import (
    Answer,
    ConnectorReport,
    ConnectorState,
    ReportConnector,
    Verdict,
)
from chargepoint.station.events import LocalListSent, LocalListVersionAsked
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from tests.ocpp.fakes import Line


def ready() -> Line:
    line = Line()
    line.accept()
    line.forget()
    return line


def sent(line: Line, **fields: Any) -> Any:
    """SendLocalList; the answer if there is one at once."""
    return line.ask("SendLocalList", {"listVersion": 4, "updateType": "Full"} | fields)


def entry(**info: Any) -> dict[str, Any]:
    return {"idTag": "04A1", "idTagInfo": {"status": "Accepted"} | info}


def test_an_entry_arrives_with_state_expiry_and_parent() -> None:
    """5.4, TC_043: Send Local Authorization List."""
    line = ready()
    info = {"status": "Blocked", "expiryDate": "2026-12-01T00:00:00+01:00", "parentIdTag": "P"}
    entries = [{"idTag": "04a1", "idTagInfo": info}, {"idTag": "04B2"}]
    assert sent(line, updateType="Differential", localAuthorizationList=entries) is None
    event = line.told(LocalListSent)[0]
    assert (event.version, event.differential) == (4, True)
    assert event.entries == (
        (
            IdToken(value="04a1"),
            TokenInfo(
                status=TokenStatus.BLOCKED,
                expires_at=datetime(2026, 11, 30, 23, 0, tzinfo=UTC),
                group="P",
            ),
        ),
        (IdToken(value="04B2"), None),
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Accepted", TokenStatus.ACCEPTED),
        ("Blocked", TokenStatus.BLOCKED),
        ("Expired", TokenStatus.EXPIRED),
        ("Invalid", TokenStatus.INVALID),
        ("ConcurrentTx", TokenStatus.CONCURRENT_TX),
    ],
)
def test_each_state_of_an_entry_has_its_meaning(status: str, expected: TokenStatus) -> None:
    """A4."""
    line = ready()
    sent(line, localAuthorizationList=[entry(status=status)])
    assert line.told(LocalListSent)[0].entries[0][1] == TokenInfo(status=expected)


@pytest.mark.parametrize("entries", [[], None])
def test_a_list_without_entries_is_an_empty_one(entries: Any) -> None:
    """5.4, TC_042_2: absent or empty."""
    line = ready()
    sent(line, localAuthorizationList=entries)
    event = line.told(LocalListSent)[0]
    assert (event.entries, event.differential) == ((), False)


# fmt: off
STATUSES = [
    (Verdict.ACCEPTED,         "Accepted"),
    (Verdict.FAILED,           "Failed"),            # TC_043_3
    (Verdict.VERSION_MISMATCH, "VersionMismatch"),   # TC_043_2
    (Verdict.NOT_SUPPORTED,    "NotSupported"),      # TC_043_1
]
# fmt: on


@pytest.mark.parametrize(("verdict", "status"), STATUSES)
def test_each_verdict_has_its_status(verdict: Verdict, status: str) -> None:
    """5.4, TC_043, TC_043_1, TC_043_2, TC_043_3."""
    line = ready()
    sent(line, localAuthorizationList=[entry()])
    assert line.verdict(verdict)[2] == {"status": status}


@pytest.mark.parametrize("version", [-1, 0, 17])
def test_the_version_is_told(version: int) -> None:
    """5.4, TC_042_1, TC_042_2."""
    line = ready()
    assert line.ask("GetLocalListVersion", {}) is None
    call = line.told(LocalListVersionAsked)[0].call
    line.effect(Answer(call=call, verdict=Verdict.ACCEPTED, number=version))
    assert line.frames()[-1][2] == {"listVersion": version}


# fmt: off
FAULTY = [
    # entry                                            code
    (entry(expiryDate="tomorrow"),                     "PropertyConstraintViolation"),
    (entry(status="Maybe"),                            "PropertyConstraintViolation"),
    ({"idTag": "x" * 21},                              "PropertyConstraintViolation"),
    ({"idTagInfo": {"status": "Accepted"}},            "OccurenceConstraintViolation"),
    ({"idTag": "04A1", "idTagInfo": {}},               "OccurenceConstraintViolation"),
    ({"idTag": "04A1", "idTagInfo": "Accepted"},       "TypeConstraintViolation"),
]
# fmt: on


@pytest.mark.parametrize(("faulty", "code"), FAULTY)
def test_one_faulty_entry_refuses_the_message(faulty: Any, code: str) -> None:
    """R8, 5.4: taken whole or not at all; an expiry that cannot be read would be none."""
    line = ready()
    assert sent(line, localAuthorizationList=[entry(), faulty])[2] == code
    assert line.told(LocalListSent) == []


def test_a_null_verdict_removes_an_entry() -> None:
    """R11, 5.4: some central systems send null for what is missing."""
    line = ready()
    rows = [{"idTag": "04A1", "idTagInfo": None}]
    sent(line, updateType="Differential", localAuthorizationList=rows)
    assert line.told(LocalListSent)[0].entries == ((IdToken(value="04A1"), None),)


def test_a_contradiction_is_told_of_connector_0() -> None:
    """5.3: LocalListConflict, and NoError with the same status when it is over (S7)."""
    line = ready()
    for fault in ("local_list_conflict", None):
        report = ConnectorReport(
            evse=0, connector=0, state=ConnectorState.AVAILABLE, since_s=1.0, fault=fault
        )
        line.effect(ReportConnector(report=report))
        line.settle()
    told = line.calls("StatusNotification")
    assert [(each["connectorId"], each["status"], each["errorCode"]) for each in told] == [
        (0, "Available", "LocalListConflict"),
        (0, "Available", "NoError"),
    ]


def test_the_keys_of_the_list_tell_its_limits() -> None:
    """Keys, rule 9: and SupportedFeatureProfiles says that there is a list."""
    line = ready()
    names = ["LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"]
    answer = line.ask("GetConfiguration", {"key": [*names, "SupportedFeatureProfiles"]})[2]
    values = {each["key"]: each["value"] for each in answer["configurationKey"]}
    assert [values[name] for name in names] == ["true", "10000", "500"]
    assert "LocalAuthListManagement" in values["SupportedFeatureProfiles"].split(",")
