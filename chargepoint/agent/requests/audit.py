"""Requests about the audit log: read it, and note what a client did by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from chargepoint.agent.audit import Audit
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.ipc.care import GetAudit, NoteAction
from chargepoint.ipc.service import Answered, Done

LAST_MAX = 5000


class AuditRequests:
    """Serves `audit`. Writing is the service's own business, as with every action."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def handlers(self) -> Handlers:
        return {GetAudit: self._last, NoteAction: self._noted}

    async def _last(self, request: GetAudit, caller: Caller) -> AsyncIterator[Answered]:
        count = min(max(request.last, 0), LAST_MAX)
        for line in await asyncio.to_thread(self._audit.last, count):
            yield line
        yield Done(ok=True)

    async def _noted(self, request: NoteAction, caller: Caller) -> AsyncIterator[Answered]:
        yield Done(ok=True, detail="noted")
