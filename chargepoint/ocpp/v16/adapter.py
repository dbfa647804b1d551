"""OCPP 1.6 from the station's side: composes the parts and routes between them, nothing more.

Each entry point does its part and then sends what has become due, answers before own calls. What
the parts are: `boot` (registration), `heartbeat`, `status`, `delivery` with `transactions` and
`meter_values` (records), `configuration`, `commands`, `trigger` and, below them, `ocpp.rpc`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from chargepoint.ocpp import rpc
from chargepoint.ocpp.adapter import Close, Noted, Output, Send, Tell, Trace
from chargepoint.ocpp.frames import CODES_V16, Fault, Payload
from chargepoint.ocpp.payloads import Violation, request, response, written
from chargepoint.ocpp.redaction import redacted
from chargepoint.ocpp.rpc import Happening, Rpc
from chargepoint.ocpp.times import EARLIEST, Timestamps, parsed
from chargepoint.ocpp.v16 import commands
from chargepoint.ocpp.v16.boot import (
    Registered,
    Registration,
    boot_notification,
    heartbeat_interval_s,
)
from chargepoint.ocpp.v16.configuration import Change, Configuration
from chargepoint.ocpp.v16.delivery import Delivery, Outcome, RecordCall
from chargepoint.ocpp.v16.heartbeat import Heartbeat
from chargepoint.ocpp.v16.id_tag_info import ID_TAG_MAX, token_info
from chargepoint.ocpp.v16.meter_values import meter_values, requests
from chargepoint.ocpp.v16.profiles import KNOWN, SERVED, UNSERVED_ANSWERS
from chargepoint.ocpp.v16.status import StatusReporter, status_notification
from chargepoint.ocpp.v16.transactions import Request
from chargepoint.ocpp.v16.trigger import Trigger, Wanted, trigger
from chargepoint.ocpp.view import BootInformation, LinkSettings, StationView
from chargepoint.station.effects import (
    Answer,
    AskAuthorization,
    Effect,
    ReportConnector,
    ReportMeterValues,
    SendRecord,
)
from chargepoint.station.events import (
    AuthorizationAnswered,
    AuthorizationUnanswered,
    Call,
    CsmsAccepted,
    CsmsLost,
    Event,
    HeartbeatIntervalGiven,
    MeterValuesTriggered,
    RecordReturned,
    TimeGiven,
    VariableSetRequested,
)
from chargepoint.station.records import ReadingContext

VERSION = "v16"
TIMEOUT_DEFAULT_S = 30.0
GOING_AWAY = 1001
"""WebSocket close code of an end that leaves."""

MESSAGES_MAX = 8
"""MeterValues outside records, and questions about tokens, that may wait; more are given up."""


@dataclass(frozen=True, slots=True)
class BootCall:
    pass


@dataclass(frozen=True, slots=True)
class HeartbeatCall:
    pass


@dataclass(frozen=True, slots=True)
class StatusCall:
    connector: int


@dataclass(frozen=True, slots=True)
class AuthorizationCall:
    request: str


@dataclass(frozen=True, slots=True)
class MeterCall:
    pass


Context = BootCall | HeartbeatCall | StatusCall | AuthorizationCall | MeterCall | RecordCall

# fmt: off
PRIORITIES = {
    # what goes first when several calls wait; a person at the reader is the most impatient
    BootCall:          0,
    AuthorizationCall: 1,
    StatusCall:        2,
    HeartbeatCall:     3,
    RecordCall:        4,
    MeterCall:         5,
}
NOTED = {
    # `rpc.Disturbed.what`: event of the catalogue
    "unreadable": "csms.sent_unreadable",
    "unexpected": "csms.sent_unexpected",
    "overrun":    "csms.flooded",
    "unanswered": "request.left_unanswered",
}
# fmt: on


class Adapter16:
    """One charge point speaking OCPP 1.6J. Implements `chargepoint.ocpp.adapter.Adapter`."""

    def __init__(
        self,
        station: StationView,
        boot: BootInformation,
        settings: LinkSettings,
        new_id: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._boot = boot
        self._rpc: Rpc[Context] = Rpc(CODES_V16, new_id, settings.unanswered_max)
        self._times = Timestamps(station.clock, settings.milliseconds)
        self._registration = Registration()
        self._heartbeat = Heartbeat()
        self._status = StatusReporter(boot.vendor, boot.connectors)
        self._delivery = Delivery()
        self._configuration = Configuration(station.device_model, boot.connectors)
        self._calls: dict[Call, tuple[int, str]] = {}
        self._triggered: list[Trigger] = []
        self._connected = False
        self._usable = False
        """The station was told CsmsAccepted, and not yet CsmsLost."""
        self._reregistered = False
        self._out: list[Output] = []

    # --- The contract ----------------------------------------------------------------------------

    @property
    def subprotocol(self) -> str:
        return "ocpp1.6"

    @property
    def registered(self) -> Registered:
        """What the CSMS last said to a BootNotification."""
        return self._registration.state

    def connected(self, now_s: float) -> Sequence[Output]:
        self._rpc.opened(now_s)
        self._delivery.connected()
        self._connected = True
        self._reregistered = False
        self._registration.connected(now_s, self._settings.boot_on_reconnect)
        if self._registration.accepted:
            self._begin_service(now_s, everything=False)
        return self._finished(now_s)

    def disconnected(self, now_s: float) -> Sequence[Output]:
        self._abandon(now_s)
        return self._taken()

    def received(self, text: str, now_s: float) -> Sequence[Output]:
        if self._connected:
            self._process(self._rpc.received(text, now_s), now_s)
        return self._finished(now_s)

    def handle(self, effect: Effect, now_s: float) -> Sequence[Output]:
        match effect:
            case Answer():
                self._answer(effect)
            case AskAuthorization():
                self._authorize(effect, now_s)
            case SendRecord():
                self._send_record(effect, now_s)
            case ReportConnector():
                duration_s = self._configuration.number("MinimumStatusDuration", 0.0)
                self._status.changed(effect.report, now_s, duration_s)
            case ReportMeterValues():
                self._report_meter_values(effect, now_s)
            case _:
                pass  # of the store, the safety program or the host: none of ours
        return self._finished(now_s)

    def tick(self, now_s: float) -> Sequence[Output]:
        self._process(self._rpc.tick(now_s), now_s)
        self._status.tick(now_s)
        return self._finished(now_s)

    def deadline_s(self) -> float | None:
        parts = (self._rpc, self._registration, self._heartbeat, self._status)
        return min((due for part in parts if (due := part.deadline_s()) is not None), default=None)

    # --- What is due -----------------------------------------------------------------------------

    def _finished(self, now_s: float) -> Sequence[Output]:
        """Serve waiting requests, queue what is due, let the next call out; all that came of it."""
        while self._connected and (asked := self._rpc.requests(now_s)):
            self._process(asked, now_s)
        if self._connected:
            self._queue_due(now_s)
            self._process(self._rpc.pump(now_s), now_s)
        return self._taken()

    def _taken(self) -> Sequence[Output]:
        out, self._out = self._out, []
        return out

    def _queue_due(self, now_s: float) -> None:
        if self._registration.take_due(now_s) and not self._rpc.waits(_is(BootCall)):
            self._call("BootNotification", boot_notification(self._boot), BootCall(), now_s)
        self._send_triggered(now_s)
        self._heartbeat.set_interval(self._configuration.text("HeartbeatInterval"), now_s)
        if self._heartbeat.due(now_s):
            self._send_heartbeat(now_s)
        if not self._rpc.waits(_is(StatusCall)) and (owed := self._status.take()) is not None:
            payload = status_notification(owed, self._times, now_s)
            self._call("StatusNotification", payload, StatusCall(owed.connector), now_s)

    def _send_heartbeat(self, now_s: float) -> None:
        self._heartbeat.start(now_s)
        if not self._rpc.waits(_is(HeartbeatCall)):
            self._call("Heartbeat", {}, HeartbeatCall(), now_s)

    def _send_triggered(self, now_s: float) -> None:
        """Send what was triggered; before the first answer to a boot nothing else may go out."""
        if self._registration.state in (Registered.NOT_YET, Registered.REJECTED):
            return
        triggered, self._triggered = self._triggered, []
        for entry in triggered:
            if entry.wanted is Wanted.HEARTBEAT and not self._rpc.waits(_is(HeartbeatCall)):
                self._call("Heartbeat", {}, HeartbeatCall(), now_s)
            elif entry.wanted is Wanted.METER_VALUES:
                held = Call("answered before")
                self._tell(MeterValuesTriggered(call=held, evse=entry.connector, at_s=now_s))
            elif entry.wanted is Wanted.STATUS:
                chosen = self._status.known() if entry.connector is None else (entry.connector,)
                for connector in chosen:
                    self._status.owe(connector)

    # --- Own calls -------------------------------------------------------------------------------

    def _call(self, action: str, payload: Payload, context: Context, now_s: float) -> bool:
        """Queue a call; False, noted, when the payload is against the schema (our mistake)."""
        try:
            checked = written(VERSION, action, "request", payload)
        except Violation as error:
            self._note("message.made_invalid", action=action, problem=error.problem)
            return False
        timeout_s = self._configuration.number("MessageTimeout", TIMEOUT_DEFAULT_S)
        timeout_s = timeout_s if timeout_s >= 1 else TIMEOUT_DEFAULT_S
        priority = PRIORITIES[type(context)]
        self._rpc.call(action, checked, context, priority, timeout_s, now_s)
        return True

    def _authorize(self, effect: AskAuthorization, now_s: float) -> None:
        crowded = self._rpc.count(_is(AuthorizationCall)) >= MESSAGES_MAX
        context = AuthorizationCall(effect.request)
        payload = {"idTag": effect.id_token.value[:ID_TAG_MAX]}
        sent = self._usable and not crowded and self._call("Authorize", payload, context, now_s)
        if not sent:
            self._tell(AuthorizationUnanswered(request=effect.request, at_s=now_s))

    def _send_record(self, effect: SendRecord, now_s: float) -> None:
        sequence = effect.record.sequence
        if not self._usable:
            self._tell(RecordReturned(sequence=sequence, at_s=now_s))
            return
        begun = self._delivery.begin(effect, self._times, now_s)
        if isinstance(begun, list):
            self._send_parts(sequence, begun, now_s)
        else:
            self._tell(begun)

    def _send_parts(self, sequence: int, parts: Sequence[Request], now_s: float) -> None:
        action, payload = parts[0]
        call = RecordCall(sequence, tuple(parts[1:]))
        if not self._call(action, payload, call, now_s):
            problem = "message against the schema"
            self._tell(self._delivery.failed(call, action, "InternalError", problem, now_s))

    def _report_meter_values(self, effect: ReportMeterValues, now_s: float) -> None:
        """Values outside records; while Pending only what was triggered."""
        values = meter_values(effect.samples, self._times, now_s)
        triggered = any(sample.context is ReadingContext.TRIGGER for sample in effect.samples)
        pending = self._registration.state is Registered.PENDING and triggered
        if not self._connected or not (self._usable or pending):
            return
        for payload in requests(effect.evse, effect.csms_transaction_id, values):
            if self._rpc.count(_is(MeterCall)) < MESSAGES_MAX:
                self._call("MeterValues", payload, MeterCall(), now_s)

    # --- What happened on the line ---------------------------------------------------------------

    def _process(self, happened: Iterable[Happening[Context]], now_s: float) -> None:
        for event in happened:
            self._happened(event, now_s)

    def _happened(self, event: Happening[Context], now_s: float) -> None:
        match event:
            case rpc.Passed():
                self._passed(event)
            case rpc.Request():
                self._requested(event, now_s)
            case rpc.Answered():
                payload = response(VERSION, event.action, event.payload)
                if event.late:
                    self._answered_late(event.context, event.action, payload, now_s)
                else:
                    self._answered(event.context, event.action, payload, now_s)
            case rpc.Failed():
                self._note(
                    "message.refused",
                    action=event.action,
                    code=event.code[:50],
                    description=event.description,
                )
                self._failed(event, now_s)
            case rpc.TimedOut():
                self._timed_out(event, now_s)
            case rpc.Returned():
                self._returned(event.context, now_s)
            case rpc.Disturbed():
                self._note(NOTED[event.what], reason=event.reason)
            case rpc.Muted():
                self._muted(event, now_s)
            case _:
                assert_never(event)

    def _passed(self, event: rpc.Passed) -> None:
        if event.outgoing:
            self._out.append(Send(text=event.text))
        self._out.append(
            Trace(
                outgoing=event.outgoing,
                kind=event.kind,
                action=event.action,
                message_id=event.message_id,
                text=redacted(event.text),
            )
        )

    def _answered(self, context: Context, action: str, payload: Payload, now_s: float) -> None:
        match context:
            case BootCall():
                self._booted(payload, now_s)
            case HeartbeatCall():
                self._hear_time(payload, now_s)
            case AuthorizationCall():
                info = token_info(payload)
                if info is None:
                    self._tell(AuthorizationUnanswered(request=context.request, at_s=now_s))
                else:
                    self._tell(
                        AuthorizationAnswered(request=context.request, info=info, at_s=now_s)
                    )
            case RecordCall() if context.rest and self._usable:
                self._send_parts(context.sequence, context.rest, now_s)
            case RecordCall() if context.rest:
                self._tell(RecordReturned(sequence=context.sequence, at_s=now_s))
            case RecordCall():
                self._tell(self._delivery.answered(context, action, payload, now_s))
            case StatusCall() | MeterCall():
                pass  # their answers say nothing
            case _:
                assert_never(context)

    def _answered_late(self, context: Context, action: str, payload: Payload, now_s: float) -> None:
        """Records only: the answer of the last try is kept while a new one is on its way."""
        if not isinstance(context, RecordCall) or context.rest:
            return
        outcome = self._delivery.answered(context, action, payload, now_s)

        def again(other: Context) -> bool:
            return isinstance(other, RecordCall) and other.sequence == context.sequence

        self._rpc.withdraw(again)  # what it returns is settled by the outcome
        if self._rpc.waits(again):
            self._delivery.keep(outcome)
        else:
            self._tell(outcome)

    def _failed(self, event: rpc.Failed[Context], now_s: float) -> None:
        match event.context:
            case BootCall():
                self._registration.unanswered(now_s)
            case AuthorizationCall() as context:
                self._tell(AuthorizationUnanswered(request=context.request, at_s=now_s))
            case RecordCall() as context:
                self._tell(self._record_failed(context, event, now_s))
            case HeartbeatCall() | StatusCall() | MeterCall():
                pass  # tried once; the next one tells the same
            case _:
                assert_never(event.context)
        if event.code == "SecurityError" and self._usable and not self._reregistered:
            self._reregister(now_s)

    def _record_failed(
        self, context: RecordCall, event: rpc.Failed[Context], now_s: float
    ) -> Outcome:
        if event.code == "SecurityError" and not self._reregistered:
            return RecordReturned(sequence=context.sequence, at_s=now_s)
        return self._delivery.failed(context, event.action, event.code, event.description, now_s)

    def _timed_out(self, event: rpc.TimedOut[Context], now_s: float) -> None:
        self._note("message.unanswered", action=event.action)
        context = event.context
        if isinstance(context, BootCall):
            self._registration.unanswered(now_s)
        elif isinstance(context, RecordCall) and event.sent:
            alone = self._rpc.unanswered <= 1
            self._tell(self._delivery.timed_out(context, event.action, alone, now_s))
        else:
            self._returned(context, now_s)

    def _returned(self, context: Context, now_s: float) -> None:
        match context:
            case AuthorizationCall():
                self._tell(AuthorizationUnanswered(request=context.request, at_s=now_s))
            case RecordCall():
                self._tell(RecordReturned(sequence=context.sequence, at_s=now_s))
            case StatusCall():
                self._status.lost(context.connector)
            case BootCall() | HeartbeatCall() | MeterCall():
                pass  # begun afresh when it is due again
            case _:
                assert_never(context)

    # --- Registration and the end of it ----------------------------------------------------------

    def _booted(self, payload: Payload, now_s: float) -> None:
        if not self._registration.answered(payload, now_s):
            return
        self._hear_time(payload, now_s)
        state = self._registration.state
        self._note("boot.answered", status=state.value)
        if state is Registered.ACCEPTED:
            interval_s = heartbeat_interval_s(payload)
            self._tell(HeartbeatIntervalGiven(interval_s=interval_s, at_s=now_s))
            self._begin_service(now_s, everything=True)
        elif self._usable or state is Registered.REJECTED:
            self._end_service(now_s)

    def _begin_service(self, now_s: float, everything: bool) -> None:
        if not self._usable:
            self._usable = True
            self._tell(CsmsAccepted(at_s=now_s))
        self._heartbeat.start(now_s)
        self._status.listen(everything)

    def _end_service(self, now_s: float) -> None:
        """Nothing may be sent any more but boots and, while Pending, what is triggered."""
        self._process(self._rpc.withdraw(lambda context: not isinstance(context, BootCall)), now_s)
        self._heartbeat.stop()
        self._status.deaf()
        if self._usable:
            self._usable = False
            self._tell(CsmsLost(at_s=now_s))

    def _reregister(self, now_s: float) -> None:
        """The CSMS takes us for a stranger, after its own restart: boot once per connection."""
        self._reregistered = True
        self._registration.lapsed(now_s)
        self._end_service(now_s)

    def _hear_time(self, payload: Payload, now_s: float) -> None:
        text = payload.get("currentTime")
        wall = parsed(text) if isinstance(text, str) else None
        if wall is not None and wall < EARLIEST:
            self._note("csms.told_odd_time", time=text)
        elif wall is not None:
            self._times.heard(wall, now_s)
            self._tell(TimeGiven(wall=wall, at_s=now_s))

    def _muted(self, event: rpc.Muted, now_s: float) -> None:
        self._note("csms.muted", unanswered=event.unanswered)
        self._abandon(now_s)
        self._out.append(Close(code=GOING_AWAY, reason="no answers"))

    def _abandon(self, now_s: float) -> None:
        """The connection is over: return what was under way, forget what was asked."""
        self._process(self._rpc.closed(), now_s)
        self._registration.disconnected()
        self._calls.clear()
        self._triggered.clear()
        self._connected = False
        self._end_service(now_s)

    # --- Requests of the CSMS --------------------------------------------------------------------

    def _requested(self, event: rpc.Request, now_s: float) -> None:
        action = event.action
        if self._registration.state is Registered.REJECTED and not _asks_for_boot(event):
            self._rpc.ignore(event.handle)
            return
        if action not in KNOWN:
            self._refuse(event.handle, Fault.UNKNOWN_ACTION, f"no action {action[:50]}")
            return
        if action not in SERVED and action not in UNSERVED_ANSWERS:
            self._refuse(event.handle, Fault.UNSUPPORTED, f"{action} is not served here")
            return
        try:
            payload = request(VERSION, action, event.payload)
        except Violation as error:
            if action == "TriggerMessage" and error.rule == "enum":
                self._reply(event.handle, action, {"status": "NotImplemented"})
            else:
                self._refuse(event.handle, error.fault, error.problem)
            return
        self._decide(event.handle, action, payload, now_s)

    def _decide(self, handle: int, action: str, payload: Payload, now_s: float) -> None:
        call = Call(f"16-{handle}")
        if action in UNSERVED_ANSWERS:
            self._reply(handle, action, UNSERVED_ANSWERS[action])
        elif action in commands.ACCEPTED_ONLY and not self._registration.accepted:
            self._reply(handle, action, {"status": "Rejected"})
        elif action == "GetConfiguration":
            self._reply(handle, action, self._configuration.get(payload.get("key", [])))
        elif action == "ChangeConfiguration":
            self._change_configuration(handle, call, payload, now_s)
        elif action == "TriggerMessage":
            self._trigger(handle, call, payload, now_s)
        else:
            command = commands.COMMANDS[action]
            decision = command(call, payload, self._boot.connectors, now_s)
            if isinstance(decision, dict):
                self._reply(handle, action, decision)
            else:
                self._ask(handle, action, call, decision)

    def _change_configuration(
        self, handle: int, call: Call, payload: Payload, now_s: float
    ) -> None:
        change = self._configuration.change(payload["key"], payload["value"])
        if not isinstance(change, Change):
            self._reply(handle, "ChangeConfiguration", {"status": change})
            return
        event = VariableSetRequested(
            call=call,
            component=change.component,
            variable=change.variable,
            value=change.value,
            at_s=now_s,
        )
        self._ask(handle, "ChangeConfiguration", call, event)

    def _trigger(self, handle: int, call: Call, payload: Payload, now_s: float) -> None:
        decided = trigger(payload, self._boot.connectors)
        if not isinstance(decided, Trigger):
            self._reply(handle, "TriggerMessage", {"status": decided})
            return
        early = self._registration.state is Registered.NOT_YET
        if decided.wanted is Wanted.METER_VALUES and not early:
            event = MeterValuesTriggered(call=call, evse=decided.connector, at_s=now_s)
            self._ask(handle, "TriggerMessage", call, event)
            return
        self._reply(handle, "TriggerMessage", {"status": "Accepted"})
        if decided.wanted is Wanted.BOOT:
            self._registration.asked(now_s)
        elif decided not in self._triggered:
            self._triggered.append(decided)

    def _ask(self, handle: int, action: str, call: Call, event: Event) -> None:
        self._calls[call] = (handle, action)
        self._tell(event)

    def _answer(self, effect: Answer) -> None:
        waiting = self._calls.pop(effect.call, None)
        if waiting is not None:
            handle, action = waiting
            self._reply(handle, action, commands.answer(action, effect.verdict))

    def _reply(self, handle: int, action: str, payload: Payload) -> None:
        try:
            checked = written(VERSION, action, "response", payload)
        except Violation as error:
            self._note("message.made_invalid", action=action, problem=error.problem)
            self._refuse(handle, Fault.INTERNAL, "the answer could not be written")
            return
        for passed in self._rpc.answer(handle, checked):
            self._passed(passed)

    def _refuse(self, handle: int, fault: Fault, description: str) -> None:
        for passed in self._rpc.refuse(handle, fault, description):
            self._passed(passed)

    # --- Small change ----------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self._out.append(Tell(event=event))

    def _note(self, name: str, **fields: str | int | float | bool | None) -> None:
        self._out.append(Noted(name=name, fields=tuple(fields.items())))


def _is(kind: type) -> Callable[[Context], bool]:
    return lambda context: isinstance(context, kind)


def _asks_for_boot(event: rpc.Request) -> bool:
    wanted = event.payload.get("requestedMessage")
    return event.action == "TriggerMessage" and wanted == "BootNotification"
