"""What the installed charging profiles allow, now and in the time to come.

Puts the profiles of one EVSE into layers on the axis of the clock as it is known now, and remembers
the result until it changes: most events change nothing, and a limit is asked for after each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from chargepoint.station.charging_profiles.book import Book, Installed
from chargepoint.station.charging_profiles.composite import CompositeSchedule, limit_at
from chargepoint.station.charging_profiles.forecast import (
    DURATION_MAX_S,
    Load,
    Stretch,
    of_evse,
    of_station,
)
from chargepoint.station.charging_profiles.profile import Profile, Purpose, RateUnit
from chargepoint.station.charging_profiles.timeline import (
    NEVER,
    Axis,
    Limit,
    Place,
    Timeline,
    timeline,
)
from chargepoint.station.clock import Clock
from chargepoint.station.records import TransactionId
from chargepoint.station.session import Session
from chargepoint.station.settings import EvseSettings, StationSettings

STATION = 0


class _Held(msgspec.Struct):
    """A limit, what it was found for, and the layers that give the next one."""

    book: Book
    axis: tuple[float, bool]
    transaction: TransactionId | None
    layers: tuple[Timeline, ...]
    since: int
    until: int
    limit: Limit | None


class ChargingLimits:
    """Limits of one station. `book` gives the profiles as they are now.

    `ceiling_a`: what bounds an EVSE, or all together (0), beside profiles and configuration; None:
    nothing does. Composite schedules tell of it too.
    """

    def __init__(
        self,
        clock: Clock,
        boot: str,
        settings: StationSettings,
        sessions: Mapping[int, Session],
        book: Callable[[], Book],
        ceiling_a: Callable[[int], float | None] = lambda evse: None,
    ) -> None:
        self._clock = clock
        self._boot = boot
        self._sessions = sessions
        self._book = book
        self._ceiling_a = ceiling_a
        self._places = {evse.id: _place(evse) for evse in settings.evses}
        self._places[STATION] = _station_place(settings)
        self._held: dict[int, _Held] = {}

    def limit(self, evse: int, now_s: float) -> Limit | None:
        """What profiles allow at this EVSE now, its transaction considered; None: anything.

        EVSE 0: what they allow to all together.
        """
        axis = self._axis()
        return self._now(evse, axis, axis.second(now_s)).limit

    def named(self, evse: int, now_s: float) -> tuple[Limit, Profile] | None:
        """The profile that gives `limit`, and what it says; None: none limits."""
        axis = self._axis()
        second = axis.second(now_s)
        layers = self._load(evse, axis, second).layers
        found: list[tuple[Limit, Profile]] = []
        for entry, layer in zip(self._entries(evse), layers, strict=True):
            limit = layer.at(second)[0] if layer.sure else layer.fallback
            if limit is not None:
                found.append((limit, entry.profile))
            if limit is not None and layer.sure:
                break  # it hides those below
        return min(found, key=lambda one: one[0].current_a, default=None)

    def refresh(self, now_s: float) -> None:
        """Look ahead for `deadline_s`: only the station and transactions have changes to keep."""
        axis = self._axis()
        second = axis.second(now_s)
        for evse in list(self._held):
            session = self._sessions.get(evse)
            if session is not None and session.transaction is None:
                del self._held[evse]
        self._now(STATION, axis, second)
        for evse, session in self._sessions.items():
            if session.transaction is not None:
                self._now(evse, axis, second)

    def deadline_s(self) -> float | None:
        """When a limit that was looked at changes."""
        axis = self._axis()
        untils = [held.until for held in self._held.values() if held.until < NEVER]
        return axis.at_s(min(untils)) if untils else None

    def composite(
        self, evse: int, duration_s: int, unit: RateUnit | None, now_s: float
    ) -> CompositeSchedule:
        """The schedule of an EVSE, or of the station (0), from now on.

        An EVSE without a transaction is shown as if one began now. What people here have set and
        the cable that is plugged in count as lasting (OCPP 1.6, section 5.7: local limits).
        """
        axis = self._axis()
        begin = axis.second(now_s)
        entries = self._entries(evse)
        if evse != STATION:
            entries += self._entries(STATION)
        stretch = Stretch(
            evse=evse,
            begin=begin,
            duration_s=min(duration_s, DURATION_MAX_S),
            unit=_common_unit(entries) if unit is None else unit,
            known=axis.known,
        )
        station = self._bounded(STATION, axis, begin)
        if evse != STATION:
            return of_evse(stretch, self._bounded(evse, axis, begin), station)
        charging = [
            self._bounded(each, axis, begin)
            for each, session in self._sessions.items()
            if session.transaction is not None
        ]
        return of_station(stretch, charging, station)

    # --- Inside -----------------------------------------------------------------------------------

    def _axis(self) -> Axis:
        zero = self._clock.now(0.0)
        return Axis(
            boot=self._boot,
            zero_s=0.0 if zero is None else zero.timestamp(),
            known=zero is not None,
            wall=self._clock.wall,
        )

    def _now(self, evse: int, axis: Axis, second: int) -> _Held:
        book, place, transaction = self._book(), (axis.zero_s, axis.known), self._transaction(evse)
        held = self._held.get(evse)
        if held is not None and not (
            held.book is book and held.axis == place and held.transaction == transaction
        ):
            held = None
        if held is not None and held.since <= second < held.until:
            return held
        if held is None or (transaction is None and evse != STATION):
            layers = self._load(evse, axis, second).layers
        else:
            layers = held.layers  # nothing that they are made of has changed
        limit, until = limit_at(layers, second)
        held = self._held[evse] = _Held(book, place, transaction, layers, second, until, limit)
        return held

    def _load(self, evse: int, axis: Axis, second: int) -> Load:
        place = self._places[evse]
        began = self._began(evse, axis, second)
        entries = self._entries(evse)
        layers = tuple(timeline(entry, place, axis, began) for entry in entries)
        return Load(place=place, layers=layers)

    def _bounded(self, evse: int, axis: Axis, second: int) -> Load:
        """The same, below what else bounds it."""
        load, ceiling_a = self._load(evse, axis, second), self._ceiling_a(evse)
        if ceiling_a is None:
            return load
        return msgspec.structs.replace(load, ceiling_a=ceiling_a)

    def _entries(self, evse: int) -> tuple[Installed, ...]:
        """Profiles that concern an EVSE, the weightiest first."""
        book = self._book()
        if evse == STATION:
            return book.of(Purpose.STATION_MAX, STATION)
        own = book.of(Purpose.TX, evse) + book.of(Purpose.TX_DEFAULT, evse)
        return own + book.of(Purpose.TX_DEFAULT, STATION)

    def _transaction(self, evse: int) -> TransactionId | None:
        session = self._sessions.get(evse)
        running = None if session is None else session.transaction
        return None if running is None else running.id

    def _began(self, evse: int, axis: Axis, second: int) -> int:
        session = self._sessions.get(evse)
        running = None if session is None else session.transaction
        began = None if running is None else axis.of_stamp(running.started)
        return second if began is None else began


def _place(evse: EvseSettings) -> Place:
    return Place(voltage_v=evse.voltage_v, phases=evse.phases, current_max_a=evse.current_max_a)


def _station_place(settings: StationSettings) -> Place:
    """All EVSEs on the same phases, as far as the supply allows."""
    together_a = sum(evse.current_max_a for evse in settings.evses)
    supply_a = together_a if settings.current_max_a is None else settings.current_max_a
    return Place(
        voltage_v=settings.evses[0].voltage_v if settings.evses else 230.0,
        phases=max((evse.phases for evse in settings.evses), default=3),
        current_max_a=min(together_a, supply_a),
    )


def _common_unit(entries: tuple[Installed, ...]) -> RateUnit:
    """The unit that all these profiles have; A when they differ, or there are none."""
    units = {entry.profile.schedule.unit for entry in entries}
    return RateUnit.WATT if units == {RateUnit.WATT} else RateUnit.AMPERE
