"""Programs that die at any instant: one start and one end per transaction, in order, to the Wh."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.effects import Effect
from chargepoint.station.records import (
    IdToken,
    ReadingContext,
    Record,
    StopReason,
    TransactionEnded,
    TransactionId,
    TransactionStarted,
)
from tests.station.world import World

OFFLINE_OK = {("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}


# --- What goes on and what ends -------------------------------------------------------------------


def test_a_transaction_outlives_the_agent() -> None:
    """X8: the safety program kept charging, so it goes on under the same id."""
    world = World()
    world.charging()
    before = world.starts[0].transaction
    world.forget()
    world.kill_agent()
    assert world.grant().permitted
    assert "transaction.resumed" in world.notes
    world.accept()
    world.card("04A1")
    world.wait(2.0)
    assert [end.transaction for end in world.ends] == [before]
    assert world.ends[0].meter_stop_wh == math.floor(world.evses[1].energy_wh)


def test_the_permission_is_kept_while_nothing_is_known_yet() -> None:
    """A lease that is revoked at the restart of the agent would end the charge."""
    world = World()
    world.charging()
    permitted: list[bool] = []
    start = world.start

    world.before_effect = lambda effect: permitted.append(world.grant().permitted)
    world.kill_agent()
    assert start
    assert permitted
    assert all(permitted)
    assert world.evses[1].closed


def test_a_transaction_outlives_the_safety_program_alone() -> None:
    world = World()
    world.charging()
    world.kill_control()
    assert world.state() is State.CHARGING
    world.card("04A1")
    world.wait(2.0)
    assert (len(world.starts), len(world.ends)) == (1, 1)


def test_a_stop_holds_over_a_restart_of_the_agent_before_the_end() -> None:
    """Nobody charges on whom a card, or the CSMS, has stopped."""
    world = World()
    world.charging()
    world.board_silent(1)
    world.card("04A1")
    world.kill_agent(away_s=5.0)
    world.accept()
    world.wait(1.0)
    assert (world.ends, world.grant().permitted) == ([], False)
    world.watchdog_ran_out(1)
    world.wait(2.0)
    (end,) = world.ends
    assert (end.reason, end.id_token) == (StopReason.LOCAL, IdToken(value="04A1"))
    assert end.meter_stop_wh == math.floor(world.evses[1].energy_wh)


def test_both_programs_gone_end_it_as_a_power_loss_with_the_meters_register() -> None:
    """X8, TC_032_2."""
    world = World()
    world.charging()
    world.kill_both()
    world.accept()
    world.wait(3.0)
    (end,) = world.ends
    assert end.reason is StopReason.POWER_LOSS
    assert end.meter_stop_wh == math.floor(world.evses[1].energy_wh)
    assert not world.grant().permitted
    assert world.state() is State.FINISHING


def test_what_flows_until_the_contactor_is_open_belongs_to_the_transaction_that_was_lost() -> None:
    """Both programs come back while the board is still silent: it has not opened yet."""
    world = World()
    world.charging()
    world.kill_both(away_s=2.0)
    world.evses[1].closed = True
    world.board_silent(1)
    world.accept()
    world.wait(6.0)
    assert world.ends == []
    world.watchdog_ran_out(1)
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.POWER_LOSS]
    assert world.ends[0].meter_stop_wh == math.floor(world.evses[1].energy_wh)


def test_after_a_power_loss_the_end_has_the_last_known_time() -> None:
    """X8, TC_032_2: the record's stamp is of the earlier boot, and still becomes a wall time."""
    world = World()
    world.charging()
    lost_s = world.now_s
    world.kill_both(host=True)
    world.accept()
    world.wait(2.0)
    (end,) = world.ends
    assert end.stamp.boot == "host-1"
    assert lost_s - 61.0 <= end.stamp.at_s <= lost_s
    wall = world.station.clock.wall(end.stamp)
    assert wall is not None
    assert wall.isoformat().startswith("2026-11-24T08:17")
    assert end.samples[-1].stamp == end.stamp


def test_after_a_power_loss_a_register_that_cannot_be_is_not_billed() -> None:
    """DESIGN, meter guard: the checkpoint is the last good value."""
    world = World()
    world.charging()
    billed = math.floor(world.evses[1].energy_wh)
    world.evses[1].energy_wh = 9_999_999.0
    world.kill_both(host=True)
    world.accept()
    world.wait(2.0)
    (end,) = world.ends
    assert billed - 200 <= end.meter_stop_wh <= billed


def test_after_a_power_loss_without_a_meter_the_checkpoint_counts() -> None:
    world = World()
    world.charging()
    world.evses[1].metered = False
    world.kill_both(host=True)
    world.accept()
    world.wait(31.0)
    (end,) = world.ends
    assert end.reason is StopReason.POWER_LOSS
    assert end.meter_stop_wh >= world.starts[0].meter_start_wh


def test_a_vehicle_that_left_while_the_agent_was_away_ends_it() -> None:
    world = World()
    world.charging()
    it = world.evses[1]
    it.connected, it.closed, it.phase = False, False, ev.EvsePhase.IDLE
    world.kill_agent()
    world.accept()
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.EV_DISCONNECTED]


def test_another_vehicle_plugged_in_meanwhile_is_another_session() -> None:
    world = World()
    world.charging()
    world.evses[1].plug_in += 1
    world.kill_agent()
    world.accept()
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.EV_DISCONNECTED]


def test_an_orderly_stop_of_the_program_brings_the_state_to_the_disk() -> None:
    world = World()
    world.charging()
    world.forget()
    world.tell(ev.StopAsked(at_s=world.now_s))
    puts = [put for put in world.of(ef.Put) if put.space == "transactions"]
    assert [put.durable for put in puts] == [True]


def test_samples_for_the_end_survive_the_agent() -> None:
    """E4: begin, what was in between, and end."""
    world = World()
    world.charging()
    world.wait(120.0, step_s=5.0)
    world.kill_agent()
    world.accept()
    world.card("04A1")
    world.wait(2.0)
    contexts = [sample.context for sample in world.ends[0].samples]
    assert contexts[0] is ReadingContext.TRANSACTION_BEGIN
    assert contexts[-1] is ReadingContext.TRANSACTION_END
    assert contexts.count(ReadingContext.SAMPLE_PERIODIC) == 3
    assert world.store.spaces.get("samples", {}) == {}


def test_numbers_within_a_transaction_grow_across_a_restart() -> None:
    """csms-quirks 12: seqNo strictly growing per transaction."""
    world = World()
    world.charging()
    world.kill_agent()
    world.accept()
    world.wait(120.0, step_s=5.0)
    world.card("04A1")
    world.wait(2.0)
    numbers = [record.number for record in world.delivered if not isinstance(record, str)]  # type: ignore[union-attr]
    assert numbers == sorted(set(numbers))


# --- Killed at every effect -----------------------------------------------------------------------


class Killed(Exception):
    """The agent died before this effect."""


def story(world: World) -> None:
    """Two sessions, one of them begun offline, with a link that comes and goes."""
    world.away()
    world.plug_in()
    world.card("04A1")
    world.wait(70.0, step_s=10.0)
    world.accept()
    world.wait(70.0, step_s=10.0)
    world.card("04A1")
    world.wait(2.0)
    world.unplug()
    world.away()
    world.plug_in()
    world.card("04B2")
    world.wait(70.0, step_s=10.0)
    world.unplug()
    world.wait(2.0)
    world.accept()


Kill = tuple[int, str]
"""Before which effect since the last kill, and what dies: `agent`, `both` programs, the `power`."""

HOW = ("agent", "both", "power")


def run(*kills: Kill) -> tuple[World, int]:
    """The story with `kills`; effects that were carried out before the first of them."""
    world = World(variables=OFFLINE_OK)
    left = list(kills)
    count = total = 0

    def before(effect: Effect) -> None:
        nonlocal count
        count += 1
        if left and count == left[0][0]:
            raise Killed

    world.before_effect = before
    act = story
    while True:
        try:
            act(world)
            return world, total or count
        except Killed:
            total, count = total or count, 0
            how = left.pop(0)[1]
            act = {"agent": after_agent, "both": after_both, "power": after_power}[how]


def after_agent(world: World) -> None:
    world.kill_agent()
    come_to_an_end(world)


def after_both(world: World) -> None:
    world.kill_both()
    come_to_an_end(world)


def after_power(world: World) -> None:
    world.kill_both(host=True)
    come_to_an_end(world)


def come_to_an_end(world: World) -> None:
    world.accept()
    world.unplug()
    world.wait(40.0)


def books_are_right(world: World) -> None:
    """One start and one end per transaction, in order, nothing left behind."""
    seen: dict[TransactionId, list[Record]] = {}
    for record in world.delivered:
        assert not hasattr(record, "kind")
        seen.setdefault(record.transaction, []).append(record)  # type: ignore[union-attr]
    for records in seen.values():
        unique = list(dict.fromkeys(record.sequence for record in records))
        by_sequence = {record.sequence: record for record in records}
        kinds = [type(by_sequence[sequence]) for sequence in unique]
        assert kinds.count(TransactionStarted) == 1
        assert kinds[0] is TransactionStarted
        assert kinds.count(TransactionEnded) == 1
        assert kinds[-1] is TransactionEnded
        start, end = records[0], records[-1]
        assert isinstance(start, TransactionStarted)
        assert isinstance(end, TransactionEnded)
        assert end.meter_stop_wh >= start.meter_start_wh
    order = list(dict.fromkeys(record.sequence for record in world.delivered))
    assert order == sorted(order)
    assert world.store.records == {}
    assert world.store.spaces.get("transactions", {}) == {}


TOTAL = run()[1]


@pytest.mark.parametrize("how", HOW)
def test_killed_before_any_effect_the_books_are_right(how: str) -> None:
    """X8, Q1, Q7, Q8: restored from what the store had been given up to that instant."""
    assert TOTAL > 50
    for kill_at in range(1, TOTAL + 1):
        books_are_right(run((kill_at, how))[0])


@settings(max_examples=150, deadline=None)
@given(kills=st.lists(st.tuples(st.integers(1, 40), st.sampled_from(HOW)), min_size=2, max_size=4))
def test_killed_again_and_again_the_books_are_right(kills: list[Kill]) -> None:
    """The same with several deaths, also in the middle of coming back."""
    books_are_right(run(*kills)[0])
