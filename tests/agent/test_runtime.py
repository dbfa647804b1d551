"""The loop: order of effects against the disk, leases, restart, stop, watchdog."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chargepoint.agent import runtime as runtime_module
from chargepoint.agent.control_link import ControlLinks
from chargepoint.agent.core import Core, SocketOpened
from chargepoint.agent.inbox import Inbox
from chargepoint.agent.leases import Leases
from chargepoint.agent.messages import Messages
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.agent.runtime import Parts, Runtime
from chargepoint.agent.store_effects import StoreEffect
from chargepoint.ipc.messages import Command
from chargepoint.ocpp.adapter import Output, Send, Trace
from chargepoint.service_manager import ServiceManager
from chargepoint.station.effects import (
    Effect,
    Fetch,
    Grant,
    Note,
    Put,
    Restart,
    SendRecord,
    UnlockConnector,
)
from chargepoint.station.events import (
    ControlConnected,
    LocalStartAsked,
    RecordsFetched,
    ResetKind,
    StopAsked,
)
from chargepoint.station.records import IdToken, Record
from tests.agent.samples import started
from tests.agent.test_core import ScriptedAdapter, ScriptedStation

START = LocalStartAsked(evse=1, id_token=IdToken(value="AB"), at_s=0.0)
SEND = SendRecord(record=started(1))
SENT: dict[str, Sequence[Output]] = {"SendRecord": [Send(text="record")]}


def put(key: str, durable: bool = True) -> Put:
    return Put(space="s", key=key, value="1", durable=durable)


class Story:
    """What happened outside, in order; the disk answers when the test lets it."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.commits: list[Callable[[], None]] = []
        self.quick = True

    # As `Writer`
    def write(self, effects: Sequence[StoreEffect], done: Callable[[], None] | None = None) -> None:
        self.told += [effect.key for effect in effects if isinstance(effect, Put)]
        if done is not None and self.quick:
            done()
        elif done is not None:
            self.commits.append(done)

    def fetch(self, after: int, limit: int, done: Callable[[tuple[Record, ...]], None]) -> None:
        done((started(after + 1),))

    def ping(self, done: Callable[[], None]) -> None:
        self.told.append("ping")
        if self.quick:
            done()

    # As `CsmsLink`
    ping_interval_s = 0.0

    def send(self, connection: int, text: str) -> None:
        self.told.append((connection, text))

    def close(self, connection: int, code: int, reason: str) -> None:
        self.told.append((connection, code))

    def passed(self, outgoing: bool, kind: str) -> None:
        self.told.append(f"passed {kind}")


class Controls(ControlLinks):
    """Links that write down instead of sending."""

    def __init__(self, story: Story) -> None:
        super().__init__([], {}, lambda event: None, time.monotonic)
        self.story = story

    def send(self, evse: int, command: Command) -> None:
        self.story.told.append(type(command).__name__)

    def unlock(self, evse: int, request: str) -> None:
        self.story.told.append(f"unlock {evse}")


class Scene:
    def __init__(self, adapter: ScriptedAdapter | None, **script: Sequence[Effect]) -> None:
        self.story = Story()
        self.station = ScriptedStation(**script)
        self.inbox = Inbox()
        self.leases = Leases(10.0, 120.0, time.monotonic())
        adapters = {} if adapter is None else {"ocpp1.6": adapter}
        self.messages = Messages()
        parts = Parts(
            core=Core(self.station, adapters),
            writer=self.story,  # type: ignore[arg-type]
            inbox=self.inbox,
            controls=Controls(self.story),
            csms=self.story,  # type: ignore[arg-type]
            leases=self.leases,
            messages=self.messages,
            manager=ServiceManager(),
            ping_interval_s=lambda: 30.0,
            keeper=self.story,  # type: ignore[arg-type]
            here=LocalAnswers(self.inbox.put),
        )
        self.runtime = Runtime(parts, time.monotonic)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30.0):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.002)


@asynccontextmanager
async def scene(
    adapter: ScriptedAdapter | None = None, **script: Sequence[Effect]
) -> AsyncIterator[Scene]:
    world = Scene(adapter, **script)
    running = asyncio.create_task(world.runtime.run())
    try:
        yield world
    finally:
        world.runtime.stop()
        async with asyncio.timeout(30.0):
            await running


def told(world: Scene) -> list[Any]:
    return [one for one in world.story.told if one != "ping"]


async def test_nothing_is_said_before_it_is_on_the_disk() -> None:
    script: list[Effect] = [put("1"), SEND, put("2")]
    async with scene(ScriptedAdapter(**SENT), LocalStartAsked=script) as world:
        world.story.quick = False
        world.inbox.put(SocketOpened(connection=1, subprotocol="ocpp1.6"))
        world.inbox.put(START)
        await world.until(lambda: world.story.commits)
        assert told(world) == ["1"]
        world.story.commits.pop()()
        await world.until(lambda: len(told(world)) == 3)
        assert told(world) == ["1", (1, "record"), "2"]
        world.story.commits.pop()()


async def test_what_need_not_be_durable_holds_up_nothing() -> None:
    script: list[Effect] = [put("1", durable=False), SEND]
    async with scene(ScriptedAdapter(**SENT), LocalStartAsked=script) as world:
        world.story.quick = False
        world.inbox.put(SocketOpened(connection=1, subprotocol="ocpp1.6"))
        world.inbox.put(START)
        await world.until(lambda: len(told(world)) == 2)
        assert told(world) == ["1", (1, "record")]


async def test_a_disk_that_hangs_holds_up_the_station_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime_module, "COMMIT_WAIT_S", 0.02)
    script: list[Effect] = [put("1"), UnlockConnector(evse=1, request="u")]
    async with scene(LocalStartAsked=script) as world:
        world.story.quick = False
        world.inbox.put(START)
        await world.until(lambda: told(world) == ["1", "unlock 1"])


async def test_power_is_granted_only_after_the_record_is_on_the_disk() -> None:
    async with scene(LocalStartAsked=[put("1")]) as world:
        world.story.quick = False
        world.station.given = (Grant(evse=1, permitted=True, current_a=16.0, operative=True),)
        world.inbox.put(START)
        await world.until(lambda: world.story.commits)
        assert told(world) == ["1"]
        world.story.commits.pop()()
        await world.until(lambda: len(told(world)) >= 4)
        assert told(world)[:4] == ["1", "SetOperative", "RenewLimit", "RenewPermission"]


async def test_a_new_safety_program_is_told_the_grants_again() -> None:
    async with scene() as world:
        world.station.given = (Grant(evse=1, permitted=False, current_a=0.0, operative=True),)
        for boot in ("one", "two"):
            world.inbox.put(ControlConnected(boot=boot, at_s=0.0))
        await world.until(lambda: told(world).count("SetOperative") >= 2)


async def test_leases_are_renewed_from_the_loop() -> None:
    world = Scene(None)
    world.leases = Leases(0.04, 0.06, time.monotonic())
    world.runtime._parts.leases = world.leases
    world.station.given = (Grant(evse=1, permitted=True, current_a=16.0, operative=True),)
    running = asyncio.create_task(world.runtime.run())
    await world.until(lambda: told(world).count("RenewPermission") >= 3)
    assert told(world).count("RenewLimit") >= 3
    world.runtime.stop()
    await running


async def test_a_fetch_is_answered() -> None:
    async with scene(LocalStartAsked=[Fetch(after=4, limit=10)]) as world:
        world.inbox.put(START)
        wanted = RecordsFetched(records=(started(5),))
        await world.until(lambda: wanted in world.station.heard)


async def test_messages_are_kept_for_service() -> None:
    trace = Trace(outgoing=True, kind="call", action="Heartbeat", message_id="1", text="[]")
    async with scene(ScriptedAdapter(connected=[trace])) as world:
        world.inbox.put(SocketOpened(connection=1, subprotocol="ocpp1.6"))
        await world.until(lambda: world.messages.last(10))
        assert world.messages.last(10)[0].action == "Heartbeat"


async def test_a_restart_ends_the_loop_after_everything_before_it_is_written() -> None:
    restart = Restart(kind=ResetKind.SOFT, reason="Reset")
    world = Scene(None, LocalStartAsked=[put("1"), restart])
    world.inbox.put(START)
    async with asyncio.timeout(30.0):
        assert await world.runtime.run() == restart
    assert told(world) == ["1"]


async def test_a_stop_is_told_to_the_station_and_ends_the_loop() -> None:
    world = Scene(None, StopAsked=[put("last")])
    running = asyncio.create_task(world.runtime.run())
    await asyncio.sleep(0)
    world.runtime.stop()
    async with asyncio.timeout(30.0):
        assert await running is None
    assert isinstance(world.station.heard[-1], StopAsked)
    assert told(world) == ["last"]


async def test_a_note_is_logged_as_loud_as_the_catalogue_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    note = Note(name="store.failed", fields=(("path", "x"),))
    async with scene(LocalStartAsked=[note]) as world:
        world.inbox.put(START)
        await world.until(lambda: START in world.station.heard)
    assert "store.failed" in capsys.readouterr().out


async def test_the_watchdog_is_not_fed_while_the_writer_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_module, "KICK_EVERY_S", 0.01)
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(5.0)
        world = Scene(None)
        world.runtime._parts.manager = ServiceManager(address)
        running = asyncio.create_task(world.runtime.run())
        await world.until(lambda: world.story.told.count("ping") >= 3)
        world.story.quick = False
        await world.until(lambda: world.story.told[-1] == "ping")
        await asyncio.sleep(0.03)
        before = world.story.told.count("ping")
        await asyncio.sleep(0.05)
        assert world.story.told.count("ping") == before
        assert manager.recv(100) == b"WATCHDOG=1"
        world.runtime.stop()
        await running
