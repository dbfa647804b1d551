"""What changes the store, which of it must be on the disk, and what of a commit is superseded."""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.station.effects import Append, Delete, Put, Quarantine, Release, Remove

StoreEffect = Append | Remove | Quarantine | Release | Put | Delete
"""What changes the store. `Fetch` is a read and is asked with `fetch`."""

STORE_EFFECTS = (Append, Remove, Quarantine, Release, Put, Delete)

Change = tuple[StoreEffect, int]
"""An effect and its revision: of two values of a key the one with the higher revision counts."""

Key = tuple[str, str]
"""Space and key."""

Row = tuple[int, str, str]
"""Sequence, kind and text of a record."""

Refused = tuple[int, str, str, str, str]
"""A row with the code and the description of its refusal."""

DESCRIPTION_MAX = 500


def refused(row: Row, effect: Quarantine) -> Refused:
    """What is kept of a record that was refused for good."""
    return (*row, effect.code, effect.description[:DESCRIPTION_MAX])


def highest_sequence(changes: Sequence[Change]) -> int:
    """The highest number that a record of `changes` carries; 0: there is none."""
    numbers = (effect.record.sequence for effect, _ in changes if isinstance(effect, Append))
    return max(numbers, default=0)


def without_passing(changes: Sequence[Change]) -> list[Change]:
    """`changes` of one commit without values that a later one of them replaces or deletes."""
    needed: list[Change] = []
    settled: set[tuple[str, str]] = set()
    for change in reversed(changes):
        match change[0]:
            case Put(space=space, key=key) | Delete(space=space, key=str(key)):
                if (space, key) in settled:
                    continue
                settled.add((space, key))
            case _:
                pass
        needed.append(change)
    needed.reverse()
    return needed


def durable(effect: StoreEffect) -> bool:
    """Whether `effect` must be on the disk before anything that others can see."""
    match effect:
        case Append(durable=wanted) | Put(durable=wanted) | Delete(durable=wanted):
            return wanted
        case Quarantine() | Release():
            return True
        case Remove():
            return False
