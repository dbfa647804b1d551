"""The station as it is: status, live events, health, plots, phrases, and what the file says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from chargepoint.catalog import entries, entry, languages, phrases
from chargepoint.ipc.care import GetHealth, GetMaintenance, HealthStatus, MaintenanceStatus
from chargepoint.ipc.service import GetConfiguration, GetStatus, StationStatus, Variable, Variables
from chargepoint.web.api.endpoint import EVENTS_TYPE, Access, Call, Endpoint, Fault
from chargepoint.web.blanking import FileValue, file_values
from chargepoint.web.history import COARSE_S, FINE_S
from chargepoint.web.live import Look
from chargepoint.web.reasons import Why, whys
from chargepoint.web.streams import Event

OWN_PHRASES = ("web.", "reason.", "next.", "severity.", "number.", "task.")


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    span: Literal["minutes", "hours"] = "minutes"
    """Ten minutes in seconds, or six hours in steps of ten."""


class InLanguage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    lang: Annotated[str, msgspec.Meta(max_length=5)] = "en"


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One value per step, the last one now; null where it was not known."""

    evse: int
    step_s: float
    power_w: list[float | None]
    current_a: list[float | None]
    temperature_c: list[float | None]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    cause: str
    remedy: str
    severity: str


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page says."""

    language: str
    languages: tuple[str, ...]
    phrases: dict[str, str]
    catalogue: dict[str, Said]


class StationApi:
    """The endpoints."""

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="GET", path="/api/phrases", handler=self.phrases, query=InLanguage,
                     summary="Texts of the pages", access=Access.ANYBODY, answer=Texts),
            Endpoint(method="GET", path="/api/status", handler=self.status,
                     summary="The station now", answer=StationStatus),
            Endpoint(method="GET", path="/api/why", handler=self.why, query=InLanguage,
                     summary="Why no EVSE charges, or not faster, in words", answer=list[Why]),
            Endpoint(method="GET", path="/api/live", handler=self.live, query=InLanguage,
                     summary="The station now and as it changes, once a second",
                     media=EVENTS_TYPE),
            Endpoint(method="GET", path="/api/health", handler=self.health,
                     summary="Health of loops, buses, devices, host", answer=HealthStatus),
            Endpoint(method="GET", path="/api/evses/{evse:int}/series", handler=self.series,
                     summary="Power, current, temperature of the last minutes or hours",
                     query=Span, answer=Series),
            Endpoint(method="GET", path="/api/configuration", handler=self.configuration,
                     summary="Every OCPP variable, its value and where that comes from",
                     answer=tuple[Variable, ...]),
            Endpoint(method="GET", path="/api/file", handler=self.file,
                     summary="Values of the configuration file, secrets blanked",
                     answer=list[FileValue]),
            Endpoint(method="GET", path="/api/maintenance", handler=self.maintenance,
                     summary="What wears out or falls due, and who was here",
                     answer=MaintenanceStatus),
        ]
        # fmt: on

    async def phrases(self, call: Call) -> Texts:
        language = call.query.lang.split("-")[0].lower()
        language = language if language in languages() else languages()[0]
        return Texts(
            language=language,
            languages=languages(),
            phrases={
                key: text
                for source in (languages()[0], language)
                for key, text in phrases(source).items()
                if key.startswith(OWN_PHRASES)
            },
            catalogue=_catalogue(language) if call.visitor is not None else {},
        )

    async def status(self, call: Call) -> Any:
        return _one(await call.ask(GetStatus()), StationStatus)

    async def why(self, call: Call) -> list[Why]:
        status = await call.desk.context.live.status()
        return [] if status is None else whys(status, call.query.lang)

    async def live(self, call: Call) -> Response:
        return call.desk.context.streams.response(_looks(call), known=True)

    async def health(self, call: Call) -> Any:
        return _one(await call.ask(GetHealth()), HealthStatus)

    async def series(self, call: Call) -> Series:
        evse, fine = call.evse(), call.query.span == "minutes"
        values = call.desk.history.series(evse, fine)
        return Series(evse=evse, step_s=FINE_S if fine else COARSE_S, **values)

    async def configuration(self, call: Call) -> Any:
        return _one(await call.ask(GetConfiguration()), Variables).variables

    async def file(self, call: Call) -> list[FileValue]:
        return file_values(call.desk.context.config)

    async def maintenance(self, call: Call) -> Any:
        return _one(await call.ask(GetMaintenance()), MaintenanceStatus)


async def _looks(call: Call) -> AsyncIterator[Event]:
    """Looks as long as the login holds."""
    desk = call.desk
    cookie = call.request.cookies.get(desk.cookie, "")
    with desk.context.live.subscribe() as lookout:
        yield _event(await desk.context.live.look(), call.query.lang)
        while True:
            look = await lookout.next()
            if desk.sessions.of(cookie, desk.accounts.all(), touch=False) is None:
                yield Event(name="logged_out", data={})
                return
            if look is not None:
                yield _event(look, call.query.lang)


def _event(look: Look, language: str) -> Event:
    return Event(
        name="look",
        data={
            "status": look.status,
            "evses": list(look.evses.values()),
            "meters": {str(evse): meter for evse, meter in look.meters.items()},
            "why": [] if look.status is None else whys(look.status, language),
        },
    )


def _one(answers: list[Any], kind: Any) -> Any:
    found = next((one for one in answers if isinstance(one, kind)), None)
    if found is None:
        raise Fault(503, "the agent gave another answer")
    return found


def _catalogue(language: str) -> dict[str, Said]:
    found = {}
    for entry_id in entries():
        said = entry(entry_id, language)
        found[entry_id] = Said(
            title=said.title, cause=said.cause, remedy=said.remedy, severity=said.severity
        )
    return found
