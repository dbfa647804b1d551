"""What an amount that grows with time is worth while its price changes with the time of day.

Energy by the register, and idle time, grow between *marks*: an instant and the amount by then.
Between two marks the amount grows evenly; where the price changes between them, it is cut there,
in whole milliwatt-hours or milliseconds, so that nothing is lost or counted twice. Sums are exact:
no division and no rounding happens here.

Marks whose wall time is not known wait; what they are worth until then is told by the dearest
price, and that this is so. Once the time is known they are priced by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import msgspec

from chargepoint.price_plan import ZERO, Kind, PriceTable
from chargepoint.station.records import Stamp

MARKS_MAX = 60
"""Marks that wait for the time; when there are more, every second one goes."""

MICROSECOND = timedelta(microseconds=1)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """An instant, and the amount by then in mWh or ms."""

    at: Stamp
    amount: int


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """By what an amount is priced."""

    kind: Kind
    table: PriceTable
    wall: Callable[[Stamp], datetime | None]
    """Aware UTC; None: not known."""


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """Price × amount, summed up."""

    sum: Decimal = ZERO
    certain: bool = True
    """The time of day was known wherever it matters."""

    def __add__(self, other: Worth) -> Worth:
        return Worth(sum=self.sum + other.sum, certain=self.certain and other.certain)


class Tally(msgspec.Struct, kw_only=True):
    """An amount as far as it is priced, and the marks since."""

    marks: list[Mark]
    """The first one is where the priced part ends."""
    priced: Decimal = ZERO
    certain: bool = True
    edge: datetime | None = None
    """Up to here the price is that of the first mark; None: not known, or there is no edge."""

    def add(self, mark: Mark, scale: Scale) -> bool:
        """The amount has grown; True: over an instant at which another price may begin."""
        wall = scale.wall(mark.at)
        varies = scale.table.varies(scale.kind)
        if not varies or (wall and self.edge and wall <= self.edge):
            self.marks[1:] = [mark]
            return False
        self.marks.append(mark)
        if wall is None or scale.wall(self.marks[0].at) is None:
            self._thin()
            return False
        worth = worth_of(self.marks, scale)
        self.priced += worth.sum
        self.certain = self.certain and worth.certain
        self.marks = [mark]
        before, self.edge = self.edge, scale.table.next_edge(wall)
        return before is not None

    def worth(self, scale: Scale, more: Iterable[Mark] = ()) -> Worth:
        """What it is worth by now, with `more` marks."""
        priced = Worth(sum=self.priced, certain=self.certain)
        return priced + worth_of([*self.marks, *more], scale)

    def _thin(self) -> None:
        if len(self.marks) > MARKS_MAX:
            self.marks = [*self.marks[:-1:2], self.marks[-1]]


def worth_of(marks: Iterable[Mark], scale: Scale) -> Worth:
    """What the growth from the first mark to the last is worth."""
    total = Worth()
    for before, after in pairwise(marks):
        total += _stretch(before, after, scale)
    return total


def _stretch(before: Mark, after: Mark, scale: Scale) -> Worth:
    grown, table = after.amount - before.amount, scale.table
    if grown == 0:
        return Worth()
    if not table.varies(scale.kind):
        return Worth(sum=getattr(table.prices, scale.kind) * grown)
    since, until = scale.wall(before.at), scale.wall(after.at)
    if since is None or until is None:
        return Worth(sum=getattr(table.dearest, scale.kind) * grown, certain=False)
    if until <= since:
        return Worth(sum=getattr(table.at(since), scale.kind) * grown)
    total, done, lasted = ZERO, 0, (until - since) // MICROSECOND
    for span in table.spans(since, until):
        by_then = grown * ((span.until - since) // MICROSECOND) // lasted
        total += getattr(span.prices, scale.kind) * (by_then - done)
        done = by_then
    return Worth(sum=total)
