"""Which hazards outlive restarts, and which of them a safety program must be told of. Pure.

The safety program raises and clears them; what is kept is the agent's business (`station.
kept_hazards` writes it). A run of the safety program has *acknowledged* a hazard when it has raised
it or shown it. One that it acknowledged and no longer shows has been cleared; one that it has never
shown it does not know, and is told with `LatchHazard`. A hazard is held here from the instant at
which its fact arrives, so that a safety program that restarts while the disk is busy is told too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chargepoint import catalog
from chargepoint.catalog.details import detail_of
from chargepoint.ipc.messages import EvseSnapshot, HazardCleared, HazardRaised, LatchHazard, Said
from chargepoint.station.events import HazardForgotten, HazardKept
from chargepoint.station.kept_hazards import Kept, Place

Change = HazardKept | HazardForgotten


class Latches:
    """All hazards that are kept, with the run of the safety program that acknowledged each."""

    def __init__(self, kept: Mapping[Place, Kept] | None = None) -> None:
        self._kept: dict[Place, Kept] = dict(kept or {})

    def raised(self, fact: HazardRaised, boot: str) -> list[Change]:
        """A hazard came into force in run `boot`; what has to be written."""
        if not (fact.persists or _persists(fact.hazard)):
            return []
        new = Kept(detail=fact.detail, boot=boot, said=detail_of(fact.said))
        return list(self._acknowledge(fact.evse, fact.hazard, new))

    def cleared(self, fact: HazardCleared) -> list[Change]:
        """A hazard is cleared; what has to be written."""
        return list(self._forget((fact.evse, fact.hazard)))

    def shown(self, evse: EvseSnapshot, boot: str) -> list[Change]:
        """How an EVSE is in run `boot`; the level makes up for a fact that was missed."""
        return [
            change
            for hazard in evse.hazards
            if _persists(hazard) or (evse.evse, hazard) in self._kept
            for change in self._acknowledge(evse.evse, hazard, Kept(detail="", boot=boot))
        ]

    def met(
        self, evses: Sequence[EvseSnapshot], boot: str
    ) -> tuple[list[LatchHazard], list[Change]]:
        """A connection to run `boot` begins with `evses`: what to tell it, what to write."""
        changes = [change for evse in evses for change in self.shown(evse, boot)]
        shown = {(evse.evse, hazard) for evse in evses for hazard in evse.hazards}
        ours = {evse.evse for evse in evses}
        commands: list[LatchHazard] = []
        for place, kept in list(self._kept.items()):
            if place[0] not in ours or place in shown:
                continue
            if kept.boot == boot:
                changes += self._forget(place)
            else:
                commands.append(_command(place, kept))
        return commands, changes

    def _acknowledge(self, evse: int, hazard: str, new: Kept) -> Iterator[Change]:
        """What was found at first stays; only the run changes."""
        before = self._kept.get((evse, hazard))
        kept = new if before is None else replace(before, boot=new.boot)
        if before != kept:
            self._kept[evse, hazard] = kept
            yield HazardKept(
                evse=evse, hazard=hazard, detail=kept.detail, boot=kept.boot, said=kept.said
            )

    def _forget(self, place: Place) -> Iterator[Change]:
        if self._kept.pop(place, None) is not None:
            yield HazardForgotten(evse=place[0], hazard=place[1])


def _command(place: Place, kept: Kept) -> LatchHazard:
    said = None if kept.said is None else Said(id=kept.said.id, fields=kept.said.fields)
    return LatchHazard(evse=place[0], hazard=place[1], detail=kept.detail, said=said)


def _persists(hazard: str) -> bool:
    entry = catalog.entries().get(hazard)
    return entry is not None and entry.persists
