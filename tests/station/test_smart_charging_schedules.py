"""Limits and composite schedules against the slow reference, second by second."""

from __future__ import annotations

import os

import pytest

from chargepoint.station.charging_profiles.profile import RateUnit
from tests.station.profile_sets import NOW, SECONDS, ZERO_S, random_pair

SETS = int(os.environ.get("PROFILE_SETS", "200"))
"""Random profile sets; 10,000 take about four minutes."""

CHUNKS = 8
FIRST = int(NOW.timestamp())


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_limit_in_force_is_the_reference_s_at_every_second(chunk: int) -> None:
    """9.1, 9.4: kinds, validity, duration, levels, purposes, units and phases, all together."""
    for seed in range(chunk, SETS, CHUNKS):
        pair = random_pair(seed)
        for second in range(SECONDS):
            for evse in pair.slow.connectors:
                ours = pair.ours.limit(evse, ZERO_S + second + 0.5)
                wanted = pair.slow.profiled(
                    evse, FIRST + second, pair.slow.connectors[evse].began or FIRST + second
                )
                found = None if ours is None else (round(ours.current_a, 6), ours.phases)
                expected = None if wanted is None else (round(float(wanted[0]), 6), wanted[1])
                assert found == expected, f"seed {seed}, EVSE {evse}, second {second}"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_composite_schedule_is_the_reference_s_at_every_second(chunk: int) -> None:
    """9.7, TC_066, TC_072, TC_082: each connector and the whole, in A and W, merged periods."""
    for seed in range(chunk, SETS, CHUNKS):
        pair = random_pair(seed)
        for evse in (0, *pair.slow.connectors):
            for unit in RateUnit:
                composite = pair.ours.composite(evse, SECONDS, unit, ZERO_S)
                assert composite.periods[0].start_s == 0
                assert (composite.starts_at, composite.duration_s) == (NOW, SECONDS)
                said = {p.start_s: (p.limit, p.phases) for p in composite.periods}
                expected = {}
                for second in range(SECONDS):
                    value = pair.slow.composite(evse, FIRST + second, FIRST, unit.value)
                    if not expected or list(expected.values())[-1] != value:
                        expected[second] = value
                assert said == expected, f"seed {seed}, EVSE {evse}, {unit}"
