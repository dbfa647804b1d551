"""No damage to the bytes of a line becomes a wrong register value, as far as CRC-16 can tell.

The seeds are fixed, so a failure says which frame. `python -m tests.hal.damage --frames 1000000`
plays the same by the million.
"""

from __future__ import annotations

import pytest

from tests.hal.damage import DAMAGES, FOUND_FOR_CERTAIN, GUARDS, Abuse, report

FRAMES_PER_SEED = 2500


@pytest.mark.parametrize("seed", range(8))
def test_no_damaged_frame_becomes_a_wrong_value(seed: int) -> None:
    """20,000 replies over all seeds: damaged, late, lost, echoed and doubled."""
    abuse = Abuse(seed)
    abuse.run(FRAMES_PER_SEED)
    tallies = abuse.tallies.values()
    assert [tally.misplaced for tally in tallies] == [0] * len(abuse.tallies)
    assert [abuse.tallies[name].wrong for name in FOUND_FOR_CERTAIN] == [0, 0]
    assert sum(tally.wrong for tally in tallies) == 0  # chance would be one in 10 of these tests
    assert sum(tally.right for tally in tallies) > FRAMES_PER_SEED // 10


def test_every_damage_and_every_guard_has_its_turn() -> None:
    abuse = Abuse(seed=1)
    abuse.run(FRAMES_PER_SEED)
    assert all(abuse.tallies[damage.__name__].frames > 50 for damage in DAMAGES)
    met = {guard for tally in abuse.tallies.values() for guard in tally.stopped}
    assert met == set(GUARDS)


def test_the_report_counts_every_reply_once() -> None:
    abuse = Abuse(seed=2)
    abuse.run(500)
    for tally in abuse.tallies.values():
        assert tally.frames == tally.right + tally.wrong + sum(tally.stopped.values())
    assert sum(tally.frames for tally in abuse.tallies.values()) == abuse.frames
    assert report(abuse).splitlines()[-2].split()[:2] == ["all", str(abuse.frames)]
