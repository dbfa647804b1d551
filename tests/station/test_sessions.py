"""Whole sessions: how they start, how they end, and what the CSMS gets to hear of them."""

from __future__ import annotations

import math

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.effects import Verdict
from chargepoint.station.records import IdToken, StopReason, TokenInfo, TokenStatus, Trigger
from tests.station.world import FIRST_CSMS_ID, FIRST_WH, World

ACCEPTED = TokenStatus.ACCEPTED


def bill_is_right(world: World, evse: int = 1) -> None:
    end = next(end for end in world.ends if end.evse == evse)
    start = next(each for each in world.starts if each.transaction == end.transaction)
    assert start.meter_start_wh == math.floor(FIRST_WH)
    assert end.meter_stop_wh == math.floor(world.evses[evse].energy_wh)
    assert end.meter_stop_wh > start.meter_start_wh


# --- Starting -------------------------------------------------------------------------------------


def test_plug_first_then_card_starts_with_the_register_in_whole_wh() -> None:
    """X1, X2, E16, TC_003."""
    world = World()
    world.plug_in()
    assert world.state() is State.PREPARING
    world.card("04A1")
    (start,) = world.starts
    assert start.id_token == IdToken(value="04A1")
    assert start.meter_start_wh == 120_000
    assert start.trigger is Trigger.AUTHORIZED
    assert world.states() == [State.AVAILABLE, State.PREPARING, State.CHARGING]


def test_card_first_then_plug_starts() -> None:
    """X1, A2, TC_004_1."""
    world = World()
    world.card("04A1")
    assert world.state() is State.PREPARING
    assert world.starts == []
    world.wait(100.0)
    world.plug_in()
    assert [start.trigger for start in world.starts] == [Trigger.CABLE_PLUGGED_IN]
    assert world.state() is State.CHARGING


def test_card_first_without_a_vehicle_is_forgotten_after_the_connection_timeout() -> None:
    """X1, B1, TC_004_2."""
    world = World(variables={("TxCtrlr", "EVConnectionTimeOut"): "30"})
    world.card("04A1")
    world.wait(29.0)
    assert world.state() is State.PREPARING
    world.wait(2.0)
    assert world.state() is State.AVAILABLE
    world.plug_in()
    assert world.starts == []


def test_a_second_swipe_before_the_plug_gives_the_card_up() -> None:
    """B1."""
    world = World()
    world.card("04A1")
    world.card("04a1")
    assert world.state() is State.AVAILABLE
    world.plug_in()
    assert world.starts == []


def test_the_start_is_on_the_disk_before_power_is_permitted() -> None:
    """Q1, X3: state and record are written, durably, and only then the grant changes."""
    world = World()
    world.plug_in()
    seen: list[tuple[str, bool]] = []
    world.before_effect = lambda effect: seen.append((type(effect).__name__, world.evses[1].closed))
    world.card("04A1")
    assert seen.index(("Append", False)) < seen.index(("SendRecord", False))
    assert all(append.durable for append in world.of(ef.Append)[:2])


def test_a_refused_card_starts_nothing() -> None:
    """A5, TC_023_4."""
    world = World()
    world.csms.verdicts["04A1"] = TokenInfo(status=TokenStatus.BLOCKED)
    world.plug_in()
    world.card("04A1")
    assert world.starts == []
    assert world.state() is State.PREPARING
    assert "token.refused" in world.notes


def test_a_remote_start_is_answered_first_and_then_authorized() -> None:
    """A5, 5.11, TC_010."""
    world = World()
    world.plug_in()
    world.forget()
    assert world.remote_start("REMOTE", remote_start_id=7) is Verdict.ACCEPTED
    kinds = [type(effect) for effect in world.effects]
    assert kinds.index(ef.Answer) < kinds.index(ef.AskAuthorization)
    (start,) = world.starts
    assert (start.trigger, start.remote_start_id) == (Trigger.REMOTE_START, 7)


def test_a_remote_start_without_authorization_asks_nobody() -> None:
    """A5."""
    world = World(variables={("AuthCtrlr", "AuthorizeRemoteStart"): "false"})
    world.plug_in()
    world.remote_start("evcc")
    assert world.of(ef.AskAuthorization) == []
    assert len(world.starts) == 1


def test_a_remote_start_whose_token_is_refused_leaves_everything_as_it_was() -> None:
    """A5, TC_023_5."""
    world = World()
    world.csms.verdicts["evcc"] = TokenInfo(status=TokenStatus.INVALID)
    assert world.remote_start("evcc") is Verdict.ACCEPTED
    assert world.state() is State.AVAILABLE
    assert "remote_start.refused" in world.notes


def test_a_remote_start_waits_for_the_vehicle_only_as_long_as_the_connection_timeout() -> None:
    """TC_011_2."""
    world = World()
    world.remote_start("REMOTE")
    assert world.state() is State.PREPARING
    world.wait(121.0)
    assert world.state() is State.AVAILABLE
    world.plug_in()
    assert world.delivered == []


@pytest.mark.parametrize(
    ("name", "prepare"),
    [
        ("unknown evse", lambda world: None),
        ("charging", lambda world: world.charging(2)),
        ("unavailable", lambda world: world.operative(2, False)),
        ("faulted", lambda world: world.hazard(2, "rcd_tripped")),
    ],
)
def test_a_remote_start_that_cannot_succeed_is_rejected(name, prepare) -> None:  # type: ignore[no-untyped-def]
    """Table 3.2, RemoteStartTransaction, TC_026."""
    world = World(evses=2)
    prepare(world)
    assert world.remote_start("REMOTE", 9 if name == "unknown evse" else 2) is Verdict.REJECTED


def test_a_remote_start_without_an_evse_goes_where_a_vehicle_waits() -> None:
    """csms-quirks 7: first Preparing, else first Available, else Rejected."""
    world = World(evses=2)
    world.plug_in(2)
    assert world.remote_start("A", None) is Verdict.ACCEPTED
    assert world.starts[0].evse == 2
    assert world.remote_start("B", None) is Verdict.ACCEPTED
    world.plug_in(1)
    assert world.starts[1].evse == 1
    assert world.remote_start("C", None) is Verdict.REJECTED


def test_a_station_may_insist_on_a_vehicle_for_a_remote_start() -> None:
    world = World(remote_start_needs_vehicle=True)
    assert world.remote_start("A") is Verdict.REJECTED
    world.plug_in()
    assert world.remote_start("A") is Verdict.ACCEPTED


def test_a_local_start_asks_nobody() -> None:
    world = World(online=False)
    world.plug_in()
    world.tell(ev.LocalStartAsked(evse=1, id_token=IdToken(value="FREE"), at_s=world.now_s))
    assert world.grant().permitted


def test_an_evse_without_a_meter_charges_with_registers_of_zero() -> None:
    world = World(meters=False)
    world.charging()
    world.card("04A1")
    (end,) = world.ends
    assert (world.starts[0].meter_start_wh, end.meter_stop_wh, end.samples) == (0, 0, ())


# --- Stopping -------------------------------------------------------------------------------------


def test_the_same_card_again_stops_without_asking() -> None:
    """X5, section 4.2, TC_068."""
    world = World()
    world.charging()
    world.forget()
    world.card("04a1")
    world.wait(2.0)
    assert world.of(ef.AskAuthorization) == []
    (end,) = world.ends
    assert (end.reason, end.id_token) == (StopReason.LOCAL, IdToken(value="04a1"))
    assert world.state() is State.FINISHING
    bill_is_right(world)
    world.unplug()
    assert world.state() is State.AVAILABLE


def test_a_different_card_is_refused_and_charging_goes_on() -> None:
    """X5."""
    world = World()
    world.charging()
    world.card("OTHER")
    world.wait(5.0)
    assert world.ends == []
    assert world.grant().permitted
    assert "token.ignored" in world.notes


def test_a_card_of_the_same_group_stops() -> None:
    """X5, X6, TC_069."""
    world = World()
    for token in ("04A1", "04B2"):
        world.csms.verdicts[token] = TokenInfo(status=ACCEPTED, group="FLEET")
    world.charging()
    world.card("04B2")
    world.wait(2.0)
    assert world.ends[0].id_token == IdToken(value="04B2")


def test_a_card_whose_value_is_the_group_stops_nothing() -> None:
    """X6: a group is only ever compared with a group."""
    world = World()
    world.csms.verdicts["04A1"] = TokenInfo(status=ACCEPTED, group="FLEET")
    world.charging()
    world.card("FLEET")
    world.wait(2.0)
    assert world.ends == []


def test_offline_a_group_is_known_from_the_cache_only() -> None:
    """X7."""
    world = World()
    for token in ("04A1", "04B2"):
        world.csms.verdicts[token] = TokenInfo(status=ACCEPTED, group="FLEET")
    world.plug_in()
    world.card("04B2")
    world.card("04B2")
    world.wait(2.0)
    world.unplug()
    world.charging()
    world.away()
    world.card("STRANGER")
    assert world.grant().permitted
    world.card("04B2")
    assert not world.grant().permitted


def test_a_remote_stop_ends_and_a_second_one_is_rejected() -> None:
    """Table 3.2, RemoteStopTransaction; section 4.2, TC_012, TC_028."""
    world = World()
    world.charging()
    assert world.remote_stop(FIRST_CSMS_ID) is Verdict.ACCEPTED
    world.wait(2.0)
    (end,) = world.ends
    assert (end.reason, end.id_token) == (StopReason.REMOTE, None)
    assert world.remote_stop(FIRST_CSMS_ID) is Verdict.REJECTED
    bill_is_right(world)


def test_a_remote_stop_knows_our_own_id_too() -> None:
    world = World()
    world.charging()
    assert world.remote_stop(world.starts[0].transaction) is Verdict.ACCEPTED


def test_a_remote_stop_is_rejected_while_the_csms_id_is_not_known() -> None:
    """Q7."""
    world = World()
    world.csms.answers = False
    world.set("AuthCtrlr", "AuthorizeRemoteStart", "false")
    world.plug_in()
    world.remote_start("A")
    assert world.remote_stop(FIRST_CSMS_ID) is Verdict.REJECTED


@pytest.mark.parametrize("socket", [True, False])
def test_unplugging_ends_with_the_register_at_standstill(socket: bool) -> None:
    """S8, C1, section 4.2, TC_005_1, TC_005_2: without permission no plug is held."""
    world = World(socket=socket)
    unlocks = world.station.device_model.text("OCPPCommCtrlr", "UnlockOnEVSideDisconnect")
    assert unlocks == ("true" if socket else "false")
    world.charging()
    world.unplug()
    assert not world.grant().permitted
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.EV_DISCONNECTED]
    assert world.state() is State.AVAILABLE
    bill_is_right(world)


def test_a_cable_that_is_still_in_our_socket_is_finishing() -> None:
    """S8, C6, TC_005_1: told as unplugged at the car, then stopped, then free."""
    world = World(socket=True)
    world.charging()
    world.forget()
    world.unplug()
    report = world.of(ef.ReportConnector)[-1].report
    assert (report.state, report.info) == (State.FINISHING, "EV side disconnected")
    assert world.ends == []
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.EV_DISCONNECTED]
    assert world.states() == [State.FINISHING, State.AVAILABLE]
    assert world.of(ef.ReportConnector)[-1].report.info == ""


def test_available_is_never_reported_while_a_transaction_is_open() -> None:
    """csms-quirks 7: evcc forgets a transaction on Available."""
    world = World()
    world.charging()
    world.forget()
    world.unplug()
    kinds = [type(effect) for effect in world.effects]
    assert ef.ReportConnector not in kinds
    world.wait(2.0)
    appended = next(
        place
        for place, effect in enumerate(world.effects)
        if isinstance(effect, ef.Append) and effect.record is world.ends[0]
    )
    available = world.effects.index(world.of(ef.ReportConnector)[0])
    assert appended < available


def test_unplugging_may_leave_the_transaction_running() -> None:
    """S8, TC_005_3: StopTransactionOnEVSideDisconnect false."""
    world = World(variables={("TxCtrlr", "StopTxOnEVSideDisconnect"): "false"})
    world.charging()
    world.unplug()
    world.wait(5.0)
    assert world.state() is State.SUSPENDED_EV
    assert world.of(ef.ReportConnector)[-1].report.info == "EV side disconnected"
    world.plug_in()
    assert world.state() is State.CHARGING
    world.card("04A1")
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.LOCAL]


def test_the_vehicle_pauses_and_resumes_within_one_transaction() -> None:
    """C4, D3, S5."""
    world = World()
    world.charging()
    world.asks(1, False)
    world.wait(3.0)
    assert world.state() is State.SUSPENDED_EV
    world.asks(1, True)
    assert world.state() is State.CHARGING
    assert len(world.starts) == 1
    assert world.ends == []


def test_a_vehicle_that_passes_through_b2_is_not_reported_as_suspended() -> None:
    """S1: built-in debounce."""
    world = World()
    world.evses[1].asks = False
    world.plug_in()
    world.card("04A1")
    world.wait(1.0)
    world.asks(1, True)
    assert world.states() == [State.AVAILABLE, State.PREPARING, State.CHARGING]


def test_the_same_plug_may_start_again_by_its_own_card() -> None:
    """F2."""
    world = World()
    world.charging()
    world.card("04A1")
    world.wait(2.0)
    world.card("04A1")
    assert len(world.starts) == 2
    assert world.state() is State.CHARGING
    assert world.starts[1].meter_start_wh == world.ends[0].meter_stop_wh


def test_the_end_waits_for_the_meter_only_for_a_moment() -> None:
    world = World()
    world.charging()
    world.evses[1].metered = False
    world.card("04A1")
    world.wait(4.0)
    (end,) = world.ends
    assert end.meter_stop_wh > world.starts[0].meter_start_wh


def test_the_end_waits_for_the_contactor_only_for_a_while() -> None:
    world = World()
    world.charging()
    world.tell(ev.ControlLost(at_s=world.now_s))
    world.card("04A1")
    world.now_s += 20.0
    world.tell(ev.Ticked(at_s=world.now_s))
    assert [end.reason for end in world.ends] == [StopReason.LOCAL]


@pytest.mark.parametrize("silent_s", [0.0, 7.0])
def test_what_flows_while_the_board_is_silent_belongs_to_whoever_charged(silent_s: float) -> None:
    """The contactor opens with the board's own watchdog only, here 10 s after the last word."""
    world = World()
    world.charging()
    world.board_silent(1)
    world.wait(silent_s)
    world.card("04A1")
    world.wait(10.0 - silent_s)
    assert world.ends == []
    world.watchdog_ran_out(1)
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.LOCAL]
    bill_is_right(world)


def test_an_end_waits_for_a_meter_that_fell_silent_with_the_board() -> None:
    """They share a line: its register of before the silence is not the last one."""
    world = World()
    world.charging()
    world.board_silent(1)
    world.evses[1].metered = False
    world.card("04A1")
    world.wait(9.0)
    world.watchdog_ran_out(1)
    world.wait(6.0)
    assert world.ends == []
    world.evses[1].metered = True
    world.wait(1.0)
    bill_is_right(world)


def test_a_board_that_is_silent_for_good_does_not_keep_the_end() -> None:
    world = World()
    world.charging()
    world.board_silent(1)
    world.card("04A1")
    world.wait(20.0)
    assert [end.reason for end in world.ends] == [StopReason.LOCAL]


# --- Turned down after the start ------------------------------------------------------------------


def test_a_start_that_the_csms_turns_down_is_stopped() -> None:
    """Section 4.3, A6."""
    world = World()
    world.csms.start_status = TokenStatus.CONCURRENT_TX
    world.plug_in()
    world.card("04A1")
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.DE_AUTHORIZED]
    assert world.state() is State.FINISHING


def test_a_start_that_is_turned_down_may_only_be_suspended() -> None:
    """Section 4.3: StopTransactionOnInvalidId false; S4, csms-quirks 8."""
    world = World(variables={("TxCtrlr", "StopTxOnInvalidId"): "false"})
    world.csms.start_status = TokenStatus.INVALID
    world.plug_in()
    world.card("04A1")
    world.wait(3.0)
    assert world.state() is State.SUSPENDED_EVSE
    assert world.grant().current_a == 0.0
    assert world.ends == []
    world.card("04A1")
    world.wait(2.0)
    assert [end.reason for end in world.ends] == [StopReason.LOCAL]


def test_some_energy_may_still_be_granted_to_a_token_that_was_turned_down() -> None:
    """Section 4.3: MaxEnergyOnInvalidId."""
    world = World(
        variables={
            ("TxCtrlr", "StopTxOnInvalidId"): "false",
            ("TxCtrlr", "MaxEnergyOnInvalidId"): "500",
        }
    )
    world.csms.start_status = TokenStatus.INVALID
    world.plug_in()
    world.card("04A1")
    world.wait(60.0)
    assert world.state() is State.CHARGING
    world.wait(240.0)
    assert world.state() is State.SUSPENDED_EVSE
    assert 500 <= world.evses[1].energy_wh - FIRST_WH < 510


def test_a_late_verdict_of_a_transaction_that_is_over_stops_nothing() -> None:
    """Section 4.3."""
    world = World(variables={("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}, online=False)
    world.csms.start_status = TokenStatus.INVALID
    world.charging()
    world.unplug()
    world.wait(2.0)
    world.accept()
    assert [end.reason for end in world.ends] == [StopReason.EV_DISCONNECTED]


# --- Faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hazard", "reason"),
    [
        ("emergency_stopped", StopReason.EMERGENCY_STOP),
        ("rcd_tripped", StopReason.GROUND_FAULT),
        ("over_current", StopReason.OVERCURRENT_FAULT),
        ("contactor_welded", StopReason.OTHER),
    ],
)
def test_a_grave_fault_ends_the_transaction(hazard: str, reason: StopReason) -> None:
    """Section 4.2, x9."""
    world = World()
    world.charging()
    world.hazard(1, hazard)
    world.wait(4.0)
    assert [end.reason for end in world.ends] == [reason]
    assert world.state() is State.FAULTED


def test_a_passing_fault_suspends_and_the_transaction_goes_on() -> None:
    """x9, I3."""
    world = World()
    world.charging()
    world.hazard(1, "reading_stale")
    world.wait(30.0)
    assert world.state() is State.FAULTED
    world.hazard(1)
    assert world.state() is State.CHARGING
    assert world.ends == []


def test_a_fault_that_stays_ends_the_transaction_in_time() -> None:
    world = World()
    world.charging()
    world.hazard(1, "board_lost")
    world.wait(602.0, step_s=10.0)
    assert [end.reason for end in world.ends] == [StopReason.OTHER]


def test_a_warning_does_not_fault_the_connector() -> None:
    """S7."""
    world = World()
    world.evses[1].hazards = ("vehicle_asleep",)
    world.observe(world.evses[1])
    report = world.of(ef.ReportConnector)[-1].report
    assert (report.state, report.fault) == (State.AVAILABLE, "vehicle_asleep")
    world.hazard(1)
    assert world.of(ef.ReportConnector)[-1].report.fault is None


def test_a_safety_program_that_stays_away_faults_the_connector() -> None:
    world = World()
    world.tell(ev.ControlLost(at_s=world.now_s))
    world.wait(9.0)
    assert world.state() is State.AVAILABLE
    world.wait(2.0)
    assert world.state() is State.FAULTED
    assert world.of(ef.ReportConnector)[-1].report.fault == "control_lost"


# --- Two EVSEs, one reader ------------------------------------------------------------------------


def test_a_card_is_for_the_vehicle_that_was_plugged_in_last() -> None:
    world = World(evses=2)
    world.plug_in(2)
    world.wait(5.0)
    world.plug_in(1)
    world.card("A")
    world.card("B")
    assert [(start.evse, start.id_token.value) for start in world.starts] == [(1, "A"), (2, "B")]


def test_each_card_stops_its_own_transaction() -> None:
    world = World(evses=2)
    world.charging(1, "A")
    world.charging(2, "B")
    world.card("A")
    world.wait(2.0)
    assert [end.evse for end in world.ends] == [1]
    assert world.grant(2).permitted
    bill_is_right(world, 1)


def test_a_card_first_is_for_whichever_vehicle_comes() -> None:
    world = World(evses=2)
    world.card("A")
    assert [world.state(1), world.state(2)] == [State.PREPARING, State.PREPARING]
    world.plug_in(2)
    assert [start.evse for start in world.starts] == [2]
    assert world.state(1) is State.AVAILABLE


def test_a_strangers_card_does_not_start_a_vehicle_that_has_charged() -> None:
    """X1: the card waits for the vehicle of its owner instead."""
    world = World(evses=2)
    world.charging(1, "A")
    world.card("A")
    world.wait(2.0)
    world.card("STRANGER")
    assert len(world.starts) == 1
    world.plug_in(2)
    assert [start.evse for start in world.starts] == [1, 2]


def test_a_common_supply_is_shared_by_those_who_charge() -> None:
    world = World(evses=2, current_max_a=20.0)
    world.charging(1, "A")
    assert world.grant(1).current_a == 16.0
    world.charging(2, "B")
    assert [world.grant(1).current_a, world.grant(2).current_a] == [10.0, 10.0]
    world.card("A")
    world.wait(2.0)
    assert world.grant(2).current_a == 16.0


def test_a_supply_too_small_for_all_serves_the_oldest() -> None:
    world = World(evses=3, current_max_a=16.0)
    for evse in (1, 2, 3):
        world.charging(evse, f"CARD{evse}")
    assert [world.grant(evse).current_a for evse in (1, 2, 3)] == [8.0, 8.0, 0.0]
    assert world.state(3) is State.SUSPENDED_EVSE
