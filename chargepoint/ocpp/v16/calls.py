"""Our own calls: what each was for, what goes first, and how long an answer may take."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.outputs import Outputs
from chargepoint.ocpp.payloads import Violation, written
from chargepoint.ocpp.rpc import Rpc
from chargepoint.ocpp.v16.configuration import Configuration
from chargepoint.ocpp.v16.delivery import RecordCall
from chargepoint.ocpp.v16.file_reports import FileCall
from chargepoint.ocpp.v16.security import CsrCall

VERSION = "v16"

TIMEOUT_DEFAULT_S = 30.0
"""For a MessageTimeout that is no number or below one second."""


class BootCall(msgspec.Struct, frozen=True):
    """BootNotification: whoever asked, one is as good as another."""


class HeartbeatCall(msgspec.Struct, frozen=True):
    """Heartbeat: its answer carries the time."""


class StatusCall(msgspec.Struct, frozen=True):
    """StatusNotification of one connector."""

    connector: int


class AuthorizationCall(msgspec.Struct, frozen=True):
    """Authorize, for the question that the station asked under `request`."""

    request: str


class MeterCall(msgspec.Struct, frozen=True):
    """Values outside records."""


class DataCall(msgspec.Struct, frozen=True):
    """DataTransfer of our own, for what was asked under `request`."""

    request: str


Context = (
    BootCall
    | HeartbeatCall
    | StatusCall
    | AuthorizationCall
    | MeterCall
    | DataCall
    | RecordCall
    | CsrCall
    | FileCall
)

# fmt: off
PRIORITIES = {
    # what goes first when several calls wait; a person at the reader is the most impatient
    BootCall:          0,
    AuthorizationCall: 1,
    StatusCall:        2,
    HeartbeatCall:     3,
    FileCall:          3,
    RecordCall:        4,
    MeterCall:         5,
    DataCall:          5,
    CsrCall:           6,
}
# fmt: on


class Calls:
    """The way out for our own calls."""

    def __init__(self, rpc: Rpc[Context], configuration: Configuration, out: Outputs) -> None:
        self._rpc = rpc
        self._configuration = configuration
        self._out = out

    def queue(self, action: str, payload: Payload, context: Context, now_s: float) -> bool:
        """Queue a call; False, noted, when the payload is against the schema (our mistake)."""
        try:
            checked = written(VERSION, action, "request", payload)
        except Violation as error:
            self._out.note("message.made_invalid", action=action, problem=error.problem)
            return False
        timeout_s = self._configuration.number("MessageTimeout", TIMEOUT_DEFAULT_S)
        timeout_s = timeout_s if timeout_s >= 1 else TIMEOUT_DEFAULT_S
        priority = PRIORITIES[type(context)]
        self._rpc.call(action, checked, context, priority, timeout_s, now_s)
        return True

    def wait(self, kind: type) -> bool:
        """Whether a call of this kind waits or is in flight."""
        return self.count(kind) > 0

    def count(self, kind: type) -> int:
        return self._rpc.count(of(kind))


def of(kind: type) -> Callable[[Context], bool]:
    return lambda context: isinstance(context, kind)
