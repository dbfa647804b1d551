"""The ledger for the service socket of the running agent: shown, exported, sent again.

Reads go through the thread that owns the store, in their place among its writes, a page at a time,
so that an export of a long queue holds up nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec

from chargepoint.agent import ledger_view, record_codec
from chargepoint.agent.reading import Reading
from chargepoint.agent.store_effects import Refused, Row
from chargepoint.agent.writer import Writer
from chargepoint.ipc.service import Answered, Done
from chargepoint.station.events import Event, ResendRequested
from chargepoint.station.records import Record, SecurityEventHappened, TransactionStarted
from chargepoint.station.station import Station

PAGE = 50
Found = TypeVar("Found")


class Bookkeeping(msgspec.Struct, frozen=True, kw_only=True):
    """What the socket can ask about the ledger. `tell` brings an event to the station."""

    alone: bool
    """There is no CSMS."""
    writer: Writer
    station: Station
    tell: Callable[[Event], None]
    now: Callable[[], float]

    async def transactions(self, last: int) -> AsyncIterator[Answered]:
        """The last transactions, oldest first, then Done."""
        found = await self._read(
            lambda reading: ledger_view.transactions(reading, last, alone=self.alone)
        )
        for one in found:
            yield one
        yield Done(ok=True)

    async def records(self, first: int = 0) -> AsyncIterator[Answered]:
        """Every record that waits, or the first of them, or was refused, in parts, then Done."""
        walls = await self._read(ledger_view.wall_clock)
        after, left = 0, first if first > 0 else sys.maxsize
        while left > 0 and (rows := await self._owed(after, min(left, PAGE))):
            for row in rows:
                for part in ledger_view.parts(row, "waiting", walls):
                    yield part
            after, left = rows[-1][0], left - len(rows)
        for refused in await self._read(lambda reading: reading.refused()):
            for part in ledger_view.parts(refused, "refused", walls):
                yield part
        yield Done(ok=True)

    async def resend(self, sequence: int) -> Done:
        """Send a refused record again; with a start, whatever else of it was refused."""
        if await self._failing():
            return Done(ok=False, detail="the ledger cannot be written now")
        rows = await self._read(lambda reading: reading.refused())
        try:
            records = together(rows, sequence)
        except ValueError as error:
            return Done(ok=False, detail=f"record {sequence} cannot be read: {error}")
        if not records:
            return Done(ok=False, detail=f"no record {sequence} was refused")
        problem = self.station.resending.problem(records)
        if problem:
            return Done(ok=False, detail=problem)
        self.tell(ResendRequested(records=tuple(records), at_s=self.now()))
        count = "1 record" if len(records) == 1 else f"{len(records)} records"
        return Done(ok=True, detail=f"{count} put at the end of the queue")

    async def _owed(self, after: int, limit: int) -> list[Row]:
        return await self._read(lambda reading: reading.owed(after, limit))

    async def _failing(self) -> bool:
        asked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.writer.ask(lambda store: store.failing, _settling(asked))
        return await asked

    async def _read(self, read: Callable[[Reading], Found]) -> Found:
        asked: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self.writer.ask(lambda store: read(store.reading()), _settling(asked))
        return await asked


def together(rows: list[Refused], sequence: int) -> list[Record]:
    """The refused record and what goes with it, in order; empty when there is none.

    Raises ValueError for a row that cannot be read.
    """
    wanted = [row for row in rows if row[0] == sequence]
    records = [record_codec.read(kind, text) for _, kind, text, *_ in wanted]
    if not records or not isinstance(records[0], TransactionStarted):
        return records
    for number, kind, text, *_ in rows:
        other = record_codec.read(kind, text) if number > sequence else None
        if other is None or isinstance(other, SecurityEventHappened):
            continue
        if other.transaction == records[0].transaction:
            records.append(other)
    return records


def _settling(asked: asyncio.Future[Found]) -> Callable[[Found], None]:
    def settle(found: Found) -> None:
        if not asked.done():
            asked.set_result(found)

    return settle
