"""OCPP 1.6 from the station's side: composes the parts and routes between them, nothing more.

Each entry point does its part and then sends what has become due, answers before own calls. What
the parts are: `boot` (registration), `heartbeat`, `status`, `delivery` with `transactions` and
`meter_values` (records), `requests` with `commands`, `configuration` and `trigger` (what the CSMS
asks), `calls` (what we ask) and, below them, `ocpp.rpc`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

from chargepoint.ocpp import rpc
from chargepoint.ocpp.adapter import Adapter, Output
from chargepoint.ocpp.frames import CODES_V16, Payload
from chargepoint.ocpp.outputs import Outputs
from chargepoint.ocpp.payloads import response
from chargepoint.ocpp.rpc import Happening, Rpc
from chargepoint.ocpp.times import EARLIEST, LATEST, Timestamps, parsed
from chargepoint.ocpp.v16.boot import (
    Registered,
    Registration,
    boot_notification,
    heartbeat_interval_s,
)
from chargepoint.ocpp.v16.calls import (
    VERSION,
    AuthorizationCall,
    BootCall,
    Calls,
    Context,
    DataCall,
    HeartbeatCall,
    MeterCall,
    StatusCall,
)
from chargepoint.ocpp.v16.configuration import Configuration
from chargepoint.ocpp.v16.delivery import Delivery, Outcome, RecordCall
from chargepoint.ocpp.v16.file_reports import FileCall, FileReports, message
from chargepoint.ocpp.v16.heartbeat import Heartbeat
from chargepoint.ocpp.v16.id_tag_info import ID_TAG_MAX, token_info
from chargepoint.ocpp.v16.meter_values import meter_values, requests
from chargepoint.ocpp.v16.requests import Requests
from chargepoint.ocpp.v16.security import (
    CsrCall,
    csr_answered,
    csr_refused,
    invalid_message,
    sign_certificate,
)
from chargepoint.ocpp.v16.status import StatusReporter, status_notification
from chargepoint.ocpp.v16.transactions import Request
from chargepoint.ocpp.v16.transfer import (
    data_transfer,
    not_transferred,
    transfer_failed,
    transferred,
)
from chargepoint.ocpp.v16.trigger import Wanted
from chargepoint.ocpp.view import BootInformation, LinkSettings, StationView
from chargepoint.station.effects import (
    Answer,
    AskAuthorization,
    Effect,
    ReportConnector,
    ReportFile,
    ReportMeterValues,
    SendCsr,
    SendRecord,
    TransferData,
)
from chargepoint.station.events import (
    AuthorizationAnswered,
    AuthorizationUnanswered,
    Call,
    CsmsAccepted,
    CsmsLost,
    HeartbeatIntervalGiven,
    MeterValuesTriggered,
    RecordReturned,
    TimeGiven,
)
from chargepoint.station.file_requests import FileReportDelivered
from chargepoint.station.file_values import FileReport
from chargepoint.station.records import ReadingContext

GOING_AWAY = 1001
"""WebSocket close code of an end that leaves."""

MESSAGES_MAX = 8
"""MeterValues outside records, and questions about tokens, that may wait; more are given up."""


# fmt: off
NOTED = {
    # `rpc.Disturbed.what`: event of the catalogue
    "unreadable": "csms.sent_unreadable",
    "unexpected": "csms.sent_unexpected",
    "overrun":    "csms.flooded",
    "unanswered": "request.left_unanswered",
}
# fmt: on


class Adapter16(Adapter):
    """One charge point speaking OCPP 1.6J."""

    def __init__(
        self,
        station: StationView,
        boot: BootInformation,
        settings: LinkSettings,
        new_id: Callable[[], str],
    ) -> None:
        self._out = Outputs()
        self._settings = settings
        self._boot = boot
        self._rpc: Rpc[Context] = Rpc(CODES_V16, new_id, settings.unanswered_max)
        self._times = Timestamps(station.clock, settings.milliseconds)
        self._registration = Registration()
        self._heartbeat = Heartbeat()
        self._status = StatusReporter(boot.vendor, boot.connectors)
        self._delivery = Delivery()
        self._files = FileReports()
        self._configuration = Configuration(station.device_model, boot.connectors)
        self._calls = Calls(self._rpc, self._configuration, self._out)
        self._requests = Requests(
            self._rpc, self._registration, self._configuration, boot.connectors, self._out
        )
        self._connected = False
        self._usable = False
        """The station was told CsmsAccepted, and not yet CsmsLost."""
        self._reregistered = False

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
        return self._out.take()

    def received(self, text: str, now_s: float) -> Sequence[Output]:
        if self._connected:
            self._process(self._rpc.received(text, now_s), now_s)
        return self._finished(now_s)

    def handle(self, effect: Effect, now_s: float) -> Sequence[Output]:
        match effect:
            case Answer():
                self._requests.decided(effect)
            case AskAuthorization():
                self._authorize(effect, now_s)
            case SendRecord():
                self._send_record(effect, now_s)
            case ReportConnector():
                duration_s = self._configuration.number("MinimumStatusDuration", 0.0)
                self._status.changed(effect.report, now_s, duration_s)
            case ReportMeterValues():
                self._report_meter_values(effect, now_s)
            case SendCsr():
                self._sign(effect, now_s)
            case TransferData():
                self._transfer(effect, now_s)
            case ReportFile(report=report):
                self._file_settled(self._files.owe(report), now_s)
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
        return self._out.take()

    def _queue_due(self, now_s: float) -> None:
        if self._registration.take_due(now_s) and not self._calls.wait(BootCall):
            self._calls.queue("BootNotification", boot_notification(self._boot), BootCall(), now_s)
        self._send_triggered(now_s)
        self._send_file_report(now_s)
        self._heartbeat.set_interval(self._configuration.text("HeartbeatInterval"), now_s)
        if self._heartbeat.due(now_s):
            self._send_heartbeat(now_s)
        if not self._calls.wait(StatusCall) and (owed := self._status.take()) is not None:
            payload = status_notification(owed, self._times, now_s)
            self._calls.queue("StatusNotification", payload, StatusCall(owed.connector), now_s)

    def _send_heartbeat(self, now_s: float) -> None:
        self._heartbeat.start(now_s)
        if not self._calls.wait(HeartbeatCall):
            self._calls.queue("Heartbeat", {}, HeartbeatCall(), now_s)

    def _send_triggered(self, now_s: float) -> None:
        """Send what was triggered; before the first answer to a boot nothing else may go out."""
        if self._registration.state in (Registered.NOT_YET, Registered.REJECTED):
            return
        for entry in self._requests.take_triggered():
            if entry.wanted is Wanted.HEARTBEAT and not self._calls.wait(HeartbeatCall):
                self._calls.queue("Heartbeat", {}, HeartbeatCall(), now_s)
            elif entry.wanted is Wanted.METER_VALUES:
                held = Call("answered before")
                self._out.tell(MeterValuesTriggered(call=held, evse=entry.connector, at_s=now_s))
            elif entry.wanted is Wanted.STATUS:
                chosen = self._status.known() if entry.connector is None else (entry.connector,)
                for connector in chosen:
                    self._status.owe(connector)

    # --- Own calls -------------------------------------------------------------------------------

    def _authorize(self, effect: AskAuthorization, now_s: float) -> None:
        crowded = self._calls.count(AuthorizationCall) >= MESSAGES_MAX
        context = AuthorizationCall(effect.request)
        payload = {"idTag": effect.id_token.value[:ID_TAG_MAX]}
        sent = (
            self._usable and not crowded and self._calls.queue("Authorize", payload, context, now_s)
        )
        if not sent:
            self._out.tell(AuthorizationUnanswered(request=effect.request, at_s=now_s))

    def _send_record(self, effect: SendRecord, now_s: float) -> None:
        sequence = effect.record.sequence
        if not self._usable:
            self._out.tell(RecordReturned(sequence=sequence, at_s=now_s))
            return
        begun = self._delivery.begin(effect, self._times, now_s)
        if isinstance(begun, list):
            self._send_parts(sequence, begun, now_s)
        else:
            self._out.tell(begun)

    def _send_parts(self, sequence: int, parts: Sequence[Request], now_s: float) -> None:
        action, payload = parts[0]
        call = RecordCall(sequence, tuple(parts[1:]))
        if not self._calls.queue(action, payload, call, now_s):
            problem = "message against the schema"
            self._out.tell(self._delivery.failed(call, action, "InternalError", problem, now_s))

    def _sign(self, effect: SendCsr, now_s: float) -> None:
        request = sign_certificate(effect.csr)
        if not self._usable or not self._calls.queue("SignCertificate", request, CsrCall(), now_s):
            self._out.tell(csr_answered(None, now_s))

    def _transfer(self, effect: TransferData, now_s: float) -> None:
        crowded = self._calls.count(DataCall) >= MESSAGES_MAX
        request, context = data_transfer(effect), DataCall(effect.request)
        sent = (
            self._usable
            and not crowded
            and self._calls.queue("DataTransfer", request, context, now_s)
        )
        if not sent:
            self._out.tell(not_transferred(effect.request, now_s))

    def _report_meter_values(self, effect: ReportMeterValues, now_s: float) -> None:
        """Values outside records; while Pending only what was triggered."""
        values = meter_values(effect.samples, self._times, now_s)
        triggered = any(sample.context is ReadingContext.TRIGGER for sample in effect.samples)
        pending = self._registration.state is Registered.PENDING and triggered
        if not self._connected or not (self._usable or pending):
            return
        for payload in requests(effect.evse, effect.csms_transaction_id, values):
            if self._calls.count(MeterCall) < MESSAGES_MAX:
                self._calls.queue("MeterValues", payload, MeterCall(), now_s)

    def _send_file_report(self, now_s: float) -> None:
        """One at a time, so that they keep their order; while Pending only what was triggered."""
        pending = self._registration.state is Registered.PENDING
        if self._calls.wait(FileCall) or not (self._usable or pending):
            return
        owed = self._files.take(triggered_only=not self._usable)
        spelled = None if owed is None else message(owed.report)
        if owed is not None and spelled is not None:
            action, payload = spelled
            if not self._calls.queue(action, payload, owed, now_s):
                self._file_settled(owed.report, now_s)

    def _file_settled(self, report: FileReport | None, now_s: float) -> None:
        if report is not None:
            self._out.tell(FileReportDelivered(report=report, at_s=now_s))

    # --- What happened on the line ---------------------------------------------------------------

    def _process(self, happened: Iterable[Happening[Context]], now_s: float) -> None:
        for event in happened:
            self._happened(event, now_s)

    def _happened(self, event: Happening[Context], now_s: float) -> None:
        match event:
            case rpc.Passed():
                self._out.passed(event)
            case rpc.Request():
                self._requests.received(event, now_s)
            case rpc.Answered():
                payload = response(VERSION, event.action, event.payload)
                if event.late:
                    self._answered_late(event.context, event.action, payload, now_s)
                else:
                    self._answered(event.context, event.action, payload, now_s)
            case rpc.Failed():
                self._out.note(
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
                self._out.note(NOTED[event.what], reason=event.reason)
                if event.what == "unreadable":
                    self._out.tell(invalid_message(event.reason, now_s))
            case rpc.Muted():
                self._muted(event, now_s)
            case _:
                assert_never(event)

    def _answered(self, context: Context, action: str, payload: Payload, now_s: float) -> None:
        match context:
            case BootCall():
                self._booted(payload, now_s)
            case HeartbeatCall():
                self._hear_time(payload, now_s)
            case AuthorizationCall():
                info = token_info(payload)
                if info is None:
                    self._out.tell(AuthorizationUnanswered(request=context.request, at_s=now_s))
                else:
                    self._out.tell(
                        AuthorizationAnswered(request=context.request, info=info, at_s=now_s)
                    )
            case RecordCall() if context.rest and self._usable:
                self._send_parts(context.sequence, context.rest, now_s)
            case RecordCall() if context.rest:
                self._out.tell(RecordReturned(sequence=context.sequence, at_s=now_s))
            case RecordCall():
                self._out.tell(self._delivery.answered(context, action, payload, now_s))
            case CsrCall():
                self._out.tell(csr_answered(payload, now_s))
            case DataCall(request=request):
                self._out.tell(transferred(request, payload, now_s))
            case FileCall(report=report):
                self._file_settled(report, now_s)
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
            self._out.tell(outcome)

    def _failed(self, event: rpc.Failed[Context], now_s: float) -> None:
        match event.context:
            case BootCall():
                self._registration.unanswered(now_s)
            case AuthorizationCall() as context:
                self._out.tell(AuthorizationUnanswered(request=context.request, at_s=now_s))
            case RecordCall() as context:
                self._out.tell(self._record_failed(context, event, now_s))
            case CsrCall():
                self._out.tell(csr_refused(now_s))
            case DataCall(request=request):
                self._out.tell(transfer_failed(request, event.code, now_s))
            case FileCall(report=report):
                self._file_settled(report, now_s)
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
        self._out.note("message.unanswered", action=event.action)
        context = event.context
        if not isinstance(context, RecordCall):  # a record is tried again by itself
            self._heartbeat.hurry(now_s)
        if isinstance(context, BootCall):
            self._registration.unanswered(now_s)
        elif isinstance(context, RecordCall) and event.sent:
            alone = self._rpc.unanswered <= 1
            self._out.tell(self._delivery.timed_out(context, event.action, alone, now_s))
        elif isinstance(context, FileCall) and event.sent:
            self._file_settled(self._files.returned(context, counts=True), now_s)
        else:
            self._returned(context, now_s)

    def _returned(self, context: Context, now_s: float) -> None:
        match context:
            case AuthorizationCall():
                self._out.tell(AuthorizationUnanswered(request=context.request, at_s=now_s))
            case RecordCall():
                self._out.tell(RecordReturned(sequence=context.sequence, at_s=now_s))
            case CsrCall():
                self._out.tell(csr_answered(None, now_s))
            case DataCall(request=request):
                self._out.tell(not_transferred(request, now_s))
            case FileCall():
                self._file_settled(self._files.returned(context, counts=False), now_s)
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
        self._out.note("boot.answered", status=state.value)
        if state is Registered.ACCEPTED:
            interval_s = heartbeat_interval_s(payload)
            self._out.tell(HeartbeatIntervalGiven(interval_s=interval_s, at_s=now_s))
            self._begin_service(now_s, everything=True)
        elif self._usable or state is Registered.REJECTED:
            self._end_service(now_s)

    def _begin_service(self, now_s: float, everything: bool) -> None:
        if not self._usable:
            self._usable = True
            self._out.tell(CsmsAccepted(at_s=now_s))
        self._heartbeat.start(now_s)
        self._status.listen(everything)

    def _end_service(self, now_s: float) -> None:
        """Nothing may be sent any more but boots and, while Pending, what is triggered."""
        self._process(self._rpc.withdraw(lambda context: not isinstance(context, BootCall)), now_s)
        self._heartbeat.stop()
        self._status.deaf()
        if self._usable:
            self._usable = False
            self._out.tell(CsmsLost(at_s=now_s))

    def _reregister(self, now_s: float) -> None:
        """The CSMS takes us for a stranger, after its own restart: boot once per connection."""
        self._reregistered = True
        self._registration.lapsed(now_s)
        self._end_service(now_s)

    def _hear_time(self, payload: Payload, now_s: float) -> None:
        text = payload.get("currentTime")
        wall = parsed(text) if isinstance(text, str) else None
        if wall is not None and not EARLIEST <= wall < LATEST:
            self._out.note("csms.told_odd_time", time=text)
        elif wall is not None:
            self._times.heard(wall, now_s)
            self._out.tell(TimeGiven(wall=wall, at_s=now_s))

    def _muted(self, event: rpc.Muted, now_s: float) -> None:
        self._out.note("csms.muted", unanswered=event.unanswered)
        self._abandon(now_s)
        self._out.close(GOING_AWAY, "no answers")

    def _abandon(self, now_s: float) -> None:
        """The connection is over: return what was under way, forget what was asked."""
        self._process(self._rpc.closed(), now_s)
        self._registration.disconnected()
        self._requests.forget()
        self._files.disconnected()
        self._connected = False
        self._end_service(now_s)
