"""The verbs of a test bench: what is done to a station, and what instruments see of it.

A scenario is written once against `Bench`. The simulator is one bench (`sim_bench`); real hardware
with a vehicle simulator, a relay for the card and instruments is another. Every stimulus returns
the instant at which it was given; `expect` waits until an instrument sees what should follow and
returns when that was. A bench judges by its instruments alone, never by what the station reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Closed:
    """The main contact of this EVSE is closed."""

    evse: int


@dataclass(frozen=True, slots=True)
class Open:
    """The main contact of this EVSE is open."""

    evse: int


@dataclass(frozen=True, slots=True)
class Offers:
    """The pilot offers a current in this range; 0 to 0: no oscillator."""

    evse: int
    low_a: float
    high_a: float


@dataclass(frozen=True, slots=True)
class Draws:
    """The largest phase current lies in this range."""

    evse: int
    low_a: float
    high_a: float


@dataclass(frozen=True, slots=True)
class SignalsFault:
    """The pilot stands at -12 V (state F)."""

    evse: int


Sight = Closed | Open | Offers | Draws | SignalsFault
"""What an instrument can see."""


class Unmet(AssertionError):
    """What a scenario expects was not seen in time."""


class Bench(Protocol):
    """One station with everything around it. All instants are monotonic seconds."""

    @property
    def name(self) -> str:
        """For the report: which bench, which instruments."""
        ...

    def plug_in(self, evse: int, cable_a: int | None = None) -> float: ...

    def request_power(self, evse: int, current_a: float, phases: int = 3) -> float:
        """The vehicle wants to charge with up to this current."""
        ...

    def stop_request(self, evse: int) -> float:
        """The vehicle wants to pause."""
        ...

    def unplug(self, evse: int) -> float: ...

    def present_token(self, token: str, reader: str) -> float: ...

    def draw_a(self, evse: int) -> tuple[float, ...]:
        """Current of each phase as an instrument measures it."""
        ...

    def inject(self, evse: int, fault: str, active: bool = True) -> float:
        """Set or clear a fault by its catalogue id. Raises LookupError when the bench cannot."""
        ...

    def expect(self, sight: Sight, within_s: float, since_s: float | None = None) -> float:
        """Instant at which `sight` became true.

        Counted from `since_s`, by default from the latest stimulus. Raises Unmet when it was not
        so within `within_s`.
        """
        ...
