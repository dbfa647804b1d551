"""The simulator as a bench, with a controller that runs its pilot itself as the station."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.config import parse
from hil.bench import Bench, Closed, Draws, Offers, Open, SignalsFault, Unmet
from hil.scenarios.iec61851 import SCENARIOS
from hil.scenarios.scenario import Place
from hil.sim_bench import SimBench, holds
from hil.simulator import Simulator
from hil.stage import changed, example


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    wanted = {"paths.run_dir": str(tmp_path), "simulator.http": "127.0.0.1:0"}
    raw = changed(example(), wanted)
    raw["device"][0] = {"name": "board1", "driver": "simple-evse", "bus": "safety"}
    with Simulator(parse(raw, str(tmp_path / "station.toml"))) as simulator:
        yield SimBench(simulator.http_url)


@pytest.mark.parametrize("name", ["charges", "unplugged_under_load", "residual_current"])
def test_a_scenario_measures_times_within_their_limits(bench: Bench, name: str) -> None:
    (measured,) = SCENARIOS[name](bench, Place(evse=1))
    assert 0.0 <= measured.took_s <= measured.limit_s


def test_a_scenario_fails_when_the_contactor_does_not_open(bench: Bench) -> None:
    bench.plug_in(1)
    bench.expect(Closed(1), 5.0)
    bench.inject(1, "contactor_welded")
    bench.unplug(1)
    with pytest.raises(Unmet, match="not within"):
        bench.expect(Open(1), 0.1)


def test_the_instant_of_a_movement_is_the_contact_s_own(bench: Bench) -> None:
    bench.plug_in(1)
    closed_s = bench.expect(Closed(1), 5.0)
    assert bench.expect(Closed(1), 5.0) == closed_s
    assert closed_s < bench.unplug(1)


def test_what_was_too_late_is_unmet_although_it_holds_now(bench: Bench) -> None:
    plugged_s = bench.plug_in(1)
    bench.expect(Closed(1), 5.0)
    with pytest.raises(Unmet, match="came after"):
        bench.expect(Closed(1), 0.01, since_s=plugged_s)


def test_a_fault_that_the_bench_cannot_cause_is_a_lookup_error(bench: Bench) -> None:
    with pytest.raises(LookupError, match="gremlins"):
        bench.inject(1, "gremlins")


SHOWN = {
    "contactor_closed": True,
    "offered_a": 16.0,
    "current_a": [9.0, 16.0, 0.0],
    "pilot_mode": "offer",
}


@pytest.mark.parametrize(
    ("sight", "seen"),
    [
        (Closed(1), True),
        (Open(1), False),
        (Offers(1, 15.0, 17.0), True),
        (Offers(1, 0.0, 0.0), False),
        (Draws(1, 15.0, 17.0), True),
        (Draws(1, 0.0, 10.0), False),
        (SignalsFault(1), False),
    ],
)
def test_instruments_look_at_contacts_levels_and_currents(sight: Closed, seen: bool) -> None:
    assert holds(sight, SHOWN) is seen
