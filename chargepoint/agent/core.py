"""The pure middle of the agent: what happens goes in, what the shell has to do comes out, in order.

It only routes: an event to the station, the station's effects to the adapter of the connection in
use, what the adapter tells back to the station, until nothing is left. The shell and the seeded
simulation drive the same `Core`; neither clocks nor sockets are known here.

The values of this package are msgspec structs: one costs 25 microseconds of start-up time where a
framework-made dataclass costs 600.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from chargepoint.ocpp.adapter import Adapter, Close, Noted, Output, Send, Tell, Trace
from chargepoint.station.effects import (
    Answer,
    AnswerHere,
    Append,
    AskAuthorization,
    CancelFileWork,
    Delete,
    DoFileWork,
    DoSecurityTask,
    Effect,
    Fetch,
    Grant,
    LogSecurityEvent,
    Note,
    Put,
    Quarantine,
    Reconnect,
    Release,
    Remove,
    ReportConnector,
    ReportFile,
    ReportMeterValues,
    Restart,
    SendCsr,
    SendRecord,
    TransferData,
    UnlockConnector,
)
from chargepoint.station.events import (
    AuthorizationUnanswered,
    CsmsAccepted,
    CsmsLost,
    Event,
    RecordReturned,
    Ticked,
)
from chargepoint.station.local_requests import Transferred

EVENTS_MAX = 1000
"""Events that one happening may lead to before this counts as a loop: a mistake of ours."""


class UnsettledError(Exception):
    """Station and adapter keep each other busy without end."""


class Deciding(Protocol):
    """What the core needs of `station.Station`."""

    def handle(self, event: Event, now_s: float) -> Sequence[Effect]: ...
    def grants(self, now_s: float) -> tuple[Grant, ...]: ...
    def deadline_s(self) -> float | None: ...


# --- What happens besides the station's own events ------------------------------------------------


class SocketOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A connection to the CSMS is open; `connection` is new for each."""

    connection: int
    subprotocol: str


class SocketClosed(msgspec.Struct, frozen=True, kw_only=True):
    connection: int


class FrameReceived(msgspec.Struct, frozen=True, kw_only=True):
    connection: int
    text: str


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """The instant of `deadline_s` has come, or may have come."""


Happening = Event | SocketOpened | SocketClosed | FrameReceived | Due

# --- What the shell has to do ---------------------------------------------------------------------


class SendText(msgspec.Struct, frozen=True, kw_only=True):
    """One text frame for this connection; to be dropped when it is no longer the one."""

    connection: int
    text: str


class CloseSocket(msgspec.Struct, frozen=True, kw_only=True):
    connection: int
    code: int
    reason: str


class SetGrants(msgspec.Struct, frozen=True, kw_only=True):
    """What the safety program may do has changed; always the last effect of a round."""

    grants: tuple[Grant, ...]


ShellEffect = (
    Append
    | Remove
    | Quarantine
    | Release
    | Fetch
    | Put
    | Delete
    | SendText
    | CloseSocket
    | UnlockConnector
    | AnswerHere
    | Restart
    | LogSecurityEvent
    | DoSecurityTask
    | Reconnect
    | DoFileWork
    | CancelFileWork
    | Note
    | Trace
    | SetGrants
)

_TO_SHELL = (
    Append, Remove, Quarantine, Release, Fetch, Put, Delete, UnlockConnector, Restart, Note,
    LogSecurityEvent, DoSecurityTask, Reconnect, DoFileWork, CancelFileWork, AnswerHere,
)  # fmt: skip


class Core:
    """Station and adapters joined. `adapters`: by subprotocol, one per version; may be empty."""

    def __init__(self, station: Deciding, adapters: Mapping[str, Adapter]) -> None:
        self.station = station
        self._adapters = dict(adapters)
        self._active: Adapter | None = None
        self._connection = 0
        self._accepted = False
        self._grants: tuple[Grant, ...] = ()
        self._events: deque[Event] = deque()

    @property
    def active(self) -> Adapter | None:
        """Adapter of the open connection."""
        return self._active

    @property
    def accepted(self) -> bool:
        """The CSMS has accepted us and can be asked."""
        return self._accepted

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The last ones that were given out; what the shell renews."""
        return self._grants

    def handle(self, happening: Happening, now_s: float) -> list[ShellEffect]:
        """Everything that follows from `happening`. Raises UnsettledError."""
        out = list(self._begin(happening, now_s))
        for _ in range(EVENTS_MAX):
            if not self._events:
                break
            event = self._events.popleft()
            for effect in self.station.handle(event, now_s):
                out.extend(self._route(effect, now_s))
        else:
            raise UnsettledError(f"{EVENTS_MAX} events after {type(happening).__name__}")
        grants = self.station.grants(now_s)
        if grants != self._grants:
            self._grants = grants
            out.append(SetGrants(grants=grants))
        return out

    def deadline_s(self) -> float | None:
        """When `Due` must happen; None: nothing is planned."""
        parts = (self.station, self._active)
        dues = [part.deadline_s() for part in parts if part is not None]
        return min((due for due in dues if due is not None), default=None)

    # --- Routing ----------------------------------------------------------------------------------

    def _begin(self, happening: Happening, now_s: float) -> Iterator[ShellEffect]:
        match happening:
            case SocketOpened():
                yield from self._opened(happening, now_s)
            case SocketClosed():
                yield from self._closed(happening, now_s)
            case FrameReceived():
                if self._active is not None and happening.connection == self._connection:
                    yield from self._taken(self._active.received(happening.text, now_s))
            case Due():
                yield from self._due(now_s)
            case _:
                self._events.append(happening)

    def _opened(self, happening: SocketOpened, now_s: float) -> Iterator[ShellEffect]:
        if self._active is not None:
            yield from self._taken(self._active.disconnected(now_s))
        self._connection = happening.connection
        self._active = self._adapters[happening.subprotocol]
        yield from self._taken(self._active.connected(now_s))

    def _closed(self, happening: SocketClosed, now_s: float) -> Iterator[ShellEffect]:
        if self._active is None or happening.connection != self._connection:
            return
        closing, self._active = self._active, None
        yield from self._taken(closing.disconnected(now_s))

    def _due(self, now_s: float) -> Iterator[ShellEffect]:
        due_s = self.station.deadline_s()
        if due_s is not None and due_s <= now_s:
            self._events.append(Ticked(at_s=now_s))
        if self._active is not None:
            due_s = self._active.deadline_s()
            if due_s is not None and due_s <= now_s:
                yield from self._taken(self._active.tick(now_s))

    def _route(self, effect: Effect, now_s: float) -> Iterator[ShellEffect]:
        if isinstance(effect, _TO_SHELL):
            yield effect
            return
        if isinstance(effect, ReportConnector):
            # Every version must know the present state when its turn comes.
            for adapter in self._adapters.values():
                yield from self._taken(adapter.handle(effect, now_s))
            return
        # Without a connection the adapter gives it back by itself.
        serving = self._active or next(iter(self._adapters.values()), None)
        if serving is not None:
            yield from self._taken(serving.handle(effect, now_s))
            return
        match effect:
            case AskAuthorization(request=request):
                self._events.append(AuthorizationUnanswered(request=request, at_s=now_s))
            case SendRecord(record=record):
                self._events.append(RecordReturned(sequence=record.sequence, at_s=now_s))
            case TransferData(request=request):
                self._events.append(_not_transferred(request, now_s))
            case Answer() | ReportMeterValues() | SendCsr() | ReportFile():
                pass  # nobody has asked, nobody listens

    def _taken(self, outputs: Sequence[Output]) -> Iterator[ShellEffect]:
        for output in outputs:
            match output:
                case Send(text=text):
                    yield SendText(connection=self._connection, text=text)
                case Close(code=code, reason=reason):
                    yield CloseSocket(connection=self._connection, code=code, reason=reason)
                case Tell(event=event):
                    self._note_link(event)
                    self._events.append(event)
                case Trace():
                    yield output
                case Noted(name=name, fields=fields):
                    yield Note(name=name, fields=fields)

    def _note_link(self, event: Event) -> None:
        if isinstance(event, CsmsAccepted):
            self._accepted = True
        elif isinstance(event, CsmsLost):
            self._accepted = False


def _not_transferred(request: str, at_s: float) -> Transferred:
    return Transferred(request=request, at_s=at_s, ok=False, detail="no CSMS is configured")
