"""The driver's view as it is now, and as it changes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from datetime import datetime

import msgspec

from chargepoint.ipc.client import Unreachable
from chargepoint.ipc.service import (
    EvseStatus,
    GetTransactions,
    LedgerTransaction,
    StationStatus,
)
from chargepoint.web.context import Context
from chargepoint.web.driver_figures import Ended
from chargepoint.web.driver_state import state_of
from chargepoint.web.driver_view import DriverView, driver_view
from chargepoint.web.live import Look
from chargepoint.web.streams import Event

TRANSACTIONS = 20
"""Looked through for the one that ended last at an EVSE."""


class Feed:
    """Makes views for all who look; remembers how the last session of each EVSE ended."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ended: dict[int, tuple[int, Ended]] = {}
        """EVSE -> number of the plug-in, and its session."""

    async def view(self, language: str, evse: int | None = None) -> DriverView:
        """The station now, or the part of it that is about one EVSE."""
        return await self._made(await self._context.live.look(), language, evse)

    async def events(self, language: str, evse: int | None = None) -> AsyncIterator[Event]:
        """The view, and each further one; about one in a second."""
        with self._context.live.subscribe() as lookout:
            yield Event(name="view", data=await self.view(language, evse))
            while True:
                look = await lookout.next()
                if look is not None:
                    yield Event(name="view", data=await self._made(look, language, evse))

    async def _made(self, look: Look, language: str, evse: int | None) -> DriverView:
        status = look.status
        if status is not None:
            await self._remember(status)
        ended = {number: session for number, (_, session) in self._ended.items()}
        now = self._context.wall().astimezone()
        view = driver_view(status, self._context.config, language, now, ended)
        return view if evse is None else only(view, evse)

    async def _remember(self, status: StationStatus) -> None:
        """Ask for the session that is over, once in each plug-in; forget it with the vehicle."""
        wanted: dict[int, int] = {}
        for evse in status.evses:
            plug_in = _plug_in_ended(evse)
            if plug_in is None:
                self._ended.pop(evse.evse, None)
            elif self._ended.get(evse.evse, (None,))[0] != plug_in:
                wanted[evse.evse] = plug_in
        if not wanted:
            return
        with contextlib.suppress(Unreachable):
            rows = await self._context.agent.ask(GetTransactions(last=TRANSACTIONS))
            for number, plug_in in wanted.items():
                self._ended[number] = (plug_in, last_session(rows, number))


def only(view: DriverView, evse: int) -> DriverView:
    """`view` with one EVSE of it."""
    return msgspec.structs.replace(
        view, evses=tuple(each for each in view.evses if each.evse == evse)
    )


def last_session(rows: Iterable[object], evse: int) -> Ended:
    """Energy and duration of the last transaction in `rows` (oldest first) that is over."""
    for row in reversed(list(rows)):
        if isinstance(row, LedgerTransaction) and row.evse == evse and not row.running:
            energy_kwh = None if row.energy_wh is None else round(row.energy_wh / 1000, 3)
            return Ended(energy_kwh=energy_kwh, duration_s=_passed_s(row))
    return Ended(energy_kwh=None, duration_s=None)


def _passed_s(row: LedgerTransaction) -> float | None:
    """How long a transaction lasted; None where a time is not known, or they contradict."""
    try:
        began, ended = map(datetime.fromisoformat, (row.started_at, row.ended_at))
    except ValueError:
        return None
    passed_s = (ended - began).total_seconds()
    return passed_s if passed_s >= 0 else None


def _plug_in_ended(evse: EvseStatus) -> int | None:
    if evse.control is None or evse.transaction is not None or state_of(evse) != "finished":
        return None
    return evse.control.plug_in
