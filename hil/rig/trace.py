"""The curves of one scenario on a rig, from what its instruments saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hil.instruments.sightings import Quantity, Seen, Sightings
from hil.instruments.trace import Points, Trace
from hil.plant.pilot import current_from_duty

# fmt: off
WORDS: dict[Quantity, Callable[[Any], str]] = {  #  sightings worth a line in the report
    Quantity.ACT:     str,
    Quantity.OFFER:   lambda duty_ratio: f"wire: pilot {duty_ratio:.2%}",
    Quantity.TOLD:    lambda closed: f"wire: contactor {'close' if closed else 'open'}",
    Quantity.TOLD_PHASES: lambda phases: f"wire: {phases} phase{'s' if phases > 1 else ''}",
    Quantity.TOLD_TEST: lambda _: "wire: self-test",
    Quantity.CONTACT: lambda live: f"contact {'closed' if live else 'open'}",
    Quantity.S2:      lambda asks: f"S2 {'closed' if asks else 'opened'}",
    Quantity.LOCKED:  lambda locked: f"plug {'locked' if locked else 'free'}",
}
# fmt: on


def trace(sightings: Sightings, begin_s: float, end_s: float) -> Trace:
    """What was seen from `begin_s` to `end_s`."""

    def of(quantity: Quantity, value: Callable[[Any], float]) -> Points:
        found = [(0.0, value(before.value))] if (before := _before(sightings, quantity)) else []
        seen = sightings.since(quantity, begin_s)
        return found + [(round(one.at_s - begin_s, 4), value(one.value)) for one in seen]

    def level(name: str) -> Points:
        return of(Quantity.READING, lambda reading: float(reading.values.get(name, 0.0)))

    def _before(sightings: Sightings, quantity: Quantity) -> Seen | None:
        earlier = [one for one in sightings.since(quantity, 0.0) if one.at_s < begin_s]
        return earlier[-1] if earlier else None

    return Trace(
        duration_s=round(end_s - begin_s, 3),
        high_v=level("pilot_high"),
        low_v=level("pilot_low"),
        offered_a=_steps(of(Quantity.OFFER, current_from_duty), end_s - begin_s),
        current_a=of(Quantity.CURRENT, lambda phases: float(max(phases, default=0.0))),
        contact=of(Quantity.CONTACT, float) or [(0.0, 0.0)],
        command=of(Quantity.TOLD, float) or [(0.0, 0.0)],
        events=sorted(_events(sightings, begin_s)),
    )


def _steps(points: Points, end_s: float) -> Points:
    """Values that hold until the next."""
    stepped: Points = []
    for at_s, value in points:
        if stepped:
            stepped.append((at_s, stepped[-1][1]))
        stepped.append((at_s, value))
    if stepped:
        stepped.append((round(end_s, 4), stepped[-1][1]))
    return stepped


def _events(sightings: Sightings, begin_s: float) -> Iterator[tuple[float, str]]:
    for quantity, words in WORDS.items():
        for one in sightings.since(quantity, begin_s):
            yield round(one.at_s - begin_s, 4), words(one.value)
