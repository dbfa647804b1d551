"""The pages as they are served, on loopback, with an agent of our own behind them.

The server runs in a thread with its own loop; tests speak HTTP to it as any client does. The agent
answers from a table and remembers what it was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chargepoint.config import Config, parse
from chargepoint.config.people import Web
from chargepoint.ipc.cards import CardsInUse, CardStatus, ListCards
from chargepoint.ipc.care import (
    AlertStatus,
    AuditLine,
    ChannelOutcome,
    GetAlerts,
    GetAudit,
    GetHealth,
    GetLog,
    GetMaintenance,
    HealthStatus,
    HostHealth,
    LogLine,
    MaintenanceStatus,
    TryChannels,
)
from chargepoint.ipc.codec import decode_request, encode
from chargepoint.ipc.messages import BusHealth
from chargepoint.ipc.service import (
    AlertCounts,
    Answered,
    ArchivePart,
    CsmsStatus,
    Done,
    EvseStatus,
    GetConfiguration,
    GetRecords,
    GetStatus,
    GetTransactions,
    LedgerStatus,
    LedgerTransaction,
    MakeDiagnostics,
    RecordPart,
    StationStatus,
    Variable,
    Variables,
)
from chargepoint.web import main, tls
from chargepoint.web.accounts import Role
from chargepoint.web.desk import Desk
from chargepoint.web.server import application, server
from chargepoint.web.sessions import Sessions
from chargepoint.web.throttle import Throttle
from hal.values import MeterReading, TokenKind
from hil.stage import changed, example, free_port

PASSWORD = "correct-horse-battery"
OWNER, TECHNICIAN = "olga", "toni"
JSON = {"Content-Type": "application/json"}

STATUS = StationStatus(
    station="DEMO-0001",
    version="1.2.3",
    uptime_s=12.5,
    clock="ntp",
    csms=CsmsStatus(
        configured=True, url="ws://csms/x", state="accepted", version="1.6", since_s=1.0,
        last_error="", next_attempt_s=None,
    ),
    ledger=LedgerStatus(waiting=3, quarantined=1, oldest_waiting_s=7.5, acknowledged=40),
    evses=(
        EvseStatus(
            evse=1, state="Charging", fault=None, control=None, transaction=None,
            meter=MeterReading(
                taken_s=1e12, energy_import_wh=1000.0, power_w=7360.0, current_a=(32.0,),
                voltage_v=(230.0,),
            ),
        ),
    ),
    alerts=AlertCounts(open=2, unacknowledged=1, worst="error", waiting=0),
)  # fmt: skip

HEALTH = HealthStatus(
    loops=(),
    buses=(
        BusHealth(bus='sa"fe', requests=10, timeouts=1, bad_replies=2, refused=0, down=False,
                  latency_p99_s=0.004),
    ),
    devices=(),
    host=HostHealth(
        model="Pi", disk_free_bytes=64_123_456_789, disk_size_bytes=128_000_000_000,
        disk_written_bytes=5, disk_life_used=None, disk_read_only=False, memory_free_bytes=1,
        cpu_temperature_c=50.0, under_voltage=False, under_voltage_seen=False, throttled=False,
        load_1min=0.5, uptime_s=1.0, clock_synchronised=True,
    ),
    agent_memory_bytes=1, loop_late_max_s=0.01, inbox_dropped=0, store_bytes=1, certificates=(),
)  # fmt: skip

EVIL = '=HYPERLINK("http://evil")'
TRANSACTION = LedgerTransaction(
    id="t1", csms_id=7, evse=1, id_token="…E5F6", started_at="2026-01-01T00:00:00Z",
    ended_at="2026-01-01T01:00:00Z", meter_start_wh=10, energy_wh=20, reason=EVIL,
    state="acknowledged", running=False, refused=(), problem='a "b", c',
)  # fmt: skip

ALERT = AlertStatus(
    alert="K7", condition="rcd_tripped", place="EVSE 1", severity="error", title="RCD", detail="",
    raised_at="", cleared_at="", open=True, age_s=1.0, count=1, acknowledged_by="", muted=False,
    deliveries=(),
)  # fmt: skip

USE = CardsInUse(own="alone", alone=True, decides=True, everybody=False)
CARD = CardStatus(
    name="Änne", token="…B2C3", digest="0123456789abcdef", kind=TokenKind.ISO14443,
    since="2026-11-24T08:00:00Z", until="2027-01-31", enabled=True, state="valid",
)  # fmt: skip

PARTS = [
    RecordPart(sequence=4, place="refused", kind="stop", at="", code="C", description="d",
               text=text, last=last)
    for text, last in (('{"a":', False), ("1}", True))
]  # fmt: skip

ANSWERS: dict[type, list[Answered]] = {
    GetStatus: [STATUS],
    GetHealth: [HEALTH],
    GetTransactions: [TRANSACTION, Done(ok=True)],
    GetRecords: [*PARTS, Done(ok=True)],
    GetConfiguration: [
        Variables(
            variables=(
                Variable(component="A", variable="B", key="C", value="1", origin="csms",
                         writable=True),
            )
        )
    ],
    GetAlerts: [ALERT, Done(ok=True)],
    TryChannels: [ChannelOutcome(contact="x", channel="sms", ok=True, detail=""), Done(ok=True)],
    ListCards: [USE, CARD, Done(ok=True)],
    GetMaintenance: [MaintenanceStatus(items=(), visits=())],
    GetLog: [LogLine(at="", level="info", part="csms", event="csms.connected", fields={}),
             Done(ok=True)],
    GetAudit: [AuditLine(at=str(n), user="u", by="", action="a", detail="", ok=True, outcome="")
               for n in (1, 2)] + [Done(ok=True)],
    MakeDiagnostics: [ArchivePart(data=b"PK"), ArchivePart(data=b"zip"), Done(ok=True)],
}  # fmt: skip


class FakeAgent:
    """Answers from `answers`, else `Done`; `asked` holds every request."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answers = dict(ANSWERS)
        self.held: set[type] = set()
        """Requests that get no answer."""
        self.left: list[Any] = []
        """Those of them whose client has left."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = decode_request(await reader.readline())
        self.asked.append(request)
        if type(request) in self.held:
            await reader.read(1)
            self.left.append(request)
        for answer in self.answers.get(type(request), [Done(ok=True, detail="done")]):
            writer.write(encode(answer))
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()


class Clock:
    """Of logins and waits."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Answer:
    """A response, read whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.code = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """A client with or without a login."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.cookie = ""
        self.csrf = ""

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        connection = self._connection()
        sent = {"X-CSRF-Token": self.csrf} if self.csrf else {}
        if self.cookie:
            sent["Cookie"] = f"{self.place.desk.cookie}={self.cookie}"
        if body is not None:
            raw = json.dumps(body).encode()
            sent |= JSON
        try:
            connection.request(method, path, raw, {**sent, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", path, body, headers)

    def log_in(self, account: str, password: str = PASSWORD) -> Answer:
        answer = self.post("/api/login", {"account": account, "password": password})
        if answer.code == 200:
            self.csrf = answer.json()["csrf"]
            self.cookie = answer.headers["Set-Cookie"].split(";")[0].partition("=")[2]
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        place = self.place
        if not place.desk.tls:
            return http.client.HTTPConnection("127.0.0.1", place.port, timeout=10)
        cert, _ = tls.files_of(place.config, place.web)
        trusting = ssl.create_default_context(cafile=str(cert))
        return http.client.HTTPSConnection("127.0.0.1", place.port, timeout=10, context=trusting)


class Place:
    """The running server; made by `serving`."""

    def __init__(self, config: Config, web: Web, desk: Desk, clock: Clock, port: int) -> None:
        self.config, self.web, self.desk, self.clock, self.port = config, web, desk, clock, port
        self.agent = FakeAgent()

    def visitor(self, account: str = "") -> Visitor:
        visitor = Visitor(self)
        if account:
            assert visitor.log_in(account).code == 200
        return visitor

    async def serve(self, ready: Callable[[], None], stop: asyncio.Event) -> None:
        path = self.config.agent_socket()
        path.parent.mkdir(parents=True, exist_ok=True)
        agent = await asyncio.start_unix_server(self.agent.serve, str(path))
        serving = server(application(self.desk), tls.context_of(self.config, self.web))
        listening = main._listen(self.web)
        running = asyncio.create_task(serving.serve(sockets=[listening]))
        polling = asyncio.create_task(self.desk.context.live.run())
        while not serving.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        ready()
        await stop.wait()
        self.desk.context.streams.close()
        serving.should_exit = True
        await running
        polling.cancel()
        agent.close()


def configuration(folder: Path, **changes: Any) -> Config:
    wanted = {
        "paths.state_dir": "state",
        "paths.run_dir": "run",
        "web.listen": f"127.0.0.1:{free_port()}",
        **{key.replace("__", "."): value for key, value in changes.items()},
    }
    return parse(changed(example(), wanted), str(folder / "station.toml"))


@contextlib.contextmanager
def serving(folder: Path, **changes: Any) -> Iterator[Place]:
    """A place with an owner and a technician."""
    config = configuration(folder, **changes)
    web = main.checked(config)
    clock = Clock()
    desk = main.desk_of(config, web, with_tls=web.tls != "off")
    desk = dataclasses.replace(
        desk, sessions=Sessions(web.session_min * 60, clock), throttle=Throttle(clock)
    )
    desk.accounts.set(OWNER, PASSWORD, Role.OWNER)
    desk.accounts.set(TECHNICIAN, PASSWORD, Role.TECHNICIAN)
    place = Place(config, web, desk, clock, int(web.listen.rpartition(":")[2]))
    loop = asyncio.new_event_loop()
    stop, ready = asyncio.Event(), threading.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(place.serve(ready.set, stop)), daemon=True
    )
    thread.start()
    try:
        assert ready.wait(10)
        yield place
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"
        loop.close()
