"""Reservations: made and refused, who may use what is reserved, and how they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState, Verdict
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from chargepoint.station.reservations import SPACE
from tests.station.world import WALL, World

S = ConnectorState
A, REJECTED, OCCUPIED = Verdict.ACCEPTED, Verdict.REJECTED, Verdict.OCCUPIED
HOLDER, STRANGER, FRIEND = "04A1", "04B2", "04C3"
FAMILY = TokenInfo(status=TokenStatus.ACCEPTED, group="FAMILY")
REMOTE_ASKS = ("AuthCtrlr", "AuthorizeRemoteStart")
ANY_EVSE = ("ReservationCtrlr", "NonEvseSpecific")
ENABLED = ("ReservationCtrlr", "Enabled")
TIMEOUT = ("TxCtrlr", "EVConnectionTimeOut")


def reserve(
    world: World,
    evse: int = 1,
    *,
    number: int = 7,
    token: str = HOLDER,
    group: str | None = None,
    for_s: float = 600.0,
) -> Verdict | None:
    expires_at = WALL + timedelta(seconds=world.now_s + for_s)
    return world.ask(
        lambda call: ev.ReserveRequested(
            call=call,
            reservation=number,
            evse=evse,
            id_token=IdToken(value=token),
            group=group,
            expires_at=expires_at,
            at_s=world.now_s,
        )
    )


def cancel(world: World, number: int = 7) -> Verdict | None:
    return world.ask(
        lambda call: ev.CancelReservationRequested(call=call, reservation=number, at_s=world.now_s)
    )


def reserved(evse: int = 1, evses: int = 2, **details: object) -> World:
    """A world with one reservation for card 04A1."""
    world = World(evses=evses)
    assert reserve(world, evse, **details) is A  # type: ignore[arg-type]
    world.forget()
    return world


def used(world: World) -> list[int | None]:
    """reservationId of each StartTransaction."""
    return [start.reservation_id for start in world.starts]


def kept(world: World) -> list[str]:
    return sorted(world.store.spaces.get(SPACE, {}))


def why(world: World) -> list[object]:
    """Why reservations have ended."""
    notes = [dict(note.fields) for note in world.of(ef.Note) if note.name == "reservation.ended"]
    return [fields["reason"] for fields in notes]


# --- Asked for ------------------------------------------------------------------------------------


def test_a_free_connector_is_reserved_and_says_so() -> None:
    """V3: kept on the disk, then answered, then Reserved."""
    world = World()
    world.forget()
    assert reserve(world) is A
    order = [
        type(e) for e in world.effects if isinstance(e, ef.Put | ef.Answer | ef.ReportConnector)
    ]
    assert order == [ef.Put, ef.Answer, ef.ReportConnector]
    assert all(each.durable for each in world.of(ef.Put))
    assert world.states() == [S.RESERVED]


def test_displays_are_told_how_long_a_reservation_holds() -> None:
    world = reserved(for_s=600.0)
    assert world.station.reserved_until(1) == WALL + timedelta(seconds=world.now_s + 600.0)
    assert world.station.reserved_until(2) is None


def test_a_connector_in_use_is_occupied() -> None:
    """V2, TC_048_2: Reservation, Occupied."""
    world = World(evses=2)
    world.charging(1)
    assert reserve(world, 1) is OCCUPIED
    assert reserve(world, 2) is A


def test_a_connector_in_preparing_is_occupied() -> None:
    """V6, TC_048_2."""
    world = World()
    world.plug_in()
    assert reserve(world) is OCCUPIED


def test_a_connector_in_finishing_is_occupied() -> None:
    """V2."""
    world = World()
    world.charging()
    world.card(HOLDER)
    world.wait(5.0)
    assert world.state() is S.FINISHING
    assert reserve(world) is OCCUPIED


def test_a_reserved_connector_is_occupied_for_another_reservation() -> None:
    """V2."""
    world = reserved()
    assert reserve(world, number=8, token=STRANGER) is OCCUPIED
    assert kept(world) == ["7"]


def test_a_faulted_connector_is_faulted() -> None:
    """V2, TC_048_1: Reservation, Faulted."""
    world = World()
    world.hazard(1, "rcd_tripped")
    assert reserve(world) is Verdict.FAULTED


def test_an_unavailable_connector_is_unavailable() -> None:
    """V2, TC_048_3: Reservation, Unavailable."""
    world = World()
    world.operative(1, False)
    assert reserve(world) is Verdict.UNAVAILABLE


def test_a_station_that_takes_no_reservations_rejects_them() -> None:
    """V2, TC_048_4: Reservation, Rejected."""
    world = World(variables={ENABLED: "false"})
    assert reserve(world) is REJECTED
    assert reserve(world, 0) is REJECTED
    assert world.state() is S.AVAILABLE


def test_the_csms_cannot_switch_reservations_on() -> None:
    """Keys, rule 6: what the installer has decided stays."""
    world = World(variables={ENABLED: "false", ANY_EVSE: "false"})
    assert world.set(*ENABLED, "true") is REJECTED
    assert world.set(*ANY_EVSE, "true") is REJECTED


def test_a_reservation_that_has_expired_already_is_rejected() -> None:
    """V2."""
    assert reserve(World(), for_s=0.0) is REJECTED


def test_an_unknown_connector_is_rejected() -> None:
    """V2, R15."""
    assert reserve(World(evses=2), 3) is REJECTED


def test_before_the_safety_program_has_spoken_nothing_can_be_reserved() -> None:
    """V2."""
    world = World(evses=1)
    world.station = type(world.station)(world.settings, world.store.restored(), "host-1")
    assert reserve(world) is Verdict.UNAVAILABLE


def test_the_same_id_replaces_a_reservation() -> None:
    """V1: another holder, and another time."""
    world = reserved(for_s=60.0)
    assert reserve(world, token=STRANGER, for_s=600.0) is A
    assert kept(world) == ["7"]
    world.wait(120.0, step_s=4.0)
    assert world.state() is None  # still Reserved: nothing to report
    world.card(HOLDER, evses=(1,))
    world.plug_in()
    assert not world.grant().permitted
    world.card(STRANGER, evses=(1,))
    assert world.grant().permitted


def test_the_same_id_moves_a_reservation_to_another_connector() -> None:
    """V1."""
    world = reserved(1)
    assert reserve(world, 2) is A
    assert (world.state(1), world.state(2)) == (S.AVAILABLE, S.RESERVED)


def test_a_reservation_that_cannot_be_moved_stays_where_it_is() -> None:
    """V1, V2."""
    world = World(evses=2)
    world.charging(2, STRANGER)
    reserve(world, 1)
    assert reserve(world, 2) is OCCUPIED
    assert world.state(1) is S.RESERVED
    assert kept(world) == ["7"]


# --- Cancelled and expired ------------------------------------------------------------------------


def test_a_cancelled_reservation_frees_the_connector() -> None:
    """V6, TC_051: Cancel Reservation."""
    world = reserved()
    assert cancel(world) is A
    assert world.states(1) == [S.AVAILABLE]
    assert kept(world) == []
    assert why(world) == ["cancelled"]


def test_a_reservation_that_does_not_exist_cannot_be_cancelled() -> None:
    """TC_052: Cancel Reservation, Rejected."""
    world = reserved()
    assert cancel(world, 8) is REJECTED
    assert kept(world) == ["7"]


def test_a_reservation_expires() -> None:
    """V5, V6, TC_047: Reservation, expiry: Available again at the time, not later."""
    world = reserved(for_s=90.0)
    world.wait(89.0)
    assert world.states(1) == []
    world.wait(1.0)
    assert world.states(1) == [S.AVAILABLE]
    assert why(world) == ["expired"]


def test_a_reservation_expires_offline_too() -> None:
    """V5: nobody needs to be asked."""
    world = reserved(for_s=90.0)
    world.away()
    world.wait(91.0)
    assert world.states(1) == [S.AVAILABLE]


def test_a_reservation_outlives_a_restart() -> None:
    """V8."""
    world = reserved(group="FAMILY")
    world.kill_agent()
    world.accept()
    assert world.state(1) is S.RESERVED
    world.csms.verdicts[FRIEND] = FAMILY
    world.plug_in(1)
    world.card(FRIEND, evses=(1,))
    assert used(world) == [7]


def test_a_reservation_that_expired_meanwhile_is_gone_after_a_restart() -> None:
    """V8: as soon as the time is known."""
    world = reserved(for_s=30.0)
    world.kill_agent(away_s=60.0)
    world.accept()
    assert world.state(1) is S.AVAILABLE
    assert kept(world) == []


def test_while_the_time_is_not_known_a_reservation_stays() -> None:
    """V8: after a power cut, until somebody tells the time."""
    world = reserved(for_s=30.0)
    world.kill_both(host=True)
    world.wait(120.0, step_s=10.0)
    assert world.state(1) is S.RESERVED
    world.tell(ev.TimeGiven(wall=WALL + timedelta(days=1), at_s=world.now_s))
    assert world.state(1) is S.AVAILABLE


def test_a_reservation_that_cannot_be_read_is_dropped() -> None:
    world = reserved()
    world.store.spaces[SPACE] = {"7": "no JSON"}
    world.kill_agent()
    assert "reservation.lost" in world.notes
    assert kept(world) == []
    assert world.state(1) is S.AVAILABLE


def test_a_reservation_of_an_evse_that_is_gone_is_dropped() -> None:
    world = reserved(2)
    world.settings = World(evses=1).settings
    del world.evses[2]
    world.kill_agent()
    assert "reservation.lost" in world.notes
    assert kept(world) == []


def test_a_fault_ends_a_reservation() -> None:
    """V5: Faulted, and Available when it is gone."""
    world = reserved()
    world.hazard(1, "rcd_tripped")
    world.hazard(1)
    assert world.states(1) == [S.FAULTED, S.AVAILABLE]
    assert why(world) == ["faulted"]


def test_an_inoperative_connector_ends_a_reservation() -> None:
    """V5, section 7.1: ChangeAvailability is Accepted, the reservation ends."""
    world = reserved()
    assert world.operative(1, False) is A
    assert world.states(1) == [S.UNAVAILABLE]
    assert why(world) == ["unavailable"]


# --- Used -----------------------------------------------------------------------------------------


def test_the_holder_uses_a_reservation_with_a_card() -> None:
    """V4, V5, TC_046_1: local start; Reserved, Preparing, Charging, reservationId."""
    world = reserved(1)
    world.card(HOLDER)
    assert world.states(1) == [S.PREPARING]
    assert world.states(2) == []  # the card is for the reserved one
    world.plug_in(1)
    world.wait(5.0)
    assert world.states(1) == [S.PREPARING, S.CHARGING]
    assert used(world) == [7]
    assert kept(world) == []
    assert why(world) == ["used"]


def test_the_holder_may_plug_in_first() -> None:
    """G2: a plug alone leaves the connector Reserved; the card makes it Preparing."""
    world = reserved(1)
    world.plug_in(1)
    assert world.states(1) == []
    world.card(HOLDER)
    world.wait(5.0)
    assert world.states(1) == [S.PREPARING, S.CHARGING]
    assert used(world) == [7]


def test_the_holder_uses_a_reservation_remotely() -> None:
    """V7, TC_046_2: remote start."""
    world = reserved(1)
    assert world.remote_start(HOLDER, 1) is A
    assert world.states(1) == [S.PREPARING]
    world.plug_in(1)
    assert used(world) == [7]


def test_a_remote_start_without_a_connector_goes_to_the_reserved_one() -> None:
    """V7."""
    world = reserved(2)
    assert world.remote_start(HOLDER, None) is A
    world.plug_in(2)
    assert used(world) == [7]


def test_a_used_reservation_is_used_once() -> None:
    """V5."""
    world = reserved(1)
    world.charging(1, HOLDER)
    world.unplug(1)
    world.wait(5.0)
    world.charging(1, HOLDER)
    assert used(world) == [7, None]


def test_the_reservation_is_gone_in_the_same_commit_as_the_start() -> None:
    """V5, Q1: a power cut cannot leave both or none."""
    world = reserved(1)
    world.plug_in(1)
    world.forget()
    world.card(HOLDER)
    changes = (ef.Append, ef.Put, ef.Delete)
    kinds = [isinstance(each, changes) for each in world.effects]
    deleted = next(
        n for n, e in enumerate(world.effects) if isinstance(e, ef.Delete) and e.space == SPACE
    )
    appended = next(n for n, e in enumerate(world.effects) if isinstance(e, ef.Append))
    assert all(kinds[deleted : appended + 1])


def test_another_of_the_group_uses_a_reservation_with_a_card() -> None:
    """V4, TC_053_1: parentIdTag, local; the group is learned from Authorize."""
    world = reserved(1, group="family")
    world.csms.verdicts[FRIEND] = FAMILY
    world.card(FRIEND)
    world.plug_in(1)
    assert used(world) == [7]


@pytest.mark.parametrize("asks", ["true", "false"])
def test_another_of_the_group_uses_a_reservation_remotely(asks: str) -> None:
    """V4, V7, TC_053_2: parentIdTag, remote; the group is asked for in any case."""
    world = World(evses=2, variables={REMOTE_ASKS: asks})
    reserve(world, 1, group="FAMILY")
    world.csms.verdicts[FRIEND] = FAMILY
    assert world.remote_start(FRIEND, 1) is A
    assert [each.id_token.value for each in world.of(ef.AskAuthorization)] == [FRIEND]
    world.plug_in(1)
    assert used(world) == [7]


@pytest.mark.parametrize("evse", [0, 1])
def test_a_remote_start_without_a_question_knows_the_group_from_the_cache(evse: int) -> None:
    """V4, V7: AuthorizeRemoteTxRequests false."""
    world = World(evses=2, variables={REMOTE_ASKS: "false"})
    world.csms.verdicts[FRIEND] = FAMILY
    world.card(FRIEND)
    world.card(FRIEND)
    reserve(world, evse, group="FAMILY")
    world.forget()
    assert world.remote_start(FRIEND, 1) is A
    assert world.of(ef.AskAuthorization) == []
    world.plug_in(1)
    assert used(world) == [7]


def test_offline_the_group_is_known_from_the_cache() -> None:
    """V4, X7."""
    world = World(evses=1)
    world.csms.verdicts[FRIEND] = FAMILY
    world.card(FRIEND)
    world.card(FRIEND)
    reserve(world, 1, group="FAMILY")
    world.away()
    world.plug_in(1)
    world.card(FRIEND)
    assert world.grant().permitted


def test_a_group_is_not_compared_with_a_token() -> None:
    """X6, V4: a card whose number is the parent id is a stranger."""
    world = reserved(1, evses=1, group="FAMILY")
    world.plug_in(1)
    world.card("FAMILY")
    assert not world.grant().permitted


# --- Turned away ----------------------------------------------------------------------------------


def test_a_strangers_card_is_turned_away() -> None:
    """V4: Reserved stays, even with the stranger's plug in."""
    world = reserved(1, evses=1)
    world.plug_in(1)
    world.card(STRANGER)
    assert world.states(1) == []
    assert not world.grant().permitted
    assert "token.turned_away" in world.notes
    assert kept(world) == ["7"]


def test_a_strangers_card_is_for_the_connector_that_is_not_reserved() -> None:
    """V4."""
    world = reserved(1)
    world.card(STRANGER)
    assert (world.states(1), world.states(2)) == ([], [S.PREPARING])
    world.plug_in(1)
    assert not world.grant(1).permitted
    world.plug_in(2)
    assert world.grant(2).permitted
    assert used(world) == [None]


def test_a_strangers_remote_start_is_rejected() -> None:
    """V7."""
    world = reserved(1)
    assert world.remote_start(STRANGER, 1) is REJECTED
    assert world.remote_start(STRANGER, 2) is A


def test_a_remote_start_of_another_group_does_not_start() -> None:
    """V4, V7: it may belong to the group, so it is accepted; Authorize tells that it does not."""
    world = reserved(1, group="FAMILY")
    assert world.remote_start(STRANGER, 1) is A
    world.plug_in(1)
    assert "remote_start.refused" in world.notes
    assert not world.grant(1).permitted
    assert kept(world) == ["7"]


def test_a_start_at_the_station_itself_does_not_break_a_reservation() -> None:
    """V4: free vending, keys and pages are strangers too."""
    world = reserved(1, evses=1)
    world.plug_in(1)
    world.tell(ev.LocalStartAsked(evse=1, id_token=IdToken(value="page"), at_s=world.now_s))
    assert not world.grant().permitted


def test_a_strangers_plug_becomes_preparing_when_the_reservation_ends() -> None:
    """V6: whatever the inputs say then."""
    world = reserved(1, evses=1)
    world.plug_in(1)
    cancel(world)
    assert world.states(1) == [S.PREPARING]
    world.card(STRANGER)
    assert world.grant().permitted


# --- While the holder is at it --------------------------------------------------------------------


def test_a_holder_who_does_not_plug_in_leaves_it_reserved() -> None:
    """G2 and back: the authorization is forgotten, the reservation is not."""
    world = World(variables={TIMEOUT: "30"})
    reserve(world)
    world.forget()
    world.card(HOLDER)
    world.wait(31.0)
    assert world.states(1) == [S.PREPARING, S.RESERVED]


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_a_holder_who_has_shown_the_card_may_still_plug_in(ends: str) -> None:
    """V5: the authorization stands; the transaction does not name what has ended before it."""
    world = reserved(1, evses=1, for_s=10.0)
    world.card(HOLDER)
    if ends == "cancelled":
        cancel(world)
    else:
        world.wait(11.0)
    assert world.states(1) == [S.PREPARING]
    world.plug_in(1)
    assert world.grant().permitted
    assert used(world) == [None]
    assert why(world) == [ends]


def test_a_reservation_that_comes_while_a_card_is_asked_about_holds() -> None:
    """V4: what counts is how it is when the CSMS has answered."""
    world = World(evses=1)
    world.csms.answers = False
    world.card(STRANGER)
    world.csms.answers = True
    assert reserve(world) is A
    request = world.of(ef.AskAuthorization)[0].request
    info = TokenInfo(status=TokenStatus.ACCEPTED)
    world.tell(ev.AuthorizationAnswered(request=request, info=info, at_s=world.now_s))
    assert "token.turned_away" in world.notes
    assert world.state(1) is S.RESERVED


# --- EVSE 0 ---------------------------------------------------------------------------------------


def test_a_reservation_of_the_station_has_no_visible_state() -> None:
    """V3."""
    world = reserved(0)
    assert world.of(ef.ReportConnector) == []
    assert kept(world) == ["7"]


@pytest.mark.parametrize("evse", [1, 2])
def test_the_holder_takes_whichever_connector(evse: int) -> None:
    """V5, TC_049: Reservation of connector 0, transaction."""
    world = reserved(0)
    world.plug_in(evse)
    world.card(HOLDER)
    assert used(world) == [7]
    assert kept(world) == []


def test_one_connector_stays_free_for_the_holder() -> None:
    """V3: the first stranger charges, the second is turned away, the holder finds a place."""
    world = reserved(0)
    world.plug_in(1)
    world.card(STRANGER)
    assert world.grant(1).permitted
    world.plug_in(2)
    world.card(FRIEND)
    assert not world.grant(2).permitted
    assert "token.turned_away" in world.notes
    assert world.remote_start(FRIEND, 2) is REJECTED
    world.card(HOLDER)
    assert world.grant(2).permitted
    assert used(world) == [None, 7]


def test_with_one_connector_it_is_kept_for_the_holder() -> None:
    """V3."""
    world = reserved(0, evses=1)
    world.plug_in(1)
    world.card(STRANGER)
    assert not world.grant().permitted
    world.card(HOLDER)
    assert used(world) == [7]


def test_there_are_no_more_reservations_than_connectors() -> None:
    """V2, V3: neither for any connector nor for a particular one."""
    world = reserved(0)
    assert reserve(world, 0, number=8) is A
    assert reserve(world, 0, number=9) is OCCUPIED
    assert reserve(world, 1, number=9) is OCCUPIED
    cancel(world, 8)
    assert reserve(world, 1, number=9) is A
    assert reserve(world, 2, number=10) is OCCUPIED


def test_the_earliest_of_the_holders_reservations_is_used() -> None:
    """V5."""
    world = World(evses=2)
    reserve(world, 0, number=8, for_s=500.0)
    reserve(world, 0, number=9, for_s=100.0)
    world.plug_in(1)
    world.card(HOLDER)
    assert used(world) == [9]
    assert kept(world) == ["8"]


def test_a_station_that_is_all_faulted_is_faulted() -> None:
    """V2, TC_050_1: Reservation of connector 0, Faulted."""
    world = World(evses=2)
    world.hazard(1, "rcd_tripped")
    world.hazard(2, "rcd_tripped")
    assert reserve(world, 0) is Verdict.FAULTED


def test_a_station_that_is_all_in_use_is_occupied() -> None:
    """V2, TC_050_2: Reservation of connector 0, Occupied."""
    world = World(evses=2)
    world.charging(1, STRANGER)
    world.hazard(2, "rcd_tripped")
    assert reserve(world, 0) is OCCUPIED


def test_a_station_that_is_inoperative_is_unavailable() -> None:
    """V2, TC_050_3: Reservation of connector 0, Unavailable."""
    world = World(evses=2)
    world.operative(0, False)
    assert reserve(world, 0) is Verdict.UNAVAILABLE


def test_without_reserve_connector_zero_supported_it_is_rejected() -> None:
    """V2, TC_050_4: Reservation of connector 0, Rejected."""
    world = World(evses=2, variables={ANY_EVSE: "false"})
    assert reserve(world, 0) is REJECTED
    assert reserve(world, 1) is A


def test_a_reservation_of_the_station_ends_with_the_last_connector() -> None:
    """V5: one that is left may still serve the holder."""
    world = reserved(0)
    world.hazard(1, "rcd_tripped")
    assert kept(world) == ["7"]
    world.operative(2, False)
    assert kept(world) == []
    assert why(world) == ["faulted"]
