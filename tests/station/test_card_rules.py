"""An operator's rules: master passes, second swipes, dead time, free vending, a released plug."""

from __future__ import annotations

import pytest

from chargepoint.station.records import StopReason, TokenInfo, TokenStatus
from tests.station.world import World

MASTER = ("AuthCtrlr", "MasterPassGroupId")
AUTO = ("CustomAccess", "AutoStartId")
SECOND = ("CustomAccess", "StopOnSecondSwipe")
DEAD = ("CustomAccess", "CardDeadTime")
RELEASE = ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect")
STOP_UNPLUGGED = ("TxCtrlr", "StopTxOnEVSideDisconnect")


def master_world(**more: int) -> World:
    world = World(variables={MASTER: "MASTERS"}, **more)  # type: ignore[arg-type]
    world.csms.verdicts["PASS"] = TokenInfo(status=TokenStatus.ACCEPTED, group="masters")
    return world


# --- Master passes --------------------------------------------------------------------------------


def test_a_master_pass_ends_every_transaction_at_its_reader() -> None:
    world = master_world(evses=2)
    world.charging(1, "04A1")
    world.charging(2, "04A2")
    world.card("PASS")
    world.wait(10.0)
    assert [end.reason for end in world.ends] == [StopReason.MASTER_PASS] * 2
    assert {end.id_token.value for end in world.ends if end.id_token} == {"PASS"}


def test_a_master_pass_starts_nothing() -> None:
    world = master_world()
    world.plug_in()
    world.card("PASS")
    world.wait(10.0)
    assert world.starts == []


def test_a_blocked_master_pass_ends_nothing() -> None:
    world = master_world()
    world.csms.verdicts["PASS"] = TokenInfo(status=TokenStatus.BLOCKED, group="masters")
    world.charging()
    world.card("PASS")
    world.wait(10.0)
    assert world.ends == []


def test_without_a_group_of_masters_no_card_is_one() -> None:
    world = World()
    world.csms.verdicts["PASS"] = TokenInfo(status=TokenStatus.ACCEPTED, group="")
    world.charging()
    world.card("PASS")
    world.wait(10.0)
    assert world.ends == []


# --- A second swipe -------------------------------------------------------------------------------


def test_a_second_swipe_stops_nothing_where_that_is_wanted() -> None:
    world = World(variables={SECOND: "false"})
    world.charging()
    world.card("04A1")
    world.wait(10.0)
    assert world.ends == []
    assert world.notes[-1] == "token.ignored"


def test_nor_does_a_card_of_the_same_group() -> None:
    world = World(variables={SECOND: "false"})
    for token in ("04A1", "04A2"):
        world.csms.verdicts[token] = TokenInfo(status=TokenStatus.ACCEPTED, group="FAMILY")
    world.charging()
    world.card("04A2")
    world.wait(10.0)
    assert world.ends == []


def test_a_master_pass_still_does() -> None:
    world = World(variables={SECOND: "false", MASTER: "MASTERS"})
    world.csms.verdicts["PASS"] = TokenInfo(status=TokenStatus.ACCEPTED, group="MASTERS")
    world.charging()
    world.card("PASS")
    world.wait(10.0)
    assert [end.reason for end in world.ends] == [StopReason.MASTER_PASS]


# --- Dead time ------------------------------------------------------------------------------------


def test_a_card_left_on_the_reader_counts_once() -> None:
    world = World(variables={DEAD: "5"})
    world.plug_in()
    for _ in range(10):
        world.card("04A1")
        world.wait(3.0)
    assert (len(world.starts), world.ends) == (1, [])


def test_a_card_that_was_away_for_the_dead_time_counts_again() -> None:
    world = World(variables={DEAD: "5"})
    world.plug_in()
    world.card("04A1")
    world.wait(5.0)
    world.card("04A1")
    world.wait(10.0)
    assert len(world.ends) == 1


def test_the_dead_time_is_of_one_card_at_one_reader() -> None:
    world = World(variables={DEAD: "60"})
    world.card("04A1", "left")
    world.card("04A1", "right")
    assert world.notes.count("token.accepted") == 2


@pytest.mark.parametrize(("value", "taken"), [("60", True), ("61", False), ("-1", False)])
def test_the_dead_time_has_bounds(value: str, taken: bool) -> None:
    world = World()
    verdict = world.set(*DEAD, value)
    assert verdict is not None
    assert (verdict.value == "Accepted") is taken


# --- Free vending ---------------------------------------------------------------------------------


def test_whoever_plugs_in_charges_under_the_set_id_without_a_question() -> None:
    world = World(variables={AUTO: "FREE"})
    world.plug_in()
    world.wait(60.0)
    assert [start.id_token.value for start in world.starts] == ["FREE"]
    assert world.grant().permitted
    world.unplug()
    world.wait(5.0)
    assert [end.reason for end in world.ends] == [StopReason.EV_DISCONNECTED]


def test_a_vehicle_is_not_started_twice() -> None:
    """The CSMS that refuses the id must not be asked again and again."""
    world = World(variables={AUTO: "FREE"})
    world.csms.start_status = TokenStatus.INVALID
    world.plug_in()
    world.wait(300.0)
    assert len(world.starts) == 1
    assert [end.reason for end in world.ends] == [StopReason.DE_AUTHORIZED]
    world.unplug()
    world.plug_in()
    world.wait(10.0)
    assert len(world.starts) == 2


def test_free_vending_needs_no_connection() -> None:
    world = World(variables={AUTO: "FREE"}, online=False)
    world.plug_in()
    world.wait(10.0)
    assert world.grant().permitted


def test_free_vending_can_be_switched_by_the_csms() -> None:
    world = World()
    world.plug_in()
    world.wait(10.0)
    assert world.starts == []
    world.set(*AUTO, "FREE")
    world.wait(5.0)
    assert len(world.starts) == 1


def test_an_inoperative_connector_vends_nothing() -> None:
    world = World(variables={AUTO: "FREE"})
    world.operative(1, operative=False)
    world.plug_in()
    world.wait(10.0)
    assert world.starts == []


# --- The other end of the cable -------------------------------------------------------------------


def unplugged(release: str) -> World:
    """The vehicle's end is pulled, and the transaction goes on."""
    world = World(socket=True, variables={RELEASE: release, STOP_UNPLUGGED: "false"})
    world.charging()
    world.unplug()
    world.wait(5.0)
    assert world.ends == []
    return world


def test_the_plug_is_released_while_the_transaction_goes_on() -> None:
    """S8: without permission the safety program holds no lock."""
    world = unplugged("true")
    assert not world.grant().permitted
    world.plug_in()
    world.wait(5.0)
    assert world.grant().permitted


def test_the_leave_is_kept_where_the_plug_is_to_stay_locked() -> None:
    """S8: the station's part; the safety program frees a plug without a vehicle all the same."""
    assert unplugged("false").grant().permitted
