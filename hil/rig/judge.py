"""Whether the instruments of a rig saw what a scenario expects, and when.

Judges by sightings alone; what the station says counts only where the sight is a word of its own. A
value of before the begin does not count: an instrument must have looked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from hil.bench import (
    LIVE_V,
    Asks,
    Closed,
    Draws,
    Instrument,
    Live,
    Locked,
    Missing,
    Offers,
    Open,
    Says,
    Sight,
    SignalsFault,
    Told,
    ToldPhases,
    ToldTest,
    Unmet,
)
from hil.instruments.sightings import Quantity, Seen, Sightings
from hil.plant.pilot import current_from_duty

STEP_S = 0.02
WAIT_S = 0.05
LAG_S = 0.3
"""A sighting may be noted this long after its instant."""
SETTLE_S = 0.1
"""Contact and pilot follow each other by this much; a look at both must not fall in between."""
FRESH_WAIT_S = 2.5

# fmt: off
SEEN_BY = {  #  sight: quantity, and the instrument without which it cannot be seen
    Closed:       (Quantity.CONTACT,     Instrument.CONTACT),
    Open:         (Quantity.CONTACT,     Instrument.CONTACT),
    Offers:       (Quantity.OFFER,       Instrument.PILOT),
    SignalsFault: (Quantity.OFFER,       Instrument.PILOT),
    Draws:        (Quantity.CURRENT,     Instrument.CURRENT),
    Live:         (Quantity.OUTLET,      Instrument.OUTLET),
    Told:         (Quantity.TOLD,        Instrument.WIRE),
    ToldPhases:   (Quantity.TOLD_PHASES, Instrument.WIRE),
    ToldTest:     (Quantity.TOLD_TEST,   Instrument.WIRE),
    Asks:         (Quantity.S2,          Instrument.VEHICLE),
    Locked:       (Quantity.LOCKED,      None),
}
# fmt: on
EVENTS = (Quantity.TOLD, Quantity.TOLD_PHASES, Quantity.TOLD_TEST, Quantity.S2)
"""Known when they happen: their latest value needs no second look."""
WATCHED = (Quantity.CONTACT, Quantity.CURRENT, Quantity.LOCKED)
"""Read at intervals by the rig itself: silence means that an instrument is broken."""


class Judge:
    """Looks at the sightings of one rig."""

    def __init__(
        self,
        sightings: Sightings,
        instruments: Collection[Instrument],
        told_s: Callable[[int, str], float | None],
        check: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`told_s`: since when the station tells of a hazard; `check` raises for a failed rig."""
        self._sightings = sightings
        self._instruments = instruments
        self._told_s = told_s
        self._check = check
        self._clock = clock

    def expect(self, sight: Sight, within_s: float, begin_s: float) -> Seen:
        """When `sight` became true, from `begin_s` on. Raises Unmet when it did not in time."""
        while True:
            self._look()
            seen = self._seen(sight, begin_s)
            if seen is not None:
                at_s = max(seen.at_s, begin_s)
                if at_s - begin_s > within_s:
                    late = f"came after {at_s - begin_s:.3f} s, allowed {within_s:g} s"
                    raise Unmet(f"{sight}: {late}")
                return replace(seen, at_s=at_s, doubt_s=seen.doubt_s if at_s == seen.at_s else 0.0)
            if self._clock() - begin_s > within_s + LAG_S:
                raise Unmet(f"{sight}: not within {within_s:g} s; seen last: {self._shown()}")
            self._sightings.wait(WAIT_S)

    def keeps(self, for_s: float, sights: Sequence[Sight]) -> float:
        """When all `sights` had held for `for_s`. Raises Unmet.

        What does not hold yet may begin within `SETTLE_S`; the time counts from then.
        """
        begin_s = self._settled(sights)
        end_s = begin_s + for_s
        while True:
            self._look()
            now_s = self._clock()
            for sight in sights:
                broken = self._broken(sight, begin_s)
                if broken is not None and broken.at_s < end_s:
                    held_s = max(broken.at_s - begin_s, 0.0)
                    raise Unmet(f"{sight}: for {held_s:.3f} s only, expected {for_s:g} s")
            if now_s > end_s + WAIT_S:
                return end_s
            self._sightings.wait(WAIT_S)

    def _quantity(self, sight: Sight) -> Quantity:
        """What must be looked at. Raises Missing when the rig cannot see it."""
        if type(sight) not in SEEN_BY:
            raise Missing(f"nothing that sees {sight}")
        quantity, instrument = SEEN_BY[type(sight)]
        if instrument is not None and instrument not in self._instruments:
            raise Missing(instrument.value)
        if quantity is Quantity.LOCKED and self._sightings.latest(quantity) is None:
            raise Missing("no input that sees the lock")
        return quantity

    def _fresh(self, quantity: Quantity, after_s: float) -> bool:
        """Whether the latest value is one of after that instant; events are always."""
        return quantity in EVENTS or self._sightings.fresh(quantity, after_s)

    def _await_fresh(self, quantity: Quantity, after_s: float) -> None:
        deadline_s = self._clock() + FRESH_WAIT_S
        while not self._fresh(quantity, after_s):
            self._look()
            if self._clock() > deadline_s:
                raise Missing(f"{quantity.value} cannot be seen: nobody speaks on the line")
            self._sightings.wait(WAIT_S)

    def _settled(self, sights: Sequence[Sight]) -> float:
        """When all `sights` hold, or when the patience for it ends."""
        asked_s = self._clock()
        for sight in [one for one in sights if not isinstance(one, Says)]:
            self._await_fresh(self._quantity(sight), asked_s)
        while any(self._broken(sight, self._clock()) for sight in sights):
            if self._clock() - asked_s > SETTLE_S:
                break
            self._sightings.wait(STEP_S)
        return self._clock()

    def _seen(self, sight: Sight, begin_s: float) -> Seen | None:
        """Since when it is so; None: it is not."""
        if isinstance(sight, Says):
            return self._said(sight, begin_s)
        quantity = self._quantity(sight)
        if isinstance(sight, Told | ToldPhases | ToldTest):
            told = self._sightings.since(quantity, begin_s)
            return next((one for one in told if holds(sight, one.value)), None)
        if not self._fresh(quantity, begin_s):
            return None
        return self._sightings.run(quantity, lambda value: holds(sight, value))

    def _said(self, sight: Says, begin_s: float) -> Seen | None:
        """Since when the station tells of it."""
        said_s = self._told_s(sight.evse, sight.hazard)
        if said_s is None:
            return None
        return Seen(max(said_s, begin_s), Quantity.ACT, sight.hazard, 0.0)

    def _broken(self, sight: Sight, begin_s: float) -> Seen | None:
        """What contradicts `sight` since `begin_s`, or now."""
        if isinstance(sight, Says):
            gone = Seen(self._clock(), Quantity.ACT, f"no {sight.hazard}", 0.0)
            return gone if self._said(sight, begin_s) is None else None
        quantity = self._quantity(sight)
        for one in self._sightings.since(quantity, begin_s):
            if not holds(sight, one.value):
                return one
        latest = self._sightings.latest(quantity)
        if latest is not None and not holds(sight, latest.value):
            return latest
        return None

    def _shown(self) -> str:
        """The latest of everything, for a reader of a failure."""
        latest = (self._sightings.latest(one) for one in Quantity if one is not Quantity.READING)
        return ", ".join(f"{one.quantity.value} {one.value}" for one in latest if one is not None)

    def _look(self) -> None:
        """Raises what makes further waiting useless."""
        self._check()
        self._sightings.check(WATCHED)


def holds(sight: Sight, value: Any) -> bool:
    """Whether the value of its quantity is what `sight` says."""
    match sight:
        case Closed():
            return bool(value)
        case Open():
            return not value
        case Offers(low_a=low_a, high_a=high_a):
            return bool(low_a <= current_from_duty(value) <= high_a)
        case SignalsFault():
            return bool(value <= 0.0)
        case Draws(low_a=low_a, high_a=high_a):
            return bool(low_a <= max(value, default=0.0) <= high_a)
        case Told(closed=closed):
            return bool(value) is closed
        case Asks(asking=asking):
            return bool(value) is asking
        case Locked(locked=locked):
            return bool(value) is locked
        case Live(phases=phases):
            return sum(1 for volts in value if volts > LIVE_V) == phases
        case ToldPhases(phases=phases):
            return bool(value == phases)
        case ToldTest():
            return True
        case Says():
            raise Missing(Instrument.WORDS.value)  # Nothing that an instrument shows.
