"""Hazards that outlive restarts, as the store keeps them.

The safety program has no disk. What it must not forget (a welded contactor, a tilted station) is
kept here, on the disk before anybody hears of it, and told to each new run of the safety program
before that is given any permission (`agent.latches`). A kept hazard counts as in force whatever the
safety program says or does not say, until that has cleared it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from chargepoint.catalog.details import Detail
from chargepoint.station.desk import Desk
from chargepoint.station.events import HazardForgotten, HazardKept

SPACE = "hazards"

Place = tuple[int, str]
"""EVSE and catalogue id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of one hazard."""

    detail: str
    boot: str
    """The last run of the safety program that knew of it."""
    said: Detail | None = None
    """`detail` in figures, where they are known."""


class KeptHazards:
    """All of the station. Writes what changes."""

    def __init__(self, desk: Desk, kept: Mapping[str, str]) -> None:
        self._desk = desk
        self._kept = restored(kept)

    def of(self, evse: int) -> tuple[str, ...]:
        """Those of one EVSE."""
        return tuple(hazard for other, hazard in self._kept if other == evse)

    def keep(self, event: HazardKept) -> None:
        """A new one goes to the disk; which run knows of it only needs to survive the agent."""
        place = (event.evse, event.hazard)
        before = self._kept.get(place)
        kept = Kept(detail=event.detail, boot=event.boot, said=event.said)
        if before == kept:
            return
        self._kept[place] = kept
        self._desk.put(SPACE, _key(place), kept, durable=before is None)
        if before is None:
            self._desk.note(
                "hazard.kept", evse=event.evse, hazard=event.hazard, detail=event.detail
            )

    def forget(self, event: HazardForgotten) -> None:
        place = (event.evse, event.hazard)
        if self._kept.pop(place, None) is not None:
            self._desk.delete(SPACE, _key(place), durable=True)
            self._desk.note("hazard.forgotten", evse=event.evse, hazard=event.hazard)


def restored(space: Mapping[str, str]) -> dict[Place, Kept]:
    """What the store kept. An unreadable value is no reason to forget the hazard."""
    found: dict[Place, Kept] = {}
    for key, text in space.items():
        evse, _, hazard = key.partition("/")
        if not evse.isdecimal():
            continue  # salvaged from a damaged ledger, and of no EVSE
        try:
            kept = msgspec.json.decode(text, type=Kept)
        except msgspec.DecodeError:
            kept = Kept(detail="", boot="")
        found[int(evse), hazard] = kept
    return found


def _key(place: Place) -> str:
    return f"{place[0]}/{place[1]}"
