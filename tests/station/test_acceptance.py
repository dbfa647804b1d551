"""Charging before the CSMS has ever accepted the station."""

from __future__ import annotations

from tests.station.world import World

OPEN = {("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "true"}


def charged(world: World) -> bool:
    world.plug_in()
    world.card("04A1")
    world.wait(10.0)
    return world.grant().permitted


def test_nothing_starts_before_the_first_acceptance() -> None:
    """B6."""
    assert not charged(World(online=False, variables=OPEN, acceptance_needed=True))


def test_local_rules_hold_before_it_where_that_is_wanted() -> None:
    """B6: a setting."""
    assert charged(World(online=False, variables=OPEN))


def test_local_rules_hold_offline_once_the_station_was_accepted() -> None:
    """B6."""
    world = World(variables=OPEN, acceptance_needed=True)
    world.away()
    assert charged(world)


def test_an_acceptance_is_known_after_a_restart() -> None:
    """B6."""
    world = World(variables=OPEN, acceptance_needed=True)
    world.away()
    world.kill_both(host=True)
    assert charged(world)


def test_free_vending_waits_for_it_too() -> None:
    """B6."""
    variables = {("CustomAccess", "AutoStartId"): "FREE"}
    world = World(online=False, variables=variables, acceptance_needed=True)
    world.plug_in()
    world.wait(10.0)
    assert not world.grant().permitted
    world.accept()
    world.wait(5.0)
    assert world.grant().permitted
