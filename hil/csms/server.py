"""The sockets of the local CSMS: stations on one side, a page for people on the other.

One port serves all: `ws://host:port/<any path>/<identity>` with subprotocol `ocpp1.6` for
stations, `GET /` for the panel, `GET /demo` for the panel beside the simulator's page, and the
WebSocket `/panel` over which the page hears every message and gives its few orders.
"""

from __future__ import annotations

import asyncio
import base64
import http
import json
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hil.csms.central import Behaviour, Central, Payload, Refusal

CALL, RESULT, ERROR = 2, 3, 4
MESSAGES_KEPT = 5000
ANSWER_WAIT_S = 30.0
PANEL_ACTIONS = frozenset(
    {
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ChangeAvailability",
        "UnlockConnector",
        "Reset",
        "GetConfiguration",
        "ChangeConfiguration",
        "TriggerMessage",
        "ClearCache",
        "DataTransfer",
    }
)


class CallFailed(Exception):
    """The station answered with a CALLERROR, not at all, or is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One OCPP message as it passed."""

    number: int
    at: str
    identity: str
    incoming: bool
    """From the station to this CSMS."""
    kind: str
    """`call`, `result` or `error`."""
    action: str
    payload: Any

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class Csms:
    """A running CSMS. Use as an async context manager; `url` is what stations connect to."""

    def __init__(
        self,
        central: Central | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str = "",
        simulator_url: str = "",
    ) -> None:
        self.central = central or Central()
        self.messages: deque[Message] = deque(maxlen=MESSAGES_KEPT)
        self.connects = 0
        self._host, self._port = host, port
        self._password = password
        self._simulator_url = simulator_url
        self._stations: dict[str, ServerConnection] = {}
        self._pending: dict[str, tuple[str, asyncio.Future[Payload]]] = {}
        self._listeners: set[Callable[[Message], None]] = set()
        self._server: Server | None = None
        self._changed = asyncio.Event()
        self._count = 0

    @property
    def behaviour(self) -> Behaviour:
        return self.central.behaviour

    @property
    def url(self) -> str:
        return f"ws://{self._host}:{self._port}/ocpp"

    @property
    def page_url(self) -> str:
        return f"http://{self._host}:{self._port}/"

    async def __aenter__(self) -> Csms:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._server = await serve(
            self._serve,
            self._host,
            self._port,
            process_request=self._process_request,
            select_subprotocol=self._select_subprotocol,
            compression=None,
            ping_interval=20,
            max_size=4 * 1024 * 1024,
            close_timeout=1,
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection and the port; stations see 1001."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def connected(self, identity: str) -> bool:
        return identity in self._stations

    async def drop(self, identity: str) -> None:
        """Cut the connection of one station without a closing handshake."""
        station = self._stations.get(identity)
        if station is not None:
            station.transport.abort()

    async def call(self, identity: str, action: str, payload: Payload) -> Payload:
        """Send a CALL and return the answer. Raises CallFailed."""
        station = self._stations.get(identity)
        if station is None:
            raise CallFailed(f"{identity} is not connected")
        message_id = str(uuid.uuid4())
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._pending[message_id] = (action, answer)
        try:
            await self._send(station, identity, [CALL, message_id, action, payload], action)
            async with asyncio.timeout(ANSWER_WAIT_S):
                return await answer
        except (TimeoutError, ConnectionClosed) as error:
            raise CallFailed(f"{action}: no answer: {error}") from error
        finally:
            self._pending.pop(message_id, None)

    async def wait_for(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Whether `condition` became true, looked at after every message, within the time."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not condition():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, 0.25)):
                    await self._changed.wait()
        return True

    def listen(self, listener: Callable[[Message], None]) -> Callable[[], None]:
        """Tell `listener` of every further message; the result ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    # --- handshake --------------------------------------------------------------------------------

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if "Upgrade" not in request.headers:
            return self._page(connection, path)
        if path == "/panel" or self._authorised(path, request.headers):
            return None
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "wrong or missing credentials\n")

    def _page(self, connection: ServerConnection, path: str) -> Response:
        names = {"/": "panel.html", "/demo": "demo.html"}
        if path not in names:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "no such page\n")
        text = files("hil.csms").joinpath(names[path]).read_text(encoding="utf-8")
        response = connection.respond(
            http.HTTPStatus.OK, text.replace("{{simulator}}", self._simulator_url)
        )
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        return response

    def _authorised(self, path: str, headers: Headers) -> bool:
        if not self._password:
            return True
        expected = f"{_identity(path)}:{self._password}".encode()
        given = headers.get("Authorization", "")
        return given == "Basic " + base64.b64encode(expected).decode()

    def _select_subprotocol(self, connection: ServerConnection, offered: Any) -> Any:
        return "ocpp1.6" if "ocpp1.6" in offered else None

    # --- connections ------------------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection) -> None:
        path = urlsplit(connection.request.path if connection.request else "/").path
        if path == "/panel":
            await self._serve_panel(connection)
        elif connection.subprotocol != "ocpp1.6":
            await connection.close(1002, "only ocpp1.6 is spoken here")
        else:
            await self._serve_station(connection, _identity(path))

    async def _serve_station(self, connection: ServerConnection, identity: str) -> None:
        old = self._stations.get(identity)
        self._stations[identity] = connection
        self.connects += 1
        if old is not None:
            await old.close(1008, "replaced by a new connection")
        try:
            async for text in connection:
                await self._received(connection, identity, text)
        except ConnectionClosed:
            pass
        finally:
            if self._stations.get(identity) is connection:
                del self._stations[identity]
            self._changed.set()

    async def _received(self, connection: ServerConnection, identity: str, text: Any) -> None:
        try:
            frame = json.loads(text)
            kind, message_id = frame[0], frame[1]
        except (ValueError, LookupError, TypeError):
            self.central.violations.append(f"not an OCPP frame: {text[:80]!r}")
            return
        if kind == CALL:
            await self._called(connection, identity, message_id, frame[2], frame[3])
        else:
            self._answered(identity, kind, message_id, frame)

    async def _called(
        self, connection: ServerConnection, identity: str, message_id: str, action: str, body: Any
    ) -> None:
        self._log(identity, True, "call", action, body)
        if self.behaviour.delay_s:
            await asyncio.sleep(self.behaviour.delay_s)
        if {action, "*"} & self.behaviour.mute:
            return
        try:
            answer = self.central.handle(identity, action, body)
            frame: list[Any] = [RESULT, message_id, answer]
        except Refusal as refusal:
            frame = [ERROR, message_id, refusal.code, refusal.description, {}]
        with suppress(ConnectionClosed):
            await self._send(connection, identity, frame, action)

    def _answered(self, identity: str, kind: int, message_id: str, frame: list[Any]) -> None:
        action, answer = self._pending.get(message_id, ("?", None))
        self._log(identity, True, "result" if kind == RESULT else "error", action, frame[2:])
        if answer is None or answer.done():
            self.central.violations.append(f"answer to nothing: {message_id}")
        elif kind == RESULT:
            answer.set_result(frame[2])
        else:
            answer.set_exception(CallFailed(f"{action}: {frame[2:4]}"))

    async def _send(
        self, connection: ServerConnection, identity: str, frame: list[Any], action: str
    ) -> None:
        kind = {CALL: "call", RESULT: "result", ERROR: "error"}[frame[0]]
        self._log(identity, False, kind, action, frame[3] if frame[0] == CALL else frame[2])
        await connection.send(json.dumps(frame, separators=(",", ":")))

    def _log(self, identity: str, incoming: bool, kind: str, action: str, payload: Any) -> None:
        self._count += 1
        message = Message(
            number=self._count,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            identity=identity,
            incoming=incoming,
            kind=kind,
            action=action,
            payload=payload,
        )
        self.messages.append(message)
        self._changed.set()
        for listener in tuple(self._listeners):
            listener(message)

    # --- panel ------------------------------------------------------------------------------------

    async def _serve_panel(self, connection: ServerConnection) -> None:
        waiting: asyncio.Queue[Message] = asyncio.Queue(MESSAGES_KEPT)

        def enqueue(message: Message) -> None:
            if not waiting.full():
                waiting.put_nowait(message)

        for message in list(self.messages)[-200:]:
            enqueue(message)
        stop = self.listen(enqueue)
        sender = asyncio.create_task(self._feed_panel(connection, waiting))
        try:
            async for text in connection:
                await self._order(connection, text)
        except ConnectionClosed:
            pass
        finally:
            stop()
            sender.cancel()

    async def _feed_panel(
        self, connection: ServerConnection, waiting: asyncio.Queue[Message]
    ) -> None:
        with suppress(ConnectionClosed):
            while True:
                await connection.send(json.dumps({"state": self._state()}))
                batch = [await waiting.get()]
                while not waiting.empty():
                    batch.append(waiting.get_nowait())
                await connection.send(json.dumps({"messages": [m.to_json() for m in batch]}))

    def _state(self) -> dict[str, Any]:
        central = self.central
        return {
            "stations": sorted(self._stations),
            "connectors": [
                {"identity": identity, "connector": connector, **status}
                for (identity, connector), status in sorted(central.status.items())
            ],
            "transactions": [
                {
                    "id": transaction.id,
                    "identity": transaction.identity,
                    "connector": transaction.start["connectorId"],
                    "idTag": transaction.start["idTag"],
                    "start": transaction.start["timestamp"],
                    "meterStart": transaction.start["meterStart"],
                    "samples": len(transaction.samples),
                    "stop": transaction.stop,
                    "energyWh": transaction.energy_wh,
                }
                for transaction in list(central.transactions.values())[-50:]
            ],
        }

    async def _order(self, connection: ServerConnection, text: Any) -> None:
        try:
            order = json.loads(text)
            identity, action = order["identity"], order["action"]
            if action not in PANEL_ACTIONS:
                raise CallFailed(f"{action}: not offered by this panel")
            answer = await self.call(identity, action, order.get("payload", {}))
            reply: dict[str, Any] = {"answer": answer, "action": action}
        except (ValueError, LookupError, TypeError, CallFailed) as error:
            reply = {"failed": str(error)}
        await connection.send(json.dumps(reply))


def _identity(path: str) -> str:
    return unquote(path.rstrip("/").rpartition("/")[2])
