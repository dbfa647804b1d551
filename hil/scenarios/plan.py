"""All cases, in the order in which they are reported, in classes that can be chosen singly."""

from __future__ import annotations

from collections.abc import Mapping

from hil.scenarios import hazards, locks, protection, sequences, surroundings, vehicles
from hil.scenarios.scenario import Case

# fmt: off
CLASSES: Mapping[str, tuple[str, tuple[Case, ...]]] = {
    "sequences":    ("Sequences of IEC 61851-1",          sequences.CASES),
    "vehicles":     ("Vehicles and phases",               vehicles.CASES),
    "locks":        ("Lock and cable of a socket outlet", locks.CASES),
    "hazards":      ("Hazards",                           hazards.CASES),
    "protection":   ("Protection, self-test, retries",    protection.CASES),
    "surroundings": ("Heat and supply",                   surroundings.CASES),
}
# fmt: on
GROUPS: Mapping[str, tuple[Case, ...]] = dict(CLASSES.values())
CASES: Mapping[str, Case] = {case.name: case for group in GROUPS.values() for case in group}
