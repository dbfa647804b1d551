"""What the CSMS may ask besides charging: availability, unlock, reset."""

from __future__ import annotations

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.effects import Verdict
from chargepoint.station.events import ResetKind
from chargepoint.station.records import SecurityEventHappened, StopReason, TransactionEnded
from tests.station.world import World

OFFLINE_OK = {("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}


# --- Availability (7.1) ---------------------------------------------------------------------------


def test_an_idle_connector_changes_at_once() -> None:
    """7.1, A8, H1."""
    world = World(evses=2)
    assert world.operative(1, False) is Verdict.ACCEPTED
    assert (world.state(1), world.state(2)) == (State.UNAVAILABLE, State.AVAILABLE)
    assert not world.grant(1).operative
    assert world.operative(1, True) is Verdict.ACCEPTED
    assert world.state(1) is State.AVAILABLE


def test_a_change_to_the_same_state_is_accepted_and_tells_nothing() -> None:
    """7.1."""
    world = World()
    world.forget()
    assert world.operative(1, True) is Verdict.ACCEPTED
    assert [type(effect) for effect in world.effects] == [ef.Answer]


def test_a_transaction_finishes_first_and_no_new_one_sneaks_in() -> None:
    """7.1, C8."""
    world = World()
    world.charging()
    assert world.operative(1, False) is Verdict.SCHEDULED
    assert world.grant().operative
    assert world.state() is State.CHARGING
    world.card("04A1")
    world.wait(2.0)
    assert world.state() is State.UNAVAILABLE
    assert not world.grant().operative
    world.card("04A1")
    assert len(world.starts) == 1


def test_a_scheduled_change_can_be_taken_back() -> None:
    """7.1."""
    world = World()
    world.charging()
    world.operative(1, False)
    assert world.operative(1, True) is Verdict.ACCEPTED
    world.card("04A1")
    world.wait(2.0)
    assert world.state() is State.FINISHING


def test_evse_0_is_the_station_and_every_evse() -> None:
    """7.1, S10: those with a transaction follow later."""
    world = World(evses=2)
    world.charging(1)
    assert world.operative(0, False) is Verdict.SCHEDULED
    assert world.state(0) is State.UNAVAILABLE
    assert (world.state(1), world.state(2)) == (State.CHARGING, State.UNAVAILABLE)
    world.unplug(1)
    world.wait(2.0)
    assert world.state(1) is State.UNAVAILABLE
    assert world.operative(0, True) is Verdict.ACCEPTED
    assert [world.state(evse) for evse in (0, 1, 2)] == [State.AVAILABLE] * 3


def test_one_evse_stays_unavailable_while_the_station_is() -> None:
    """7.1 (practice)."""
    world = World(evses=2)
    world.operative(0, False)
    assert world.operative(1, True) is Verdict.ACCEPTED
    assert world.state(1) is State.UNAVAILABLE


def test_a_connector_that_does_not_exist_is_rejected() -> None:
    """7.1."""
    assert World().operative(7, False) is Verdict.REJECTED


def test_preparing_becomes_unavailable_and_forgets_its_leave() -> None:
    """7.1."""
    world = World()
    world.remote_start("A")
    world.operative(1, False)
    assert world.state() is State.UNAVAILABLE
    world.operative(1, True)
    world.plug_in()
    assert world.starts == []


def test_unavailable_survives_a_restart() -> None:
    """S9, Z3, TC_034."""
    world = World()
    world.operative(1, False)
    world.kill_both(host=True)
    assert world.state() is State.UNAVAILABLE
    assert not world.grant().operative


# --- Unlock (7.3) ---------------------------------------------------------------------------------


def unlock(world: World, evse: int = 1) -> Verdict | None:
    return world.ask(lambda call: ev.UnlockRequested(call=call, evse=evse, at_s=world.now_s))


def finish(world: World, unlocked: bool) -> None:
    (effect,) = world.of(ef.UnlockConnector)
    world.tell(
        ev.UnlockFinished(
            evse=effect.evse, request=effect.request, unlocked=unlocked, at_s=world.now_s
        )
    )


def test_a_fixed_cable_cannot_be_unlocked() -> None:
    """7.3, TC_017_2, TC_018_2: and nothing is stopped."""
    world = World()
    assert unlock(world) is Verdict.NOT_SUPPORTED
    world.charging()
    assert unlock(world) is Verdict.NOT_SUPPORTED
    assert world.grant().permitted
    assert unlock(world, 9) is Verdict.NOT_SUPPORTED


def test_the_lock_decides_the_answer() -> None:
    """7.3, TC_017_1, TC_030."""
    for unlocked, verdict in ((True, Verdict.UNLOCKED), (False, Verdict.UNLOCK_FAILED)):
        world = World(socket=True)
        world.plug_in()
        assert unlock(world) is None
        finish(world, unlocked)
        assert world.verdict("call-1") is verdict


def test_a_transaction_ends_before_its_lock_is_released() -> None:
    """7.3, section 4.2, TC_018_1."""
    world = World(socket=True)
    world.charging()
    assert unlock(world) is None
    assert world.of(ef.UnlockConnector) == []
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.UNLOCK_COMMAND]
    finish(world, True)
    assert world.verdict("call-1") is Verdict.UNLOCKED


def test_an_unlock_without_an_outcome_is_answered_in_time() -> None:
    world = World(socket=True)
    world.plug_in()
    unlock(world)
    world.wait(26.0)
    assert world.verdict("call-1") is Verdict.UNLOCK_FAILED


def test_without_the_safety_program_nothing_can_be_unlocked() -> None:
    world = World(socket=True)
    world.tell(ev.ControlLost(at_s=world.now_s))
    assert unlock(world) is Verdict.UNLOCK_FAILED


# --- Reset (7.4) ----------------------------------------------------------------------------------


def test_a_soft_reset_ends_delivers_and_restarts() -> None:
    """Z1, Z2, TC_016."""
    world = World()
    world.charging()
    world.forget()
    assert world.reset(ResetKind.SOFT) is Verdict.ACCEPTED
    assert isinstance(world.effects[0], ef.Answer)
    assert world.of(ef.Restart) == []
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.SOFT_RESET]
    assert [restart.kind for restart in world.of(ef.Restart)] == [ResetKind.SOFT]
    assert world.store.records == {}


def test_a_soft_reset_waits_for_the_csms_only_so_long() -> None:
    """Z2."""
    world = World()
    world.charging()
    world.csms.answers = False
    world.reset(ResetKind.SOFT)
    world.wait(59.0)
    assert world.of(ef.Restart) == []
    world.wait(2.0)
    assert len(world.of(ef.Restart)) == 1


def test_a_soft_reset_without_a_link_waits_for_nobody() -> None:
    world = World(online=False, variables=OFFLINE_OK)
    world.charging()
    world.reset(ResetKind.SOFT)
    world.wait(4.0)
    assert len(world.of(ef.Restart)) == 1


def test_a_hard_reset_stores_the_ends_before_it_restarts() -> None:
    """Z2, TC_015: they are delivered after the boot."""
    world = World()
    world.charging()
    world.csms.answers = False
    world.forget()
    world.reset(ResetKind.HARD)
    world.wait(12.0)
    ends = [each for each in world.of(ef.Append) if isinstance(each.record, TransactionEnded)]
    assert [(each.durable, each.record.reason) for each in ends] == [  # type: ignore[union-attr]
        (True, StopReason.HARD_RESET)
    ]
    (restart,) = world.of(ef.Restart)
    assert world.effects.index(ends[0]) < world.effects.index(restart)
    world.csms.answers = True
    world.kill_both()
    world.accept()
    assert len(world.ends) == 1


def test_a_hard_reset_overtakes_a_soft_one() -> None:
    world = World()
    world.charging()
    world.csms.answers = False
    world.reset(ResetKind.SOFT)
    world.reset(ResetKind.HARD)
    world.wait(12.0)
    assert [restart.kind for restart in world.of(ef.Restart)] == [ResetKind.HARD]
    world.wait(100.0, step_s=10.0)
    assert len(world.of(ef.Restart)) == 1


def test_no_energy_flows_beyond_the_end_that_a_hard_reset_stored() -> None:
    """E16, Z2: the register of the end is read after the contactor has opened."""
    world = World()
    world.charging()
    world.csms.answers = False
    world.reset(ResetKind.HARD)
    assert world.of(ef.Restart) == []
    assert [grant.permitted for grant in world.station.grants(world.now_s)] == [False]
    world.wait(12.0)
    (end,) = [r for r in world.of(ef.Append) if isinstance(r.record, TransactionEnded)]
    assert isinstance(end.record, TransactionEnded)
    assert end.record.meter_stop_wh == int(world.evses[1].energy_wh)


def test_nothing_new_starts_while_a_reset_is_coming() -> None:
    world = World(evses=2)
    world.charging(1)
    world.csms.answers = False
    world.set("AuthCtrlr", "AuthorizeRemoteStart", "false")
    world.reset(ResetKind.SOFT)
    world.plug_in(2)
    assert world.remote_start("B", 2) is Verdict.REJECTED


def test_a_start_and_a_reset_are_security_events() -> None:
    """Z5, section 11.5."""
    world = World()
    world.reset(ResetKind.SOFT)
    kinds = [r.kind for r in world.csms.records if isinstance(r, SecurityEventHappened)]
    assert kinds == ["StartupOfTheDevice", "ResetOrReboot"]
