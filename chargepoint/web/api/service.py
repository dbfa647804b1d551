"""What a technician does: EVSE actions, the CSMS link, doctor, visits, diagnostics."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from chargepoint.ipc.care import RecordVisit, SetEvseEnabled, SetLocalLimit, UnlockHere
from chargepoint.ipc.service import (
    ArchivePart,
    Connect,
    Disconnect,
    Done,
    LiftHazard,
    MakeDiagnostics,
)
from chargepoint.web.api.endpoint import Call, Endpoint, Fault, Outcome

UNLOCK_WAIT_S = 35.0
ACTION_WAIT_S = 15.0
ARCHIVE_WAIT_S = 60.0
CURRENT_MAX_A = 80.0


class Enabled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    enabled: bool


class Hazard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hazard: Annotated[str, msgspec.Meta(max_length=100)]


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    current_a: Annotated[float, msgspec.Meta(ge=0, le=CURRENT_MAX_A)] | None
    """Per phase; null: no bound any more."""


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connected: bool
    """False: closed, and kept closed."""


class Visit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    tasks: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=100)], ...], msgspec.Meta(max_length=50)
    ] = ()


class Service:
    """The endpoints."""

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="POST", path="/api/evses/{evse:int}/enabled", handler=self.enable,
                     summary="Take an EVSE out of service, or give it back", body=Enabled,
                     answer=Outcome),
            Endpoint(method="POST", path="/api/evses/{evse:int}/unlock", handler=self.unlock,
                     summary="Free the plug; ends a transaction first", answer=Outcome),
            Endpoint(method="POST", path="/api/evses/{evse:int}/reset-hazard",
                     handler=self.reset, summary="Lift a hazard whose cause is removed",
                     body=Hazard, answer=Outcome),
            Endpoint(method="POST", path="/api/evses/{evse:int}/limit", handler=self.limit,
                     summary="Set an upper bound of the current of an EVSE", body=Limit,
                     answer=Outcome),
            Endpoint(method="POST", path="/api/limit", handler=self.limit_all,
                     summary="Set an upper bound of the current of all EVSEs together",
                     body=Limit, answer=Outcome),
            Endpoint(method="POST", path="/api/csms", handler=self.csms, body=Link,
                     summary="Connect to the CSMS, or stay away from it", answer=Outcome),
            Endpoint(method="POST", path="/api/visits", handler=self.visit, body=Visit,
                     summary="Record that somebody was here, and what was done",
                     answer=Outcome),
            Endpoint(method="POST", path="/api/diagnostics", handler=self.diagnostics,
                     summary="The diagnostics archive", media="application/zip"),
        ]
        # fmt: on

    async def enable(self, call: Call) -> Outcome:
        action = SetEvseEnabled(evse=call.evse(), enabled=call.body.enabled)
        return await call.act(action, ACTION_WAIT_S)

    async def unlock(self, call: Call) -> Outcome:
        return await call.act(UnlockHere(evse=call.evse()), UNLOCK_WAIT_S)

    async def reset(self, call: Call) -> Outcome:
        action = LiftHazard(evse=call.evse(), hazard=call.body.hazard)
        return await call.act(action, ACTION_WAIT_S)

    async def limit(self, call: Call) -> Outcome:
        action = SetLocalLimit(evse=call.evse(), current_a=call.body.current_a)
        return await call.act(action, ACTION_WAIT_S)

    async def limit_all(self, call: Call) -> Outcome:
        return await call.act(SetLocalLimit(evse=0, current_a=call.body.current_a), ACTION_WAIT_S)

    async def csms(self, call: Call) -> Outcome:
        return await call.act(Connect() if call.body.connected else Disconnect())

    async def visit(self, call: Call) -> Outcome:
        return await call.act(RecordVisit(note=call.body.note, tasks=call.body.tasks))

    async def diagnostics(self, call: Call) -> Response:
        question = MakeDiagnostics(by=call.session.account)
        answers = await call.desk.context.agent.ask(question, ARCHIVE_WAIT_S)
        last = answers[-1]
        if isinstance(last, Done) and not last.ok:
            raise Fault(409, last.detail or "refused")
        data = b"".join(one.data for one in answers if isinstance(one, ArchivePart))
        headers = {"Content-Disposition": 'attachment; filename="diagnostics.zip"'}
        return Response(data, media_type="application/zip", headers=headers)
