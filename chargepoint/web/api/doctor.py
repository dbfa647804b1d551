"""The doctor's list and its signed report."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from chargepoint.catalog import languages
from chargepoint.ipc.care import NoteAction
from chargepoint.web.api.endpoint import Call, Endpoint, Fault
from chargepoint.web.api.station import InLanguage
from chargepoint.web.examination import Examination, ExaminationFailed, Finding


class ReportWish(InLanguage, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Doctor:
    """The endpoints."""

    def __init__(self) -> None:
        self._examination: Examination | None = None

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="POST", path="/api/doctor", handler=self.findings, query=InLanguage,
                     summary="Look at every part of the station", answer=list[Finding]),
            Endpoint(method="POST", path="/api/doctor/report", handler=self.report,
                     query=ReportWish, media="text/html",
                     summary="The same as a signed report, to be printed"),
        ]
        # fmt: on

    async def findings(self, call: Call) -> list[Finding]:
        examination = await self._ready(call)
        try:
            return await examination.findings(_language(call))
        except ExaminationFailed as error:
            raise Fault(503, f"the doctor failed: {error}") from error

    async def report(self, call: Call) -> Response:
        examination = await self._ready(call)
        by = call.session.account
        await call.act(NoteAction(action="web.report"))
        try:
            data = await examination.report(_language(call), by, call.query.note)
        except ExaminationFailed as error:
            raise Fault(503, f"the doctor failed: {error}") from error
        headers = {"Content-Disposition": 'attachment; filename="report.html"'}
        return Response(data, media_type="text/html; charset=utf-8", headers=headers)

    async def _ready(self, call: Call) -> Examination:
        """Raises Fault while nothing of the station answers."""
        context = call.desk.context
        look = await context.live.look()
        if look.status is None and not look.evses:
            raise Fault(503, "neither agent nor safety program answers: use `chargepoint doctor`")
        if self._examination is None:
            self._examination = Examination(context.config.source)
        return self._examination


def _language(call: Call) -> str:
    language: str = call.query.lang.split("-")[0].lower()
    return language if language in languages() else languages()[0]
