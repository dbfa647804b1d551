"""What several profiles give together: now, and as a schedule. Pure.

Profiles stand in *layers*, the weightiest first: TX profiles by stack level, then TX_DEFAULT of the
EVSE, then TX_DEFAULT of EVSE 0; the first that says something counts (OCPP 1.6, section 9.4 of the
rules). Station limits are layers of their own; the smaller of both results holds, and what the
hardware allows. An unsure profile caps those below it with its fallback instead of hiding them.

`limit_at` is for the present, `spans` for a stretch of time: it fills the gaps of each layer from
the next lower one, so that its cost follows the changes and not the seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from chargepoint.station.charging_profiles.profile import RateUnit
from chargepoint.station.charging_profiles.timeline import NEVER, Limit, Timeline, smallest


class Span(msgspec.Struct, frozen=True):
    """From `begin` up to `end` (exclusive) this limit holds; None: no profile says anything."""

    begin: int
    end: int
    limit: Limit | None


class CompositePeriod(msgspec.Struct, frozen=True, kw_only=True):
    """One period of a composite schedule."""

    start_s: int
    limit: float
    phases: int


class CompositeSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """What a station expects to allow in the time to come."""

    evse: int
    starts_at: datetime | None
    """Aware UTC; None while the time is not known."""
    duration_s: int
    unit: RateUnit
    periods: tuple[CompositePeriod, ...]


def limit_at(layers: Iterable[Timeline], second: int) -> tuple[Limit | None, int]:
    """What `layers` give at `second`, and the second up to which that does not change."""
    cap: Limit | None = None
    until = NEVER
    for layer in layers:
        if not layer.sure:
            cap = smallest(cap, layer.fallback)
            continue
        limit, change = layer.at(second)
        until = min(until, change)
        if limit is not None:
            return smallest(cap, limit), until
    return cap, until


def spans(layers: Iterable[Timeline], begin: int, end: int) -> list[Span]:
    """What `layers` give from `begin` up to `end`, in order and without holes."""
    cap: Limit | None = None
    found: list[Span] = []
    gaps = [(begin, end)]
    for layer in layers:
        if not layer.sure:
            cap = smallest(cap, layer.fallback)
        elif gaps:
            gaps = _fill(layer, gaps, cap, found)
    found += [Span(start, stop, cap) for start, stop in gaps]
    found.sort(key=lambda span: span.begin)
    return found


def _fill(
    layer: Timeline, gaps: Sequence[tuple[int, int]], cap: Limit | None, found: list[Span]
) -> list[tuple[int, int]]:
    """Add what `layer` says within `gaps` to `found`; the gaps that are left."""
    left: list[tuple[int, int]] = []
    for begin, end in gaps:
        second, open_from = begin, begin
        while second < end:
            limit, change = layer.at(second)
            assert change > second
            until = min(change, end)
            if limit is not None:
                if open_from < second:
                    left.append((open_from, second))
                found.append(Span(second, until, smallest(cap, limit)))
                open_from = until
            second = until
        if open_from < end:
            left.append((open_from, end))
    return left


def merged(rows: Sequence[Sequence[Span]]) -> list[tuple[int, int, tuple[Limit | None, ...]]]:
    """Several lists of spans over the same stretch, cut at all their borders.

    (begin, end, limit of each list) in order.
    """
    borders = sorted({span.begin for row in rows for span in row})
    end = rows[0][-1].end
    places = [0] * len(rows)
    cut = []
    for number, begin in enumerate(borders):
        for row, spanned in enumerate(rows):
            while spanned[places[row]].end <= begin:
                places[row] += 1
        limits = tuple(row[place].limit for row, place in zip(rows, places, strict=True))
        until = borders[number + 1] if number + 1 < len(borders) else end
        cut.append((begin, until, limits))
    return cut


def joined(spanned: Iterable[tuple[int, float, int]]) -> tuple[CompositePeriod, ...]:
    """(start in s, limit, phases) as periods; neighbours that say the same become one."""
    periods: list[CompositePeriod] = []
    for start_s, limit, phases in spanned:
        if periods and (periods[-1].limit, periods[-1].phases) == (limit, phases):
            continue
        periods.append(CompositePeriod(start_s=start_s, limit=limit, phases=phases))
    return tuple(periods)
