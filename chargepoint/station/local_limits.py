"""Upper bounds of the current that people at the station have set, kept in space `limits_local`.

They stand beside everything else that limits and never raise anything: `limits` takes the smallest.
0 is a pause; what lies between 0 and the least current that can be offered is refused. An energy
manager may set one every few seconds: it is flushed to the disk once a minute at most, and in
between survives the agent, but not the power.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from chargepoint.station.charging_profiles.timeline import CURRENT_MIN_A
from chargepoint.station.desk import Desk

SPACE = "limits_local"
STATION = 0

EVSE_MAX_A = 80.0
"""The most that a pilot can offer (IEC 61851-1, Annex A)."""

STATION_MAX_A = 1000.0
"""All EVSEs together; a larger number is a mistake."""


FLUSH_EVERY_S = 60.0


class LocalLimits:
    """The bound of each EVSE, and of all together (0)."""

    def __init__(self, desk: Desk, evses: Iterable[int], kept: Mapping[str, str]) -> None:
        self._desk = desk
        self._evses = {STATION, *evses}
        self._limits_a = dict(self._restored(kept))
        self._flushed_s: dict[int, float] = {}
        self._owed: set[int] = set()
        """Those whose last change is not on the disk."""

    def limit_a(self, evse: int) -> float | None:
        """The bound per phase; None: there is none."""
        return self._limits_a.get(evse)

    def set(self, evse: int, current_a: float | None) -> str | None:
        """Take a bound, or take it away; why not, if it cannot be."""
        problem = self._problem(evse, current_a)
        if problem is not None or self._limits_a.get(evse) == current_a:
            return problem
        if current_a is None:
            del self._limits_a[evse]
        else:
            self._limits_a[evse] = current_a
        due = self._desk.now_s >= self._flush_s(evse)
        if not due:
            self._owed.add(evse)
        self._keep(evse, durable=due)
        self._desk.note("limit.set_here", evse=evse, current_a=current_a)
        return None

    def due(self) -> None:
        """Flush what has waited for long enough."""
        for evse in sorted(self._owed):
            if self._desk.now_s >= self._flush_s(evse):
                self._keep(evse, durable=True)

    def deadline_s(self) -> float | None:
        return min((self._flush_s(evse) for evse in self._owed), default=None)

    def _flush_s(self, evse: int) -> float:
        return self._flushed_s.get(evse, -FLUSH_EVERY_S) + FLUSH_EVERY_S

    def _keep(self, evse: int, *, durable: bool) -> None:
        if durable:
            self._flushed_s[evse] = self._desk.now_s
            self._owed.discard(evse)
        current_a = self._limits_a.get(evse)
        if current_a is None:
            self._desk.delete(SPACE, str(evse), durable=durable)
        else:
            self._desk.put(SPACE, str(evse), current_a, durable=durable)

    def _problem(self, evse: int, current_a: float | None) -> str | None:
        if evse not in self._evses:
            return f"there is no EVSE {evse}"
        most_a = STATION_MAX_A if evse == STATION else EVSE_MAX_A
        if current_a is None or current_a == 0 or CURRENT_MIN_A <= current_a <= most_a:
            return None
        found = f"{current_a:g} A" if math.isfinite(current_a) else "no current"
        return f"{found}: expected 0 (pause) or {CURRENT_MIN_A:g} to {most_a:g} A"

    def _restored(self, kept: Mapping[str, str]) -> Iterable[tuple[int, float]]:
        """A bound that cannot be read, or that is not legal any more, is a pause for nobody."""
        for key, text in kept.items():
            try:
                evse, current_a = int(key), msgspec.json.decode(text, type=float)
            except (ValueError, msgspec.MsgspecError):
                continue
            if self._problem(evse, current_a) is None:
                yield evse, current_a
