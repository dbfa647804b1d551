"""One row of the API: who may call it, what it takes, what it answers; and the route made of it.

A handler gets a `Call` whose query and body are parsed already, and returns a value for JSON or a
response of its own. `Fault` is a clear no. Everything that changes something needs the session's
token in a header besides its cookie.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chargepoint.ipc.client import Unreachable
from chargepoint.ipc.service import Action, Done
from chargepoint.ipc.service import Request as Question
from chargepoint.web.accounts import AccountsError, Role
from chargepoint.web.desk import Desk
from chargepoint.web.sessions import Session
from chargepoint.web.work import Busy

CSRF_HEADER = "X-CSRF-Token"
JSON_TYPE = "application/json"
EVENTS_TYPE = "text/event-stream"


class Access(Enum):
    """Who may call."""

    ANYBODY = "anybody"
    TECHNICIAN = "technician"
    """Every account."""
    OWNER = "owner"


class Fault(Exception):
    """The answer is no: HTTP status, what is wrong, and headers."""

    def __init__(self, code: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.headers = headers or {}


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """What every refused call answers."""

    error: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an action."""

    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an endpoint."""

    desk: Desk
    request: Request
    query: Any = None
    body: Any = None
    visitor: Session | None = None

    @property
    def session(self) -> Session:
        """Of the person who calls; there is one wherever a login is needed."""
        assert self.visitor is not None
        return self.visitor

    def evse(self) -> int:
        """The EVSE of the path. Raises Fault for one that there is not."""
        number: int = self.request.path_params["evse"]
        if number not in {evse.id for evse in self.desk.context.config.evse}:
            raise Fault(404, f"there is no EVSE {number}")
        return number

    async def ask(self, question: Question, wait_s: float = 8.0) -> list[Any]:
        """The agent's answers without the closing `Done`. Raises Fault for a refusal."""
        answers: list[Any] = list(await self.desk.context.agent.ask(question, wait_s))
        if isinstance(answers[-1], Done):
            last = answers.pop()
            if not last.ok:
                raise Fault(409, last.detail or "refused")
        return answers

    async def act(self, action: Action, wait_s: float = 8.0) -> Outcome:
        """Have the agent do it in this person's name. Raises Fault for a refusal."""
        named = msgspec.structs.replace(action, by=self.session.account)
        done = await self.desk.context.agent.done(named, wait_s)
        if not done.ok:
            raise Fault(409, done.detail or "refused")
        return Outcome(ok=True, detail=done.detail)


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    """In Starlette's form: `/api/evses/{evse:int}/limit`."""
    handler: Handler
    summary: str
    access: Access = Access.TECHNICIAN
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    """Type of the JSON."""
    media: str = JSON_TYPE

    @property
    def public_path(self) -> str:
        """In OpenAPI's form: `/api/evses/{evse}/limit`."""
        return re.sub(r"\{(\w+):\w+\}", r"{\1}", self.path)


def route(endpoint: Endpoint, desk: Desk) -> Route:
    """The route that serves `endpoint`."""

    async def serve(request: Request) -> Response:
        try:
            visitor = _admitted(endpoint, desk, request)
            call = Call(
                desk=desk,
                request=request,
                query=_query(endpoint, request),
                body=await _body(endpoint, request),
                visitor=visitor,
            )
            found = await endpoint.handler(call)
        except Fault as fault:
            return as_json(Wrong(error=fault.text), fault.code, fault.headers)
        except Unreachable as error:
            return as_json(Wrong(error=f"the agent does not answer: {error}"), 503)
        except AccountsError as error:
            # To a stranger no more than that it does not work.
            stranger = endpoint.access is Access.ANYBODY
            return as_json(Wrong(error="accounts cannot be read" if stranger else str(error)), 409)
        except Busy:
            return as_json(Wrong(error="busy; try again"), 503, {"Retry-After": "3"})
        return found if isinstance(found, Response) else as_json(found)

    return Route(endpoint.path, serve, methods=[endpoint.method])


def as_json(value: Any, code: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`value` as a response that nobody keeps."""
    found = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(value), code, media_type=JSON_TYPE, headers=found)


def visitor_of(desk: Desk, request: Request, touch: bool = True) -> Session | None:
    """The session of the request's cookie, if it holds."""
    cookie = request.cookies.get(desk.cookie, "")
    return desk.sessions.of(cookie, desk.accounts.all(), touch) if cookie else None


def _admitted(endpoint: Endpoint, desk: Desk, request: Request) -> Session | None:
    if endpoint.access is Access.ANYBODY:
        return visitor_of(desk, request, touch=False)
    if not desk.area_open:
        raise Fault(403, "the owner's area needs TLS here: set web.tls, or web.insecure")
    # A page that is only left open is nobody who works: what it reads by itself does not count.
    touch = request.headers.get("X-Background") is None and endpoint.media != EVENTS_TYPE
    session = visitor_of(desk, request, touch)
    if session is None:
        raise Fault(401, "log in first")
    if endpoint.access is Access.OWNER and not session.may(Role.OWNER):
        raise Fault(403, "only an owner may do this")
    changes = endpoint.method != "GET"
    if changes and not session.has_token(request.headers.get(CSRF_HEADER, "")):
        raise Fault(403, f"the header {CSRF_HEADER} does not hold the session's token")
    return session


def _query(endpoint: Endpoint, request: Request) -> Any:
    if endpoint.query is None:
        return None
    given = {key: value for key, value in request.query_params.items() if value != ""}
    try:
        return msgspec.convert(given, endpoint.query, strict=False)
    except msgspec.ValidationError as error:
        raise Fault(400, str(error)) from error


async def _body(endpoint: Endpoint, request: Request) -> Any:
    if endpoint.body is None:
        return None
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != JSON_TYPE:
        raise Fault(415, f"the body must be {JSON_TYPE}")
    try:
        return msgspec.json.decode(await request.body(), type=endpoint.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault(400, str(error)[:300]) from error
