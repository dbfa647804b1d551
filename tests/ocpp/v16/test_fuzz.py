"""Whatever the CSMS sends: no exception, only legal output, bounded state, and service goes on.

Seeded: a failure prints seed and step. The `Line` checks each frame against the published schemas.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from chargepoint.ocpp.adapter import Tell
from chargepoint.ocpp.v16.boot import Registered
from chargepoint.station.effects import Answer, AskAuthorization, SendRecord, Verdict
from chargepoint.station.events import Call, RecordAcknowledged, RecordRefused, RecordReturned
from chargepoint.station.records import IdToken
from tests.ocpp.fakes import ACCEPTED, Line
from tests.ocpp.v16.test_records import ended, sample, security, started, updated
from tests.ocpp.v16.test_status import STATES, change

SEEDS = range(5)
STEPS = 1_000

REQUESTS: list[tuple[str, Any]] = [
    ("GetConfiguration", {"key": ["HeartbeatInterval", "Nope"]}),
    ("GetConfiguration", {}),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
    ("RemoteStartTransaction", {"idTag": "AB", "connectorId": 1}),
    ("RemoteStopTransaction", {"transactionId": 1}),
    ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
    ("UnlockConnector", {"connectorId": 1}),
    ("Reset", {"type": "Soft"}),
    ("ClearCache", {}),
    ("DataTransfer", {"vendorId": "v", "messageId": "m", "data": "d"}),
    ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
    ("TriggerMessage", {"requestedMessage": "BootNotification"}),
    ("TriggerMessage", {"requestedMessage": "MeterValues"}),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": {}}),
    (
        "SendLocalList",
        {
            "listVersion": 1,
            "updateType": "Full",
            "localAuthorizationList": [
                {
                    "idTag": "A",
                    "idTagInfo": {"status": "Accepted", "expiryDate": "2026-11-24T12:00:00Z"},
                },
                {"idTag": "B"},
            ],
        },
    ),
    ("GetLocalListVersion", {}),
    (
        "ReserveNow",
        {
            "connectorId": 1,
            "expiryDate": "2026-11-24T12:00:00Z",
            "idTag": "A",
            "parentIdTag": "P",
            "reservationId": 7,
        },
    ),
    ("CancelReservation", {"reservationId": 7}),
    ("GetLog", {}),
    ("NoSuchAction", {}),
]
REGISTRATIONS: list[Any] = [
    *[ACCEPTED] * 6,
    ACCEPTED | {"status": "Pending", "interval": 1},
    ACCEPTED | {"status": "Rejected", "interval": 1},
]
ANSWERS: dict[str, Any] = {
    "Authorize": {"idTagInfo": {"status": "Accepted", "expiryDate": "2027-01-01T00:00:00Z"}},
    "Heartbeat": {"currentTime": "2026-11-24T10:00:00Z"},
    "StartTransaction": {"idTagInfo": {"status": "Blocked"}, "transactionId": 5},
    "StopTransaction": {"idTagInfo": {"status": "Expired", "parentIdTag": "G"}},
}
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 1.5, -0.0, 1e300, 2**31, 2**63, 10**40, "", " ", "x" * 600, "ü☃",
    "\x00", "\\", '"', "true", "12", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", [], {},
    [None], {"": None}, {"status": {"status": []}}, [[[[[[]]]]]],
]  # fmt: skip
RAW = [
    "", " ", "[]", "{}", "null", "[2]", "[2,]", '"', "[[[[", "]" * 50, "[" * 3000, "\x00",
    '[4,"own-1","a "b" c",{}]', '[3,"own-2",{"a":tru', "[2,null,null,null]", "\ud800", "NaN",
    '[2,"a","Reset",{"type":"\\ud800"}]', "[1e999]", '[2,1e999,"Reset",{}]', "9" * 5000,
]  # fmt: skip


def mutated(value: Any, dice: random.Random) -> Any:
    """`value` with one thing about it changed."""
    if isinstance(value, dict) and value and dice.random() < 0.7:
        key = dice.choice(sorted(value))
        changed = dict(value)
        if dice.random() < 0.3:
            del changed[key]
        else:
            changed[key] = mutated(value[key], dice)
        if dice.random() < 0.2:
            changed[str(dice.choice(ODD))[:40]] = dice.choice(ODD)
        return changed
    if isinstance(value, list) and value and dice.random() < 0.7:
        changed_list = list(value)
        place = dice.randrange(len(value))
        changed_list[place] = mutated(value[place], dice)
        return changed_list
    return dice.choice(ODD)


def frame(line: Line, dice: random.Random) -> str:
    """One text as a broken, hostile or plain central system might send it."""
    if dice.random() < 0.05:
        return dice.choice(RAW)
    whole = _answer(line, dice) if dice.random() < 0.6 else None
    if whole is None:
        action, payload = dice.choice(REQUESTS)
        whole = [2, f"c-{dice.randrange(1000)}", action, payload]
    if dice.random() < 0.15:
        whole = mutated(whole, dice)
    elif dice.random() < 0.5:
        whole = [*whole[:-1], mutated(whole[-1], dice)]
    text = json.dumps(whole)
    if dice.random() < 0.1:
        place = dice.randrange(len(text) + 1)
        text = text[:place] + dice.choice(['"', "{", "]", "", "\\", ","]) + text[place + 1 :]
    return text


def _answer(line: Line, dice: random.Random) -> Any:
    """An answer to our call in flight, mostly a fitting one."""
    if line.in_flight is None:
        return None
    _, own, action, _ = line.in_flight
    if dice.random() < 0.1:
        return [4, own, dice.choice(["InternalError", "SecurityError", "NotSupported"]), "", {}]
    if action == "BootNotification":
        return [3, own, dice.choice(REGISTRATIONS)]
    return [3, own, ANSWERS.get(action, {})]


def act(line: Line, dice: random.Random) -> None:
    """Something that the station does."""
    choice = dice.randrange(6)
    if choice == 0:
        change(line, dice.choice(list(STATES)), evse=dice.randrange(3))
    elif choice == 1:
        line.effect(
            AskAuthorization(request="r", id_token=IdToken(value="AB" * dice.randrange(20)))
        )
    elif choice == 2:
        record = dice.choice([started(), updated(sample()), ended(), security()])
        line.effect(SendRecord(record=record, csms_transaction_id=dice.choice([None, 3])))
    elif choice == 3:
        line.wait(dice.choice([0.1, 5, 31]))
    elif choice == 4:
        line.effect(Answer(call=Call("16-1"), verdict=dice.choice(list(Verdict))))
    elif dice.random() < 0.05:
        line.disconnect()
        line.connect()


def answer_events(line: Line, since: int, dice: random.Random) -> None:
    """Most requests that became events are decided at once."""
    for output in line.outputs[since:]:
        if isinstance(output, Tell) and dice.random() < 0.8:
            call = getattr(output.event, "call", None)
            if call is not None:
                line.effect(Answer(call=call, verdict=dice.choice(list(Verdict))))


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_arrives_does_harm(seed: int) -> None:
    """R6, CQ9: 5,000 frames, plain, mutated and broken, in every state of registration."""
    dice = random.Random(seed)
    line = Line(connectors=2)
    line.connect()
    for step in range(STEPS):
        try:
            since = len(line.outputs)
            line.receive(frame(line, dice))
            answer_events(line, since, dice)
            if dice.random() < 0.3:
                act(line, dice)
            if line.closed():
                line.disconnect()
                line.connect()
            line.wait(0.05)
        except Exception as error:
            error.add_note(f"seed {seed}, step {step}")
            raise
        if len(line.outputs) > 400:
            line.forget()
    serves_again(line)


def serves_again(line: Line) -> None:
    """After all that: registered within a day, requests answered, records delivered."""
    line.disconnect()
    line.forget()
    line.connect()
    waited_s = 0
    while line.adapter.registered is not Registered.ACCEPTED:
        if line.in_flight is None:
            line.wait(60)
            waited_s += 60
            assert waited_s <= 90_000  # a boot that times out within a step of 60 s is repeated
        else:
            assert line.in_flight[2] == "BootNotification"
            line.answer(ACCEPTED)
    line.settle()
    asked = {"key": ["NumberOfConnectors"]}
    assert line.ask("GetConfiguration", asked, "last")[2]["configurationKey"][0]["value"] == "2"
    line.effect(SendRecord(record=ended(), csms_transaction_id=3))
    line.settle()
    line.answer({})
    outcomes = line.told(RecordAcknowledged) + line.told(RecordRefused) + line.told(RecordReturned)
    assert [type(outcome) for outcome in outcomes] == [RecordAcknowledged]
