"""Charging profiles at the station: in force, refused, replaced, cleared, kept, dropped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chargepoint.ocpp.v16.smart_charging import profile as read
from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.charging_profiles.book import Criteria
from chargepoint.station.charging_profiles.composite import CompositeSchedule
from chargepoint.station.charging_profiles.profile import ProfileId, Purpose, RateUnit
from chargepoint.station.effects import ConnectorState, Verdict
from chargepoint.station.local_requests import LimitAsked
from tests.station.world import FIRST_CSMS_ID, WALL, World

A, R = Verdict.ACCEPTED, Verdict.REJECTED
DEFAULT, MAX, TX = "TxDefaultProfile", "ChargePointMaxProfile", "TxProfile"
IN_SCHEDULE = {"chargingRateUnit", "startSchedule", "duration", "minChargingRate"}


def at(world: World, second: float = 0.0) -> str:
    """`second` from now, as the CSMS spells it."""
    instant = WALL + timedelta(seconds=world.now_s + second)
    return instant.isoformat().replace("+00:00", "Z")


def profile(purpose: str, *periods: Any, **fields: Any) -> dict[str, Any]:
    """JSON of a profile. `periods`: limits, or (start, limit[, phases])."""
    rows = [period if isinstance(period, tuple) else (0, period) for period in periods]
    names = ("startPeriod", "limit", "numberPhases")
    schedule: dict[str, Any] = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [dict(zip(names, row, strict=False)) for row in rows],
    }
    whole: dict[str, Any] = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute" if "startSchedule" in fields else "Relative",
        "chargingSchedule": schedule,
    }
    short = {"id": "chargingProfileId", "level": "stackLevel", "kind": "chargingProfileKind"}
    for name, value in fields.items():
        (schedule if name in IN_SCHEDULE else whole)[short.get(name, name)] = value
    return whole


def give(world: World, evse: int, purpose: str, *periods: Any, **fields: Any) -> Verdict | None:
    given = read(profile(purpose, *periods, **fields))
    return world.ask(
        lambda call: ev.ChargingProfileSetRequested(
            call=call, evse=evse, profile=given, at_s=world.now_s
        )
    )


def clear(world: World, **criteria: Any) -> Verdict | None:
    return world.ask(
        lambda call: ev.ChargingProfileClearRequested(
            call=call, criteria=Criteria(**criteria), at_s=world.now_s
        )
    )


def composite(
    world: World, evse: int, duration_s: int, unit: RateUnit | None = None
) -> CompositeSchedule | None:
    world.ask(
        lambda call: ev.CompositeScheduleRequested(
            call=call, evse=evse, duration_s=duration_s, unit=unit, at_s=world.now_s
        )
    )
    return world.of(ef.Answer)[-1].composite


def shown(world: World, evse: int, duration_s: int, unit: RateUnit | None = None) -> Any:
    """Periods of the composite schedule as (start, limit, phases)."""
    found = composite(world, evse, duration_s, unit)
    assert found is not None
    return [(period.start_s, period.limit, period.phases) for period in found.periods]


def bound(world: World, evse: int, current_a: float | None) -> None:
    """Somebody at the station sets an upper bound."""
    world.tell(LimitAsked(request="r", at_s=world.now_s, evse=evse, current_a=current_a))


def limit(world: World, evse: int = 1) -> float:
    return world.grant(evse).current_a


def charging(**settings: Any) -> World:
    world = World(**settings)
    world.charging()
    world.forget()
    return world


# --- In force -------------------------------------------------------------------------------------


def test_a_default_profile_holds_for_a_running_transaction_at_once() -> None:
    """TC_056, TC_082, 9.5: and its removal sets the transaction free."""
    world = charging()
    assert give(world, 1, DEFAULT, 10) is A
    assert limit(world) == 10.0
    assert clear(world, id=ProfileId(1)) is A
    assert limit(world) == 16.0


def test_a_transaction_s_profile_goes_before_the_default_until_its_schedule_ends() -> None:
    """TC_057, 9.4 rule 2."""
    world = charging()
    give(world, 1, DEFAULT, 10, id=1, level=5)
    give(world, 1, TX, 12, id=2, startSchedule=at(world), duration=100)
    assert limit(world) == 12.0
    world.wait(101.0)
    assert limit(world) == 10.0


def test_the_highest_level_that_says_something_counts() -> None:
    """TC_072, 9.4 rule 1."""
    world = charging()
    give(world, 1, DEFAULT, 8, id=1, level=0)
    give(world, 1, DEFAULT, 14, id=2, level=3, startSchedule=at(world, -10), duration=70)
    assert limit(world) == 14.0
    world.wait(61.0)
    assert limit(world) == 8.0


def test_a_profile_of_one_evse_goes_before_that_of_all() -> None:
    """9.3: for that EVSE only."""
    world = World(evses=2)
    world.charging(1)
    world.charging(2, "04B2")
    give(world, 0, DEFAULT, 9, id=1, level=7)
    give(world, 2, DEFAULT, 13, id=2, level=0)
    assert (limit(world, 1), limit(world, 2)) == (9.0, 13.0)


def test_a_limit_changes_by_itself_within_a_second() -> None:
    """No other event comes: the change is a deadline of the station."""
    world = charging()
    give(world, 1, DEFAULT, (0, 16), (30, 7), startSchedule=at(world))
    changed_s = world.now_s + 30.0
    assert limit(world) == 16.0
    while (due_s := world.station.deadline_s()) is not None and due_s < changed_s:
        world.now_s = due_s
        world.tell(ev.Ticked(at_s=due_s))
    assert due_s == pytest.approx(changed_s, abs=1.0)
    assert due_s is not None
    world.now_s = due_s
    world.tell(ev.Ticked(at_s=due_s))
    assert limit(world) == 7.0


def test_a_relative_schedule_begins_with_the_transaction() -> None:
    """9.1."""
    world = World()
    give(world, 1, DEFAULT, (0, 8), (60, 12))
    world.wait(300.0)
    world.plug_in()
    world.card("A")
    assert limit(world) == 8.0
    world.wait(59.0)
    assert limit(world) == 8.0
    world.wait(2.0)
    assert limit(world) == 12.0


def test_a_daily_schedule_begins_anew_each_day() -> None:
    """9.1: recurrencyKind Daily."""
    world = charging()
    daily = {"kind": "Recurring", "recurrencyKind": "Daily"}
    give(world, 1, DEFAULT, (0, 8), (3600, 12), startSchedule=at(world, -86_400 * 3), **daily)
    assert limit(world) == 8.0
    world.wait(3601.0, step_s=60.0)
    assert limit(world) == 12.0
    world.wait(86_400.0 - 3600.0, step_s=120.0)
    assert limit(world) == 8.0


def test_a_limit_of_zero_pauses_and_does_not_end() -> None:
    """CQ15, 9.4 rule 6."""
    world = charging()
    give(world, 1, DEFAULT, 0)
    world.wait(10.0)
    assert world.state() is ConnectorState.SUSPENDED_EVSE
    assert world.ends == []
    assert world.grant().permitted
    give(world, 1, DEFAULT, 16)
    world.wait(10.0)
    assert world.state() is ConnectorState.CHARGING


@pytest.mark.parametrize(("asked_a", "granted_a"), [(5.9, 0.0), (6.0, 6.0), (64.0, 16.0)])
def test_less_than_can_be_offered_pauses_and_more_is_capped(
    asked_a: float, granted_a: float
) -> None:
    """9.4 rule 6; central systems, 10: limits above the hardware."""
    world = charging()
    assert give(world, 1, DEFAULT, asked_a) is A
    assert limit(world) == granted_a


@pytest.mark.parametrize(
    ("period", "current_a"),
    [((0, 6900.0), 10.0), ((0, 6900.0, 3), 10.0), ((0, 2300.0, 1), 10.0), ((0, 4600.0, 2), 10.0)],
)
def test_watts_are_for_all_phases_of_the_period(period: Any, current_a: float) -> None:
    """9.4 rule 5: three where nothing is said."""
    world = charging()
    give(world, 1, DEFAULT, period, chargingRateUnit="W")
    assert limit(world) == pytest.approx(current_a)


def test_the_station_s_limit_is_shared() -> None:
    """9.4 rule 3: ChargePointMaxProfile is for all connectors together."""
    world = World(evses=2)
    world.charging(1)
    world.charging(2, "04B2")
    give(world, 0, MAX, 20)
    assert (limit(world, 1), limit(world, 2)) == (10.0, 10.0)
    give(world, 1, DEFAULT, 7, id=2)
    assert (limit(world, 1), limit(world, 2)) == (7.0, 13.0)
    give(world, 0, MAX, 11)
    assert (limit(world, 1), limit(world, 2)) == (7.0, 0.0)


def test_phases_are_chosen_where_they_can_be_switched() -> None:
    world = World()
    evse = replace(world.settings.evses[0], phase_switching=True)
    world.settings = replace(world.settings, evses=(evse,))
    world.kill_agent()
    world.accept()
    world.charging()
    assert world.grant().phases == 3
    give(world, 1, DEFAULT, (0, 10, 1))
    assert (world.grant().phases, limit(world)) == (1, 10.0)
    give(world, 1, DEFAULT, 10)
    assert world.grant().phases == 3


def test_elsewhere_one_phase_is_only_a_current() -> None:
    world = charging()
    give(world, 1, DEFAULT, (0, 10, 1))
    assert (world.grant().phases, limit(world)) == (None, 10.0)


# --- Taken and refused ----------------------------------------------------------------------------


def test_a_profile_for_a_transaction_needs_one() -> None:
    """TC_058_1."""
    world = World()
    assert give(world, 1, TX, 10) is R
    assert give(world, 1, TX, 10, transactionId=0) is R


def test_a_profile_for_another_transaction_is_refused() -> None:
    """TC_058_2; central systems, 10: 0 counts as absent."""
    world = charging()
    assert give(world, 1, TX, 10, transactionId=FIRST_CSMS_ID + 1) is R
    assert give(world, 1, TX, 10, transactionId=FIRST_CSMS_ID) is A
    assert give(world, 1, TX, 9, transactionId=0) is A
    assert give(world, 1, TX, 8) is A


# fmt: off
REFUSED: list[tuple[int, str, tuple[Any, ...], dict[str, Any]]] = [
    # EVSE, purpose, periods, fields
    (1, MAX,     (10,),                {}),
    (0, TX,      (10,),                {}),
    (3, DEFAULT, (10,),                {}),
    (1, DEFAULT, (10,),                {"level": 21}),
    (1, DEFAULT, (10,),                {"level": -1}),
    (1, DEFAULT, (10,),                {"id": 2**63}),
    (1, DEFAULT, (),                   {}),
    (1, DEFAULT, ((1, 10),),           {}),
    (1, DEFAULT, ((0, 10), (0, 12)),   {}),
    (1, DEFAULT, ((0, 10), (9, 1), (8, 2)), {}),
    (1, DEFAULT, tuple((s, 9) for s in range(97)), {}),
    (1, DEFAULT, (-0.1,),              {}),
    (1, DEFAULT, ((0, 10, 0),),        {}),
    (1, DEFAULT, ((0, 10, 4),),        {}),
    (1, DEFAULT, (10,),                {"duration": 0}),
    (1, DEFAULT, (10,),                {"kind": "Absolute"}),
    (1, DEFAULT, (10,),                {"kind": "Recurring"}),
    (1, DEFAULT, (10,),                {"validTo": "2026-11-24T08:00:00Z"}),
    (1, DEFAULT, (10,),                {"validFrom": "2030-01-01T00:00:00Z",
                                        "validTo": "2030-01-01T00:00:00Z"}),
]
# fmt: on


@pytest.mark.parametrize(("evse", "purpose", "periods", "fields"), REFUSED)
def test_a_profile_that_cannot_be_used_is_refused_and_changes_nothing(
    evse: int, purpose: str, periods: tuple[Any, ...], fields: dict[str, Any]
) -> None:
    """9.2, every row."""
    world = charging()
    assert give(world, 1, DEFAULT, 8, id=99) is A
    assert give(world, evse, purpose, *periods, **fields) is R
    assert limit(world) == 8.0
    assert list(world.store.spaces["charging_profiles"]) == ["99"]
    assert "charging_profile.refused" in world.notes


def test_the_highest_level_and_the_longest_schedule_are_taken() -> None:
    """Central systems, 10: evcc takes both keys at their word."""
    world = charging()
    rows = [(60 * n, 6 + n % 2) for n in range(96)]
    assert give(world, 1, DEFAULT, *rows, id=100, level=20) is A


def test_no_more_profiles_than_promised() -> None:
    """9.2: MaxChargingProfilesInstalled; a replacement still goes."""
    world = World(evses=5)
    for number in range(100):
        evse, level = divmod(number, 20)
        assert give(world, evse + 1, DEFAULT, 10, id=number, level=level) is A
    assert give(world, 0, MAX, 10, id=100) is R
    assert give(world, 1, DEFAULT, 9, id=100, level=3) is A


def test_a_profile_whose_validity_is_over_makes_room() -> None:
    world = World(evses=5)
    for number in range(100):
        evse, level = divmod(number, 20)
        over = {"validTo": at(world, 60)} if number == 42 else {}
        give(world, evse + 1, DEFAULT, 10, id=number, level=level, **over)
    world.wait(61.0)
    assert give(world, 0, MAX, 10, id=100) is A
    assert "42" not in world.store.spaces["charging_profiles"]


def test_a_recurring_profile_without_a_start_begins_at_midnight() -> None:
    """Central systems, 10: SteVe."""
    world = charging()
    fields = {"kind": "Recurring", "recurrencyKind": "Daily"}
    assert give(world, 1, DEFAULT, (0, 8), (9 * 3600, 12), **fields) is A
    assert limit(world) == 8.0


def test_a_relative_limit_of_the_station_counts_from_its_arrival() -> None:
    """Central systems, 10: Home Assistant."""
    world = charging()
    assert give(world, 0, MAX, (0, 8), (60, 12)) is A
    assert limit(world) == 8.0
    world.wait(61.0)
    assert limit(world) == 12.0


# --- Replaced and cleared -------------------------------------------------------------------------


def test_the_same_id_replaces_wherever_it_is() -> None:
    """9.3, 9.1."""
    world = charging()
    give(world, 0, MAX, 7, id=4)
    give(world, 1, DEFAULT, 10, id=4)
    assert limit(world) == 10.0
    assert list(world.store.spaces["charging_profiles"]) == ["4"]


def test_the_same_purpose_and_level_replace_even_with_one_that_begins_later() -> None:
    """9.3: there is a gap on purpose."""
    world = charging()
    give(world, 1, DEFAULT, 7, id=1, level=2)
    give(world, 1, DEFAULT, 9, id=2, level=2, startSchedule=at(world, 50))
    assert limit(world) == 16.0
    world.wait(51.0)
    assert limit(world) == 9.0
    assert list(world.store.spaces["charging_profiles"]) == ["2"]


# fmt: off
CLEARED = [
    ({},                                            []),
    ({"id": ProfileId(2)},                          [1, 3, 4]),
    ({"id": ProfileId(2), "evse": 0, "level": 9},   [1, 3, 4]),
    ({"evse": 0},                                   [3, 4]),
    ({"purpose": Purpose.TX_DEFAULT},               [1, 4]),
    ({"level": 5},                                  [1, 3]),
    ({"purpose": Purpose.TX_DEFAULT, "evse": 1},    [1, 2, 4]),
]
# fmt: on


@pytest.mark.parametrize(("criteria", "left"), CLEARED)
def test_what_matches_everything_given_is_cleared(
    criteria: dict[str, Any], left: list[int]
) -> None:
    """TC_067, 9.6, errata 3.26: an id alone counts."""
    world = charging()
    give(world, 0, MAX, 15, id=1, level=0)
    give(world, 0, DEFAULT, 14, id=2, level=5)
    give(world, 1, DEFAULT, 13, id=3, level=0)
    give(world, 1, TX, 12, id=4, level=5)
    assert clear(world, **criteria) is A
    assert sorted(map(int, world.store.spaces["charging_profiles"])) == left


@pytest.mark.parametrize("criteria", [{}, {"id": ProfileId(9)}, {"evse": 2}, {"level": 3}])
def test_clearing_what_is_not_there_says_so(criteria: dict[str, Any]) -> None:
    """9.6: the adapter says Unknown."""
    world = World()
    if criteria:
        give(world, 1, DEFAULT, 10)
    assert clear(world, **criteria) is R


def test_what_was_cleared_stays_cleared_after_a_power_cut() -> None:
    world = World()
    give(world, 1, DEFAULT, 10)
    clear(world)
    assert [gone.durable for gone in world.of(ef.Delete) if gone.key == "1"] == [True]


# --- Lifetimes ------------------------------------------------------------------------------------


def test_a_transaction_s_profile_dies_with_it() -> None:
    """9.5."""
    world = charging()
    give(world, 1, TX, 10)
    world.unplug()
    world.wait(20.0)
    assert world.store.spaces["charging_profiles"] == {}
    world.charging(token="04B2")
    assert limit(world) == 16.0


def test_profiles_survive_the_agent() -> None:
    """9.5: that of a running transaction too."""
    world = charging()
    give(world, 0, MAX, 15, id=1)
    give(world, 1, TX, 10, id=2)
    world.kill_agent()
    assert limit(world) == 10.0
    clear(world, id=ProfileId(2))
    assert limit(world) == 15.0


def test_standing_profiles_survive_the_power_and_that_of_a_transaction_does_not() -> None:
    """9.5, errata 3.37."""
    world = charging()
    give(world, 1, DEFAULT, 11, id=1)
    give(world, 1, TX, 9, id=2)
    world.kill_both(host=True)
    world.accept()
    world.wait(5.0)
    world.charging(token="04B2")
    assert limit(world) == 11.0
    assert list(world.store.spaces["charging_profiles"]) == ["1"]


def test_the_answer_comes_after_the_profile_is_on_the_disk() -> None:
    world = World()
    world.forget()
    give(world, 1, DEFAULT, 10)
    kinds = [effect for effect in world.effects if isinstance(effect, ef.Put | ef.Answer)]
    assert [type(effect) for effect in kinds] == [ef.Put, ef.Answer]
    assert kinds[0].durable  # type: ignore[union-attr]


def test_an_unreadable_profile_is_given_up_and_the_others_stay() -> None:
    world = World()
    give(world, 1, DEFAULT, 10)
    world.store.spaces["charging_profiles"]["7"] = '{"profile": 1}'
    world.kill_agent()
    world.accept()
    world.charging()
    assert "charging_profile.lost" in world.notes
    assert limit(world) == 10.0
    assert list(world.store.spaces["charging_profiles"]) == ["1"]


def test_a_repeated_profile_is_not_written_again() -> None:
    """CQ14."""
    world = World()
    start = at(world, -60)
    give(world, 1, DEFAULT, 10, startSchedule=start)
    world.forget()
    assert give(world, 1, DEFAULT, 10, startSchedule=start) is A
    assert world.of(ef.Put) == []


def test_a_profile_that_changes_every_second_is_flushed_once_a_minute() -> None:
    """CQ14: evcc sends one with each change of the sun; the last one reaches the disk."""
    world = World()
    for second in range(90):
        give(world, 1, DEFAULT, 6 + second % 7, startSchedule=at(world, -60))
        world.wait(1.0)
    world.wait(60.0)
    puts = [put for put in world.of(ef.Put) if put.space == "charging_profiles"]
    assert sum(put.durable for put in puts) == 3
    assert puts[-1].durable
    assert f'"limit":{float(6 + 89 % 7)}' in puts[-1].value


# --- Remote starts --------------------------------------------------------------------------------


def test_the_profile_of_a_remote_start_holds_for_its_transaction() -> None:
    """TC_059."""
    world = World()
    world.plug_in()
    assert world.remote_start("A", profile=read(profile(TX, 9))) is A
    assert limit(world) == 9.0
    assert give(world, 1, TX, 11, id=2, transactionId=FIRST_CSMS_ID) is A
    assert limit(world) == 11.0
    assert list(world.store.spaces["charging_profiles"]) == ["2"]


def test_the_profile_of_a_remote_start_waits_for_the_vehicle() -> None:
    """9.5."""
    world = World()
    world.remote_start("A", profile=read(profile(TX, 9)))
    world.wait(30.0)
    world.plug_in()
    assert limit(world) == 9.0


def test_the_profile_of_a_remote_start_that_nobody_takes_is_forgotten() -> None:
    """9.5: also one that never started."""
    world = World()
    world.remote_start("A", profile=read(profile(TX, 9)))
    world.wait(130.0)
    world.charging(token="A")
    assert limit(world) == 16.0


@pytest.mark.parametrize(
    "bad",
    [
        profile(DEFAULT, 9),
        profile(MAX, 9),
        profile(TX, 9, transactionId=FIRST_CSMS_ID),
        profile(TX, (1, 9)),
    ],
)
def test_a_remote_start_with_a_bad_profile_is_refused(bad: dict[str, Any]) -> None:
    """TC_060."""
    world = World()
    world.plug_in()
    assert world.remote_start("A", profile=read(bad)) is R
    assert world.starts == []


# --- Composite schedules --------------------------------------------------------------------------


def test_without_profiles_a_composite_schedule_shows_the_hardware() -> None:
    """9.4 rule 4, 9.7; and in W when that is asked for."""
    world = World(evses=2, current_max_a=20.0)
    assert shown(world, 1, 60) == [(0, 16.0, 3)]
    assert shown(world, 0, 60) == [(0, 20.0, 3)]
    assert shown(world, 1, 60, RateUnit.WATT) == [(0, 11_040.0, 3)]


def test_a_composite_schedule_knows_what_people_here_have_set() -> None:
    """9.7, OCPP 1.6 section 5.7: local limits, at one EVSE and for all together; 0 is a pause."""
    world = World(evses=2)
    give(world, 1, DEFAULT, (0, 6), (60, 16))
    bound(world, 1, 10.0)
    assert shown(world, 1, 120) == [(0, 6.0, 3), (60, 10.0, 3)]
    assert shown(world, 2, 120) == [(0, 16.0, 3)]
    bound(world, 0, 8.0)
    assert shown(world, 1, 120) == [(0, 6.0, 3), (60, 8.0, 3)]
    assert shown(world, 0, 120) == [(0, 8.0, 3)]
    assert shown(world, 2, 120, RateUnit.WATT) == [(0, 5520.0, 3)]
    bound(world, 2, 0.0)
    assert shown(world, 2, 120) == [(0, 0.0, 3)]
    bound(world, 0, None)
    bound(world, 1, None)
    assert shown(world, 1, 120) == [(0, 6.0, 3), (60, 16.0, 3)]


def test_a_composite_schedule_knows_the_cable_in_the_socket() -> None:
    """9.7: a fixed cable is the installer's, and is configured."""
    for socket, most_a in ((True, 13.0), (False, 16.0)):
        world = World(socket=socket)
        world.charging()
        view = world.station.overview(world.now_s).evses[0].view
        assert view is not None
        seen = replace(view, cable_current_a=13.0)
        world.tell(ev.EvseObserved(at_s=world.now_s, view=seen))
        assert shown(world, 1, 60) == [(0, most_a, 3)]
        assert shown(world, 0, 60) == [(0, most_a, 3)]


def test_a_composite_schedule_joins_what_all_purposes_say() -> None:
    """TC_066, TC_082: and begins at a whole second."""
    world = charging()
    world.wait(0.3)
    give(world, 0, MAX, 12, id=1, startSchedule=at(world, 60.0 - 0.3))
    give(world, 1, DEFAULT, (0, 14), (120, 10), id=2, startSchedule=at(world, -0.3))
    give(world, 1, TX, 16, id=3, startSchedule=at(world, -0.3), duration=30)
    found = composite(world, 1, 300)
    assert found is not None
    assert found.starts_at == WALL + timedelta(seconds=int(world.now_s))
    assert (found.duration_s, found.unit) == (300, RateUnit.AMPERE)
    assert shown(world, 1, 300) == [(0, 16.0, 3), (30, 14.0, 3), (60, 12.0, 3), (120, 10.0, 3)]
    assert shown(world, 0, 300) == [(0, 16.0, 3), (30, 14.0, 3), (60, 12.0, 3), (120, 10.0, 3)]


def test_the_unit_is_that_of_the_profiles() -> None:
    """9.7: A when they differ."""
    world = World()
    give(world, 1, DEFAULT, 6900.0, id=1, chargingRateUnit="W")
    assert shown(world, 1, 60) == [(0, 6900.0, 3)]
    assert shown(world, 1, 60, RateUnit.AMPERE) == [(0, 10.0, 3)]
    give(world, 0, MAX, 9, id=2)
    assert shown(world, 1, 60) == [(0, 9.0, 3)]


def test_a_schedule_without_end_is_cut_to_a_week() -> None:
    """9.7: duration and number of periods are limited."""
    world = World()
    daily = {"kind": "Recurring", "recurrencyKind": "Daily", "startSchedule": at(world)}
    give(world, 1, DEFAULT, *[(s, 6 + s % 2) for s in range(96)], **daily)
    week = composite(world, 1, 2**31 - 1)
    assert week is not None
    assert (week.duration_s, len(week.periods)) == (604_800, 7 * 96)


@pytest.mark.parametrize(("evse", "duration_s"), [(3, 60), (-1, 60), (1, 0), (1, -5)])
def test_a_schedule_of_nothing_is_refused(evse: int, duration_s: int) -> None:
    world = World()
    assert composite(world, evse, duration_s) is None


# --- Without a clock ------------------------------------------------------------------------------


def blind(*given: tuple[int, str, tuple[Any, ...], dict[str, Any]]) -> World:
    """A station that lost power after it was given profiles, and has not been told the time."""
    world = World()
    for evse, purpose, periods, fields in given:
        assert give(world, evse, purpose, *periods, **fields) is A
    world.kill_both(host=True)
    world.set("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true")
    world.charging()
    return world


@pytest.mark.parametrize(
    ("limits", "safe_a"), [((10, 13), 10.0), ((0, 13), 6.0), ((0, 0), 6.0), ((32, 20), 16.0)]
)
def test_without_the_time_a_schedule_gives_a_safe_limit_and_never_none(
    limits: tuple[float, float], safe_a: float
) -> None:
    """The lowest of its own, but no less than a vehicle needs."""
    periods = ((0, limits[0]), (3600, limits[1]))
    start = {"startSchedule": "2026-11-24T00:00:00Z"}
    world = blind((1, DEFAULT, periods, start))
    assert limit(world) == safe_a
    world.accept()
    assert limit(world) == (min(limits[1], 16.0) if limits[1] else 0.0)


def test_without_the_time_a_relative_profile_holds_as_ever() -> None:
    world = blind((1, DEFAULT, ((0, 8), (600, 0)), {}))
    assert limit(world) == 8.0
    world.wait(600.0)
    assert limit(world) == 0.0


@pytest.mark.parametrize(("unsure_a", "below_a"), [(14, 9), (9, 14)])
def test_without_the_time_an_unsure_profile_does_not_hide_those_below_it(
    unsure_a: float, below_a: float
) -> None:
    """Either may be in force: the smaller limit is safe."""
    start = {"startSchedule": "2026-11-24T00:00:00Z"}
    above = (1, DEFAULT, (unsure_a,), {**start, "level": 5})
    world = blind(above, (1, DEFAULT, (below_a,), {"id": 2}))
    assert limit(world) == 9.0
    assert shown(world, 1, 60) == [(0, 9.0, 3)]


def test_without_the_time_a_composite_schedule_has_no_start() -> None:
    world = blind((0, MAX, (10,), {"startSchedule": "2026-11-24T00:00:00Z"}))
    found = composite(world, 1, 60)
    assert found is not None
    assert (found.starts_at, found.periods[0].limit) == (None, 10.0)
