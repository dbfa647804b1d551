"""Transactions, and the records that are owed to the CSMS."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from chargepoint.ipc.service import (
    GetRecords,
    GetTransactions,
    LedgerTransaction,
    RecordPart,
    Resend,
)
from chargepoint.web.api.endpoint import Call, Endpoint, Outcome

RESEND_WAIT_S = 15.0
RECORDS_MAX = 200
"""Of those that wait; after a week offline there are thousands."""

COLUMNS = (
    "id", "csms_id", "evse", "id_token", "started_at", "ended_at", "meter_start_wh", "energy_wh",
    "reason", "state", "card",
)  # fmt: skip
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula."""


class Last(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    last: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 100


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the ledger, whole."""

    sequence: int
    place: str
    kind: str
    at: str
    code: str
    description: str
    text: str


class Books:
    """The endpoints."""

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="GET", path="/api/transactions", handler=self.transactions,
                     summary="The last transactions, the newest first", query=Last,
                     answer=list[LedgerTransaction]),
            Endpoint(method="GET", path="/api/transactions.csv", handler=self.table,
                     summary="The same for a spreadsheet", query=Last, media="text/csv"),
            Endpoint(method="GET", path="/api/records", handler=self.records,
                     summary="Records that were refused by the CSMS, and the first 200 that wait",
                     answer=list[Record]),
            Endpoint(method="POST", path="/api/records/{sequence:int}/resend",
                     handler=self.resend, answer=Outcome,
                     summary="Send a refused record again"),
        ]
        # fmt: on

    async def transactions(self, call: Call) -> list[LedgerTransaction]:
        answers = await call.ask(GetTransactions(last=call.query.last))
        found = [one for one in answers if isinstance(one, LedgerTransaction)]
        return sorted(found, key=lambda one: one.started_at, reverse=True)

    async def table(self, call: Call) -> Response:
        name = f"transactions-{call.desk.context.config.station.id}.csv"
        return Response(
            as_csv(await self.transactions(call)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{_plain(name)}"'},
        )

    async def records(self, call: Call) -> list[Record]:
        return whole_records(await call.ask(GetRecords(first=RECORDS_MAX)))

    async def resend(self, call: Call) -> Outcome:
        sequence = min(call.request.path_params["sequence"], 2**53)
        return await call.act(Resend(sequence=sequence), RESEND_WAIT_S)


def as_csv(transactions: list[LedgerTransaction]) -> str:
    """The table, after RFC 4180."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in transactions:
        writer.writerow([_cell(getattr(one, column)) for column in COLUMNS])
    return out.getvalue()


def whole_records(parts: list[Any]) -> list[Record]:
    """Records put together from their parts."""
    found: list[Record] = []
    texts: list[str] = []
    for part in parts:
        if not isinstance(part, RecordPart):
            continue
        texts.append(part.text)
        if part.last:
            found.append(
                Record(
                    sequence=part.sequence,
                    place=part.place,
                    kind=part.kind,
                    at=part.at,
                    code=part.code,
                    description=part.description,
                    text="".join(texts),
                )
            )
            texts = []
    return found


def _cell(value: Any) -> Any:
    """Text that a spreadsheet does not run: a CSMS, or a card, may have chosen it."""
    if isinstance(value, str) and value.startswith(FORMULAS):
        return "'" + value
    return "" if value is None else value


def _plain(name: str) -> str:
    """A file name without what a header or a disk would not take."""
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name)
