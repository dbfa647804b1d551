"""Seeded whole-station simulation: hundreds of virtual hours with the invariants of the design.

More seeds and longer runs by hand: CHARGEPOINT_SIM_SEEDS="100-140" CHARGEPOINT_SIM_HOURS=48.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from tests.sim.world import World

SETTINGS = tomllib.loads(Path(__file__).with_name("seeds.toml").read_text())
HOURS = float(os.environ.get("CHARGEPOINT_SIM_HOURS", SETTINGS["hours"]))


def seeds() -> list[int]:
    text = os.environ.get("CHARGEPOINT_SIM_SEEDS", "")
    if not text:
        return list(SETTINGS["seeds"])
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.mark.sim
@pytest.mark.parametrize("seed", seeds())
def test_the_whole_station_keeps_its_invariants_and_its_books(seed: int) -> None:
    world = World(seed)
    world.run(HOURS * 3600)
    world.settle()
    assert world.central.transactions or HOURS < 4, "nothing was charged: a world without a test"
