"""The line to the safety programs: facts become events of the station, its wishes become commands.

One client per safety bus. The station sees the safety programs as one: it is connected while all of
them are, and its boot id is made of all theirs. After each connection the present state of every
EVSE is told, so that whatever was missed in between does not matter. Nothing here waits for a
safety program: one that does not read is left and met again.

A safety program hears nothing but `Hello` before its snapshot has arrived, and then first of the
hazards that outlive restarts: no lease can overtake them.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from chargepoint import log
from chargepoint.agent.devices_seen import DevicesSeen, Seen
from chargepoint.agent.latches import Latches
from chargepoint.agent.log_lines import FactLog
from chargepoint.ipc import messages as m
from chargepoint.ipc.client import ControlSession
from chargepoint.ipc.codec import BadLine, LineBuffer, decode_fact, encode
from chargepoint.ipc.service import Done
from chargepoint.station.events import (
    ContactorClosed,
    ContactorOpened,
    ControlConnected,
    ControlLost,
    Event,
    EvseObserved,
    EvsePhase,
    EvseView,
    HazardRaised,
    MeterLost,
    MeterRead,
    RcdTested,
    TokenPresented,
    UnlockFinished,
)
from chargepoint.station.records import IdToken

RETRY_WAITS_S = (0.05, 0.1, 0.2, 0.5, 1.0)
UNSENT_MAX_BYTES = 64 * 1024
"""Commands that may wait in the socket; then the other side counts as hung."""

RECEIVE_BYTES = 65536

ASK_WAIT_S = 3.0
"""The safety program replies within a tick or two; what is asked of the bus waits for a slack."""


class SafetyBus(msgspec.Struct, frozen=True, kw_only=True):
    """One safety program as this side knows it."""

    name: str
    socket: Path
    evses: tuple[int, ...]
    meters: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Device name -> EVSE, of the meters on this bus."""


class ControlLinks:
    """All safety programs. `tell` takes the events; `readers` says which EVSEs a reader serves."""

    def __init__(
        self,
        buses: Sequence[SafetyBus],
        readers: Mapping[str, tuple[int, ...]],
        tell: Callable[[Event], None],
        now: Callable[[], float],
        latches: Latches | None = None,
    ) -> None:
        self._latches = latches or Latches()
        self._links = tuple(_Link(bus, self._heard, self._changed, now) for bus in buses)
        self._by_evse = {evse: link for link in self._links for evse in link.bus.evses}
        self._readers = readers
        self._tell = tell
        self._now = now
        self._whole = False
        self._unlocks: dict[str, int] = {}
        self._asked: dict[str, asyncio.Future[m.Replied]] = {}
        self._log = log.get("control_link")
        self.evses: dict[int, m.EvseSnapshot] = {}
        """What each EVSE was last seen to be; empty while not connected."""
        self.health: dict[str, m.Health] = {}
        self.facts = FactLog(now)
        self.taps: list[Callable[[m.AnyFact], None]] = []
        """Who else wants to hear every fact, in the loop's thread."""
        """What the safety programs have told lately, as lines of a log."""
        self._devices = DevicesSeen({e: name for bus in buses for name, e in bus.meters.items()})

    async def run(self) -> None:
        """Keep all connections; ends by cancellation only."""
        async with asyncio.TaskGroup() as group:
            for link in self._links:
                group.create_task(link.run())

    @property
    def connected(self) -> bool:
        return self._whole

    def seen(self, device: str) -> Seen | None:
        """Whether a device of a safety bus answers; None: not known yet."""
        return self._devices.get(device)

    def send(self, evse: int, command: m.Command) -> None:
        """Send a command to the safety program of `evse`; dropped while it is not met."""
        link = self._by_evse.get(evse)
        if link is not None:
            link.send(command)

    def unlock(self, evse: int, request: str) -> None:
        """Ask for an unlock; answered by UnlockFinished in any case."""
        link = self._by_evse.get(evse)
        if link is None or not link.connected:
            self._unlocked(evse, request, False)
            return
        self._unlocks[request] = evse
        link.send(m.Unlock(evse=evse, request=request))

    async def lift_hazard(self, evse: int, hazard: str) -> Done:
        """What the safety program answers to the reset of a hazard."""
        replied = await self.ask(
            evse, lambda request: m.ResetHazard(evse=evse, hazard=hazard, request=request)
        )
        return Done(ok=replied.ok, detail=replied.detail)

    async def ask(
        self, evse: int, make: Callable[[str], m.Command], within_s: float = ASK_WAIT_S
    ) -> m.Replied:
        """What the safety program of `evse` replies to the command that `make` makes of a handle.

        A refusal of our own while it is not there, and when it does not reply within the time.
        """
        link = self._by_evse.get(evse)
        if link is None:
            return _refusal(f"there is no EVSE {evse}")
        return await self._ask(link, make, within_s)

    async def ask_bus(
        self, bus: str, make: Callable[[str], m.Command], within_s: float = ASK_WAIT_S
    ) -> m.Replied:
        """The same, of the safety program of a bus."""
        link = next((link for link in self._links if link.bus.name == bus), None)
        if link is None:
            return _refusal(f"no safety program runs `{bus}`")
        return await self._ask(link, make, within_s)

    async def _ask(
        self, link: _Link, make: Callable[[str], m.Command], within_s: float
    ) -> m.Replied:
        if not link.connected:
            return _refusal("the safety program is not reached")
        request = uuid.uuid4().hex
        self._asked[request] = asyncio.get_running_loop().create_future()
        try:
            link.send(make(request))
            async with asyncio.timeout(within_s):
                return await self._asked[request]
        except TimeoutError:
            return _refusal("the safety program does not answer")
        finally:
            del self._asked[request]

    # --- From the links ---------------------------------------------------------------------------

    def _changed(self, link: _Link) -> None:
        """A link came or went. Called after its snapshot, and after its end."""
        at_s = self._now()
        if not link.connected:
            for evse in link.bus.evses:
                self.evses.pop(evse, None)
            self.health.pop(link.bus.name, None)
            self._devices.forget()
            self._give_up_unlocks(link)
            if self._whole:
                self._whole = False
                self._tell(ControlLost(at_s=at_s))
            return
        if all(other.connected for other in self._links):
            self._whole = True
            boot = "+".join(other.boot for other in self._links)
            self._tell(ControlConnected(boot=boot, at_s=at_s))
            for evse in sorted(self.evses):
                view = _view(self.evses[evse], self._by_evse[evse].boot)
                self._tell(EvseObserved(view=view, at_s=at_s))

    def _heard(self, link: _Link, fact: m.AnyFact) -> None:
        self._devices.heard(fact)
        self.facts.heard(link.bus.name, fact)
        for tap in self.taps:
            tap(fact)
        match fact:
            case m.Snapshot():
                self._met(link, fact)
            case m.Observed():
                self.evses[fact.evse.evse] = fact.evse
                self._tell_all(self._latches.shown(fact.evse, link.boot))
                if self._whole:
                    self._tell(EvseObserved(view=_view(fact.evse, link.boot), at_s=fact.at_s))
            case m.HazardRaised():
                self._tell(HazardRaised(evse=fact.evse, hazard=fact.hazard, at_s=fact.at_s))
                self._tell_all(self._latches.raised(fact, link.boot))
            case m.HazardCleared():
                self._tell_all(self._latches.cleared(fact))
            case m.ContactorClosed(evse=evse, took_s=took_s):
                self._tell(ContactorClosed(evse=evse, took_s=took_s, at_s=fact.at_s))
            case m.ContactorOpened():
                opened = ContactorOpened(evse=fact.evse, under_load=fact.under_load, at_s=fact.at_s)
                self._tell(opened)
            case m.RcdTested():
                self._tell(RcdTested(evse=fact.evse, passed=fact.passed, at_s=fact.at_s))
            case m.Measured():
                self._tell(MeterRead(evse=fact.evse, reading=fact.meter))
            case m.TokenRead():
                self._token_read(fact)
            case m.DeviceLost():
                if fact.device in link.bus.meters:
                    evse = link.bus.meters[fact.device]
                    self._tell(MeterLost(evse=evse, at_s=fact.at_s))
            case m.Replied():
                self._replied(fact)
            case m.Refused():
                self._log.error("control.refused", bus=link.bus.name, detail=fact.detail)
            case m.Health():
                self.health[link.bus.name] = fact
            case _:
                pass  # the story of levels that were told above, or of interest to people only

    def _met(self, link: _Link, snapshot: m.Snapshot) -> None:
        """The first thing that a safety program is told is which hazards it must know of."""
        ours = [evse for evse in snapshot.evses if evse.evse in link.bus.evses]
        self.evses.update({evse.evse: evse for evse in ours})
        commands, changes = self._latches.met(ours, snapshot.boot)
        for command in commands:
            link.send(command)
        self._tell_all(changes)

    def _replied(self, fact: m.Replied) -> None:
        evse = self._unlocks.pop(fact.request, 0)
        if evse:
            self._unlocked(evse, fact.request, fact.ok)
        asked = self._asked.get(fact.request)
        if asked is not None and not asked.done():
            asked.set_result(fact)

    def _tell_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self._tell(event)

    def _token_read(self, fact: m.TokenRead) -> None:
        presented = TokenPresented(
            reader=fact.reader,
            id_token=IdToken(value=fact.token, kind=fact.kind),
            evses=self._readers.get(fact.reader, ()),
            at_s=fact.at_s,
        )
        self._tell(presented)

    def _unlocked(self, evse: int, request: str, unlocked: bool) -> None:
        at_s = self._now()
        self._tell(UnlockFinished(evse=evse, request=request, unlocked=unlocked, at_s=at_s))

    def _give_up_unlocks(self, link: _Link) -> None:
        lost = [name for name, evse in self._unlocks.items() if evse in link.bus.evses]
        for request in lost:
            self._unlocked(self._unlocks.pop(request), request, False)


class _Link:
    """The connection to one safety program."""

    def __init__(
        self,
        bus: SafetyBus,
        heard: Callable[[_Link, m.AnyFact], None],
        changed: Callable[[_Link], None],
        now: Callable[[], float],
    ) -> None:
        self.bus = bus
        self.connected = False
        """Since the snapshot of this connection."""
        self.boot = ""
        self._heard = heard
        self._changed = changed
        self._now = now
        self._session = ControlSession("agent")
        self._writer: asyncio.StreamWriter | None = None
        self._log = log.get("control_link")

    async def run(self) -> None:
        """Connect, follow, reconnect."""
        failures = 0
        lost_s: float | None = None
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(str(self.bus.socket))
            except OSError as error:
                if lost_s is None:
                    lost_s = self._now()
                    self._log.info("control.awaited", bus=self.bus.name, error=str(error))
            else:
                waited_s = None if lost_s is None else round(self._now() - lost_s, 2)
                reason = await self._follow(reader, writer, waited_s)
                lost_s = self._now()
                failures = 0
                self._log.warning("control.lost", bus=self.bus.name, reason=reason)
            await asyncio.sleep(RETRY_WAITS_S[min(failures, len(RETRY_WAITS_S) - 1)])
            failures += 1

    def send(self, command: m.Command) -> None:
        """Write without waiting; a side that reads nothing is left, one not met hears nothing."""
        if self.connected:
            self._write(command)

    def _write(self, command: m.Command) -> None:
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > UNSENT_MAX_BYTES:
            writer.transport.abort()
            return
        writer.write(encode(command))

    async def _follow(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        waited_s: float | None,
    ) -> str:
        """Facts of one connection until its end; why it ended."""
        self._writer = writer
        self._write(self._session.hello())
        lines = LineBuffer()
        try:
            while data := await reader.read(RECEIVE_BYTES):
                lines.feed(data)
                while (line := lines.take()) is not None:
                    self._fact(decode_fact(line), waited_s)
            return "closed"
        except BadLine as error:
            return f"not a fact: {error}"
        except OSError as error:
            return str(error)
        finally:
            self._writer = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            if self.connected:
                self.connected = False
                self._changed(self)

    def _fact(self, fact: m.AnyFact, waited_s: float | None) -> None:
        self._session.seen(fact)
        if not isinstance(fact, m.Snapshot):
            self._heard(self, fact)
            return
        self.boot = fact.boot
        self.connected = True
        self._heard(self, fact)
        self._log.info("control.connected", bus=self.bus.name, waited_s=waited_s)
        self._changed(self)


def _refusal(detail: str) -> m.Replied:
    return m.Replied(seq=0, at_s=0.0, request="", ok=False, detail=detail)


def _view(evse: m.EvseSnapshot, boot: str) -> EvseView:
    return EvseView(
        evse=evse.evse,
        phase=EvsePhase(evse.phase.value),
        pilot=evse.pilot,
        plug_in=evse.plug_in,
        connected=evse.connected,
        contactor_closed=evse.contactor_closed,
        offered_a=evse.offered_a,
        limit_a=evse.limit_a,
        cable_current_a=evse.cable_current_a,
        locked=evse.locked,
        temperature_c=evse.temperature_c,
        hazards=evse.hazards,
        limited_by=evse.limited_by,
        phases=evse.phases,
        boot=boot,
        operations=evse.operations,
    )
