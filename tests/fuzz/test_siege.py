"""A hostile central system, bounded; the long run is `make fuzz`."""

from __future__ import annotations

import json
import random

import pytest
from jsonschema import ValidationError

from tests.fuzz.frames import RARE, REQUESTS, Hostile, made, published
from tests.fuzz.siege import besiege
from tests.ocpp.fakes import check

FRAMES = 1_500


@pytest.mark.sim
@pytest.mark.parametrize("seed", [1, 2])
def test_no_frame_closes_a_contactor_fills_the_disk_or_ends_the_station(seed: int) -> None:
    """R6, CQ9: two cars plugged in, no card; afterwards a card starts a session."""
    siege = besiege(seed, FRAMES, authorizes=False)
    assert siege.sent == FRAMES


@pytest.mark.sim
def test_with_authorizes_among_the_frames_the_safety_rules_hold() -> None:
    """CQ9: contactors close and open under the invariants of the simulation."""
    siege = besiege(3, FRAMES, authorizes=True)
    assert siege.closings > 0


def legal_action(text: str) -> str | None:
    """The action of a frame that passes the published schemas."""
    try:
        frame = json.loads(text)
        check(frame, {})
    except (AssertionError, LookupError, TypeError, ValueError, OSError):
        return None
    except (RecursionError, ValidationError):
        return None
    return str(frame[2])


def test_enough_of_the_requests_is_legal_and_every_action_is_among_them() -> None:
    """Guards the source of frames: damage alone would never get past the schemas."""
    hostile = Hostile(random.Random(1))
    found = [action for _ in range(3_000) if (action := legal_action(hostile.frame()))]
    assert 600 < len(found) < 2_400
    assert set(found) | set(RARE) == set(REQUESTS)


@pytest.mark.parametrize("action", REQUESTS)
def test_what_is_made_from_a_schema_has_what_it_requires(action: str) -> None:
    """Guards the generator."""
    schema = published(action)
    payload = made(schema, random.Random(2))
    assert set(schema.get("required", ())) <= set(payload)
