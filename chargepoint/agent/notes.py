"""What the parts of the station want people to know, in the log, and never without end.

A central system that sends nonsense all day must not fill a disk with our remarks about it. Of each
name `AT_ONCE` notes are written as they come, then one every `EVERY_S`, which tells how many of its
name were left out before it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chargepoint import log
from chargepoint.catalog import entries
from chargepoint.station.effects import Note

AT_ONCE = 30
EVERY_S = 5.0


class _Allowance(msgspec.Struct):
    """How many notes of one name may be written now."""

    since_s: float
    left: float = float(AT_ONCE)
    left_out: int = 0


class Notes:
    """Writes notes; the names come from the catalogue, so that there are only so many."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._allowances: dict[str, _Allowance] = {}

    def write(self, note: Note) -> None:
        """Write `note`, or count it."""
        now_s = self._now()
        allowance = self._allowances.setdefault(note.name, _Allowance(since_s=now_s))
        gained = (now_s - allowance.since_s) / EVERY_S
        allowance.left = min(float(AT_ONCE), allowance.left + gained)
        allowance.since_s = now_s
        if allowance.left < 1.0:
            allowance.left_out += 1
            return
        allowance.left -= 1.0
        left_out, allowance.left_out = allowance.left_out, 0
        write_note(note, left_out)


def write_note(note: Note, left_out: int = 0) -> None:
    """Write one note, as loud as the catalogue says."""
    entry = entries().get(note.name)
    write = getattr(log.get("station"), "warning" if entry is None else entry.severity)
    more = {"left_out": left_out} if left_out else {}
    write(note.name, **dict(note.fields), **more)
