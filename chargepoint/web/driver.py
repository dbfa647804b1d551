"""Routes of the driver's page: no login, and nothing to change but a word to the operator.

`/` is the page (with several EVSEs their list), `/e/N` that of one EVSE. `?lang=de` chooses the
language, `?kiosk=1` is for a display at the charger.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from chargepoint.catalog import phrase
from chargepoint.config.addresses import driver_url
from chargepoint.ipc.client import Unreachable
from chargepoint.web.api.endpoint import (
    EVENTS_TYPE,
    Access,
    Call,
    Endpoint,
    Outcome,
    Wrong,
    as_json,
)
from chargepoint.web.context import Context, address_of
from chargepoint.web.driver_feed import Feed
from chargepoint.web.driver_forms import (
    AnyForm,
    Bad,
    Problem,
    Quota,
    Wish,
    channels,
    is_json,
    read_form,
)
from chargepoint.web.driver_page import linker, page, qr_svg
from chargepoint.web.driver_site import site_view
from chargepoint.web.driver_view import DriverView
from chargepoint.web.guard import same_origin
from chargepoint.web.throttle import address_key

PROBLEMS_WITHIN_S, WISHES_WITHIN_S = 600.0, 3600.0
FROM_EACH, FROM_ALL = 3, 30
"""So many forms are taken in that time, from one address and from all."""

CODES = {"driver.form.often": 429, "driver.form.foreign": 403, "driver.form.unreached": 503,
         "driver.form.refused": 409}  # fmt: skip
"""HTTP status of what may go wrong with a form; the rest is 400."""


def routes(context: Context) -> list[Route]:
    """All of them; none where `web.driver_page` is false."""
    if not context.web.driver_page:
        return []
    pages = DriverPages(context)
    return [
        Route("/", pages.index),
        Route("/e/{evse:int}", pages.one),
        Route("/problem", pages.problem),
        Route("/subscribe", pages.subscribe),
        Route("/thanks", pages.thanks),
        Route("/qr.svg", pages.qr),
        *(Route(each.path, getattr(pages, name), methods=[each.method]) for name, each in API),
    ]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    lang: str = ""
    """Language; without it the browser's."""


async def _served_here(call: Call) -> Any:
    raise NotImplementedError("the routes of the driver's page answer themselves")


def _row(method: Literal["GET", "POST"], path: str, summary: str, **more: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        summary=summary,
        handler=_served_here,
        access=Access.ANYBODY,
        query=Wanted,
        **more,
    )


# fmt: off
API: tuple[tuple[str, Endpoint], ...] = (
    # method of DriverPages, and what is published about it
    ("view",           _row("GET",  "/api/driver", "All places, as drivers see them",
                            answer=DriverView)),
    ("events",         _row("GET",  "/api/driver/events", "The same as a stream of events `view`",
                            media=EVENTS_TYPE)),
    ("post_problem",   _row("POST", "/api/driver/problem", "Report a problem to the operator",
                            body=Problem, answer=Outcome)),
    ("post_subscribe", _row("POST", "/api/driver/subscribe", "Be told when it is done or free",
                            body=Wish, answer=Outcome)),
    ("view",           _row("GET",  "/api/driver/{evse:int}", "One place", answer=DriverView)),
    ("events",         _row("GET",  "/api/driver/{evse:int}/events", "One place as a stream",
                            media=EVENTS_TYPE)),
)
# fmt: on


def described() -> list[Endpoint]:
    """The rows of this part for the published document."""
    return [endpoint for _, endpoint in API]


class DriverPages:
    """The endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._config = context.config
        self._feed = Feed(context)
        self._evses = tuple(evse.id for evse in context.config.evse)
        self._quotas = {
            Problem: Quota(FROM_EACH, FROM_ALL, PROBLEMS_WITHIN_S, context.now),
            Wish: Quota(FROM_EACH, FROM_ALL, WISHES_WITHIN_S, context.now),
        }

    # --- pages ------------------------------------------------------------------------------------

    async def index(self, request: Request) -> Response:
        return await self._page(request, self._evses[0] if len(self._evses) == 1 else None)

    async def one(self, request: Request) -> Response:
        evse = self._wanted(request)
        if evse is None:
            return RedirectResponse(linker(request)("/"), 303)
        return await self._page(request, evse)

    async def _page(self, request: Request, evse: int | None) -> Response:
        language = self._context.language_of(request)
        events = "/api/driver/events" if evse is None else f"/api/driver/{evse}/events"
        address = driver_url(self._config, evse)
        return page(
            "driver.html",
            request,
            self._context,
            view=await self._feed.view(language, evse),
            events=f"{events}?lang={language}",
            channels=channels(self._config),
            estimated=self._config.tariff is not None,
            qr=None if address is None else linker(request)("/qr.svg", evse=evse),
        )

    async def problem(self, request: Request) -> Response:
        return self._form(request, Problem(evse=self._asked_evse(request)))

    async def subscribe(self, request: Request) -> Response:
        if not channels(self._config):
            return RedirectResponse(linker(request)("/"), 303)
        return self._form(request, Wish(evse=self._asked_evse(request)))

    async def thanks(self, request: Request) -> Response:
        about = "subscribe" if request.query_params.get("about") == "subscribe" else "problem"
        site = site_view(self._config.site, self._context.language_of(request))
        back = linker(request)("/")
        return page("driver_thanks.html", request, self._context, about=about, site=site, back=back)

    async def qr(self, request: Request) -> Response:
        address = driver_url(self._config, self._asked_evse(request) or None)
        if address is None:
            return Response("web.public_url is not set", 404)
        return Response(qr_svg(address), media_type="image/svg+xml")

    # --- API --------------------------------------------------------------------------------------

    async def view(self, request: Request) -> Response:
        evse = self._wanted(request)
        if "evse" in request.path_params and evse is None:
            return as_json(Wrong(error="there is no such EVSE"), 404)
        view = await self._feed.view(self._context.language_of(request), evse)
        return as_json(view)

    async def events(self, request: Request) -> Response:
        evse = self._wanted(request)
        if "evse" in request.path_params and evse is None:
            return as_json(Wrong(error="there is no such EVSE"), 404)
        language = self._context.language_of(request)
        return self._context.streams.response(self._feed.events(language, evse))

    async def post_problem(self, request: Request) -> Response:
        return await self._post(request, Problem)

    async def post_subscribe(self, request: Request) -> Response:
        return await self._post(request, Wish)

    async def _post(self, request: Request, kind: type[AnyForm]) -> Response:
        form: AnyForm = kind()
        try:
            if not same_origin(request.headers):
                raise Bad("driver.form.foreign")
            form = await read_form(request, kind)
            await self._send(form, request)
        except Bad as bad:
            return self._refused(request, form, bad)
        if is_json(request):
            return as_json(Outcome(ok=True))
        about = "problem" if kind is Problem else "subscribe"
        return RedirectResponse(linker(request)("/thanks", about=about), 303)

    async def _send(self, form: AnyForm, request: Request) -> None:
        """Ask the agent. Raises Bad."""
        action = form.request(self._config, self._context.language_of(request))
        if form.website:
            return  # a robot: thanked, and nobody is disturbed
        if not self._quotas[type(form)].take(address_key(address_of(request))):
            raise Bad("driver.form.often")
        try:
            done = await self._context.agent.done(action)
        except Unreachable as error:
            raise Bad("driver.form.unreached") from error
        if not done.ok:
            raise Bad("driver.form.refused")

    def _refused(self, request: Request, form: AnyForm, bad: Bad) -> Response:
        code = CODES.get(bad.key, 400)
        error = phrase(bad.key, self._context.language_of(request), **bad.fields)
        if is_json(request):
            return as_json(Wrong(error=error), code)
        return self._form(request, form, error, code)

    def _form(self, request: Request, form: AnyForm, error: str = "", code: int = 200) -> Response:
        name = "problem" if isinstance(form, Problem) else "subscribe"
        evse = form.evse if form.evse in self._evses and len(self._evses) > 1 else None
        values: dict[str, Any] = {"channels": channels(self._config)} if name == "subscribe" else {}
        return page(
            f"driver_{name}.html",
            request,
            self._context,
            code=code,
            form=form,
            error=error,
            places=self._evses,
            path=f"/{name}",
            back=linker(request)("/" if evse is None else f"/e/{evse}"),
            **values,
        )

    # --- pieces -----------------------------------------------------------------------------------

    def _wanted(self, request: Request) -> int | None:
        """The EVSE of the path, if there is such a one."""
        evse = request.path_params.get("evse")
        return evse if evse in self._evses else None

    def _asked_evse(self, request: Request) -> int:
        """The EVSE of the query; 0: none, or none that there is."""
        text = request.query_params.get("evse", "")
        return int(text) if text.isdecimal() and len(text) < 6 and int(text) in self._evses else 0
