"""Records of the outbox: their requests, and what became of them."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.ocpp.v16.transactions import REASONS
from chargepoint.station.effects import SendRecord
from chargepoint.station.events import (
    CsmsLost,
    RecordAcknowledged,
    RecordRefused,
    RecordReturned,
)
from chargepoint.station.records import (
    ChargingState,
    IdToken,
    Measurand,
    ReadingContext,
    Record,
    Sample,
    SampledValue,
    SecurityEventHappened,
    Stamp,
    StopReason,
    TokenInfo,
    TokenStatus,
    TransactionEnded,
    TransactionId,
    TransactionStarted,
    TransactionUpdated,
    Trigger,
)
from tests.ocpp.fakes import Line, Settings

TRANSACTION = TransactionId("tx")
ENERGY = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER


def stamp(at_s: float = 0.0, boot: str = "boot-1") -> Stamp:
    return Stamp(boot=boot, at_s=at_s)


def sample(at_s: float = 0.0, context: ReadingContext = ReadingContext.SAMPLE_PERIODIC) -> Sample:
    values = (SampledValue(measurand=ENERGY, value=1234.5),)
    return Sample(stamp=stamp(at_s), context=context, values=values)


def started(token: str = "04A2B3C4", sequence: int = 1, **more: Any) -> TransactionStarted:
    return TransactionStarted(
        sequence=sequence,
        number=0,
        transaction=TRANSACTION,
        evse=1,
        connector=1,
        id_token=IdToken(value=token),
        stamp=stamp(5.0),
        meter_start_wh=1000,
        trigger=Trigger.AUTHORIZED,
        charging_state=ChargingState.EV_CONNECTED,
        offline=False,
        **more,
    )


def updated(*samples: Sample, sequence: int = 2) -> TransactionUpdated:
    return TransactionUpdated(
        sequence=sequence,
        number=1,
        transaction=TRANSACTION,
        evse=1,
        connector=1,
        stamp=stamp(60.0),
        trigger=Trigger.METER_VALUE_PERIODIC,
        charging_state=ChargingState.CHARGING,
        offline=False,
        samples=samples,
    )


def ended(
    reason: StopReason = StopReason.LOCAL, *samples: Sample, token: str | None = None
) -> TransactionEnded:
    return TransactionEnded(
        sequence=3,
        number=2,
        transaction=TRANSACTION,
        evse=1,
        connector=1,
        stamp=stamp(120.0),
        meter_stop_wh=2500,
        reason=reason,
        trigger=Trigger.STOP_AUTHORIZED,
        offline=False,
        id_token=None if token is None else IdToken(value=token),
        samples=samples,
    )


def security(kind: str = "ResetOrReboot", sequence: int = 9) -> SecurityEventHappened:
    return SecurityEventHappened(sequence=sequence, kind=kind, stamp=stamp(1.0), info="why")


def send(record: Record, csms_id: int | None = 42, given_up: bool = False) -> SendRecord:
    return SendRecord(record=record, csms_transaction_id=csms_id, start_given_up=given_up)


def ready(**settings: Any) -> Line:
    line = Line(settings=Settings(**settings))
    line.accept()
    line.forget()
    return line


# --- Requests -------------------------------------------------------------------------------------


def test_a_start_becomes_a_start_transaction() -> None:
    """X2, X4: the register as it stands, the token as presented, the real start."""
    line = ready()
    line.effect(send(started("04a2B3c4"), csms_id=None))
    assert line.frames()[-1][2:] == [
        "StartTransaction",
        {
            "connectorId": 1,
            "idTag": "04a2B3c4",
            "meterStart": 1000,
            "timestamp": "2026-11-24T10:00:05.000Z",
        },
    ]


def test_a_token_is_cut_to_twenty_characters_and_a_reservation_is_told() -> None:
    """X4, V5."""
    line = ready()
    line.effect(send(started("x" * 36, reservation_id=8), csms_id=None))
    assert line.calls()[0]["idTag"] == "x" * 20
    assert line.calls()[0]["reservationId"] == 8


def test_samples_become_meter_values_of_their_transaction() -> None:
    """E5, E9, E11: every field spelled out, one MeterValue for each instant."""
    line = ready(milliseconds=False)
    line.effect(send(updated(sample(60.0), sample(120.0))))
    value = {
        "value": "1234.5",
        "context": "Sample.Periodic",
        "format": "Raw",
        "measurand": "Energy.Active.Import.Register",
        "location": "Outlet",
        "unit": "Wh",
    }
    assert line.calls() == [
        {
            "connectorId": 1,
            "transactionId": 42,
            "meterValue": [
                {"timestamp": "2026-11-24T10:01:00Z", "sampledValue": [value]},
                {"timestamp": "2026-11-24T10:02:00Z", "sampledValue": [value]},
            ],
        }
    ]


def test_an_update_without_samples_means_nothing_to_1_6() -> None:
    line = ready()
    line.effect(send(updated()))
    assert line.calls() == []
    assert line.told() == [RecordAcknowledged(sequence=2, at_s=0.0)]


def test_an_end_becomes_a_stop_transaction() -> None:
    """E3, E4, E16."""
    line = ready(milliseconds=False)
    samples = (
        sample(5.0, ReadingContext.TRANSACTION_BEGIN),
        sample(120.0, ReadingContext.TRANSACTION_END),
    )
    line.effect(send(ended(StopReason.LOCAL, *samples, token="04A2B3C4")))
    call = line.calls()[0]
    data = call.pop("transactionData")
    assert call == {
        "transactionId": 42,
        "meterStop": 2500,
        "timestamp": "2026-11-24T10:02:00Z",
        "reason": "Local",
        "idTag": "04A2B3C4",
    }
    assert [value["sampledValue"][0]["context"] for value in data] == [
        "Transaction.Begin",
        "Transaction.End",
    ]


def test_an_end_without_samples_has_no_transaction_data() -> None:
    """E4: both lists empty: leave it out."""
    line = ready()
    line.effect(send(ended(StopReason.REMOTE)))
    assert sorted(line.calls()[0]) == ["meterStop", "reason", "timestamp", "transactionId"]


# fmt: off
WORDS = [
    (StopReason.LOCAL,            "Local"),         (StopReason.REMOTE,        "Remote"),
    (StopReason.EV_DISCONNECTED,  "EVDisconnected"), (StopReason.DE_AUTHORIZED, "DeAuthorized"),
    (StopReason.EMERGENCY_STOP,   "EmergencyStop"), (StopReason.HARD_RESET,    "HardReset"),
    (StopReason.SOFT_RESET,       "SoftReset"),     (StopReason.POWER_LOSS,    "PowerLoss"),
    (StopReason.REBOOT,           "Reboot"),        (StopReason.UNLOCK_COMMAND, "UnlockCommand"),
    (StopReason.GROUND_FAULT,     "Other"),         (StopReason.STOPPED_BY_EV, "Other"),
]
# fmt: on


@pytest.mark.parametrize(("reason", "word"), WORDS)
def test_each_reason_has_its_word(reason: StopReason, word: str) -> None:
    """Table 4.2: what 1.6 cannot tell apart is Other; the reason is always sent."""
    line = ready()
    line.effect(send(ended(reason)))
    assert line.calls()[0]["reason"] == word
    assert set(REASONS) == set(StopReason)


def test_the_records_of_a_start_that_was_given_up_carry_minus_one() -> None:
    """Q6: errata 3.18."""
    line = ready()
    line.effect(send(updated(sample()), csms_id=None, given_up=True))
    line.answer({})
    line.effect(send(ended(), csms_id=None, given_up=True))
    assert [call["transactionId"] for call in line.calls()] == [-1, -1]


@pytest.mark.parametrize("number", [0, -7, 2**31 - 1])
def test_any_integer_is_a_transaction_id(number: int) -> None:
    """Q6, CQ12: 0 and negatives mean nothing special."""
    line = ready()
    line.effect(send(started(), csms_id=None))
    line.answer({"idTagInfo": {"status": "Accepted"}, "transactionId": number})
    line.effect(send(ended(), csms_id=number))
    assert [e.csms_transaction_id for e in line.told(RecordAcknowledged)] == [number]
    assert line.calls("StopTransaction")[0]["transactionId"] == number


def test_a_record_without_an_id_of_its_transaction_waits() -> None:
    """Q6: never a temporary id."""
    line = ready()
    line.effect(send(ended(), csms_id=None))
    assert line.calls() == []
    refusal = line.told(RecordRefused)[0]
    assert (refusal.sequence, refusal.counts) == (3, False)


def test_a_record_without_any_wall_time_waits() -> None:
    """B2, central systems, 6: no uncorrected time goes out."""
    line = Line()
    line.view.clock.known = False
    line.connect()
    line.answer({"status": "Accepted", "interval": 300})
    line.settle()
    line.forget()
    for record in (started(), updated(sample()), ended(), security()):
        line.effect(send(record))
    assert line.calls() == []
    assert [(e.sequence, e.counts) for e in line.told(RecordRefused)] == [
        (1, False),
        (2, False),
        (3, False),
        (9, False),
    ]


def test_a_security_event_is_told() -> None:
    """11.5."""
    line = ready(milliseconds=False)
    line.effect(send(security("k" * 60)))
    assert line.frames()[-1][2:] == [
        "SecurityEventNotification",
        {"type": "k" * 50, "timestamp": "2026-11-24T10:00:01Z", "techInfo": "why"},
    ]


def test_many_samples_are_split_over_several_messages_and_acknowledged_once() -> None:
    """R12: below about 60 KiB each."""
    line = ready()
    line.effect(send(updated(*(sample(float(n)) for n in range(900)))))
    sent = 0
    while line.told(RecordAcknowledged) == []:
        assert len(str(line.in_flight[3])) < 75_000
        sent += len(line.in_flight[3]["meterValue"])
        line.answer({})
    assert sent == 900
    assert len(line.calls("MeterValues")) == 3


def test_too_many_values_of_a_stop_are_thinned_from_the_middle() -> None:
    """Q9: never the first and the last."""
    line = ready(milliseconds=False)
    line.effect(send(ended(StopReason.LOCAL, *(sample(float(n)) for n in range(1000)))))
    data = line.calls()[0]["transactionData"]
    assert 50 < len(data) <= 100
    assert data[0]["timestamp"] == "2026-11-24T10:00:00Z"
    assert data[-1]["timestamp"] == "2026-11-24T10:16:39Z"
    assert data == sorted(data, key=lambda value: value["timestamp"])


# --- Outcomes -------------------------------------------------------------------------------------


def test_the_answer_to_a_start_brings_id_and_verdict() -> None:
    """4.3, A6."""
    line = ready()
    line.effect(send(started(), csms_id=None))
    line.answer(
        {
            "transactionId": 7,
            "idTagInfo": {
                "status": "ConcurrentTx",
                "parentIdTag": "G",
                "expiryDate": "2026-11-24T11:00:00Z",
            },
        }
    )
    acknowledged = line.told(RecordAcknowledged)[0]
    assert acknowledged.csms_transaction_id == 7
    assert acknowledged.info.status is TokenStatus.CONCURRENT_TX
    assert acknowledged.info.group == "G"
    assert acknowledged.info.expires_at.hour == 11


# fmt: off
VERDICTS = [
    ({"status": "Accepted"},                       TokenInfo(status=TokenStatus.ACCEPTED)),
    ({"status": "accepted"},                       TokenInfo(status=TokenStatus.ACCEPTED)),
    ({"status": "Sleeping"},                       TokenInfo(status=TokenStatus.INVALID)),
    ({"status": "Blocked", "expiryDate": "soon", "parentIdTag": ""},
                                                   TokenInfo(status=TokenStatus.BLOCKED)),
    ({},                                           None),
    (None,                                         None),
    ("Accepted",                                   None),
]
# fmt: on


@pytest.mark.parametrize(("info", "verdict"), VERDICTS)
def test_a_verdict_is_read_as_far_as_it_can_be(info: Any, verdict: TokenInfo | None) -> None:
    """CQ9, A7."""
    line = ready()
    line.effect(send(ended()))
    line.answer({"idTagInfo": info})
    assert line.told() == [RecordAcknowledged(sequence=3, at_s=0.0, info=verdict)]


@pytest.mark.parametrize("answer", [{}, None, {"transactionId": "seven"}, [1]])
def test_a_start_answered_without_an_id_is_delivered_and_will_never_have_one(answer: Any) -> None:
    """CQ9: a CALLRESULT counts as delivered; a second try would be a second transaction."""
    line = ready()
    line.effect(send(started(), csms_id=None))
    line.answer(answer)
    assert [e.csms_transaction_id for e in line.told(RecordAcknowledged)] == [-1]


@pytest.mark.parametrize(
    "code", ["InternalError", "GenericError", "FormatViolation", "", "NotSupported", "ü" * 90]
)
def test_a_refusal_is_an_attempt(code: str) -> None:
    """Q4, CQ10, R10: a CALLERROR is a failure to process."""
    line = ready()
    line.effect(send(ended()))
    line.error(code, "why")
    assert line.told() == [
        RecordRefused(sequence=3, at_s=0.0, code=code, description="why", counts=True)
    ]


def test_no_answer_in_time_is_an_attempt() -> None:
    """Q4: time-out while connected."""
    line = ready()
    line.effect(send(ended()))
    line.wait(30)
    refusal = line.told(RecordRefused)[0]
    assert (refusal.sequence, refusal.code, refusal.counts) == (3, "Timeout", True)


def test_a_broken_link_is_no_attempt() -> None:
    """Q5."""
    line = ready()
    line.effect(send(ended()))
    line.disconnect()
    assert line.told() == [RecordReturned(sequence=3, at_s=0.0), CsmsLost(at_s=0.0)]


def test_a_busy_csms_is_no_attempt_ten_times() -> None:
    """central systems, 6: RpcFrameworkError `Call already in progress`."""
    line = ready()
    for _ in range(12):
        line.effect(send(ended()))
        line.error("RpcFrameworkError", "Call already in progress")
    assert [e.counts for e in line.told(RecordRefused)] == [False] * 10 + [True] * 2


def test_a_late_answer_to_a_start_is_kept() -> None:
    """R4, Q8: a second try would make a second transaction."""
    line = ready()
    line.effect(send(started(), csms_id=None))
    late = line.in_flight[1]
    line.wait(31)
    line.receive(f'[3,"{late}",{{"transactionId":7,"idTagInfo":{{"status":"Accepted"}}}}]')
    assert [e.csms_transaction_id for e in line.told(RecordAcknowledged)] == [7]


def test_of_two_ids_for_one_start_the_last_is_used() -> None:
    """Q8, central systems, 7: the late answer counts only when the new try fails."""
    line = ready()
    line.effect(send(started(), csms_id=None))
    late = line.in_flight[1]
    line.wait(31)
    line.effect(send(started(), csms_id=None))
    line.receive(f'[3,"{late}",{{"transactionId":7}}]')
    assert line.told(RecordAcknowledged) == []
    second = line.calls("StartTransaction")
    assert second[0] == second[1]
    line.answer({"transactionId": 8})
    assert [e.csms_transaction_id for e in line.told(RecordAcknowledged)] == [8]


def test_a_late_answer_saves_a_new_try_that_fails() -> None:
    """R4."""
    line = ready()
    line.effect(send(started(), csms_id=None))
    late = line.in_flight[1]
    line.wait(31)
    line.effect(send(started(), csms_id=None))
    line.forget()
    line.receive(f'[3,"{late}",{{"transactionId":7}}]')
    line.receive('[4,"own-5","InternalError","",{}]')
    line.wait(40)
    assert [e.csms_transaction_id for e in line.told(RecordAcknowledged)] == [7]
    assert line.told(RecordRefused) == []


@pytest.mark.parametrize("code", ["NotImplemented", "NotSupported"])
def test_a_csms_without_security_events_is_not_asked_twice(code: str) -> None:
    """CQ11, 11.5: remembered for this connection, tried again on the next one."""
    line = ready()
    line.effect(send(security(sequence=9)))
    line.error(code)
    line.effect(send(security(sequence=10)))
    assert [(e.sequence, e.not_supported) for e in line.told(RecordRefused)] == [
        (9, True),
        (10, True),
    ]
    assert len(line.calls("SecurityEventNotification")) == 1
    line.disconnect()
    line.connect()
    line.effect(send(security(sequence=11)))
    assert len(line.calls("SecurityEventNotification")) == 2


def test_a_security_event_that_is_never_answered_is_given_up_after_one_try() -> None:
    """CQ11: an old central system did not answer it at all."""
    line = ready()
    line.effect(send(security()))
    line.wait(30)
    assert [e.not_supported for e in line.told(RecordRefused)] == [True]


def test_a_mute_csms_does_not_cost_us_security_events() -> None:
    """CQ11 is about one message, not about a peer that answers nothing."""
    line = ready()
    line.effect(send(ended()))
    line.wait(30)
    line.effect(send(security()))
    line.wait(30)
    assert [e.not_supported for e in line.told(RecordRefused)] == [False, False]


def test_starts_and_stops_are_never_given_up_as_unknown() -> None:
    """CQ10: the outbox decides after its attempts."""
    line = ready()
    line.effect(send(started(), csms_id=None))
    line.error("NotImplemented")
    assert [(e.not_supported, e.counts) for e in line.told(RecordRefused)] == [(False, True)]


def test_a_mute_csms_is_left() -> None:
    """CQ5: unanswered calls in a row, then reconnect; meanwhile the station decides by itself."""
    line = ready(unanswered_max=3)
    for _ in range(3):
        line.effect(send(ended()))
        line.wait(30)
    assert [close.code for close in line.closed()] == [1001]
    assert line.told()[-1] == CsmsLost(at_s=90.0)
    assert [e.code for e in line.told(RecordRefused)] == ["Timeout"] * 3
    line.disconnect()
    assert len(line.told(CsmsLost)) == 1


def test_a_message_that_we_cannot_write_is_noted_and_refused() -> None:
    """R11: a mistake of ours never goes out and never ends the program."""
    line = ready()
    broken = started()
    object.__setattr__(broken, "meter_start_wh", 1000.5)
    line.effect(send(broken, csms_id=None))
    assert line.calls() == []
    assert "message.made_invalid" in line.noted()
    assert [e.code for e in line.told(RecordRefused)] == ["InternalError"]


def test_records_are_written_when_they_are_sent() -> None:
    """Q7: a time that became known meanwhile is used."""
    line = ready(milliseconds=False)
    line.view.clock.known = False
    line.effect(send(ended()))
    line.answer({})
    line.view.clock.known = True
    line.effect(send(ended()))
    assert [call["timestamp"] for call in line.calls()] == [
        "2026-11-24T10:00:00Z",
        "2026-11-24T10:02:00Z",
    ]
