"""Scenarios, written once against `hil.bench.Bench`: a stimulus, and what instruments must see.

Each is a function of a bench and a place (which EVSE, which reader, which card) and returns what it
measured. Each module lists its own as SCENARIOS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.bench import Bench


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a scenario plays."""

    evse: int = 1
    reader: str = ""
    """Empty: the station charges without a card."""
    token: str = "04A1B2C3D4E5F6"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measured time against its limit."""

    what: str
    took_s: float
    limit_s: float
    clause: str


Scenario = Callable[[Bench, Place], list[Measured]]
