"""A station view that a test can set, and a line with a hand-driven CSMS at its other end.

Every frame that the adapter sends is checked here against the published schemas with `jsonschema`,
which is no part of the adapter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import jsonschema

from chargepoint.ocpp.adapter import Close, Noted, Output, Send, Tell, Trace
from chargepoint.ocpp.v16.adapter import Adapter16
from chargepoint.ocpp.view import BootInformation
from chargepoint.station.effects import Answer, Effect, Verdict
from chargepoint.station.events import Call, Event
from chargepoint.station.records import Stamp

START = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
"""Wall time at monotonic second 0 of boot `boot-1`."""

ACCEPTED = {
    "status": "Accepted",
    "currentTime": "2026-11-24T10:00:00Z",
    "interval": 300,
}

E = TypeVar("E", bound=Event)


@dataclass
class Variable:
    value: str
    writable: bool = True
    secret: bool = False


DEFAULTS = {
    ("SecurityCtrlr", "AdditionalRootCertificateCheck"): "false",
    ("SecurityCtrlr", "AllowCSMSTLSWildcards"): "true",
    ("SecurityCtrlr", "AllowSecurityProfileDowngrade"): "false",
    ("SecurityCtrlr", "BasicAuthPassword"): "",
    ("SecurityCtrlr", "CertSigningRepeatTimes"): "3",
    ("SecurityCtrlr", "CertSigningWaitMinimum"): "60",
    ("SecurityCtrlr", "CertificateEntries"): "20",
    ("SecurityCtrlr", "MaxCertificateChainSize"): "10000",
    ("SecurityCtrlr", "OrganizationName"): "",
    ("SecurityCtrlr", "SecurityProfile"): "1",
    ("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "false",
    ("AuthCacheCtrlr", "Enabled"): "true",
    ("AuthCtrlr", "MasterPassGroupId"): "",
    ("AlignedDataCtrlr", "SignUpdatedReadings"): "false",
    ("CustomTariff", "DefaultPrice"): "",
    ("CustomTariff", "Enabled"): "true",
    ("CustomTariff", "IdleFeeAfterStop"): "false",
    ("CustomTariff", "Language"): "en",
    ("CustomTariff", "MultiLanguage"): "true",
    ("SampledDataCtrlr", "SignReadings"): "true",
    ("SampledDataCtrlr", "SignUpdatedReadings"): "false",
    ("CustomAccess", "AutoStartId"): "",
    ("CustomAccess", "CardDeadTime"): "0",
    ("CustomAccess", "StopOnSecondSwipe"): "true",
    ("AuthCtrlr", "AuthorizeRemoteStart"): "true",
    ("AlignedDataCtrlr", "Interval"): "0",
    ("TxCtrlr", "EVConnectionTimeOut"): "120",
    ("Ocpp16Ctrlr", "ConnectorPhaseRotation"): "0.RST,1.RST",
    ("OCPPCommCtrlr", "HeartbeatInterval"): "300",
    ("AuthCtrlr", "LocalAuthorizeOffline"): "true",
    ("AuthCtrlr", "LocalPreAuthorize"): "false",
    ("TxCtrlr", "MaxEnergyOnInvalidId"): "0",
    ("OCPPCommCtrlr", "MessageTimeout"): "30",
    ("AlignedDataCtrlr", "Measurands"): "Energy.Active.Import.Register",
    ("SampledDataCtrlr", "TxUpdatedMeasurands"): "Energy.Active.Import.Register,Voltage",
    ("SampledDataCtrlr", "TxUpdatedInterval"): "60",
    ("Ocpp16Ctrlr", "MinimumStatusDuration"): "0",
    ("OCPPCommCtrlr", "ResetRetries"): "1",
    ("TxCtrlr", "StopTxOnEVSideDisconnect"): "true",
    ("TxCtrlr", "StopTxOnInvalidId"): "true",
    ("AlignedDataCtrlr", "TxEndedMeasurands"): "",
    ("SampledDataCtrlr", "TxEndedMeasurands"): "Energy.Active.Import.Register",
    ("OCPPCommCtrlr", "MessageAttempts"): "3",
    ("OCPPCommCtrlr", "MessageAttemptInterval"): "60",
    ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"): "true",
    ("OCPPCommCtrlr", "WebSocketPingInterval"): "30",
    ("LocalAuthListCtrlr", "Enabled"): "true",
    ("LocalAuthListCtrlr", "Entries"): "10000",
    ("LocalAuthListCtrlr", "ItemsPerMessage"): "500",
    ("ReservationCtrlr", "NonEvseSpecific"): "true",
    ("SmartChargingCtrlr", "Entries"): "100",
    ("SmartChargingCtrlr", "PeriodsPerSchedule"): "96",
    ("SmartChargingCtrlr", "Phases3to1"): "false",
    ("SmartChargingCtrlr", "ProfileStackLevel"): "20",
}


class Model:
    """The device model as a table."""

    def __init__(self) -> None:
        self.variables = {
            place: Variable(text, secret=place[1] == "BasicAuthPassword")
            for place, text in DEFAULTS.items()
        }

    def get(self, component: str, variable: str) -> Variable | None:
        return self.variables.get((component, variable))

    def set(self, component: str, variable: str, value: str) -> None:
        self.variables[component, variable] = Variable(value)


class Clock:
    """A clock that knows the time from `START`, unless told not to."""

    def __init__(self) -> None:
        self.known = True

    def wall(self, stamp: Stamp) -> datetime | None:
        return START + timedelta(seconds=stamp.at_s) if self._knows(stamp) else None

    def now(self, now_s: float) -> datetime | None:
        return START + timedelta(seconds=now_s) if self.known else None

    def _knows(self, stamp: Stamp) -> bool:
        return self.known and stamp.boot == "boot-1"


class View:
    def __init__(self) -> None:
        self.device_model = Model()
        self.clock = Clock()


@dataclass
class Settings:
    boot_on_reconnect: bool = False
    unanswered_max: int = 5
    milliseconds: bool = True


@dataclass
class Line:
    """An adapter and everything that came out of it; the test is the CSMS and the station."""

    connectors: int = 2
    settings: Settings = field(default_factory=Settings)
    view: View = field(default_factory=View)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.outputs: list[Output] = []
        self._ids = iter(range(1, 1_000_000))
        self._actions: dict[Any, str] = {}
        self._up = False
        boot = BootInformation(
            vendor="Vendor",
            model="Model",
            serial="S1",
            firmware="1.0",
            connectors=self.connectors,
        )
        self.adapter = Adapter16(self.view, boot, self.settings, self._new_id)

    def _new_id(self) -> str:
        return f"own-{next(self._ids)}"

    # --- Doing -----------------------------------------------------------------------------------

    def connect(self) -> None:
        self._up = True
        self._take(self.adapter.connected(self.now_s))

    def disconnect(self) -> None:
        self._up = False
        self._take(self.adapter.disconnected(self.now_s))

    def receive(self, text: str) -> None:
        self._take(self.adapter.received(text, self.now_s))

    def effect(self, effect: Effect) -> None:
        self._take(self.adapter.handle(effect, self.now_s))

    def wait(self, seconds: float) -> None:
        """Let time pass as the shell does: tick at each deadline."""
        end_s = self.now_s + seconds
        for _ in range(10_000):
            deadline_s = self.adapter.deadline_s()
            if deadline_s is None or deadline_s > end_s:
                break
            self.now_s = max(self.now_s, deadline_s)
            self._take(self.adapter.tick(self.now_s))
        else:
            raise AssertionError("the adapter never comes to rest")
        self.now_s = end_s

    def accept(self, **changes: Any) -> None:
        """Connect and register; what follows the boot is answered until the line is quiet."""
        self.connect()
        self.answer(ACCEPTED | changes)
        self.settle()

    def settle(self) -> None:
        """Answer every StatusNotification and Heartbeat that is in flight."""
        while self.in_flight is not None and self.in_flight[2] in (
            "StatusNotification",
            "Heartbeat",
        ):
            self.answer({"currentTime": "2026-11-24T10:00:00Z"})

    def answer(self, payload: Any) -> None:
        """The CSMS answers the call in flight."""
        self.receive(json.dumps([3, self._in_flight()[1], payload]))

    def error(self, code: str, description: str = "") -> None:
        self.receive(json.dumps([4, self._in_flight()[1], code, description, {}]))

    def ask(self, action: str, payload: Any, message_id: Any = "csms-1") -> Any:
        """The CSMS asks; the frame that answers it, or None while it is not answered."""
        before = len(self.outputs)
        if isinstance(message_id, str):
            self._actions[message_id] = action
        self.receive(json.dumps([2, message_id, action, payload]))
        replies = [frame for frame in self.frames(before) if frame[0] in (3, 4)]
        return replies[0] if replies else None

    def verdict(self, verdict: Verdict) -> Any:
        """The station answers the last event that has a call; the frame to the CSMS."""
        before = len(self.outputs)
        calls = [call for event in self.told() if isinstance(call := _call(event), str)]
        self.effect(Answer(call=Call(calls[-1]), verdict=verdict))
        return self.frames(before)[0]

    # --- Looking ---------------------------------------------------------------------------------

    def frames(self, since: int = 0) -> list[Any]:
        return [json.loads(out.text) for out in self.outputs[since:] if isinstance(out, Send)]

    def calls(self, action: str | None = None) -> list[Any]:
        """Payloads of the calls that we sent."""
        return [f[3] for f in self.frames() if f[0] == 2 and action in (None, f[2])]

    def actions(self) -> list[str]:
        return [frame[2] for frame in self.frames() if frame[0] == 2]

    def told(self, kind: type[E] | None = None) -> list[Any]:
        events = [out.event for out in self.outputs if isinstance(out, Tell)]
        return [event for event in events if kind is None or isinstance(event, kind)]

    def noted(self) -> list[str]:
        return [out.name for out in self.outputs if isinstance(out, Noted)]

    def traced(self) -> list[Trace]:
        return [out for out in self.outputs if isinstance(out, Trace)]

    def closed(self) -> list[Close]:
        return [out for out in self.outputs if isinstance(out, Close)]

    def forget(self) -> None:
        """Look only at what comes from here on."""
        in_flight = self.in_flight if self._up else None
        self.outputs = [] if in_flight is None else [Send(text=json.dumps(in_flight))]

    def _in_flight(self) -> Any:
        assert self.in_flight is not None, "nothing is in flight"
        return self.in_flight

    @property
    def in_flight(self) -> Any:
        """The last call, unless it was answered."""
        calls = [frame for frame in self.frames() if frame[0] == 2]
        if not calls:
            return None
        answered = {
            trace.message_id
            for trace in self.traced()
            if not trace.outgoing and trace.kind in ("result", "error", "invalid")
        }
        return None if calls[-1][1] in answered else calls[-1]

    def _take(self, outputs: Sequence[Output]) -> None:
        self.outputs.extend(outputs)
        for output in outputs:
            if isinstance(output, Send):
                check(json.loads(output.text), self._actions)


def check(frame: Any, actions: dict[Any, str]) -> None:
    """Fail unless `frame` is legal OCPP 1.6J as published."""
    if frame[0] == 2:
        assert len(frame) == 4
        assert 0 < len(frame[1]) <= 36
        jsonschema.validate(frame[3], published(frame[2], ""))
    elif frame[0] == 3:
        assert len(frame) == 3
        if isinstance(frame[1], str) and frame[1] in actions:
            jsonschema.validate(frame[2], published(actions[frame[1]], "Response"))
    else:
        assert frame[0] == 4
        assert len(frame) == 5
        assert isinstance(frame[2], str)
        assert len(frame[3]) <= 255
        assert frame[4] == {}


@cache
def published(action: str, suffix: str) -> Any:
    path = files("ocpp.v16") / "schemas" / f"{action}{suffix}.json"
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _call(event: Event) -> str | None:
    return getattr(event, "call", None)
