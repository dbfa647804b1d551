"""Certification cases that no other test tells as a whole."""

from __future__ import annotations

import pytest

from chargepoint import catalog
from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.effects import Verdict
from chargepoint.station.events import ResetKind
from chargepoint.station.records import StopReason, TokenStatus, Trigger
from tests.station.world import World

PRE_AUTHORIZE = {("AuthCtrlr", "LocalPreAuthorize"): "true"}
ANYBODY_OFFLINE = {("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}
CARD = "04A1"


def faults(world: World) -> list[tuple[State, str | None]]:
    reports = [each.report for each in world.of(ef.ReportConnector)]
    return [(report.state, report.fault) for report in reports if report.evse == 1]


# --- Boot and provisioning ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(ResetKind))
def test_an_idle_station_is_reset_at_once(kind: ResetKind) -> None:
    """Z1, TC_013, TC_014: answered, restarted, and free again."""
    world = World()
    world.forget()
    assert world.reset(kind) is Verdict.ACCEPTED
    assert isinstance(world.effects[0], ef.Answer)
    world.wait(12.0)
    assert [restart.kind for restart in world.of(ef.Restart)] == [kind]
    world.kill_both()
    world.accept()
    assert world.state() is State.AVAILABLE
    assert world.delivered == []


def test_a_fault_of_an_idle_connector_comes_and_goes() -> None:
    """TC_041."""
    world = World()
    world.forget()
    world.hazard(1, "rcd_tripped")
    world.hazard(1)
    assert faults(world) == [(State.FAULTED, "rcd_tripped"), (State.AVAILABLE, None)]
    world.charging()
    assert world.state() is State.CHARGING


# --- Sessions -------------------------------------------------------------------------------------


def learnt(world: World) -> World:
    """The cache knows the card, and nobody has been asked since."""
    world.card(CARD)
    world.card(CARD)
    world.forget()
    return world


def clear_cache(world: World) -> Verdict | None:
    return world.ask(lambda call: ev.ClearCacheRequested(call=call, at_s=world.now_s))


def test_a_remote_start_of_a_cached_token_asks_nobody() -> None:
    """A5, TC_007_2: with LocalPreAuthorize."""
    world = learnt(World(variables=PRE_AUTHORIZE))
    world.plug_in()
    assert world.remote_start(CARD) is Verdict.ACCEPTED
    assert world.of(ef.AskAuthorization) == []
    assert [start.trigger for start in world.starts] == [Trigger.REMOTE_START]


@pytest.mark.parametrize("remote", [False, True], ids=["TC_061_1", "TC_061_2"])
def test_after_the_cache_was_cleared_the_csms_is_asked(remote: bool) -> None:
    """TC_061_1, TC_061_2."""
    world = learnt(World(variables=PRE_AUTHORIZE))
    assert clear_cache(world) is Verdict.ACCEPTED
    world.plug_in()
    if remote:
        world.remote_start(CARD)
    else:
        world.card(CARD)
    assert [ask.id_token.value for ask in world.of(ef.AskAuthorization)] == [CARD]
    assert len(world.starts) == 1


def test_a_lock_that_fails_before_the_card_starts_nothing() -> None:
    """TC_024: Faulted by ConnectorLockFailure."""
    world = World(socket=True)
    world.plug_in()
    world.forget()
    world.hazard(1, "connector_not_locked")
    world.card(CARD)
    world.wait(200.0, step_s=10.0)
    assert faults(world) == [(State.FAULTED, "connector_not_locked")]
    assert catalog.entries()["connector_not_locked"].code_v16 == "ConnectorLockFailure"
    assert world.starts == []


def test_a_lock_that_fails_at_the_start_gives_no_energy_and_ends_in_time() -> None:
    """TC_024: locking comes before closing, so that nothing has flowed."""
    world = World(socket=True)
    world.evses[1].asks = False
    world.plug_in()
    world.card(CARD)
    world.hazard(1, "connector_not_locked")
    assert world.state() is State.FAULTED
    world.wait(700.0, step_s=10.0)
    (end,) = world.ends
    assert end.meter_stop_wh == world.starts[0].meter_start_wh


def test_a_remote_start_waits_for_the_plug() -> None:
    """TC_011_1."""
    world = World()
    assert world.remote_start("REMOTE") is Verdict.ACCEPTED
    assert world.starts == []
    world.wait(60.0)
    world.plug_in()
    assert [start.id_token.value for start in world.starts] == ["REMOTE"]
    assert world.states() == [State.AVAILABLE, State.PREPARING, State.CHARGING]


# --- Offline --------------------------------------------------------------------------------------


def test_samples_of_a_time_offline_arrive_with_their_own_times() -> None:
    """Q1, TC_036: in order, before what comes next."""
    world = World()
    world.plug_in()
    world.card(CARD)
    started_s = world.now_s
    world.wait(70.0)
    world.away()
    world.wait(120.0)
    assert len(world.updates) == 1
    world.accept()
    world.wait(60.0)
    taken = [update.samples[0].stamp.at_s - started_s for update in world.updates]
    assert taken == [60.0, 120.0, 180.0, 240.0]
    assert world.state() is State.CHARGING


@pytest.mark.parametrize(
    ("stops", "reasons", "state"),
    [
        ("false", [], State.SUSPENDED_EVSE),
        ("true", [StopReason.DE_AUTHORIZED], State.FINISHING),
    ],
    ids=["TC_037_2", "TC_037_3"],
)
def test_a_start_offline_is_turned_down_later(
    stops: str, reasons: list[StopReason], state: State
) -> None:
    """Section 4.3, TC_037_2, TC_037_3: the energy ends with the late answer."""
    variables = {**ANYBODY_OFFLINE, ("TxCtrlr", "StopTxOnInvalidId"): stops}
    world = World(online=False, variables=variables)
    world.csms.start_status = TokenStatus.INVALID
    world.charging()
    before_wh = world.evses[1].energy_wh
    assert world.state() is State.CHARGING
    world.accept()
    world.wait(5.0)
    assert [end.reason for end in world.ends] == reasons
    assert world.state() is state
    assert not world.evses[1].closed
    assert world.evses[1].energy_wh - before_wh < 1.0


def test_a_stop_offline_arrives_with_its_own_time() -> None:
    """TC_038: the same card needs nobody to be asked."""
    world = World()
    world.charging(token=CARD)
    world.away()
    world.wait(30.0)
    stopped_s = world.now_s
    world.card(CARD)
    world.wait(100.0)
    assert world.ends == []
    assert world.state() is State.FINISHING
    world.accept()
    (end,) = world.ends
    assert end.reason is StopReason.LOCAL
    assert end.stamp.at_s == pytest.approx(stopped_s, abs=2.0)
