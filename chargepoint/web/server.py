"""The HTTP server: uvicorn with the limits that it lacks, and the application that it serves."""

from __future__ import annotations

import asyncio
import collections
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from chargepoint.web import driver, owner
from chargepoint.web.api.endpoint import Wrong, as_json, route
from chargepoint.web.api.table import endpoints
from chargepoint.web.desk import Desk
from chargepoint.web.guard import Guard, Refusal, hosts_of
from chargepoint.web.metrics import metrics_route

STATIC = Path(__file__).parent / "static"
REQUEST_WAIT_S = 10.0
"""A connection that has not brought a whole request head by then is closed."""

KEEP_ALIVE_S = 15
HEAD_MAX_BYTES = 16 * 1024
CONNECTIONS_MAX = 128
SOCKETS_MAX = 256
"""Beyond those that are answered, others are closed unheard: each takes a file of the program."""

CONNECTIONS_EACH = 48
"""Of one address: a site behind one router must fit in."""

STOP_WAIT_S = 2
"""For requests that are being answered when the program is to end."""


TLS_BOUNDS = {"handshake_s": REQUEST_WAIT_S, "shutdown_s": STOP_WAIT_S}


def application(desk: Desk) -> ASGIApp:
    """Everything that is served."""
    context = desk.context
    routes: list[BaseRoute] = [route(endpoint, desk) for endpoint in endpoints()]
    routes += driver.routes(context)
    routes += owner.routes(context)
    routes += metrics_route(desk)
    if not context.web.driver_page:
        routes.append(Route("/", _to_owner))
    routes.append(Mount("/static", _Static(directory=STATIC)))
    app = Starlette(
        routes=routes,
        exception_handlers={Refusal: _refused, 404: _missing, 405: _missing, 500: _broken},
    )
    return Guard(app, hosts_of(context.web), desk.tls)


class _Static(StaticFiles):
    """Files that a browser keeps, but asks about each time: an update is seen at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _to_owner(request: Request) -> Response:
    return RedirectResponse("/owner", 303)


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return as_json(Wrong(error=refusal.text), refusal.code, {"Connection": "close"})


async def _broken(request: Request, error: Exception) -> Response:
    return as_json(Wrong(error="this went wrong here; see the log"), 500)


async def _missing(request: Request, error: Exception) -> Response:
    code = getattr(error, "status_code", 404)
    headers = dict(getattr(error, "headers", None) or {})
    return as_json(Wrong(error="there is no such page" if code == 404 else "not this way"),
                   code, headers)  # fmt: skip


class Connection(H11Protocol):
    """uvicorn's connection, which would wait for ever for the first request, and for any number."""

    request_wait_s = REQUEST_WAIT_S
    _addresses: ClassVar[collections.Counter[str]] = collections.Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        Connection._addresses[self._address] += 1
        self._request_due: asyncio.TimerHandle | None = None
        crowded = len(self.connections) > SOCKETS_MAX
        if crowded or Connection._addresses[self._address] > CONNECTIONS_EACH:
            transport.close()
            return
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_due()
        Connection._addresses[self._address] -= 1
        if Connection._addresses[self._address] <= 0:
            del Connection._addresses[self._address]
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._cancel_due()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._request_due is None and not self.transport.is_closing():
            self._await_request(KEEP_ALIVE_S)

    def _await_request(self, more_s: float = 0.0) -> None:
        self._request_due = self.loop.call_later(self.request_wait_s + more_s, self._close_idle)

    def _cancel_due(self) -> None:
        if self._request_due is not None:
            self._request_due.cancel()
            self._request_due = None

    def _close_idle(self) -> None:
        self._request_due = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own, and with bounds for TLS.

    The program decides when it ends. A client that begins a handshake and falls silent would be
    waited for a minute, one that does not answer a goodbye for half of one.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        config, loop = self.config, asyncio.get_running_loop()
        secured = config.ssl is not None

        def connection() -> asyncio.Protocol:
            return Connection(
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        self.servers = [
            await loop.create_server(
                connection,
                sock=each,
                ssl=config.ssl,
                ssl_handshake_timeout=TLS_BOUNDS["handshake_s"] if secured else None,
                ssl_shutdown_timeout=TLS_BOUNDS["shutdown_s"] if secured else None,
            )
            for each in sockets or []
        ]
        self.started = True


def server(app: ASGIApp, tls: ssl.SSLContext | None) -> Server:
    """A server for `app`; `serve(sockets=…)` runs it."""
    config = uvicorn.Config(
        app,
        http=Connection,
        interface="asgi3",
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WAIT_S,
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        limit_concurrency=CONNECTIONS_MAX,
    )
    config.load()
    config.ssl = tls
    return Server(config)
