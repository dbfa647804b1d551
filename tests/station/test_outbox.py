"""Records on their way: order, attempts, quarantine, ids, and ten thousand of them."""

from __future__ import annotations

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.outbox import WAITING_MAX, WINDOW
from chargepoint.station.records import (
    SecurityEventHappened,
    StopReason,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from tests.station.world import FIRST_CSMS_ID, World

OFFLINE_OK = {("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}


def sent(world: World) -> list[ef.SendRecord]:
    return world.of(ef.SendRecord)


def test_records_leave_in_order_one_at_a_time() -> None:
    """Q1: the second is not sent before the first is answered."""
    world = World()
    world.csms.answers = False
    world.set("AuthCtrlr", "AuthorizeRemoteStart", "false")
    world.plug_in()
    world.forget()
    world.remote_start("A")
    world.wait(130.0, step_s=10.0)
    (first,) = sent(world)
    assert isinstance(first.record, TransactionStarted)
    world.csms.answers = True
    world.tell(
        ev.RecordAcknowledged(
            sequence=first.record.sequence, at_s=world.now_s, csms_transaction_id=7
        )
    )
    sequences = [each.record.sequence for each in sent(world)]
    assert sequences == sorted(set(sequences))
    assert len(sequences) > 2
    assert {each.csms_transaction_id for each in sent(world)[1:]} == {7}


def test_nothing_leaves_while_the_csms_has_not_accepted_us() -> None:
    """Q3."""
    world = World(online=False, variables=OFFLINE_OK)
    world.charging()
    assert sent(world) == []
    world.accept()
    assert [type(record) for record in world.delivered][:2] == [
        TransactionStarted,
        TransactionUpdated,
    ]


def test_a_whole_session_without_the_csms_arrives_later_in_order() -> None:
    """Q1, Q7, TC_039: with the id that the CSMS gives only then."""
    world = World(online=False, variables=OFFLINE_OK)
    world.charging()
    world.unplug()
    world.wait(2.0)
    world.accept()
    sequences = [record.sequence for record in world.delivered]
    assert sequences == sorted(sequences)
    assert isinstance(world.delivered[0], TransactionStarted)
    assert isinstance(world.delivered[-1], TransactionEnded)
    assert world.starts[0].offline
    assert world.csms.used_ids[-1] == FIRST_CSMS_ID


def test_a_start_without_the_csms_is_delivered_while_the_vehicle_charges() -> None:
    """Q6, TC_037_1."""
    world = World(online=False, variables=OFFLINE_OK)
    world.charging()
    world.accept()
    world.card("04A1")
    world.wait(2.0)
    assert (len(world.starts), len(world.ends)) == (1, 1)
    assert not world.ends[0].offline


def test_a_refusal_is_repeated_after_growing_waits() -> None:
    """Q4: before try k+1 the interval times k."""
    world = World()
    world.csms.refuses[TransactionStarted] = "InternalError"
    world.plug_in()
    world.forget()
    world.card("04A1")
    begun_s = world.now_s
    tries: list[float] = []
    world.before_effect = lambda effect: (
        tries.append(world.now_s - begun_s)
        if isinstance(effect, ef.SendRecord) and isinstance(effect.record, TransactionStarted)
        else None
    )
    world.wait(200.0, step_s=10.0)
    assert tries == [60.0, 180.0]


def test_a_record_that_is_refused_for_good_is_quarantined_and_the_queue_goes_on() -> None:
    """Q4, Q10, csms-quirks Q10."""
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "2"})
    world.csms.refuses[TransactionEnded] = "PropertyConstraintViolation"
    world.charging()
    world.unplug()
    world.wait(62.0)
    ((record, code),) = world.store.quarantined.values()
    assert isinstance(record, TransactionEnded)
    assert code == "PropertyConstraintViolation"
    world.csms.refuses.clear()
    world.charging()
    world.unplug()
    world.wait(2.0)
    assert len(world.ends) == 1
    assert world.store.records == {}
    assert "record.quarantined" in world.notes


def test_after_a_start_that_is_given_up_the_rest_says_so() -> None:
    """Q6, errata 3.18."""
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.csms.refuses[TransactionStarted] = "InternalError"
    world.charging()
    world.kill_agent()
    world.accept()
    world.unplug()
    world.wait(2.0)
    (end,) = world.ends
    assert world.csms.given_up[world.csms.records.index(end)]
    assert world.csms.used_ids[-1] is None


def test_a_link_that_breaks_is_no_attempt() -> None:
    """Q5: content stays the same (Q8)."""
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.set("AuthCtrlr", "AuthorizeRemoteStart", "false")
    world.csms.answers = False
    world.plug_in()
    world.forget()
    world.remote_start("A")
    for _ in range(5):
        (first, *_) = sent(world)
        sequence = first.record.sequence
        world.tell(ev.RecordReturned(sequence=sequence, at_s=world.now_s))
        world.away()
        world.accept()
    assert {each.record for each in sent(world)} == {first.record}
    assert world.store.quarantined == {}


def test_a_passing_refusal_is_no_attempt_and_is_repeated_after_a_pause() -> None:
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.csms.answers = False
    world.set("AuthCtrlr", "AuthorizeRemoteStart", "false")
    world.plug_in()
    world.forget()
    world.remote_start("A")
    sequence = sent(world)[0].record.sequence
    world.tell(ev.RecordRefused(sequence=sequence, at_s=world.now_s, code="NotYet", counts=False))
    assert len(sent(world)) == 1
    world.wait(6.0)
    assert len(sent(world)) == 2


def test_security_events_that_the_csms_does_not_know_are_kept_aside_at_once() -> None:
    """csms-quirks Q11: noted once, and no transaction waits for it."""
    world = World(online=False)
    world.csms.refuses[SecurityEventHappened] = "NotSupported"
    world.accept()
    world.kill_agent()
    world.forget()
    world.accept()
    world.charging()
    assert len(world.starts) == 1
    assert len(world.store.quarantined) == 2
    assert world.notes.count("record.not_supported") == 1


def test_an_answer_to_something_else_changes_nothing() -> None:
    world = World()
    world.plug_in()
    world.tell(ev.RecordAcknowledged(sequence=9999, at_s=world.now_s))
    world.tell(ev.RecordRefused(sequence=9999, at_s=world.now_s, code="X"))
    assert world.store.quarantined == {}


@pytest.mark.parametrize("number", [0, -5, 2**31 - 1])
def test_any_integer_is_a_transaction_id(number: int) -> None:
    """Q6, csms-quirks Q12."""
    world = World()
    world.csms.ids = {}
    world.plug_in()
    world.csms.answers = False
    world.set("AuthCtrlr", "AuthorizeRemoteStart", "false")
    world.remote_start("A")
    sequence = sent(world)[-1].record.sequence
    world.csms.answers = True
    world.tell(
        ev.RecordAcknowledged(sequence=sequence, at_s=world.now_s, csms_transaction_id=number)
    )
    assert world.remote_stop(number) is ef.Verdict.ACCEPTED


def test_the_id_of_a_transaction_is_kept_until_its_last_record_is_gone() -> None:
    """Q7: also after a restart."""
    world = World()
    world.charging()
    assert list(world.store.spaces["csms_ids"]) == [world.starts[0].transaction]
    world.kill_agent()
    world.accept()
    assert world.remote_stop(FIRST_CSMS_ID) is ef.Verdict.ACCEPTED
    world.wait(2.0)
    assert world.ends[0].reason is StopReason.REMOTE
    assert world.csms.used_ids[-1] == FIRST_CSMS_ID
    assert world.store.spaces["csms_ids"] == {}


def test_ten_thousand_records_wait_without_being_held_in_memory() -> None:
    """Few at hand, all delivered, in order."""
    world = World(online=False, variables=OFFLINE_OK | {SAMPLED: "1"})
    world.charging()
    world.wait(WAITING_MAX - 400.0, step_s=10.0)
    waiting = len(world.store.records)
    assert WAITING_MAX * 0.9 < waiting < WAITING_MAX
    assert world.station.overview(world.now_s).ledger.waiting == waiting
    assert len(world.station._outbox._window) <= WINDOW
    world.accept()
    sequences = [record.sequence for record in world.csms.records]
    assert len(sequences) == waiting
    assert sequences == sorted(sequences)
    assert world.store.records == {}


SAMPLED = ("SampledDataCtrlr", "TxUpdatedInterval")


def test_when_too_many_wait_samples_are_thinned_and_nothing_else() -> None:
    """Q9."""
    world = World(online=False, variables=OFFLINE_OK | {SAMPLED: "1"})
    world.charging()
    world.wait(WAITING_MAX + 500.0, step_s=10.0)
    assert "outbox.thinned" in world.notes
    assert len(world.store.records) < WAITING_MAX * 0.6
    world.unplug()
    world.wait(2.0)
    world.accept()
    assert (len(world.starts), len(world.ends)) == (1, 1)
    assert world.store.records == {}
    assert world.station.overview(world.now_s).ledger.waiting == 0


def test_an_hour_of_charging_writes_little() -> None:
    """DESIGN 5: an SD card; at most 100 kB, and few flushes."""
    world = World()
    world.plug_in()
    world.card("04A1")
    before = world.store.written_bytes
    world.forget()
    world.wait(3600.0, step_s=10.0)
    world.card("04A1")
    world.wait(2.0)
    records = sum(700 for _ in world.of(ef.Append))
    assert world.store.written_bytes - before + records < 150_000
    durable = [effect for effect in world.effects if getattr(effect, "durable", False)]
    flushed = [effect for effect in durable if isinstance(effect, ef.Put)]
    assert len(flushed) <= 7
    assert sum(len(put.value) for put in flushed) < 30_000
