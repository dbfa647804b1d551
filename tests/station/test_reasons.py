"""Why an EVSE does not charge, or not faster: one test per reason, and what is true of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chargepoint import catalog
from chargepoint.evse.hazards import HAZARDS
from chargepoint.station import events as ev
from chargepoint.station import reasons as rs
from chargepoint.station.charging_profiles.profile import (
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Schedule,
)
from chargepoint.station.events import EvsePhase, ResetKind
from chargepoint.station.faults import PAUSES, stops, weightiest
from chargepoint.station.file_values import Download
from chargepoint.station.local_requests import EnableAsked, LimitAsked
from chargepoint.station.reasons import Reason
from chargepoint.station.records import TokenInfo, TokenStatus
from hal.values import PilotState
from tests.station.test_firmware import FileWorld
from tests.station.world import World


def reasons(world: World, evse: int = 1) -> tuple[Reason, ...]:
    return world.station.overview(world.now_s).evses[evse - 1].reasons


def ids(world: World, evse: int = 1) -> list[str]:
    return [reason.id for reason in reasons(world, evse)]


def blockers(world: World, evse: int = 1) -> list[str]:
    return [reason.id for reason in reasons(world, evse) if reason.kind != "limits"]


def seen(world: World, evse: int = 1, **changes: Any) -> None:
    """The safety program says so from now on."""
    view = world.station.overview(world.now_s).evses[evse - 1].view
    assert view is not None
    world.tell(ev.EvseObserved(view=replace(view, **changes), at_s=world.now_s))


def limit(world: World, evse: int, current_a: float | None) -> None:
    world.tell(LimitAsked(request="r", at_s=world.now_s, evse=evse, current_a=current_a))


def profile(world: World, evse: int, current_a: float, **fields: Any) -> None:
    made = Profile(
        id=12,
        level=2,
        purpose=fields.pop("purpose", Purpose.TX_DEFAULT),
        kind=Kind.RELATIVE,
        schedule=Schedule(unit=RateUnit.AMPERE, periods=(Period(start_s=0, limit=current_a),)),
    )
    world.ask(
        lambda call: ev.ChargingProfileSetRequested(
            call=call, evse=evse, profile=made, at_s=world.now_s
        )
    )


# --- What inhibits --------------------------------------------------------------------------------


def test_a_safety_program_that_is_away_comes_first() -> None:
    world = World()
    world.tell(ev.ControlLost(at_s=world.now_s))
    assert blockers(world)[0] == "control_lost"


def test_each_hazard_is_told_the_weightiest_first() -> None:
    world = World()
    world.plug_in()
    world.hazard(1, "lock_stuck", "door_open", "rcd_tripped")
    told = [reason for reason in reasons(world) if reason.id == "hazard"]
    assert [reason.detail for reason in told] == ["rcd_tripped", "door_open"]
    assert reasons(world)[0].binding


@pytest.mark.parametrize("danger", ["tilted", "pe_lost", "output_live", "overheated"])
def test_a_danger_is_told_before_the_silence_of_the_board_that_has_told_it(danger: str) -> None:
    world = World()
    world.hazard(1, "board_lost", danger)
    assert weightiest(("board_lost", danger)) == danger
    told = [reason.detail for reason in reasons(world) if reason.id == "hazard"]
    assert told == [danger, "board_lost"]


def test_a_kept_hazard_is_told_while_the_safety_program_is_away() -> None:
    world = World()
    world.tell(ev.HazardKept(evse=1, hazard="tilted", detail="", boot=""))
    world.tell(ev.ControlLost(at_s=world.now_s))
    assert ("hazard", "tilted") in [(reason.id, reason.detail) for reason in reasons(world)]


def test_every_hazard_that_inhibits_is_told_as_such() -> None:
    """The safety program's table and the catalogue do not say the same of two of them."""
    silent = [
        name
        for name, row in HAZARDS.items()
        if row.inhibits and not stops(name) and name not in PAUSES
    ]
    assert silent == []
    assert all(HAZARDS[name].inhibits for name in PAUSES)


def test_a_silent_meter_keeps_from_starting_where_it_is_required() -> None:
    world = World()
    world.plug_in()
    world.evses[1].metered = False
    world.wait(40.0)
    assert blockers(world)[0] == "meter_lost"


def test_a_board_that_was_just_met_is_being_checked() -> None:
    world = World()
    seen(world, phase=EvsePhase.STARTING)
    assert "starting" in blockers(world)


def test_a_station_that_was_never_accepted_says_so() -> None:
    world = World(online=False, acceptance_needed=True)
    assert blockers(world)[0] == "not_accepted"


def test_who_has_taken_an_evse_out_of_service_is_told_apart() -> None:
    world = World(evses=2)
    world.tell(EnableAsked(request="r", at_s=world.now_s, evse=1, enabled=False))
    world.operative(2, False)
    assert (blockers(world, 1)[0], blockers(world, 2)[0]) == ("disabled_here", "disabled_by_csms")
    world.operative(0, False)
    assert blockers(world, 1)[:2] == ["disabled_here", "station_disabled_by_csms"]
    assert blockers(world, 2)[0] == "station_disabled_by_csms"


def test_a_restart_under_way_is_told() -> None:
    world = World()
    world.away()
    world.tell(ev.ResetRequested(call=ev.Call("c"), kind=ResetKind.SOFT, at_s=world.now_s))
    assert blockers(world)[0] == "restarting"


def test_an_installation_under_way_is_told() -> None:
    world = FileWorld()
    world.update()
    world.finish(Download)
    assert world.waiting == ["Install"]
    assert blockers(world)[0] == "installing"


def test_a_card_that_is_no_longer_accepted_pauses_the_charge() -> None:
    world = World(variables={("TxCtrlr", "StopTxOnInvalidId"): "false"})
    world.csms.start_status = TokenStatus.BLOCKED
    world.charging()
    assert blockers(world)[0] == "token_invalid"


def test_a_limit_that_is_too_low_is_named() -> None:
    world = World()
    world.charging()
    profile(world, 1, 4.0)
    world.wait(3.0)
    seen(world, limit_a=0.0)
    first = reasons(world)[0]
    assert (first.id, first.kind, first.current_a) == ("limit_below_minimum", "inhibits", 0.0)
    assert first.detail == "limit_profile TxDefaultProfile 12, stack level 2"


def test_the_least_current_of_an_evse_counts() -> None:
    world = World()
    world.charging()
    session = world.station._sessions[1]
    session._evse.settings = replace(session.settings, current_min_a=10.0)
    limit(world, 1, 8.0)
    world.wait(3.0)
    seen(world, limit_a=8.0, phase=EvsePhase.CONNECTED, contactor_closed=False)
    assert reasons(world)[0].detail == "limit_local"


# --- What is waited for ---------------------------------------------------------------------------


def test_without_a_vehicle_one_is_waited_for() -> None:
    world = World()
    assert blockers(world) == ["no_vehicle"]
    world.card("04A1")
    assert blockers(world) == ["vehicle_awaited"]


def test_a_reservation_for_somebody_else_is_told() -> None:
    world = World()
    world.ask(
        lambda call: ev.ReserveRequested(
            call=call,
            reservation=1,
            evse=1,
            id_token=ev.IdToken(value="04FF"),
            group=None,
            expires_at=world.station.clock.now(world.now_s + 600),  # type: ignore[arg-type]
            at_s=world.now_s,
        )
    )
    assert blockers(world) == ["reserved", "no_vehicle"]


def test_a_vehicle_that_nobody_has_authorized_waits_for_a_card() -> None:
    world = World()
    world.plug_in()
    assert blockers(world) == ["authorization_missing"]


def test_a_question_to_the_csms_is_waited_for() -> None:
    world = World()
    world.csms.answers = False
    world.plug_in()
    world.card("04A1")
    assert blockers(world) == ["authorization_pending"]


def test_a_refused_card_is_told_with_its_verdict_for_a_while() -> None:
    world = World()
    world.csms.verdicts["04BB"] = TokenInfo(status=TokenStatus.BLOCKED)
    world.plug_in()
    world.card("04BB")
    assert (reasons(world)[0].id, reasons(world)[0].detail) == ("authorization_refused", "Blocked")
    world.wait(61.0)
    assert blockers(world) == ["authorization_missing"]


def test_an_accepted_card_takes_the_refusal_of_the_one_before_away() -> None:
    world = World()
    world.csms.verdicts["04BB"] = TokenInfo(status=TokenStatus.BLOCKED)
    world.card("04BB")
    world.card("04A1")
    assert blockers(world) == ["vehicle_awaited"]


def test_an_authorized_vehicle_waits_for_the_meter() -> None:
    world = World()
    world.evses[1].metered = False
    world.kill_agent()
    world.accept()
    world.plug_in()
    world.card("04A1")
    assert blockers(world) == ["meter_awaited"]


def test_after_the_end_it_waits_for_the_plug_to_be_pulled() -> None:
    world = World()
    world.charging()
    world.card("04A1")
    assert blockers(world) == ["ending"]
    world.wait(5.0)
    assert blockers(world) == ["unplug"]


def test_a_transaction_that_is_being_resumed_is_told() -> None:
    world = World()
    world.charging()
    world.station = type(world.station)(world.settings, world.store.restored(), "host-1")
    world.tell(ev.Ticked(at_s=world.now_s))
    assert "resuming" in ids(world)


def test_unplugged_at_the_vehicle_while_the_transaction_goes_on() -> None:
    world = World(variables={("TxCtrlr", "StopTxOnEVSideDisconnect"): "false"})
    world.charging()
    world.unplug()
    assert "vehicle_left" in blockers(world)


@pytest.mark.parametrize(
    ("phase", "pilot", "locked", "reason"),
    [
        (EvsePhase.OFFERING, PilotState.B, True, "vehicle_pauses"),
        (EvsePhase.WAKING, PilotState.B, True, "waking"),
        (EvsePhase.WAITING, PilotState.C, True, "pause"),
        (EvsePhase.CONNECTED, PilotState.B, True, "pause"),
        (EvsePhase.WAITING, PilotState.C, False, "not_locked"),
        (EvsePhase.OFFERING, PilotState.C, False, "not_locked"),
        (EvsePhase.CLOSING, PilotState.C, True, "switching"),
        (EvsePhase.OPENING, PilotState.B, True, "switching"),
        (EvsePhase.STOPPING, PilotState.C, True, "switching"),
    ],
)
def test_while_a_transaction_runs_the_phase_tells_what_is_waited_for(
    phase: EvsePhase, pilot: PilotState, locked: bool, reason: str
) -> None:
    world = World(socket=True)
    world.charging()
    seen(world, phase=phase, pilot=pilot, locked=locked, contactor_closed=False)
    assert blockers(world) == [reason]


def test_a_change_of_the_phases_is_told() -> None:
    world = World()
    world.charging()
    session = world.station._sessions[1]
    session._evse.settings = replace(session.settings, phase_switching=True)
    seen(world, phase=EvsePhase.CONNECTED, pilot=PilotState.C, phases=1, contactor_closed=False)
    assert blockers(world) == ["phase_switch"]


# --- What bounds ----------------------------------------------------------------------------------


def bounding(world: World, evse: int = 1) -> list[tuple[str, float | None]]:
    assert blockers(world, evse) == []
    return [(reason.id, reason.current_a) for reason in reasons(world, evse)]


def test_while_energy_flows_the_limit_in_force_comes_first() -> None:
    world = World()
    world.charging()
    assert bounding(world)[0] == ("limit_configuration", 16.0)
    assert reasons(world)[0].binding


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda world: limit(world, 1, 10.0), "limit_local"),
        (lambda world: limit(world, 0, 10.0), "limit_local_station"),
        (lambda world: profile(world, 1, 10.0), "limit_profile"),
        (
            lambda world: profile(world, 0, 10.0, purpose=Purpose.STATION_MAX),
            "limit_station_profile",
        ),
    ],
)
def test_each_bound_of_the_station_is_told_when_it_is_the_smallest(
    make: Callable[[World], None], reason: str
) -> None:
    world = World()
    world.charging()
    make(world)
    world.wait(3.0)
    assert bounding(world)[0] == ("limit_changing", 16.0)
    seen(world, limit_a=10.0, offered_a=10.0)
    world.meter(1, current_a=(10.0, 10.0, 10.0))
    assert bounding(world)[:2] == [(reason, 10.0), ("limit_configuration", 16.0)]


def test_the_configured_supply_and_the_share_of_it_are_told() -> None:
    world = World(evses=2, current_max_a=20.0)
    world.charging(1)
    world.charging(2, "04B2")
    for evse in (1, 2):
        seen(world, evse, limit_a=10.0, offered_a=10.0)
        world.meter(evse, current_a=(10.0, 10.0, 10.0))
    first = reasons(world)[0]
    assert (first.id, first.current_a, first.detail) == ("limit_share", 10.0, "20")
    assert ("limit_supply", 20.0) in bounding(world)


@pytest.mark.parametrize("by", ["failsafe", "cable", "board", "heat", "pilot", "configuration"])
def test_each_bound_of_the_safety_program_is_told(by: str) -> None:
    world = World()
    world.charging()
    seen(world, limit_a=8.0, offered_a=8.0, limited_by=by)
    world.meter(1, current_a=(8.0, 8.0, 8.0))
    assert bounding(world)[0] == (f"limit_{by}", 8.0)


def test_the_cable_is_listed_also_where_it_does_not_bind() -> None:
    world = World(socket=True)
    world.charging()
    seen(world, cable_current_a=20.0)
    assert ("limit_cable", 20.0) in bounding(world)[1:]


def test_a_vehicle_that_takes_less_than_it_is_offered_binds() -> None:
    world = World()
    world.charging()
    world.meter(1, current_a=(9.7, 9.8, 9.6))
    assert bounding(world)[:2] == [("limit_vehicle", 9.8), ("limit_configuration", 16.0)]


def test_a_vehicle_that_has_just_begun_is_given_time() -> None:
    world = World()
    world.plug_in()
    world.card("04A1")
    world.wait(10.0)
    world.meter(1, current_a=(6.0, 6.0, 6.0))
    assert bounding(world)[0][0] == "limit_configuration"


def test_a_hidden_profile_bounds_nothing() -> None:
    world = World()
    world.charging()
    profile(world, 0, 8.0)
    assert "limit_profile" in ids(world)
    world.ask(
        lambda call: ev.ChargingProfileSetRequested(
            call=call,
            evse=1,
            profile=Profile(
                id=13,
                level=0,
                purpose=Purpose.TX,
                kind=Kind.RELATIVE,
                schedule=Schedule(unit=RateUnit.AMPERE, periods=(Period(start_s=0, limit=12.0),)),
            ),
            at_s=world.now_s,
        )
    )
    told = [(r.detail, r.current_a) for r in reasons(world) if r.id == "limit_profile"]
    assert told == [("TxProfile 13, stack level 0", 12.0)]


# --- Words ----------------------------------------------------------------------------------------


def test_exactly_one_reason_binds_and_it_is_the_first() -> None:
    world = World()
    for _ in range(2):
        assert [reason.binding for reason in reasons(world)].index(True) == 0
        assert sum(reason.binding for reason in reasons(world)) == 1
        world.charging()


@pytest.mark.parametrize("language", catalog.languages())
@pytest.mark.parametrize("reason", rs.IDS)
def test_every_reason_has_words_in_every_language(reason: str, language: str) -> None:
    details = {"hazard": "tilted", "limit_below_minimum": "limit_profile X 12", "": "Blocked"}
    detail = details.get(reason, "Blocked")
    text = catalog.reason_text(reason, language, detail=detail, current_a=6.5)
    assert text.endswith(".")
    assert "{" not in text
    assert isinstance(catalog.next_step(reason, language, detail=detail), str)
    if reason.startswith("limit_"):
        assert ("6,5 A" if language == "de" else "6.5 A") in text


def test_words_of_a_verdict_and_of_a_bound_are_filled_in() -> None:
    refused = catalog.reason_text("authorization_refused", detail="Blocked")
    assert refused == "The card was refused: it is blocked."
    little = catalog.reason_text(
        "limit_below_minimum", "de", detail="limit_profile TxProfile 3, stack level 0", current_a=4
    )
    assert "das Ladeprofil TxProfile 3, stack level 0" in little
    assert (
        catalog.reason_text("authorization_refused", detail="Odd") == "The card was refused: Odd."
    )
