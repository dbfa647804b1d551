"""Plug cycles under abuse, in virtual time; and that the judge of them can say no.

More by hand: `python -m tests.sim.cycles --cycles 10000 --seed 1`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chargepoint.evse.evse import Evse, Inputs, Outputs
from hil.plant.vehicle import Request, Vehicle
from tests.sim import cycles
from tests.sim.abuse_campaign import Campaign
from tests.sim.abuse_rules import Violation
from tests.sim.abuse_site import EVSES, Site
from tests.sim.cycles import world

SEEDS = tomllib.loads(Path(__file__).with_name("seeds.toml").read_text())


@pytest.mark.sim
@pytest.mark.parametrize("seed", SEEDS["cycles"])
def test_no_abuse_makes_the_contactor_close_against_the_rules(seed: int) -> None:
    tally = world(seed)
    assert tally.charged > len(EVSES) * cycles.ROUNDS_PER_WORLD, "only the clean cycles charged"
    assert tally.openings > 0, "nothing had to open: a world without a test"


@pytest.mark.sim
@pytest.mark.parametrize("seed", SEEDS["cycles_begun"])
def test_what_once_broke_a_rule_within_the_first_cycles_does_not_any_more(seed: int) -> None:
    assert world(seed, rounds=1).cycles > 0


# --- The judge says no ----------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose safety program is sabotaged by the test; both vehicles are charging."""
    with cycles.quiet():
        made = Site(7, tmp_path)
        yield made
        made.agent.close()
        made.kill()


def plug_in(site: Site, vehicle: Vehicle) -> None:
    site.act(lambda _: vehicle.plug_in(32))


def charge(site: Site) -> None:
    for evse in site.built.world.plant.evses.values():
        plug_in(site, evse.vehicle)
    site.run(30.0, until=lambda: all(judge.charged for judge in site.judges.values()))
    assert all(judge.charged for judge in site.judges.values())


def sabotage(monkeypatch: pytest.MonkeyPatch, **command: Any) -> None:
    """From now on whatever the core decides is overruled."""
    plain = Evse.step

    def step(self: Evse, inputs: Inputs, now_s: float) -> Outputs:
        outputs = plain(self, inputs, now_s)
        return replace(outputs, command=replace(outputs.command, **command))

    monkeypatch.setattr(Evse, "step", step)


def test_a_contactor_held_after_the_vehicle_paused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge(site)
    sabotage(monkeypatch, closed=True, locked=True)
    vehicle = site.built.world.plant.evses[1].vehicle
    site.act(lambda _: setattr(vehicle, "request", Request.PAUSE))
    with pytest.raises(Violation, match="closed with pilot"):
        site.run(5.0)


def test_a_contactor_held_after_leave_was_gone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    charge(site)
    sabotage(monkeypatch, closed=True, locked=True)
    site.agent.wants.clear()
    for evse in site.built.world.plant.evses.values():
        evse.vehicle.ignores_pilot = True
    with pytest.raises(Violation, match="after leave was gone"):
        site.run(20.0)


def test_a_contactor_held_on_frozen_readings(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    charge(site)
    sabotage(monkeypatch, closed=True, locked=True)
    site.fault(1, "reading_stale", True)
    with pytest.raises(Violation, match="closed on a reading"):
        site.run(2.0)


def test_more_current_than_the_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    charge(site)
    sabotage(monkeypatch, current_a=20.0, duty_ratio=20.0 / 60.0)
    with pytest.raises(Violation, match="offers 20"):
        site.run(1.0)


def test_closing_without_leave(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.agent.wants.clear()
    site.run(3.0)
    for evse in site.built.world.plant.evses.values():
        plug_in(site, evse.vehicle)
        evse.vehicle.s2_closed = True
        evse.vehicle.ignores_pilot = True
    site.run(1.0)
    for judge in site.judges.values():
        judge._diode = True
    sabotage(monkeypatch, closed=True)
    with pytest.raises(Violation, match="closes without leave"):
        site.run(1.0)


def test_a_station_that_never_charges(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(monkeypatch, closed=False)
    with pytest.raises(Violation, match="a clean cycle does not charge"):
        Campaign(site, 1)._clean()
