"""The loop that everything of the station runs through: one happening, its effects, the next.

Order is kept strictly. What must be durable is on the disk before the next effect that anybody
outside could see; writing goes on meanwhile in its own thread. Leases are renewed and the service
manager's watchdog is fed from this loop and nowhere else, so that a loop that hangs stops both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chargepoint import log
from chargepoint.agent.clock import READ_EVERY_S, clock_read
from chargepoint.agent.control_link import ControlLinks
from chargepoint.agent.core import (
    CloseSocket,
    Core,
    Due,
    Happening,
    SendText,
    SetGrants,
    ShellEffect,
)
from chargepoint.agent.csms import CsmsLink
from chargepoint.agent.inbox import Inbox
from chargepoint.agent.jobs.desk import FileJobs
from chargepoint.agent.leases import Leases
from chargepoint.agent.messages import Messages
from chargepoint.agent.notes import Notes
from chargepoint.agent.requests.tokens import ReaderDesk
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.agent.security.keeper import Keeper
from chargepoint.agent.store_effects import STORE_EFFECTS, StoreEffect, durable
from chargepoint.agent.writer import Writer
from chargepoint.ocpp.adapter import Trace
from chargepoint.service_manager import ServiceManager
from chargepoint.station.effects import (
    AnswerHere,
    CancelFileWork,
    DoFileWork,
    DoSecurityTask,
    Fetch,
    LogSecurityEvent,
    Note,
    Reconnect,
    Restart,
    UnlockConnector,
)
from chargepoint.station.events import (
    ControlConnected,
    RecordsFetched,
    StopAsked,
    TokenPresented,
)
from chargepoint.station.records import Record

COMMIT_WAIT_S = 4.0
"""A disk that takes longer than this no longer holds up the station: leases would run out."""

WAIT_MAX_S = 60.0
KICK_EVERY_S = 5.0
"""The service manager's watchdog; the unit gives several times as long."""


class Parts(msgspec.Struct, kw_only=True):
    """What the loop drives. `csms` is None for a station that works alone."""

    core: Core
    writer: Writer
    inbox: Inbox
    controls: ControlLinks
    csms: CsmsLink | None
    leases: Leases
    messages: Messages
    manager: ServiceManager
    ping_interval_s: Callable[[], float]
    """What the device model says now."""
    keeper: Keeper
    here: LocalAnswers
    """Who waits for answers of the station here."""
    files: FileJobs | None = None
    """None where nobody can ask for files."""
    readers: ReaderDesk = msgspec.field(default_factory=ReaderDesk)
    """Who only wants to look at the next card."""


class Runtime:
    """Runs until `stop` is called (`run` returns None) or the station asks for a restart."""

    def __init__(self, parts: Parts, now: Callable[[], float]) -> None:
        self._parts = parts
        self._now = now
        self._on_disk: asyncio.Future[None] | None = None
        self._restart: Restart | None = None
        self._stopping = False
        self._slow_since_s: float | None = None
        self._clock_due_s = now()
        self._kick_due_s = now()
        self._writer_alive = True
        self._dropped = 0
        self._notes = Notes(now)
        self._log = log.get("agent")

    def stop(self) -> None:
        """Let the station know, finish what waits, and return from `run`."""
        if not self._stopping:
            self._stopping = True
            self._parts.inbox.put(StopAsked(at_s=self._now()))

    async def run(self) -> Restart | None:
        """Handle what happens; the restart that the station wants, or None after `stop`."""
        inbox = self._parts.inbox
        while True:
            now_s = self._now()
            happening, due_s = inbox.take(), now_s
            if happening is None:
                due_s = self._due_s()
                happening = Due() if due_s <= now_s else None
            if happening is not None:
                await self._round(happening, now_s)
            self._renew()
            self._kick()
            self._read_clock()
            if self._restart is not None or (self._stopping and not len(inbox)):
                await self._disk()
                return self._restart
            if happening is None:
                await inbox.wait(self._wake_s(due_s))
            elif len(inbox):
                await asyncio.sleep(0)  # let the links breathe in a flood

    # --- One round --------------------------------------------------------------------------------

    async def _round(self, happening: Happening, now_s: float) -> None:
        parts = self._parts
        if isinstance(happening, TokenPresented) and parts.readers.take(happening):
            return
        effects = parts.core.handle(happening, now_s)
        await self._perform(effects)
        if isinstance(happening, ControlConnected):
            parts.leases.forget()
        await self._grant()
        if parts.csms is not None:
            parts.csms.ping_interval_s = parts.ping_interval_s()

    async def _perform(self, effects: Sequence[ShellEffect]) -> None:
        """Carry out `effects` strictly in order; neighbouring store effects as one batch."""
        batch: list[StoreEffect] = []
        for effect in effects:
            if isinstance(effect, STORE_EFFECTS):
                batch.append(effect)
                continue
            self._store(batch)
            batch = []
            await self._do(effect)
        self._store(batch)

    async def _do(self, effect: Any) -> None:
        parts = self._parts
        match effect:
            case Fetch(after=after, limit=limit):
                parts.writer.fetch(after, limit, self._fetched)
            case Note():
                self._notes.write(effect)
            case Trace():
                parts.messages.add(effect)
                if parts.csms is not None:
                    parts.csms.passed(effect.outgoing, effect.kind)
            case SendText(connection=connection, text=text):
                await self._disk()
                if parts.csms is not None:
                    parts.csms.send(connection, text)
            case CloseSocket(connection=connection, code=code, reason=reason):
                await self._disk()
                if parts.csms is not None:
                    parts.csms.close(connection, code, reason)
            case UnlockConnector(evse=evse, request=request):
                await self._disk()
                parts.controls.unlock(evse, request)
            case AnswerHere():
                await self._disk()
                parts.here.take(effect)
            case SetGrants():
                await self._grant()
            case LogSecurityEvent():
                parts.keeper.write(effect)
            case DoSecurityTask():
                parts.keeper.do(effect)
            case DoFileWork() if parts.files is not None:
                await self._disk()
                parts.files.do(effect)
            case CancelFileWork() if parts.files is not None:
                parts.files.cancel(effect)
            case Reconnect(reason=reason):
                await self._disk()
                if parts.csms is not None:
                    parts.csms.reconnect(reason)
            case Restart():
                await self._disk()
                self._restart = effect
            case _:
                raise AssertionError(f"nobody carries out {type(effect).__name__}")

    async def _grant(self) -> None:
        """Tell the safety programs what has changed."""
        parts = self._parts
        commands = parts.leases.changes(parts.core.grants, self._now())
        if commands:
            await self._disk()
        for evse, command in commands:
            parts.controls.send(evse, command)

    # --- Store ------------------------------------------------------------------------------------

    def _store(self, batch: list[StoreEffect]) -> None:
        if not batch:
            return
        if not any(durable(effect) for effect in batch):
            self._parts.writer.write(batch)
            return
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not written.done():
                written.set_result(None)

        self._parts.writer.write(batch, done)
        self._on_disk = written

    async def _disk(self) -> None:
        """Wait until everything durable is on the disk, but not so long that leases run out."""
        written, self._on_disk = self._on_disk, None
        if written is None or written.done():
            return
        _, missing = await asyncio.wait((written,), timeout=COMMIT_WAIT_S)
        if missing and self._slow_since_s is None:
            self._slow_since_s = self._now()
            self._log.error("store.slow", waited_s=COMMIT_WAIT_S)
        elif not missing and self._slow_since_s is not None:
            slow_s = round(self._now() - self._slow_since_s, 1)
            self._slow_since_s = None
            self._log.info("store.recovered", lost_s=slow_s)

    def _fetched(self, records: tuple[Record, ...]) -> None:
        self._parts.inbox.put(RecordsFetched(records=records))

    # --- Time -------------------------------------------------------------------------------------

    def _due_s(self) -> float:
        due_s = self._parts.core.deadline_s()
        return float("inf") if due_s is None else due_s

    def _wake_s(self, due_s: float) -> float:
        return min(
            due_s,
            self._parts.leases.deadline_s(),
            self._clock_due_s,
            self._kick_due_s,
            self._now() + WAIT_MAX_S,
        )

    def _renew(self) -> None:
        for evse, command in self._parts.leases.renewals(self._now()):
            self._parts.controls.send(evse, command)

    def _kick(self) -> None:
        """Feed the watchdog after a finished round, when the writer has finished one too."""
        now_s = self._now()
        if now_s < self._kick_due_s:
            return
        self._kick_due_s = now_s + KICK_EVERY_S
        if self._parts.inbox.dropped > self._dropped:
            self._dropped = self._parts.inbox.dropped
            self._log.error("agent.overrun", dropped=self._dropped)
        if self._writer_alive:
            self._writer_alive = False
            self._parts.manager.alive()
            self._parts.writer.ping(self._writer_answered)

    def _writer_answered(self) -> None:
        self._writer_alive = True

    def _read_clock(self) -> None:
        now_s = self._now()
        if now_s >= self._clock_due_s:
            self._clock_due_s = now_s + READ_EVERY_S
            self._parts.inbox.put(clock_read())
