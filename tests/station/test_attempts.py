"""A vehicle that nobody authorizes: Preparing for a while, then Finishing, and still startable."""

from __future__ import annotations

from chargepoint.station.effects import ConnectorState
from tests.station.world import World

S = ConnectorState


def test_a_vehicle_that_nobody_authorizes_in_time_is_finishing() -> None:
    """B6 of section 6.1: ConnectionTimeOut."""
    world = World(variables={("TxCtrlr", "EVConnectionTimeOut"): "60"})
    world.plug_in()
    world.wait(59.0)
    assert world.state() is S.PREPARING
    world.wait(1.0)
    assert world.state() is S.FINISHING
    assert world.starts == []


def test_its_card_starts_it_all_the_same_by_way_of_preparing() -> None:
    """F2; there is no step from Finishing to Charging."""
    world = World()
    world.plug_in()
    world.wait(300.0, step_s=5.0)
    world.card("04A1")
    world.wait(10.0)
    assert world.states()[-3:] == [S.FINISHING, S.PREPARING, S.CHARGING]


def test_a_change_of_the_time_out_counts_at_once() -> None:
    """Configuration keys, section 1, rule 11."""
    world = World()
    world.plug_in()
    world.wait(30.0)
    world.set("TxCtrlr", "EVConnectionTimeOut", "20")
    world.wait(1.0)
    assert world.state() is S.FINISHING
    world.set("TxCtrlr", "EVConnectionTimeOut", "600")
    world.wait(1.0)
    assert world.state() is S.PREPARING


def test_a_second_swipe_begins_a_new_time() -> None:
    """B1, then B6."""
    world = World(variables={("TxCtrlr", "EVConnectionTimeOut"): "60"})
    world.card("04A1")
    world.wait(30.0)
    world.card("04A1")
    world.plug_in()
    world.wait(59.0)
    assert world.state() is S.PREPARING
    world.wait(2.0)
    assert world.state() is S.FINISHING


def test_unplugging_frees_the_connector() -> None:
    """F1."""
    world = World()
    world.plug_in()
    world.wait(300.0, step_s=5.0)
    world.unplug()
    world.wait(2.0)
    assert world.state() is S.AVAILABLE
    world.plug_in()
    assert world.state() is S.PREPARING


def test_without_a_time_out_it_waits_for_ever() -> None:
    world = World(variables={("TxCtrlr", "EVConnectionTimeOut"): "0"})
    world.plug_in()
    world.wait(3600.0, step_s=60.0)
    assert world.state() is S.PREPARING
