"""How much the station and each EVSE have been used: hours, energy, temperatures, closing times.

What `counters` counts are events; these are gauges, which move all the time. They are written once
an hour to what survives the agent, and to the disk when the program ends in order: nothing here is
billed, and a power cut costs some hours at most. Kept in space `usage`; EVSE 0 is the station.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from chargepoint.station.desk import Desk
from chargepoint.station.events import EvseView
from chargepoint.station.meter_guard import Plausibility, Register

SPACE = "usage"
STATION = 0

WRITE_EVERY_S = 3600.0
REFERENCE_CLOSINGS = 50
"""Closings whose average is the closing time of a new contactor."""

RECENT_SHARE = 0.05
"""Weight of the newest closing in the recent average: about twenty closings count."""

CLOSING_MAX_S = 1.0
"""Slower is no closing time but a contactor that did not follow."""


class Use(msgspec.Struct, kw_only=True):
    """The use of one EVSE, or of the station, since its first start."""

    on_s: float = 0.0
    """The agent ran (station)."""
    starts: int = 0
    """Of the agent (station), or of the safety program (EVSE)."""
    boots: int = 0
    """Of the host (station)."""
    boot: str = ""
    """The last one that was seen: of the host, or of the safety program."""
    charging_s: float = 0.0
    """The contactor was closed."""
    energy_wh: float = 0.0
    register_wh: float | None = None
    temperature_min_c: float | None = None
    temperature_max_c: float | None = None
    closings: int = 0
    """Closings that were timed, since the contactor was new."""
    closing_reference_s: float = 0.0
    """Average of the first REFERENCE_CLOSINGS, as far as there are."""
    closing_recent_s: float | None = None
    """Average of late; None before there were enough for the reference."""

    @property
    def closing_drift_s(self) -> float | None:
        """How much slower the contactor closes than when new; None: not known yet."""
        recent_s = self.closing_recent_s
        return None if recent_s is None else recent_s - self.closing_reference_s


class Usage:
    """The use of all EVSEs and of the station."""

    def __init__(self, desk: Desk, evses: Iterable[int], kept: Mapping[str, str]) -> None:
        self._desk = desk
        self._uses = {evse: _restored(kept.get(str(evse))) for evse in (STATION, *evses)}
        self._seen_s: float | None = None
        self._written_s: float | None = None

    def of(self, evse: int) -> Use:
        """The use of an EVSE; 0: of the station."""
        return self._uses[evse]

    def started(self) -> None:
        """The agent begins."""
        station = self._uses[STATION]
        station.starts += 1
        if station.boot != self._desk.boot:
            station.boot = self._desk.boot
            station.boots += 1

    def observe(self, view: EvseView) -> None:
        """Temperatures, and runs of the safety program."""
        use = self._uses.get(view.evse)
        if use is None:
            return
        if view.boot and view.boot != use.boot:
            use.boot = view.boot
            use.starts += 1
        if view.temperature_c is not None:
            least_c, most_c = use.temperature_min_c, use.temperature_max_c
            now_c = view.temperature_c
            use.temperature_min_c = now_c if least_c is None else min(least_c, now_c)
            use.temperature_max_c = now_c if most_c is None else max(most_c, now_c)

    def closed(self, evse: int, took_s: float | None) -> None:
        """The contactor closed, and was confirmed after `took_s`, if that is known."""
        use = self._uses.get(evse)
        if use is None or took_s is None or not 0.0 < took_s <= CLOSING_MAX_S:
            return
        use.closings += 1
        if use.closings <= REFERENCE_CLOSINGS:
            use.closing_reference_s += (took_s - use.closing_reference_s) / use.closings
            use.closing_recent_s = None
        else:
            before_s = use.closing_recent_s
            before_s = use.closing_reference_s if before_s is None else before_s
            use.closing_recent_s = before_s + RECENT_SHARE * (took_s - before_s)

    def renewed(self, evse: int) -> None:
        """The contactor is a new one: its closing time is learnt afresh."""
        use = self._uses[evse]
        use.closings, use.closing_reference_s, use.closing_recent_s = 0, 0.0, None

    def metered(self, evse: int, register: Register | None, verdict: Plausibility) -> None:
        """A register that was believed; the growth of one and the same meter is energy."""
        use = self._uses.get(evse)
        if use is None or register is None:
            return
        known_wh, use.register_wh = use.register_wh, register.energy_wh
        if known_wh is not None and verdict is not Plausibility.REPLACED:
            use.energy_wh += max(0.0, register.energy_wh - known_wh)

    def passed(self, closed: Iterable[int]) -> None:
        """Time has passed until now; `closed`: EVSEs whose contactor was closed meanwhile."""
        now_s, before_s = self._desk.now_s, self._seen_s
        self._seen_s = now_s
        if before_s is None:
            self._written_s = now_s
            return
        passed_s = max(0.0, now_s - before_s)
        self._uses[STATION].on_s += passed_s
        for evse in closed:
            self._uses[evse].charging_s += passed_s
        if self._written_s is None or now_s >= self._written_s + WRITE_EVERY_S:
            self._write(durable=False)

    def flush(self) -> None:
        """The program is about to end."""
        self._write(durable=True)

    def _write(self, *, durable: bool) -> None:
        self._written_s = self._desk.now_s
        for evse, use in self._uses.items():
            self._desk.put(SPACE, str(evse), use, durable=durable)


def _restored(text: str | None) -> Use:
    """What was kept; what cannot be read begins anew."""
    try:
        return Use() if text is None else msgspec.json.decode(text, type=Use)
    except msgspec.MsgspecError:
        return Use()
