"""The log and the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from chargepoint.ipc.care import AuditLine, GetAudit, GetLog, LogLine
from chargepoint.ipc.client import Unreachable
from chargepoint.web.api.endpoint import EVENTS_TYPE, Call, Endpoint
from chargepoint.web.streams import Event

LAST_MAX = 2000


class Filter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    last: Annotated[int, msgspec.Meta(ge=1, le=LAST_MAX)] = 200
    level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    event: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """A name, or its beginning."""


class Newest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    last: Annotated[int, msgspec.Meta(ge=1, le=LAST_MAX)] = 200


class Logs:
    """The endpoints."""

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="GET", path="/api/log", handler=self.log, query=Filter,
                     summary="The last lines of the programs' logs", answer=list[LogLine]),
            Endpoint(method="GET", path="/api/log/events", handler=self.follow, query=Filter,
                     summary="Lines of the log as they come", media=EVENTS_TYPE),
            Endpoint(method="GET", path="/api/audit", handler=self.audit, query=Newest,
                     summary="What people did at the station, the newest first",
                     answer=list[AuditLine]),
        ]
        # fmt: on

    async def log(self, call: Call) -> list[LogLine]:
        answers = await call.ask(_question(call.query, follow=False))
        return [one for one in answers if isinstance(one, LogLine)]

    async def follow(self, call: Call) -> Response:
        return call.desk.context.streams.response(_lines(call), known=True)

    async def audit(self, call: Call) -> list[AuditLine]:
        answers = await call.ask(GetAudit(last=call.query.last))
        return [one for one in reversed(answers) if isinstance(one, AuditLine)]


async def _lines(call: Call) -> AsyncIterator[Event]:
    desk = call.desk
    cookie = call.request.cookies.get(desk.cookie, "")
    try:
        async for answer in desk.context.agent.follow(_question(call.query, follow=True)):
            if desk.sessions.of(cookie, desk.accounts.all(), touch=False) is None:
                yield Event(name="logged_out", data={})
                return
            if isinstance(answer, LogLine):
                yield Event(name="line", data=answer)
    except Unreachable as error:
        yield Event(name="lost", data={"error": str(error)})


def _question(query: Filter, follow: bool) -> GetLog:
    return GetLog(last=query.last, follow=follow, level=query.level, event=query.event)
