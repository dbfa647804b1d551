"""What wears out and what falls due: items from counts, rated lives, intervals and visits.

An item is an interval of time (inspection, test of the RCD with its button) or a life that is used
up (contactor, connector, closing time). A visit that names items lets them begin anew. Times are
wall times: while the clock is not trusted an interval is `unknown`, and a visit is recorded with
the monotonic instant and gets its date when that is known.

Kept in space `maintenance`. Once a week the counts are noted there too, so that the day on which a
life will be over can be extrapolated from the use of the last half year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.counters import Counters
from chargepoint.station.desk import Desk
from chargepoint.station.records import Stamp
from chargepoint.station.settings import MaintenanceSettings
from chargepoint.station.usage import Usage

SPACE = "maintenance"
KEY = "book"
STATION = 0

SAMPLE_DAYS = 7
SAMPLES_MAX = 27
"""Half a year of weeks."""

HISTORY_MIN_DAYS = 14
"""From less past no future is told."""

FUTURE_MAX_DAYS = 30 * 365
VISITS_MAX = 200
NOTE_MAX = 1000
BY_MAX = 80

State = Literal["good", "due", "overdue", "unknown"]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that wears out or falls due."""

    task: str
    """`inspection`, `rcd_test`; with the EVSE: `contactor/1`, `contactor_load/1`, …"""
    evse: int
    """0: the station."""
    kind: Literal["interval", "life"]
    used: float
    """Days; or operations, or seconds of drift."""
    limit: float
    state: State
    due_at: date | None
    detail: str


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody was here."""

    stamp: Stamp
    by: str
    note: str
    tasks: tuple[str, ...]
    at: datetime | None = None
    """Aware UTC; None while it is not known."""


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """What the counts were on one day."""

    day: int
    """Ordinal, as `date.toordinal`."""
    counts: dict[str, float]


class Book(msgspec.Struct, kw_only=True):
    """Everything that is kept."""

    since: date | None = None
    """The first day that this station knew of."""
    bases: dict[str, float] = {}
    """Count of a life when its part was new."""
    weeks: list[Week] = []
    visits: list[Visit] = []
    """The oldest first."""


class Maintenance:
    """The items and visits of one station."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        settings: MaintenanceSettings,
        counters: Counters,
        usage: Usage,
        evses: Iterable[int],
        kept: Mapping[str, str],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._settings = settings
        self._counters = counters
        self._usage = usage
        self._evses = tuple(evses)
        self._book = self._restored(kept.get(KEY))
        self._undated = bool(self._book.visits)
        """There may be a visit whose date is not known yet."""

    # --- What others ask --------------------------------------------------------------------------

    def items(self, now_s: float) -> tuple[Item, ...]:
        """Everything that is looked after, as it stands at `now_s`."""
        today = self._today(now_s)
        lives = [item for evse in self._evses for item in self._lives(evse, today)]
        return (*self._intervals(today), *lives)

    @property
    def visits(self) -> tuple[Visit, ...]:
        """The newest first."""
        return tuple(reversed(self._book.visits))

    def record(self, by: str, note: str, tasks: tuple[str, ...]) -> str | None:
        """Note a visit and let its tasks begin anew; why not, if one is not known."""
        known = {item.task for item in self.items(self._desk.now_s)}
        strangers = [task for task in tasks if task not in known]
        if strangers:
            return (
                f"no such task: {', '.join(strangers)[:200]}; expected {', '.join(sorted(known))}"
            )
        now = self._desk.stamp()
        visit = Visit(
            stamp=now,
            by=by[:BY_MAX],
            note=note[:NOTE_MAX],
            tasks=tuple(dict.fromkeys(tasks)),
            at=self._clock.wall(now),
        )
        self._book.visits = [*self._book.visits, visit][-VISITS_MAX:]
        self._undated = self._undated or visit.at is None
        for task in visit.tasks:
            self._begin_anew(task)
        self._write()
        self._usage.flush()
        self._desk.note("maintenance.visited", by=visit.by, tasks=", ".join(visit.tasks))
        return None

    # --- Time -------------------------------------------------------------------------------------

    def due(self) -> None:
        """Learn dates, and note the counts once a week."""
        today = self._today(self._desk.now_s)
        if today is None:
            return
        changed = self._undated and self._dated()
        if self._book.since is None or self._book.since > today:
            self._book.since, changed = today, True
        weeks = self._book.weeks
        last = weeks[-1].day if weeks else 0
        if not last <= today.toordinal() < last + SAMPLE_DAYS:
            kept = [week for week in weeks if week.day < today.toordinal()]
            week = Week(day=today.toordinal(), counts=dict(self._counts()))
            self._book.weeks, changed = [*kept, week][-SAMPLES_MAX:], True
        if changed:
            self._write()

    # --- Intervals --------------------------------------------------------------------------------

    def _intervals(self, today: date | None) -> Iterator[Item]:
        settings = self._settings
        for task, every_days in (
            ("inspection", settings.inspection_every_days),
            ("rcd_test", settings.rcd_test_every_days),
        ):
            if every_days > 0:
                yield self._interval(task, every_days, today)

    def _interval(self, task: str, every_days: float, today: date | None) -> Item:
        visits = [visit for visit in self._book.visits if task in visit.tasks]
        visited = visits[-1].at if visits else None
        began = visited.date() if visited is not None else self._book.since
        undated = today is None or began is None or (bool(visits) and visited is None)
        if undated or began is None or today is None:
            return Item(
                task=task,
                evse=STATION,
                kind="interval",
                used=0.0,
                limit=every_days,
                state="unknown",
                due_at=None,
                detail="the date is not known",
            )
        used = float(max(0, (today - began).days))
        return Item(
            task=task,
            evse=STATION,
            kind="interval",
            used=used,
            limit=every_days,
            state=_state(used, every_days, every_days - self._settings.warn_days),
            due_at=began + timedelta(days=every_days),
            detail=f"{'last' if visits else 'first seen'} {began.isoformat()}",
        )

    # --- Lives ------------------------------------------------------------------------------------

    def _lives(self, evse: int, today: date | None) -> Iterator[Item]:
        settings = self._settings
        counts = dict(self._counts_of(evse))
        for task, limit in (
            (f"contactor/{evse}", settings.contactor_operations),
            (f"contactor_load/{evse}", settings.contactor_load_operations),
            (f"connector/{evse}", settings.connector_plug_ins),
        ):
            if limit > 0:
                yield self._life(task, evse, counts[task], float(limit), today)
        yield self._closing_time(evse)

    def _life(self, task: str, evse: int, count: float, limit: float, today: date | None) -> Item:
        used = max(0.0, count - self._book.bases.get(task, 0.0))
        return Item(
            task=task,
            evse=evse,
            kind="life",
            used=used,
            limit=limit,
            state=_state(used, limit, limit * self._settings.warn_ratio),
            due_at=self._worn_out(task, count, limit - used, today),
            detail=f"{used:.0f} of {limit:.0f}",
        )

    def _closing_time(self, evse: int) -> Item:
        use, limit_s = self._usage.of(evse), self._settings.closing_time_drift_s
        drift_s = use.closing_drift_s
        item = Item(
            task=f"closing_time/{evse}",
            evse=evse,
            kind="life",
            used=0.0,
            limit=limit_s,
            state="unknown",
            due_at=None,
            detail=f"{use.closings} closings timed so far",
        )
        if drift_s is None or use.closing_recent_s is None:
            return item
        used = max(0.0, drift_s)
        new_ms, recent_ms = use.closing_reference_s * 1000, use.closing_recent_s * 1000
        return Item(
            task=item.task,
            evse=evse,
            kind="life",
            used=round(used, 4),
            limit=limit_s,
            state=_state(used, limit_s, limit_s * self._settings.warn_ratio),
            due_at=None,
            detail=f"{recent_ms:.0f} ms, {new_ms:.0f} ms when new",
        )

    def _worn_out(self, task: str, count: float, left: float, today: date | None) -> date | None:
        """The day on which a life will be over if it goes on as it did; None: it cannot be told."""
        if today is None:
            return None
        if left <= 0:
            return today
        past = next((week for week in self._book.weeks if task in week.counts), None)
        if past is None or today.toordinal() - past.day < HISTORY_MIN_DAYS:
            return None
        per_day = (count - past.counts[task]) / (today.toordinal() - past.day)
        if per_day <= 0 or left / per_day > FUTURE_MAX_DAYS:
            return None
        return today + timedelta(days=round(left / per_day))

    def _begin_anew(self, task: str) -> None:
        name, _, number = task.partition("/")
        if name == "closing_time":
            self._usage.renewed(int(number))
            return
        if not number:
            return
        counts = dict(self._counts_of(int(number)))
        self._book.bases[task] = counts[task]
        if name == "contactor":
            # A new one begins anew in everything.
            load = f"contactor_load/{number}"
            self._book.bases[load] = counts[load]
            self._usage.renewed(int(number))

    def _counts(self) -> Iterator[tuple[str, float]]:
        for evse in self._evses:
            yield from self._counts_of(evse)

    def _counts_of(self, evse: int) -> Iterator[tuple[str, float]]:
        counts = self._counters.of(evse)
        yield f"contactor/{evse}", float(counts.operations)
        yield f"contactor_load/{evse}", float(counts.openings_under_load)
        yield f"connector/{evse}", float(counts.plug_ins)

    # --- Keeping ----------------------------------------------------------------------------------

    def _today(self, now_s: float) -> date | None:
        now = self._clock.now(now_s)
        return None if now is None else now.astimezone(UTC).date()

    def _dated(self) -> bool:
        """Give visits their date as soon as it is known; whether there was one."""
        dated = [
            visit if visit.at is not None else _at(visit, self._clock.wall(visit.stamp))
            for visit in self._book.visits
        ]
        changed = dated != self._book.visits
        self._book.visits = dated
        boot = self._desk.boot
        self._undated = any(visit.at is None and visit.stamp.boot == boot for visit in dated)
        return changed

    def _write(self) -> None:
        self._desk.put(SPACE, KEY, self._book, durable=True)

    def _restored(self, text: str | None) -> Book:
        if text is None:
            return Book()
        try:
            return msgspec.json.decode(text, type=Book)
        except msgspec.MsgspecError as error:
            self._desk.note("maintenance.lost", problem=str(error))
            return Book()


def _state(used: float, limit: float, warns: float) -> State:
    if used >= limit:
        return "overdue"
    return "due" if used >= warns else "good"


def _at(visit: Visit, at: datetime | None) -> Visit:
    return msgspec.structs.replace(visit, at=at)
