"""OCPP-J sessions without I/O: one own call in flight, answers first, floods bounded.

Theory of operation. Text goes in by `received`, time by `tick`; what happened comes out as a list
of `Happening`s in the order in which the adapter must act on it. Own calls wait in a queue, the
weightier first, first come first served among equals; `pump` lets the next one out when none is in
flight and no request of the CSMS still waits for its answer (a CSMS with one lock for both
directions would refuse ours). Requests of the CSMS pass a token bucket: what is above it waits in a
bounded inbox, so that a flood costs the flooder time and us neither memory nor our own calls, whose
answers never stand behind it. A context given with a call comes back with its outcome.

Implements OCPP-J 1.6 section 4 with its errata; knows no action by name.

The inner values of this package are msgspec structs, as those of the agent: defining one takes 25
microseconds of every start, where a dataclass takes 600.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from chargepoint.ocpp import frames
from chargepoint.ocpp.frames import Fault, MessageId, Payload

C = TypeVar("C")

QUEUE_MAX = 64
"""Own calls that may wait; more is a mistake of the adapter."""

INBOX_MAX = 256
INBOX_SIZE_MAX = 2 * frames.SIZE_MAX
"""Requests, and characters of them, that may wait for their turn."""

REQUESTS_PER_S = 50.0
REQUESTS_BURST = 100.0
ROUNDING = 1e-6
"""A busy CSMS sends 10 to 25 requests in its first seconds; twice that passes without delay."""

OPEN_MAX = 16
"""Requests that may wait for the station's answer at the same time."""

HOLD_S = 3.0
"""Longest time for which an unanswered request holds back our own calls."""

ANSWER_MAX_S = 25.0
"""The station's time for an answer; central systems give up after 30 s."""

LATE_MAX = 8
"""Timed-out calls whose late answer is still recognised."""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """A frame passed: an outgoing one is to be sent now."""

    outgoing: bool
    kind: str
    """`call`, `result`, `error` or `invalid`."""
    action: str
    message_id: str
    text: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The CSMS asks; to be answered under `handle` by `answer` or `refuse`."""

    handle: int
    action: str
    payload: Payload


class Answered(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """The CSMS answered the call that was given with `context`."""

    context: C
    action: str
    payload: Payload
    late: bool = False
    """The call had been reported as timed out before."""


class Failed(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """The CSMS answered with a CALLERROR, or with something that cannot be read."""

    context: C
    action: str
    code: str
    description: str


class TimedOut(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """No answer came in time; whether the call was processed is unknown once it was sent."""

    context: C
    action: str
    sent: bool
    """False: it never left the queue."""


class Returned(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """The link went away, or the call was withdrawn, before there was an answer."""

    context: C
    action: str
    sent: bool


class Disturbed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that should not happen, for the log. `reason` in words."""

    what: str
    """`unreadable`, `unexpected`, `overrun` or `unanswered`."""
    reason: str


class Muted(msgspec.Struct, frozen=True, kw_only=True):
    """The CSMS left too many calls in a row unanswered."""

    unanswered: int


Happening = (
    Passed | Request | Answered[C] | Failed[C] | TimedOut[C] | Returned[C] | Disturbed | Muted
)


class _Call(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """One own call, waiting or in flight."""

    action: str
    payload: Payload
    context: C
    timeout_s: float
    until_s: float
    """Waiting: end of its patience. In flight: end of its time-out."""
    message_id: MessageId
    """Empty while it waits."""


class _Open(msgspec.Struct, frozen=True):
    """A request of the CSMS that waits for our answer."""

    message_id: MessageId
    action: str
    since_s: float


class Rpc(Generic[C]):
    """Both directions of one connection after the other."""

    def __init__(
        self,
        codes: Mapping[Fault, str],
        new_id: Callable[[], str],
        unanswered_max: int,
    ) -> None:
        self._codes = codes
        self._new_id = new_id
        self._unanswered_max = unanswered_max
        self._handle = 0
        self._order = 0
        self._reset(0.0)
        self._connected = False

    def _reset(self, now_s: float) -> None:
        self._waiting: list[tuple[int, int, _Call[C]]] = []
        self._in_flight: _Call[C] | None = None
        self._late: dict[MessageId, _Call[C]] = {}
        self._open: dict[int, _Open] = {}
        self._inbox: deque[tuple[frames.CallFrame, int]] = deque()
        self._inbox_size = 0
        self._tokens = REQUESTS_BURST
        self._tokens_at_s = now_s
        self._unanswered = 0
        self._held_since_s: float | None = None

    # --- The link --------------------------------------------------------------------------------

    def opened(self, now_s: float) -> None:
        """A connection begins; nothing of the last one counts any more."""
        self._reset(now_s)
        self._connected = True

    def closed(self) -> list[Happening[C]]:
        """The connection is gone: own calls are returned, requests of the CSMS forgotten."""
        calls = [(self._in_flight, True)] if self._in_flight else []
        gone = [*calls, *((call, False) for _, _, call in sorted(self._waiting, key=_place))]
        self._reset(0.0)
        self._connected = False
        return [_returned(call, sent) for call, sent in gone if call is not None]

    # --- Own calls -------------------------------------------------------------------------------

    def call(
        self,
        action: str,
        payload: Payload,
        context: C,
        priority: int,
        timeout_s: float,
        now_s: float,
    ) -> None:
        """Queue a call; lower `priority` goes first. It waits no longer than its time-out."""
        assert len(self._waiting) < QUEUE_MAX, "more own calls than an adapter can have"
        self._order += 1
        call = _Call(
            action=action,
            payload=payload,
            context=context,
            timeout_s=timeout_s,
            until_s=now_s + 2 * timeout_s,
            message_id=MessageId(""),
        )
        heapq.heappush(self._waiting, (priority, self._order, call))

    def count(self, wanted: Callable[[C], bool]) -> int:
        """How many calls with such a context wait or are in flight."""
        calls = [call for _, _, call in self._waiting]
        if self._in_flight:
            calls.append(self._in_flight)
        return sum(wanted(call.context) for call in calls)

    def waits(self, wanted: Callable[[C], bool]) -> bool:
        """Whether there is such a call."""
        return self.count(wanted) > 0

    def withdraw(self, wanted: Callable[[C], bool]) -> list[Happening[C]]:
        """Take such calls out of the queue; one in flight stays."""
        out = [entry for entry in self._waiting if wanted(entry[2].context)]
        self._waiting = [entry for entry in self._waiting if not wanted(entry[2].context)]
        heapq.heapify(self._waiting)
        return [_returned(call, False) for _, _, call in sorted(out, key=_place)]

    def pump(self, now_s: float) -> list[Happening[C]]:
        """Send the next own call, if one may go now."""
        if not self._connected or self._in_flight or not self._waiting or self._held(now_s):
            return []
        self._held_since_s = None
        _, _, call = heapq.heappop(self._waiting)
        message_id = frames.own_id(self._new_id())
        self._in_flight = _Call(
            action=call.action,
            payload=call.payload,
            context=call.context,
            timeout_s=call.timeout_s,
            until_s=now_s + call.timeout_s,
            message_id=message_id,
        )
        text = frames.call(message_id, call.action, call.payload)
        return [_passed(True, "call", call.action, message_id, text)]

    def _held(self, now_s: float) -> bool:
        """Whether a request that waits for its answer holds our calls back, for a bounded time."""
        if not self._open:
            return False
        if self._held_since_s is None:
            self._held_since_s = now_s
        return now_s < self._held_since_s + HOLD_S

    # --- Requests of the CSMS --------------------------------------------------------------------

    def answer(self, handle: int, payload: Payload) -> list[Passed]:
        """Answer a request; nothing happens when its connection is gone."""
        entry = self._open.pop(handle, None)
        if entry is None:
            return []
        text = frames.result(entry.message_id, payload)
        return [_passed(True, "result", entry.action, entry.message_id, text)]

    def refuse(self, handle: int, fault: Fault, description: str) -> list[Passed]:
        """Answer a request with a CALLERROR."""
        entry = self._open.pop(handle, None)
        return (
            []
            if entry is None
            else [self._error(entry.message_id, entry.action, fault, description)]
        )

    def ignore(self, handle: int) -> None:
        """Leave a request unanswered on purpose."""
        self._open.pop(handle, None)

    def _error(self, message_id: MessageId, action: str, fault: Fault, description: str) -> Passed:
        text = frames.error(message_id, self._codes[fault], description)
        return _passed(True, "error", action, message_id, text)

    # --- What arrives ----------------------------------------------------------------------------

    def received(self, text: str, now_s: float) -> list[Happening[C]]:
        """What one text frame means. Never raises for anything that the CSMS may send."""
        frame = frames.parse(text)
        match frame:
            case frames.CallFrame():
                arrived = _passed(False, "call", frame.action, frame.message_id, text)
                return [arrived, *self._asked(frame, len(text), now_s)]
            case frames.ResultFrame():
                return self._result(frame, text)
            case frames.ErrorFrame():
                return self._failed(frame.message_id, frame.code, frame.description, text, "error")
            case frames.UnknownFrame():
                unknown = Disturbed(what="unexpected", reason="message type not known")
                return [_passed(False, "invalid", "", None, text), unknown]
            case frames.Broken():
                return self._broken(frame, text)

    def _asked(self, frame: frames.CallFrame, size: int, now_s: float) -> list[Happening[C]]:
        if len(self._inbox) >= INBOX_MAX or self._inbox_size + size > INBOX_SIZE_MAX:
            overrun = Disturbed(what="overrun", reason=f"{len(self._inbox)} requests wait")
            refusal = self._error(
                frame.message_id, frame.action, Fault.OTHER, "too many requests at once"
            )
            return [overrun, refusal]
        self._inbox.append((frame, size))
        self._inbox_size += size
        return []

    def requests(self, now_s: float) -> list[Request]:
        """The next requests of the CSMS whose turn it is, at most one: ask again until empty."""
        self._refill(now_s)
        if not self._inbox or self._tokens < 1.0 - ROUNDING or len(self._open) >= OPEN_MAX:
            return []
        self._tokens -= 1.0
        frame, size = self._inbox.popleft()
        self._inbox_size -= size
        self._handle += 1
        self._open[self._handle] = _Open(frame.message_id, frame.action, now_s)
        return [Request(handle=self._handle, action=frame.action, payload=frame.payload)]

    def _refill(self, now_s: float) -> None:
        earned = max(0.0, now_s - self._tokens_at_s) * REQUESTS_PER_S
        self._tokens = min(REQUESTS_BURST, self._tokens + earned)
        self._tokens_at_s = now_s

    def _result(self, frame: frames.ResultFrame, text: str) -> list[Happening[C]]:
        call, late = self._take(frame.message_id)
        action = call.action if call else ""
        passed = _passed(False, "result", action, frame.message_id, text)
        if call is None:
            return [passed, _nobody_asked(frame.message_id)]
        return [
            passed,
            Answered(context=call.context, action=action, payload=frame.payload, late=late),
        ]

    def _failed(
        self, message_id: MessageId, code: str, description: str, text: str, kind: str
    ) -> list[Happening[C]]:
        call, late = self._take(message_id)
        passed = _passed(False, kind, call.action if call else "", message_id, text)
        if call is None:
            return [passed, _nobody_asked(message_id)]
        if late:
            return [passed]
        failed = Failed(
            context=call.context, action=call.action, code=code, description=description[:255]
        )
        return [passed, failed]

    def _broken(self, frame: frames.Broken, text: str) -> list[Happening[C]]:
        disturbed = Disturbed(what="unreadable", reason=frame.reason)
        if frame.fails is not None:
            code = self._codes[Fault.MALFORMED]
            return [disturbed, *self._failed(frame.fails, code, frame.reason, text, "invalid")]
        passed = _passed(False, "invalid", "", frame.message_id, text)
        if frame.message_id is None:
            return [passed, disturbed]
        refusal = self._error(frame.message_id, "", frame.fault, frame.reason)
        return [passed, disturbed, refusal]

    def _take(self, message_id: MessageId) -> tuple[_Call[C] | None, bool]:
        """The own call with this id, no longer in flight, and whether it had timed out."""
        call = self._in_flight
        if call is not None and call.message_id == message_id:
            self._in_flight = None
            self._unanswered = 0
            return call, False
        late = self._late.pop(message_id, None)
        if late is not None:
            self._unanswered = 0
        return late, True

    # --- Time ------------------------------------------------------------------------------------

    def tick(self, now_s: float) -> list[Happening[C]]:
        """Time-outs of own calls, in flight and waiting, and of our own answers."""
        return [*self._overdue_answers(now_s), *self._overdue_calls(now_s)]

    def _overdue_answers(self, now_s: float) -> list[Happening[C]]:
        happened: list[Happening[C]] = []
        for handle, entry in list(self._open.items()):
            if now_s >= entry.since_s + ANSWER_MAX_S:
                happened.append(Disturbed(what="unanswered", reason=entry.action))
                happened.extend(self.refuse(handle, Fault.INTERNAL, "no answer in time"))
        return happened

    def _overdue_calls(self, now_s: float) -> list[Happening[C]]:
        happened: list[Happening[C]] = []
        call = self._in_flight
        if call is not None and now_s >= call.until_s:
            self._in_flight = None
            self._late[call.message_id] = call
            if len(self._late) > LATE_MAX:
                del self._late[next(iter(self._late))]
            self._unanswered += 1
            happened.append(TimedOut(context=call.context, action=call.action, sent=True))
            if self._unanswered == self._unanswered_max:
                happened.append(Muted(unanswered=self._unanswered))
        for _, _, waiting in [entry for entry in self._waiting if now_s >= entry[2].until_s]:
            happened.append(TimedOut(context=waiting.context, action=waiting.action, sent=False))
        self._waiting = [entry for entry in self._waiting if now_s < entry[2].until_s]
        heapq.heapify(self._waiting)
        return happened

    @property
    def unanswered(self) -> int:
        """Own calls in a row that timed out."""
        return self._unanswered

    def deadline_s(self) -> float | None:
        """When something is due next."""
        due = [call.until_s for _, _, call in self._waiting]
        if self._in_flight:
            due.append(self._in_flight.until_s)
        elif self._waiting and self._open and self._held_since_s is not None:
            due.append(self._held_since_s + HOLD_S)
        due.extend(entry.since_s + ANSWER_MAX_S for entry in self._open.values())
        if self._inbox and len(self._open) < OPEN_MAX:
            missing = max(0.0, 1.0 - self._tokens)
            due.append(self._tokens_at_s + missing / REQUESTS_PER_S)
        return min(due, default=None)


def _place(entry: tuple[int, int, object]) -> tuple[int, int]:
    return entry[:2]


def _returned(call: _Call[C], sent: bool) -> Returned[C]:
    return Returned(context=call.context, action=call.action, sent=sent)


def _nobody_asked(message_id: MessageId) -> Disturbed:
    return Disturbed(what="unexpected", reason=f"answer to {frames.shown(message_id)}")


def _passed(
    outgoing: bool, kind: str, action: str, message_id: MessageId | None, text: str
) -> Passed:
    return Passed(
        outgoing=outgoing,
        kind=kind,
        action=action[:50],
        message_id=frames.shown(message_id),
        text=text,
    )
