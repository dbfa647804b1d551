"""What is kept of ended transactions, and refused records that are sent again."""

from __future__ import annotations

from chargepoint.station import events as ev
from chargepoint.station.history import KEPT_MAX
from chargepoint.station.history import SPACE as HISTORY
from chargepoint.station.records import (
    Record,
    SecurityEventHappened,
    Stamp,
    StopReason,
    TransactionEnded,
    TransactionStarted,
)
from tests.station.world import FIRST_CSMS_ID, World


def session(world: World, token: str = "04A1") -> None:
    """One whole charge."""
    world.charging(token=token)
    world.card(token)
    world.wait(10.0)
    world.unplug()
    world.wait(5.0)


def refused(world: World) -> list[Record]:
    return [record for record, _ in world.store.quarantined.values()]


def resend(world: World, *records: Record) -> str:
    problem = world.station.resending.problem(records)
    world.tell(ev.ResendRequested(records=tuple(records), at_s=world.now_s))
    world.wait(5.0)
    return problem


def test_an_ended_transaction_is_kept_with_masked_token_and_the_number_of_the_csms() -> None:
    world = World()
    session(world, "04A1B2C3")
    (text,) = world.store.spaces[HISTORY].values()
    assert '"token":"…B2C3"' in text
    assert "04A1B2C3" not in text
    assert f'"csms_id":{FIRST_CSMS_ID}' in text
    assert '"reason":"Local"' in text


def test_the_number_of_a_transaction_that_ended_offline_is_added_when_it_comes() -> None:
    world = World(variables={("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"})
    world.away()
    session(world)
    (text,) = world.store.spaces[HISTORY].values()
    assert '"csms_id":null' in text
    world.accept()
    world.wait(5.0)
    (text,) = world.store.spaces[HISTORY].values()
    assert f'"csms_id":{FIRST_CSMS_ID}' in text


def test_only_so_many_transactions_are_kept() -> None:
    world = World()
    for _ in range(3):
        session(world)
    first, *_ = sorted(world.store.spaces[HISTORY], key=int)
    kept = {str(int(first) + n): world.store.spaces[HISTORY][first] for n in range(KEPT_MAX)}
    world.store.spaces[HISTORY] = kept
    world.store.last_sequence = int(first) + KEPT_MAX
    world.kill_agent()
    world.accept()
    session(world)
    assert len(world.store.spaces[HISTORY]) == KEPT_MAX
    assert first not in world.store.spaces[HISTORY]


def test_a_refused_end_is_sent_again_with_the_number_of_its_transaction() -> None:
    """Q4: what is refused is kept, and can be delivered later."""
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.csms.refuses[TransactionEnded] = "InternalError"
    session(world)
    (end,) = refused(world)
    world.csms.refuses.clear()
    assert resend(world, end) == ""
    assert world.store.quarantined == {}
    assert [record.transaction for record in world.ends] == [world.starts[0].transaction]
    assert world.csms.used_ids[-1] == FIRST_CSMS_ID


def test_with_a_refused_start_its_end_is_sent_once_more_under_the_new_number() -> None:
    """Q6: the end that was delivered without a number does not close the new transaction."""
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.csms.refuses[TransactionStarted] = "InternalError"
    session(world)
    assert world.csms.given_up[-1]
    (start,) = refused(world)
    world.csms.refuses.clear()
    assert resend(world, start) == ""
    assert len(world.starts) == 1
    first, second = world.ends
    assert (second.meter_stop_wh, second.reason) == (first.meter_stop_wh, StopReason.LOCAL)
    assert second.stamp == first.stamp
    assert world.csms.used_ids[-1] == FIRST_CSMS_ID


def test_a_start_of_a_transaction_that_still_runs_is_followed_by_its_own_end_only() -> None:
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.csms.refuses[TransactionStarted] = "InternalError"
    world.charging()
    (start,) = refused(world)
    world.csms.refuses.clear()
    resend(world, start)
    world.card("04A1")
    world.wait(10.0)
    assert len(world.ends) == 1
    assert world.csms.used_ids[-1] == FIRST_CSMS_ID


def test_a_record_is_sent_again_only_once() -> None:
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.csms.refuses[TransactionEnded] = "InternalError"
    session(world)
    (end,) = refused(world)
    world.csms.refuses.clear()
    world.away()
    resend(world, end)
    assert "waits to be sent already" in resend(world, end)
    world.accept()
    world.wait(5.0)
    assert len(world.ends) == 1


def test_a_record_of_a_forgotten_boot_is_not_queued_as_it_would_hold_up_the_others() -> None:
    world = World()
    strange = SecurityEventHappened(
        sequence=1, kind="StartupOfTheDevice", stamp=Stamp(boot="long ago", at_s=1.0)
    )
    assert "not known any more" in resend(world, strange)
    assert strange.stamp not in [record.stamp for record in world.store.records.values()]


def test_a_resend_survives_a_kill_of_the_agent_between_asking_and_sending() -> None:
    world = World(variables={("OCPPCommCtrlr", "MessageAttempts"): "1"})
    world.csms.refuses[TransactionEnded] = "InternalError"
    session(world)
    (end,) = refused(world)
    world.csms.refuses.clear()
    world.away()
    resend(world, end)
    world.kill_agent()
    world.accept()
    world.wait(5.0)
    assert len(world.ends) == 1
    place = world.csms.records.index(world.ends[0])
    assert world.csms.used_ids[place] == FIRST_CSMS_ID
