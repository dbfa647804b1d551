"""All cases, in the order in which they are played and reported."""

from __future__ import annotations

from collections.abc import Mapping

from hil.scenarios import hazards, sequences
from hil.scenarios.scenario import Case

GROUPS: Mapping[str, tuple[Case, ...]] = {
    "Sequences of IEC 61851-1": sequences.CASES,
    "Hazards": hazards.CASES,
}
CASES: Mapping[str, Case] = {case.name: case for group in GROUPS.values() for case in group}
