"""Where the machines of the station put what they want done, and read what they all share.

One event is handled in one go: `begin` sets the instant, the machines emit effects in the order in
which they must be carried out, `take` hands them over. The desk decides nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chargepoint.station.effects import Delete, Effect, Note, Put
from chargepoint.station.records import IdToken, Stamp

Field = str | int | float | bool | None


class Desk:
    """Effects of the event in hand, the present instant, and whether the CSMS can be asked."""

    def __init__(self, boot: str) -> None:
        self.boot = boot
        self.now_s = 0.0
        self.online = False
        """Between CsmsAccepted and CsmsLost."""
        self._effects: list[Effect] = []

    def begin(self, now_s: float) -> None:
        self.now_s = now_s

    def take(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects

    def emit(self, effect: Effect) -> None:
        self._effects.append(effect)

    def note(self, name: str, /, **fields: Field) -> None:
        """Tell people; `name` stands in the catalogue."""
        self.emit(Note(name=name, fields=tuple(fields.items())))

    def put(self, space: str, key: str, value: Any, *, durable: bool) -> None:
        """Keep `value` as JSON text."""
        text = msgspec.json.encode(value).decode()
        self.emit(Put(space=space, key=key, value=text, durable=durable))

    def delete(self, space: str, key: str | None, *, durable: bool) -> None:
        self.emit(Delete(space=space, key=key, durable=durable))

    def stamp(self, at_s: float | None = None) -> Stamp:
        """`at_s` (now, if None) of this boot."""
        return Stamp(boot=self.boot, at_s=self.now_s if at_s is None else at_s)


def masked(id_token: IdToken) -> str:
    """An IdToken for people: its last four characters, never more than half of it."""
    shown = min(4, len(id_token.value) // 2)
    return "…" + id_token.value[len(id_token.value) - shown :]


def earliest(*deadlines_s: float | None) -> float | None:
    """The first of several deadlines; None when there is none."""
    due = [deadline_s for deadline_s in deadlines_s if deadline_s is not None]
    return min(due, default=None)
