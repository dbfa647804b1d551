"""The verbs of a test bench: what is done to a station, and what instruments see of it.

A scenario is written once against `Bench`. The simulator is one bench (`sim_bench`); real hardware
with a vehicle simulator, a relay for the card and instruments is another. Every stimulus returns
the instant at which it was given; `expect` waits until an instrument sees what should follow and
returns when that was. A bench judges by its instruments alone, never by what the station reports.

What a bench has is listed in `instruments`; a scenario that needs more is skipped, with the reason.
A verb whose instrument is missing raises `Missing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol


class Instrument(Enum):
    """What a bench may have; the value is its name in reports."""

    VEHICLE = "vehicle simulator"
    CONTACT = "main contact"
    PILOT = "pilot level"
    CURRENT = "current probes"
    WIRE = "bus analyser"
    FAULTS = "fault injection"
    LEASES = "lease holder"
    PROGRAMS = "program control"
    SUPPLY = "supply switch"
    READER = "card reader"
    OUTLET = "outlet voltage"
    HEAT = "heat source"
    WORDS = "words of the station"
    """What it says on its socket. Nothing that an instrument can see is judged by it; but that a
    hazard has the right name, and a warning that changes nothing else, can be seen nowhere else."""


class Missing(LookupError):
    """The bench has no instrument for that."""


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


@dataclass(frozen=True, slots=True)
class Told:
    """A command to close, or to open, the contactor has arrived at the board."""

    evse: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Asks:
    """The vehicle has closed S2, or opened it."""

    evse: int
    asking: bool


@dataclass(frozen=True, slots=True)
class Locked:
    """The plug is locked, or free."""

    evse: int
    locked: bool


LIVE_V = 50.0
"""A phase with more than this is live (extra-low voltage ends here)."""


@dataclass(frozen=True, slots=True)
class Live:
    """This many phases have voltage at the outlet."""

    evse: int
    phases: int


@dataclass(frozen=True, slots=True)
class ToldPhases:
    """A command to switch to one or three phases has arrived at the board."""

    evse: int
    phases: int


@dataclass(frozen=True, slots=True)
class ToldTest:
    """The residual-current monitor was told to test itself."""

    evse: int


@dataclass(frozen=True, slots=True)
class Says:
    """The station tells of this hazard."""

    evse: int
    hazard: str


Sight = (
    Closed
    | Open
    | Offers
    | Draws
    | SignalsFault
    | Told
    | Asks
    | Locked
    | Live
    | ToldPhases
    | ToldTest
    | Says
)
"""What an instrument can see."""


class Unmet(AssertionError):
    """What a scenario expects was not seen in time."""


class Bench(Protocol):
    """One station with everything around it. All instants are monotonic seconds."""

    @property
    def name(self) -> str:
        """For the report: which bench, which instruments."""
        ...

    @property
    def instruments(self) -> Mapping[Instrument, str]:
        """What there is, each in words for the report."""
        ...

    def plug_in(self, evse: int, cable_a: int | None = None) -> float: ...

    def request_power(self, evse: int, current_a: float, phases: int = 3) -> float:
        """The vehicle wants to charge with up to this current."""
        ...

    def request_ventilation(self, evse: int) -> float:
        """The vehicle wants to charge, and needs ventilation for it (state D)."""
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

    def supply(self, on: bool) -> float:
        """Mains on or off."""
        ...

    def temperature(self, evse: int, celsius: float | None) -> float:
        """Hold the temperature inside the enclosure; None: whatever it is by itself."""
        ...

    # --- in place of an agent --------------------------------------------------------------------

    def permit(self, evse: int, current_a: float) -> float:
        """Hold permission and limit of this EVSE from now on."""
        ...

    def limit(self, evse: int, current_a: float, phases: int | None = None) -> float:
        """Another limit, from now on; `phases`: 1 or 3, where they can be switched."""
        ...

    def revoke(self, evse: int) -> float:
        """Take the permission back and hold it no longer."""
        ...

    def lapse(self, evse: int, lease: Literal["limit", "permission"]) -> float:
        """Hold this lease no longer, without a word; it ends by itself."""
        ...

    def reset_hazard(self, evse: int, hazard: str) -> float:
        """A technician resets a latched hazard."""
        ...

    def latch(self, evse: int, hazard: str) -> float:
        """Tell the safety program, now and whenever it starts, of a hazard of before a restart."""
        ...

    def signal(self, number: int) -> float:
        """Send a signal to the safety program."""
        ...

    def restart(self) -> float:
        """Start the safety program again, after it has ended."""
        ...

    # --- judging ---------------------------------------------------------------------------------

    def keeps(self, for_s: float, *sights: Sight) -> float:
        """Instant at which all `sights` had held for `for_s` from now. Raises Unmet if not."""
        ...

    def expect(self, sight: Sight, within_s: float, since_s: float | None = None) -> float:
        """Instant at which `sight` became true.

        Counted from `since_s`, by default from the latest stimulus. Raises Unmet when it was not
        so within `within_s`.
        """
        ...
