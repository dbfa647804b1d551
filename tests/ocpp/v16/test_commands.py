"""Requests of the CSMS: events for the station, answers from its verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.ocpp.v16.profiles import KNOWN, SERVED
from chargepoint.station.effects import Answer, AskAuthorization, Verdict
from chargepoint.station.events import (
    AuthorizationAnswered,
    AuthorizationUnanswered,
    AvailabilityRequested,
    Call,
    ClearCacheRequested,
    RemoteStartRequested,
    RemoteStopRequested,
    ResetKind,
    ResetRequested,
    UnlockRequested,
)
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from hal.values import TokenKind
from tests.ocpp.fakes import Line

V = Verdict


def ready() -> Line:
    line = Line(connectors=2)
    line.accept()
    line.forget()
    return line


CALL = Call("16-1")

# fmt: off
EVENTS = [
    # action                request                                   event
    ("RemoteStartTransaction", {"idTag": "Ab"},
        RemoteStartRequested(call=CALL, id_token=IdToken(value="Ab", kind=TokenKind.CENTRAL),
                             evse=None, at_s=0.0)),
    ("RemoteStartTransaction", {"idTag": "Ab", "connectorId": 2},
        RemoteStartRequested(call=CALL, id_token=IdToken(value="Ab", kind=TokenKind.CENTRAL),
                             evse=2, at_s=0.0)),
    ("RemoteStopTransaction", {"transactionId": -3},
        RemoteStopRequested(call=CALL, transaction=-3, at_s=0.0)),
    ("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"},
        AvailabilityRequested(call=CALL, evse=0, operative=False, at_s=0.0)),
    ("ChangeAvailability", {"connectorId": 2, "type": "Operative"},
        AvailabilityRequested(call=CALL, evse=2, operative=True, at_s=0.0)),
    ("ClearCache", {},                  ClearCacheRequested(call=CALL, at_s=0.0)),
    ("Reset", {"type": "Hard"},         ResetRequested(call=CALL, kind=ResetKind.HARD, at_s=0.0)),
    ("Reset", {"type": "Soft"},         ResetRequested(call=CALL, kind=ResetKind.SOFT, at_s=0.0)),
    ("UnlockConnector", {"connectorId": 1}, UnlockRequested(call=CALL, evse=1, at_s=0.0)),
]
AT_ONCE = [
    # action                request                                       status
    ("RemoteStartTransaction", {"idTag": "A", "connectorId": 0},          "Rejected"),
    ("RemoteStartTransaction", {"idTag": "A", "connectorId": 3},          "Rejected"),
    ("RemoteStartTransaction", {"idTag": "A", "connectorId": -1},         "Rejected"),
    ("ChangeAvailability", {"connectorId": 3, "type": "Operative"},       "Rejected"),
    ("ChangeAvailability", {"connectorId": -1, "type": "Operative"},      "Rejected"),
    ("UnlockConnector", {"connectorId": 0},                               "NotSupported"),
    ("UnlockConnector", {"connectorId": 3},                               "NotSupported"),
    ("DataTransfer", {"vendorId": "org.example", "data": "x"},            "UnknownVendorId"),
    ("ReserveNow", {"connectorId": 3, "expiryDate": "2026-11-24T12:00:00Z", "idTag": "A",
                    "reservationId": 1},                                  "Rejected"),
]
VERDICTS = [
    # action                request                             verdict            status
    ("RemoteStartTransaction", {"idTag": "A"},                  V.ACCEPTED,        "Accepted"),
    ("RemoteStartTransaction", {"idTag": "A"},                  V.REJECTED,        "Rejected"),
    ("RemoteStopTransaction", {"transactionId": 1},             V.ACCEPTED,        "Accepted"),
    ("RemoteStopTransaction", {"transactionId": 1},             V.REJECTED,        "Rejected"),
    ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}, V.ACCEPTED,    "Accepted"),
    ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}, V.SCHEDULED,   "Scheduled"),
    ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}, V.REJECTED,    "Rejected"),
    ("ClearCache", {},                                          V.ACCEPTED,        "Accepted"),
    ("ClearCache", {},                                          V.REJECTED,        "Rejected"),
    ("ClearCache", {},                                          V.NOT_SUPPORTED,   "Rejected"),
    ("Reset", {"type": "Soft"},                                 V.ACCEPTED,        "Accepted"),
    ("Reset", {"type": "Soft"},                                 V.REJECTED,        "Rejected"),
    ("UnlockConnector", {"connectorId": 1},                     V.UNLOCKED,        "Unlocked"),
    ("UnlockConnector", {"connectorId": 1},                     V.UNLOCK_FAILED,   "UnlockFailed"),
    ("UnlockConnector", {"connectorId": 1},                     V.NOT_SUPPORTED,   "NotSupported"),
    ("UnlockConnector", {"connectorId": 1},                     V.REJECTED,        "NotSupported"),
]
# fmt: on


@pytest.mark.parametrize(("action", "request_", "event"), EVENTS)
def test_a_request_becomes_an_event(action: str, request_: Any, event: Any) -> None:
    """Table 3.2."""
    line = ready()
    assert line.ask(action, request_) is None
    assert line.told() == [event]


@pytest.mark.parametrize(("action", "request_", "status"), AT_ONCE)
def test_what_the_station_need_not_decide_is_answered_at_once(
    action: str, request_: Any, status: str
) -> None:
    """R15, tables 3.2 and 7.3: each operation's own refusal; TC_027, TC_031, TC_062."""
    line = ready()
    assert line.ask(action, request_)[2] == {"status": status}
    assert line.told() == []


@pytest.mark.parametrize(("action", "request_", "verdict", "status"), VERDICTS)
def test_a_verdict_is_told_in_the_words_of_its_operation(
    action: str, request_: Any, verdict: Verdict, status: str
) -> None:
    """Table 3.2."""
    line = ready()
    line.ask(action, request_)
    assert line.verdict(verdict) == [3, "csms-1", {"status": status}]


@pytest.mark.parametrize("action", ["Rest", "reset", "Heartbeat", "BootNotification", ""])
def test_an_unknown_action_is_not_implemented(action: str) -> None:
    """R7, R1: actions are case-sensitive; those of the other direction are none."""
    line = ready()
    frame = line.ask(action, {})
    assert frame[:3] == [4, "csms-1", "NotImplemented"]


def test_every_action_of_every_profile_is_served() -> None:
    """R7: there is none that would be NotSupported."""
    assert KNOWN == SERVED


# fmt: off
FAULTS = [
    # action                    request                      code
    ("Reset",                   {},                          "OccurenceConstraintViolation"),
    ("Reset",                   {"type": "Warm"},            "PropertyConstraintViolation"),
    ("Reset",                   {"type": ["Hard"]},          "TypeConstraintViolation"),
    ("Reset",                   "Hard",                      "TypeConstraintViolation"),
    ("RemoteStopTransaction",   {"transactionId": "x"},      "TypeConstraintViolation"),
    ("RemoteStartTransaction",  {"idTag": "x" * 21},         "PropertyConstraintViolation"),
    ("ChangeConfiguration",     {"key": "A"},                "OccurenceConstraintViolation"),
]
# fmt: on


@pytest.mark.parametrize(("action", "request_", "code"), FAULTS)
def test_a_faulty_request_is_refused_with_the_code_of_1_6(
    action: str, request_: Any, code: str
) -> None:
    """R8."""
    assert ready().ask(action, request_)[:3] == [4, "csms-1", code]


@pytest.mark.parametrize("message_id", [17, 1.5, "", "RemoteStartTransaction 31", "x" * 300])
def test_ids_of_any_kind_are_echoed(message_id: Any) -> None:
    """R2."""
    assert ready().ask("GetConfiguration", {}, message_id)[:2] == [3, message_id]


def test_an_answer_that_comes_after_the_connection_is_dropped() -> None:
    line = ready()
    line.ask("Reset", {"type": "Soft"})
    line.disconnect()
    line.connect()
    line.forget()
    line.effect(Answer(call=CALL, verdict=V.ACCEPTED))
    assert line.frames() == []


def test_a_second_answer_is_dropped() -> None:
    line = ready()
    line.ask("Reset", {"type": "Soft"})
    line.verdict(V.ACCEPTED)
    line.forget()
    line.effect(Answer(call=CALL, verdict=V.ACCEPTED))
    assert line.frames() == []


def test_several_requests_at_once_are_each_answered() -> None:
    """central systems, 6: never an error for that."""
    line = ready()
    for number in range(5):
        line.ask("UnlockConnector", {"connectorId": 1}, f"c-{number}")
    calls = [event.call for event in line.told(UnlockRequested)]
    for call in reversed(calls):
        line.effect(Answer(call=call, verdict=V.UNLOCKED))
    assert [frame[1] for frame in line.frames()] == ["c-4", "c-3", "c-2", "c-1", "c-0"]


# --- Authorize ------------------------------------------------------------------------------------


def ask(line: Line, token: str = "04A2B3C4") -> None:
    line.effect(AskAuthorization(request="r1", id_token=IdToken(value=token)))


def test_a_token_is_asked_about() -> None:
    """3.1 Authorize; X4: cut to 20 characters."""
    line = ready()
    ask(line, "x" * 36)
    assert line.frames()[-1][2:] == ["Authorize", {"idTag": "x" * 20}]
    line.answer({"idTagInfo": {"status": "Accepted", "parentIdTag": "G"}})
    info = TokenInfo(status=TokenStatus.ACCEPTED, group="G")
    assert line.told() == [AuthorizationAnswered(request="r1", info=info, at_s=0.0)]


@pytest.mark.parametrize("answer", [{}, None, {"idTagInfo": {}}, {"idTagInfo": "Accepted"}])
def test_an_answer_without_a_verdict_is_none(answer: Any) -> None:
    line = ready()
    ask(line)
    line.answer(answer)
    assert line.told() == [AuthorizationUnanswered(request="r1", at_s=0.0)]


def test_a_refused_or_unanswered_question_is_told() -> None:
    """5.1: a time-out is treated as offline."""
    line = ready()
    ask(line)
    line.error("InternalError")
    ask(line)
    line.wait(30)
    ask(line)
    line.disconnect()
    assert [e.request for e in line.told(AuthorizationUnanswered)] == ["r1"] * 3


def test_a_token_does_not_wait_behind_records() -> None:
    """Q2: a person waits at the reader."""
    from tests.ocpp.v16.test_records import ended, security, send

    line = ready()
    line.effect(send(ended()))
    line.effect(send(security()))
    ask(line)
    line.answer({})
    assert line.actions() == ["StopTransaction", "Authorize"]


def test_more_questions_than_anyone_can_ask_are_answered_by_the_station_itself() -> None:
    line = ready()
    for _ in range(20):
        ask(line)
    assert len(line.told(AuthorizationUnanswered)) == 12
