"""Scenarios, written once against `hil.bench.Bench`: a stimulus, and what instruments must see.

The short ones are a function of a bench and a place (which EVSE, which reader, which card) that
returns what it measured. A `Case` is a scenario with all that a run and a report need: its title,
its clause, what it needs and how the station is configured for it. It is played as a `Trial`, which
goes on after a time that was too long, so that the report shows by how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chargepoint.config import Config
from hil.bench import Bench, Instrument, Sight, Unmet

LATE_RATIO = 3.0
LATE_S = 3.0
"""How long is waited for what is late already, so that the report can say when it came."""


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
    """Infinite: it did not come."""
    limit_s: float
    clause: str
    least_s: float = 0.0
    """It must not come earlier than this."""
    judged: bool = True
    """False: a goal of ours that no clause demands; a miss is shown, and fails nothing."""
    at_s: float | None = None
    """When it came, for the plot."""
    doubt_s: float = 0.0
    """The instruments are right to ± this."""

    @property
    def met(self) -> bool:
        """Whether the latest time that the doubt allows lies between the limits.

        A longest time in doubt is not met. A least one is where a timer of the station ends to the
        millisecond, so that only what is certainly earlier misses it.
        """
        return self.least_s <= self.took_s + self.doubt_s <= self.limit_s


Scenario = Callable[[Bench, Place], list[Measured]]


@dataclass(slots=True)
class Settings:
    """Numbers of the station's configuration that limits are made of."""

    limit_lease_s: float
    permission_lease_s: float
    failsafe_current_a: float
    ramp_down_s: float
    stale_after_s: float
    over_current_grace_s: float
    reclose_wait_s: float
    watchdog_s: float

    @classmethod
    def of(cls, config: Config, board: str) -> Settings:
        """Those of a station whose cases are played at this board."""
        safety = config.safety
        return cls(
            limit_lease_s=safety.limit_lease_s,
            permission_lease_s=safety.permission_lease_s,
            failsafe_current_a=safety.failsafe_current_a,
            ramp_down_s=safety.ramp_down_s,
            stale_after_s=safety.stale_after_s,
            over_current_grace_s=safety.over_current_grace_s,
            reclose_wait_s=safety.reclose_wait_s,
            watchdog_s=float(config.device_named(board).options.get("watchdog_s", 1.0)),
        )


@dataclass(slots=True)
class Trial:
    """One performance of a case: the bench, the place, and what has been measured so far."""

    bench: Bench
    place: Place
    settings: Settings
    measured: list[Measured] = field(default_factory=list)

    @property
    def evse(self) -> int:
        return self.place.evse

    def time(
        self,
        what: str,
        sight: Sight,
        since_s: float,
        limit_s: float,
        clause: str,
        least_s: float = 0.0,
        judged: bool = True,
    ) -> float:
        """Measure from `since_s` until `sight`; the instant. Raises Unmet when it does not come."""
        within_s = max(limit_s * LATE_RATIO, limit_s + LATE_S)
        try:
            at_s = self.bench.expect(sight, within_s, since_s)
        except Unmet:
            self._note(what, math.inf, limit_s, clause, least_s, judged, None)
            if judged:
                raise
            return since_s
        doubt_s = self.doubt_s(since_s, at_s)
        self._note(what, at_s - since_s, limit_s, clause, least_s, judged, at_s, doubt_s)
        return at_s

    def between(
        self,
        what: str,
        since_s: float,
        at_s: float,
        limit_s: float,
        clause: str,
        least_s: float = 0.0,
    ) -> None:
        """A time between two instants that are known already."""
        doubt_s = self.doubt_s(since_s, at_s)
        self._note(what, at_s - since_s, limit_s, clause, least_s, True, at_s, doubt_s)

    def holds(self, what: str, for_s: float, clause: str, *sights: Sight) -> None:
        """All `sights` hold from now on for `for_s`. Raises Unmet when one does not."""
        try:
            at_s = self.bench.keeps(for_s, *sights)
        except Unmet:
            self._note(what, 0.0, math.inf, clause, for_s, True, None)
            raise
        self._note(what, for_s, math.inf, clause, for_s, True, at_s)

    def doubt_s(self, *instants_s: float) -> float:
        """How far a time between these may be wrong; the simulator's are its own and exact."""
        return 0.0

    def _note(
        self,
        what: str,
        took_s: float,
        limit_s: float,
        clause: str,
        least_s: float,
        judged: bool,
        at_s: float | None,
        doubt_s: float = 0.0,
    ) -> None:
        self.measured.append(
            Measured(
                what=what,
                took_s=took_s,
                limit_s=limit_s,
                clause=clause,
                least_s=least_s,
                judged=judged,
                at_s=at_s,
                doubt_s=doubt_s,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scenario in a run."""

    play: Callable[[Trial], None]
    title: str
    clause: str
    needs: frozenset[Instrument]
    socket: bool = False
    """Plays at a socket outlet; else at a fixed cable."""
    ventilated: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Dotted keys of the station's configuration."""
    hazards: tuple[str, ...] = ()
    """What the station must have told of by the end, by catalogue id."""
    long: bool = False
    """Takes more than half a minute: played first where several play side by side."""

    @property
    def name(self) -> str:
        return self.play.__name__
