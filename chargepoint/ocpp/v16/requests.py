"""Requests of the CSMS: who decides on each, and the answer that goes back.

Unknown and unserved actions, faulty payloads and the states of registration are dealt with here;
what is left goes to `commands`, `configuration` or `trigger`, and from there, where the station has
to decide, into an event whose `Call` leads back to the request (OCPP-J 1.6, 4.2 and 4.3; R7, R8).
"""

from __future__ import annotations

from chargepoint.ocpp import rpc
from chargepoint.ocpp.frames import Fault, Payload
from chargepoint.ocpp.outputs import Outputs
from chargepoint.ocpp.payloads import Violation, request, written
from chargepoint.ocpp.rpc import Rpc
from chargepoint.ocpp.v16 import commands, file_reports
from chargepoint.ocpp.v16.boot import Registered, Registration
from chargepoint.ocpp.v16.calls import VERSION, Context
from chargepoint.ocpp.v16.configuration import Change, Configuration
from chargepoint.ocpp.v16.profiles import KNOWN, SERVED
from chargepoint.ocpp.v16.security import SIGN
from chargepoint.ocpp.v16.trigger import Trigger, Wanted, trigger
from chargepoint.station.effects import Answer
from chargepoint.station.events import Call, Event, MeterValuesTriggered, VariableSetRequested
from chargepoint.station.file_requests import FileStatusAsked
from chargepoint.station.security_requests import SigningTriggered

TRIGGERS = ("TriggerMessage", "ExtendedTriggerMessage")


class Requests:
    """The requests of one connection after the other."""

    def __init__(
        self,
        rpc: Rpc[Context],
        registration: Registration,
        configuration: Configuration,
        connectors: int,
        out: Outputs,
    ) -> None:
        self._rpc = rpc
        self._registration = registration
        self._configuration = configuration
        self._connectors = connectors
        self._out = out
        self._deciding: dict[Call, tuple[int, str]] = {}
        self._triggered: list[Trigger] = []

    def forget(self) -> None:
        """The connection is gone, and with it everything that was asked."""
        self._deciding.clear()
        self._triggered.clear()

    def take_triggered(self) -> list[Trigger]:
        """What was promised by an answer to a TriggerMessage and is to be sent now."""
        taken, self._triggered = self._triggered, []
        return taken

    def decided(self, effect: Answer) -> None:
        """The station's verdict; dropped when its connection is gone or it was given before."""
        waiting = self._deciding.pop(effect.call, None)
        if waiting is not None:
            handle, action = waiting
            try:
                self._reply(handle, action, commands.answer(action, effect))
            except Violation as refusal:
                self._refuse(handle, refusal.fault, refusal.problem)

    def received(self, asked: rpc.Request, now_s: float) -> None:
        """Answer a request, or have the station decide on it."""
        action = asked.action
        if self._registration.state is Registered.REJECTED and not _asks_for_boot(asked):
            self._rpc.ignore(asked.handle)
            return
        if action not in KNOWN:
            self._refuse(asked.handle, Fault.UNKNOWN_ACTION, f"no action {action[:50]}")
            return
        if action not in SERVED:
            self._refuse(asked.handle, Fault.UNSUPPORTED, f"{action} is not served here")
            return
        try:
            payload = request(VERSION, action, asked.payload)
            self._decide(asked.handle, action, payload, now_s)
        except Violation as error:
            self._faulty(asked.handle, action, error)

    def _faulty(self, handle: int, action: str, error: Violation) -> None:
        if action in TRIGGERS and error.rule == "enum":
            self._reply(handle, action, {"status": "NotImplemented"})
        else:
            self._refuse(handle, error.fault, error.problem)

    def _decide(self, handle: int, action: str, payload: Payload, now_s: float) -> None:
        call = Call(f"16-{handle}")
        if action in commands.ACCEPTED_ONLY and not self._registration.accepted:
            self._reply(handle, action, {"status": "Rejected"})
        elif action == "GetConfiguration":
            self._reply(handle, action, self._configuration.get(payload.get("key", [])))
        elif action == "ChangeConfiguration":
            self._change(handle, call, payload, now_s)
        elif payload.get("requestedMessage") == SIGN:
            self._ask(handle, action, call, SigningTriggered(call=call, at_s=now_s))
        elif (subject := file_reports.asked(action, payload)) is not None:
            self._ask(handle, action, call, FileStatusAsked(call=call, subject=subject, at_s=now_s))
        elif action in TRIGGERS:
            self._trigger(handle, action, call, payload, now_s)
        else:
            decision = commands.COMMANDS[action](call, payload, self._connectors, now_s)
            if isinstance(decision, dict):
                self._reply(handle, action, decision)
            else:
                self._ask(handle, action, call, decision)

    def _change(self, handle: int, call: Call, payload: Payload, now_s: float) -> None:
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

    def _trigger(
        self, handle: int, action: str, call: Call, payload: Payload, now_s: float
    ) -> None:
        decided = trigger(payload, self._connectors)
        if not isinstance(decided, Trigger):
            self._reply(handle, action, {"status": decided})
            return
        early = self._registration.state is Registered.NOT_YET
        if decided.wanted is Wanted.METER_VALUES and not early:
            event = MeterValuesTriggered(call=call, evse=decided.connector, at_s=now_s)
            self._ask(handle, action, call, event)
            return
        self._reply(handle, action, {"status": "Accepted"})
        if decided.wanted is Wanted.BOOT:
            self._registration.asked(now_s)
        elif decided not in self._triggered:
            self._triggered.append(decided)

    def _ask(self, handle: int, action: str, call: Call, event: Event) -> None:
        self._deciding[call] = (handle, action)
        self._out.tell(event)

    def _reply(self, handle: int, action: str, payload: Payload) -> None:
        try:
            checked = written(VERSION, action, "response", payload)
        except Violation as error:
            self._out.note("message.made_invalid", action=action, problem=error.problem)
            self._refuse(handle, Fault.INTERNAL, "the answer could not be written")
            return
        for frame in self._rpc.answer(handle, checked):
            self._out.passed(frame)

    def _refuse(self, handle: int, fault: Fault, description: str) -> None:
        for frame in self._rpc.refuse(handle, fault, description):
            self._out.passed(frame)


def _asks_for_boot(asked: rpc.Request) -> bool:
    """The one request that is served in state Rejected (B1)."""
    wanted = asked.payload.get("requestedMessage")
    return asked.action in TRIGGERS and wanted == "BootNotification"
