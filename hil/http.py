"""The simulator's HTTP interface and page, on loopback: JSON in, JSON out, events as SSE.

    GET  /state                     everything
    POST /evse/{n}/plug_in          {"cable_a": 32}                         optional
    POST /evse/{n}/unplug
    POST /evse/{n}/ev               {"request": "charge", "current_a": 16, "phases": 3}
    POST /evse/{n}/fault            {"fault": "<catalogue id>", "active": true}
    POST /rfid/{reader}/present     {"token": "04A1B2C3", "hold_s": 0.3}
    POST /modem/{bus}/receive       {"from": "+4915112345678", "text": "ack 7"}
    POST /device/{name}/fault       {"fault": "silent", "active": true}     also names of buses
                                    {"fault": "noise", "ratio": 0.05}
                                    {"fault": "silences", "silent_s": 1, "every_s": 10}
    POST /evse/{n}/temperature      {"celsius": 66}                         null: by itself again
    POST /grid                      {"supply": "on", "voltage_v": [230, 230, 230],
                                     "frequency_hz": 50, "rotation": "clockwise"}
    GET  /events                    SSE; replays what came after Last-Event-ID (or ?after=ID)
    GET  /faults                    what can be broken, with the catalogue's words
    GET  /history                   power of the last three minutes, for the page's curves

A POST answers with the instant at which it was done. A refusal answers 400 (no JSON), 404 (no such
thing) or 422 (a value that cannot be) with `{"error": {what, where, found, expected}}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chargepoint.catalog import entries
from chargepoint.config import Config
from hil.answers import refusal
from hil.build import Built
from hil.event_stream import Hub
from hil.history import PowerHistory
from hil.operator import BOARD_LINKS, EVSE_FAULTS, UNPLUGGED, Operator, Refused
from hil.plant.faults import FAULTS
from hil.plant.field import HOLD_DEFAULT_S
from hil.plant.modem import MODEM_FAULTS
from hil.state import state
from hil.wire.trouble import SILENCE_EVERY_S, SILENCE_S, VALUE_FAULTS, WIRE_FAULTS

B = TypeVar("B", bound="Body")
BODY_MAX_BYTES = 16 * 1024
STOP_WAIT_S = 3.0
# fmt: off
WIRE_GROUPS = {  #  headings of the page for faults of wires; a test says that none is forgotten
    "Silence": ("silent", "silences", "slow", UNPLUGGED),
    "Damage":  ("noise", "crc", "truncated", "stutter"),
    "Others":  ("echo", "twin", "stranger"),
    "Device":  ("exception", "busy", *VALUE_FAULTS),
    "Modem":   tuple(MODEM_FAULTS),
}
# fmt: on
PAGE = {
    "page.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
}


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a POST may carry."""


class Nothing(Body, frozen=True):
    """`{}`"""


class PlugIn(Body, frozen=True):
    cable_a: int | None = None


class Ev(Body, frozen=True):
    request: str | None = None
    current_a: float | None = None
    phases: int | None = None


class Fault(Body, frozen=True):
    fault: str
    active: bool = True


class DeviceFault(Body, frozen=True):
    fault: str
    active: bool = True
    ratio: float | None = None
    silent_s: float = SILENCE_S
    every_s: float = SILENCE_EVERY_S


class Card(Body, frozen=True):
    token: str
    hold_s: Annotated[float, msgspec.Meta(gt=0)] = HOLD_DEFAULT_S


class Sms(Body, frozen=True):
    sender: str = msgspec.field(name="from")
    text: str


class Temperature(Body, frozen=True):
    celsius: float | None


class Supply(Body, frozen=True):
    supply: str | None = None
    voltage_v: tuple[float, ...] | None = None
    frequency_hz: float | None = None
    rotation: str | None = None


class HttpServer:
    """The interface in a thread of its own; `start` binds, so that a taken port shows at once."""

    def __init__(
        self, config: Config, built: Built, operator: Operator, history: PowerHistory
    ) -> None:
        self._config = config
        self._built = built
        self._hub = Hub(built)
        self.app = application(config, built, operator, history, self._hub)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port = int(config.simulator.http.rpartition(":")[2])

    @property
    def url(self) -> str:
        host = self._config.simulator.http.rpartition(":")[0]
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        host = self._config.simulator.http.rpartition(":")[0]
        listener = socket.create_server((host, self._port), backlog=64)
        self._port = listener.getsockname()[1]
        settings = uvicorn.Config(
            self.app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._hub.close()
        self._server.should_exit = True
        self._thread.join(timeout=STOP_WAIT_S)
        self._server = self._thread = None


# --- Routes ---------------------------------------------------------------------------------------


def application(
    config: Config, built: Built, operator: Operator, history: PowerHistory, hub: Hub
) -> Starlette:
    """The routes as an ASGI application."""
    orders = Orders(operator)

    async def read_state(request: Request) -> Response:
        return JSONResponse(state(config, built))

    async def read_history(request: Request) -> Response:
        return JSONResponse(history.as_json())

    async def read_faults(request: Request) -> Response:
        return JSONResponse(fault_list(config, operator))

    return Starlette(
        routes=[
            Route("/", _page("page.html")),
            *(Route(f"/{name}", _page(name)) for name in PAGE),
            Route("/state", read_state),
            Route("/faults", read_faults),
            Route("/history", read_history),
            Route("/events", hub.stream),
            Route("/evse/{evse}/plug_in", orders.plug_in, methods=["POST"]),
            Route("/evse/{evse}/unplug", orders.unplug, methods=["POST"]),
            Route("/evse/{evse}/ev", orders.ev, methods=["POST"]),
            Route("/evse/{evse}/fault", orders.fault, methods=["POST"]),
            Route("/evse/{evse}/temperature", orders.temperature, methods=["POST"]),
            Route("/rfid/{reader}/present", orders.present, methods=["POST"]),
            Route("/modem/{bus}/receive", orders.sms, methods=["POST"]),
            Route("/device/{name}/fault", orders.device_fault, methods=["POST"]),
            Route("/grid", orders.grid, methods=["POST"]),
        ],
        exception_handlers={
            Refused: _refused,
            404: _no_such_path,
            405: _wrong_method,
        },
    )


class Orders:
    """The POST routes: read the body, let the operator do it, say when."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def plug_in(self, request: Request) -> Response:
        body = await _body(request, PlugIn)
        return _done(self._operator.plug_in(_evse(request), body.cable_a))

    async def unplug(self, request: Request) -> Response:
        await _body(request, Nothing)
        return _done(self._operator.unplug(_evse(request)))

    async def ev(self, request: Request) -> Response:
        body = await _body(request, Ev)
        at_s = self._operator.vehicle(_evse(request), body.request, body.current_a, body.phases)
        return _done(at_s)

    async def fault(self, request: Request) -> Response:
        body = await _body(request, Fault)
        return _done(self._operator.fault(_evse(request), body.fault, body.active))

    async def temperature(self, request: Request) -> Response:
        body = await _body(request, Temperature)
        return _done(self._operator.temperature(_evse(request), body.celsius))

    async def present(self, request: Request) -> Response:
        body = await _body(request, Card)
        reader = request.path_params["reader"]
        return _done(self._operator.present(reader, body.token, body.hold_s))

    async def sms(self, request: Request) -> Response:
        body = await _body(request, Sms)
        return _done(self._operator.sms(request.path_params["bus"], body.sender, body.text))

    async def device_fault(self, request: Request) -> Response:
        body = await _body(request, DeviceFault)
        # A bus that is unplugged waits for its thread: not in the event loop.
        at_s = await asyncio.to_thread(
            self._operator.device_fault,
            request.path_params["name"],
            body.fault,
            body.active,
            ratio=body.ratio,
            silent_s=body.silent_s,
            every_s=body.every_s,
        )
        return _done(at_s)

    async def grid(self, request: Request) -> Response:
        body = await _body(request, Supply)
        return _done(self._operator.grid(*msgspec.structs.astuple(body)))


def fault_list(config: Config, operator: Operator) -> dict[str, Any]:
    """What can be broken: ids with the catalogue's words, and ids for each device and bus."""
    evse = []
    for fault in EVSE_FAULTS:
        entry = entries()[fault]
        group = "Board" if fault in BOARD_LINKS else FAULTS[fault].group
        evse.append({"id": fault, "group": group, "title": entry.title, "cause": entry.cause})
    names = [*(device.name for device in config.device), *(bus.name for bus in config.bus)]
    devices = {}
    for name in names:
        with contextlib.suppress(Refused):
            devices[name] = list(operator.device_faults(name))
    words = {**WIRE_FAULTS, **VALUE_FAULTS, **MODEM_FAULTS, UNPLUGGED: "Its adapter is pulled out"}
    return {"evse": evse, "device": devices, "words": words, "wire_groups": WIRE_GROUPS}


def _evse(request: Request) -> int:
    text = request.path_params["evse"]
    if not text.isascii() or not text.isdecimal():
        raise Refused("no such EVSE", where="evse", found=text, expected="a number", missing=True)
    return int(text)


class _NoJson(Refused):
    """The body is no JSON at all."""


async def _body(request: Request, kind: type[B]) -> B:
    _check_origin(request)
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > BODY_MAX_BYTES:
            expected = f"at most {BODY_MAX_BYTES} bytes"
            raise Refused("body too long", where="body", found="more", expected=expected)
    try:
        return msgspec.json.decode(bytes(data) or b"{}", type=kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        where = path.rstrip("`").lstrip(".") or "body"
        found = _found(data, where)
        raise Refused("wrong body", where=where, found=found, expected=problem) from error
    except msgspec.DecodeError as error:
        raise _NoJson("no JSON", where="body", found=str(error), expected="JSON") from error


def _found(data: bytes | bytearray, where: str) -> Any:
    raw = json.loads(data)
    return raw.get(where, raw) if isinstance(raw, dict) else raw


def _check_origin(request: Request) -> None:
    """A page of another site must not drive the plant through somebody's browser."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused("foreign page", where="Origin", found=origin, expected="this server's page")


def _done(at_s: float) -> Response:
    return JSONResponse({"at_s": at_s})


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    status = 400 if isinstance(error, _NoJson) else 404 if error.missing else 422
    return refusal(status, error.what, error.where, error.found, error.expected)


def _no_such_path(request: Request, error: Exception) -> Response:
    expected = "a path of docs/simulator.md"
    return refusal(404, "no such path", "path", request.url.path, expected)


def _wrong_method(request: Request, error: Exception) -> Response:
    return refusal(405, "wrong method", request.url.path, request.method, "another method")


def _page(name: str) -> Callable[[Request], Any]:
    content = (files("hil") / "page" / name).read_bytes()
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'self'; img-src 'self' data:",
        "X-Content-Type-Options": "nosniff",
    }

    async def serve(request: Request) -> Response:
        return Response(content, media_type=PAGE[name], headers=headers)

    return serve
