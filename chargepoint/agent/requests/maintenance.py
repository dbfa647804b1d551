"""What wears out and falls due, and who was here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.ipc.care import (
    GetMaintenance,
    MaintenanceItem,
    MaintenanceStatus,
    RecordVisit,
    UseStatus,
    Visit,
)
from chargepoint.ipc.service import Answered, Done
from chargepoint.station import maintenance as book
from chargepoint.station.local_requests import VisitRecorded
from chargepoint.station.station import Station
from chargepoint.station.usage import Use

STATION_WAIT_S = 10.0
NOTE_MAX = 1000


class MaintenanceRequests:
    """Serves the maintenance book of `station`."""

    def __init__(self, station: Station, answers: LocalAnswers, now: Callable[[], float]) -> None:
        self._station = station
        self._answers = answers
        self._now = now

    def handlers(self) -> Handlers:
        return {GetMaintenance: self._show, RecordVisit: self._record}

    async def _show(self, request: GetMaintenance, caller: Caller) -> AsyncIterator[Answered]:
        maintenance, usage = self._station.maintenance, self._station.usage
        numbers = [evse.evse for evse in self._station.overview(self._now()).evses]
        yield MaintenanceStatus(
            items=items_of(self._station, self._now()),
            visits=tuple(_visit(visit) for visit in maintenance.visits),
            uses=tuple(_use(evse, usage.of(evse)) for evse in (0, *numbers)),
        )

    async def _record(self, request: RecordVisit, caller: Caller) -> AsyncIterator[Answered]:
        if not request.note.strip() and not request.tasks:
            yield Done(ok=False, detail="note: found nothing, expected what was done, or a task")
            return
        if len(request.note) > NOTE_MAX:
            length = len(request.note)
            detail = f"note: found {length} characters, expected at most {NOTE_MAX}"
            yield Done(ok=False, detail=detail)
            return
        yield await self._answers.ask(
            lambda handle: VisitRecorded(
                request=handle,
                at_s=self._now(),
                by=request.by or caller.user,
                note=request.note,
                tasks=request.tasks,
            ),
            STATION_WAIT_S,
        )


def items_of(station: Station, now_s: float) -> tuple[MaintenanceItem, ...]:
    """What is looked after, as it stands now."""
    return tuple(_item(item) for item in station.maintenance.items(now_s))


def _item(item: book.Item) -> MaintenanceItem:
    return MaintenanceItem(
        task=item.task,
        evse=item.evse,
        kind=item.kind,
        used=item.used,
        limit=item.limit,
        state=item.state,
        due_at="" if item.due_at is None else item.due_at.isoformat(),
        detail=item.detail,
    )


def _visit(visit: book.Visit) -> Visit:
    return Visit(
        at="" if visit.at is None else _iso(visit.at),
        by=visit.by,
        note=visit.note,
        tasks=visit.tasks,
    )


def _use(evse: int, use: Use) -> UseStatus:
    recent_s = use.closing_recent_s
    return UseStatus(
        evse=evse,
        on_h=round(use.on_s / 3600, 2),
        charging_h=round(use.charging_s / 3600, 2),
        energy_wh=round(use.energy_wh, 1),
        starts=use.starts,
        boots=use.boots,
        temperature_min_c=use.temperature_min_c,
        temperature_max_c=use.temperature_max_c,
        closings=use.closings,
        closing_reference_s=round(use.closing_reference_s, 4) if use.closings else None,
        closing_recent_s=None if recent_s is None else round(recent_s, 4),
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
