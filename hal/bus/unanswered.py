"""Requests whose replies may still come, and what must not be asked before that is settled.

RTU replies carry no number: after a time-out, the late reply to a read looks exactly like the
reply to the next read of the same function and length. Waiting is no cure (no wait is long enough
for every device), and it would blind the safety loop. Instead a doubtful request is preceded by a
*check*: a read whose reply cannot be confused with anything that is owed. A unit answers in order,
so once the check is answered, all earlier replies have come or never will.
"""

from __future__ import annotations

from dataclasses import dataclass

from hal.bus.frames import (
    BIT_READS,
    READ_COILS,
    READ_HOLDING_REGISTERS,
    READ_INPUT_REGISTERS,
    READS,
    Request,
    reply_size,
    rtu_find,
)

OWED_MAX = 8
"""Requests remembered per unit."""
LATE_MAX_S = 10.0
"""A reply later than this is not believed possible."""


@dataclass(frozen=True, slots=True)
class Late:
    """A reply that came too late: to what, sent when, and where it ends in the bytes."""

    asked: Request
    sent_s: float
    end: int


class Unanswered:
    """All replies that the units of one line still owe us."""

    def __init__(self) -> None:
        self._owed: dict[int, list[tuple[Request, float]]] = {}

    def __bool__(self) -> bool:
        return bool(self._owed)

    def sent(self, asked: Request, now_s: float) -> None:
        """`asked` goes out now."""
        self._live(asked.unit, now_s)
        owed = self._owed.setdefault(asked.unit, [])
        owed.append((asked, now_s))
        del owed[:-OWED_MAX]

    def answered(self, asked: Request) -> None:
        """The newest request of this unit was answered, so nothing older is owed any more."""
        self._owed.pop(asked.unit, None)

    def doubtful(self, asked: Request, now_s: float) -> bool:
        """Whether a late reply could be taken for the answer to `asked`.

        A repeated write is not: whichever echo comes, the device did what it says, unless another
        write lies between the two.
        """
        owed = self._live(asked.unit, now_s)
        if asked.function in READS:
            return any(_alike(asked, other) for other in owed)
        if asked not in owed:
            return False
        after = owed[owed.index(asked) + 1 :]
        return any(other.function not in READS and other != asked for other in after)

    def check(self, asked: Request, now_s: float) -> Request:
        """A harmless read to send before the doubtful `asked`.

        After very many losses all candidates are owed themselves; then the first is repeated, for
        a device that comes back must be found.
        """
        owed = self._live(asked.unit, now_s)
        candidates = _checks(asked, owed)
        free = (one for one in candidates if not any(_alike(one, other) for other in owed))
        return next(free, candidates[0])

    def take_refusal(self, asked: Request) -> bool:
        """Whether an exception frame may belong to an earlier request than `asked`; forgets that.

        Call it with `asked` already sent: the newest entry is `asked` itself.
        """
        owed = self._owed.get(asked.unit, [])
        for index, (other, _) in enumerate(owed[:-1]):
            if other.function == asked.function:
                del owed[: index + 1]
                return True
        return False

    def take_late(self, received: bytes | bytearray) -> Late | None:
        """The first late reply in `received`, which then is owed no longer."""
        for unit, owed in self._owed.items():
            for index, (asked, sent_s) in enumerate(owed):
                found = rtu_find(asked, received)
                if found is not None:
                    del owed[: index + 1]
                    if not owed:
                        del self._owed[unit]
                    return Late(asked, sent_s, found.end)
        return None

    def _live(self, unit: int, now_s: float) -> list[Request]:
        owed = self._owed.get(unit, [])
        while owed and now_s - owed[0][1] > LATE_MAX_S:
            del owed[0]
        if not owed:
            self._owed.pop(unit, None)
        return [asked for asked, _ in owed]


def _alike(one: Request, other: Request) -> bool:
    """Whether good replies to the two reads could be confused."""
    return one.function == other.function and reply_size(one) == reply_size(other)


def _checks(asked: Request, owed: list[Request]) -> list[Request]:
    """Reads to try, the most widely understood first.

    A part of a block that was asked before is certainly legal; otherwise the sibling function,
    where "illegal function" is as good an answer as any.
    """
    reads = [other for other in (asked, *owed) if other.function in READS]
    wide = [other for other in reads if other.function not in BIT_READS and other.count > 2]
    parts = [Request(other.unit, other.function, other.address, 2) for other in wide]
    functions = (READ_INPUT_REGISTERS, READ_HOLDING_REGISTERS, READ_COILS)
    others = [
        Request(asked.unit, function, asked.address, count)
        for count in (1, 2)
        for function in functions
        if function != asked.function and asked.address + count <= 0x10000
    ]
    same = [
        Request(asked.unit, READ_HOLDING_REGISTERS, asked.address, count)
        for count in (3, 4, 5)
        if asked.address + count <= 0x10000
    ]
    return parts + others + same
