"""Technicians among drivers, outages and faults, in virtual time: every invariant holds.

More by hand: CHARGEPOINT_SIM_SEEDS="100-140" CHARGEPOINT_SIM_HOURS=8.
"""

from __future__ import annotations

import os

import pytest

from tests.sim.technicians import Technicians
from tests.sim.test_world import seeds

SEEDS = seeds() if "CHARGEPOINT_SIM_SEEDS" in os.environ else [3]
HOURS = float(os.environ.get("CHARGEPOINT_SIM_HOURS", "0.5"))


@pytest.mark.sim
@pytest.mark.parametrize("seed", SEEDS)
def test_no_technician_breaks_an_invariant_or_loses_a_transaction(seed: int) -> None:
    world = Technicians(seed)
    world.run(HOURS * 3600)
    world.settle()
    done = {name for name, ok in world.answers if ok}
    assert done == {"LimitAsked", "EnableAsked"}
    assert world.central.transactions
