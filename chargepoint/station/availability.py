"""Operative or not: as the CSMS wants it (section 7.1), and as people at the station want it.

Kept in the spaces `availability` and `availability_local`; an EVSE is operative when neither side
has taken it out of service. A change for an EVSE with a transaction waits for its end; meanwhile no
new one may start. For the CSMS, EVSE 0 is the whole station: a change of it is one of every EVSE
too. Here it stands for every EVSE, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from chargepoint.station.desk import Desk
from chargepoint.station.effects import Verdict

SPACE = "availability"
LOCAL_SPACE = "availability_local"
STATION = 0


class Availability:
    """What the CSMS, and what people here, asked for last."""

    def __init__(
        self,
        desk: Desk,
        evses: Iterable[int],
        kept: Mapping[str, str],
        kept_here: Mapping[str, str] | None = None,
    ) -> None:
        self._desk = desk
        self._wanted = _restored([STATION, *evses], kept)
        self._enabled = _restored(evses, kept_here or {})

    def operative(self, evse: int) -> bool:
        """Whether a transaction may start there: neither side has taken it out of service."""
        return self.wanted(evse) and self.enabled(evse)

    def wanted(self, evse: int) -> bool:
        """As the CSMS goes: neither it nor the station is inoperative."""
        return self._wanted[STATION] and self._wanted[evse]

    def enabled(self, evse: int) -> bool:
        """As people here go; the station as a whole always is."""
        return self._enabled.get(evse, True)

    def change(self, evse: int, operative: bool, busy: Iterable[int]) -> Verdict:
        """Take a request of the CSMS; `busy`: EVSEs with a transaction, which finish it first."""
        if evse not in self._wanted:
            return Verdict.REJECTED
        concerned = list(self._wanted) if evse == STATION else [evse]
        for each in concerned:
            if self._wanted[each] is not operative:
                self._wanted[each] = operative
                self._desk.put(SPACE, str(each), operative, durable=True)
        waits = not operative and not set(busy).isdisjoint(concerned)
        return Verdict.SCHEDULED if waits else Verdict.ACCEPTED

    def enable(self, evse: int, enabled: bool, busy: Iterable[int]) -> Verdict:
        """Take a request of a person here; otherwise as `change`."""
        if evse != STATION and evse not in self._enabled:
            return Verdict.REJECTED
        concerned = list(self._enabled) if evse == STATION else [evse]
        for each in concerned:
            if self._enabled[each] is not enabled:
                self._enabled[each] = enabled
                self._desk.put(LOCAL_SPACE, str(each), enabled, durable=True)
                self._desk.note("evse.enabled_here" if enabled else "evse.disabled_here", evse=each)
        waits = not enabled and not set(busy).isdisjoint(concerned)
        return Verdict.SCHEDULED if waits else Verdict.ACCEPTED


def _restored(evses: Iterable[int], kept: Mapping[str, str]) -> dict[int, bool]:
    found = dict.fromkeys(evses, True)
    for key, text in kept.items():
        if int(key) in found:
            found[int(key)] = bool(msgspec.json.decode(text))
    return found
