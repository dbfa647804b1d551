"""StatusNotification: what the CSMS has been told of each connector, and what it is still owed.

Every change is notified, in order (errata), except that with MinimumStatusDuration only a state
that survives is. While nobody listens, changes are not collected: after a reconnect the present
state goes out where it differs from what was told last (OCPP 1.6, sections 4.9 and 7.6; S1 to S11).
"""

from __future__ import annotations

from collections import deque

import msgspec

from chargepoint import catalog
from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.times import Timestamps
from chargepoint.station.effects import ConnectorReport, ConnectorState

WAITING_MAX = 50
"""Notifications that may wait; beyond it older changes of the same connector are skipped."""

MREC_VENDOR = "https://chargex.inl.gov"
"""vendorId of the ChargeX consortium's Minimum Required Error Codes (CX001 to CX026)."""

_STATION_STATES = {ConnectorState.AVAILABLE, ConnectorState.UNAVAILABLE, ConnectorState.FAULTED}
"""Connector 0 knows no others."""

_COMMUNICATION_STATES = {
    ConnectorState.PREPARING,
    ConnectorState.SUSPENDED_EV,
    ConnectorState.SUSPENDED_EVSE,
    ConnectorState.FINISHING,
}
"""EVCommunicationError is a warning of these states only."""


class Shown(msgspec.Struct, frozen=True):
    """What a StatusNotification says apart from its time; equal means that nothing changed."""

    status: str
    error: str
    info: str
    vendor: str
    vendor_error: str


class Owed(msgspec.Struct, frozen=True):
    """One notification that waits to be sent."""

    connector: int
    shown: Shown
    since_s: float | None
    """Second of the change; None: the time of sending (the state is old, the message is not)."""


class StatusReporter:
    """The connectors as the CSMS knows them."""

    def __init__(self, vendor: str, connectors: int) -> None:
        self._vendor = vendor
        self._connectors = range(connectors + 1)
        self._reports: dict[int, ConnectorReport] = {0: _unremarkable()}
        self._told: dict[int, Shown] = {}
        self._settling: dict[int, float] = {}
        self._waiting: deque[Owed] = deque()
        self._listening = False

    def changed(self, report: ConnectorReport, now_s: float, duration_s: float) -> None:
        """A connector is in a new state; `duration_s`: how long it must last to be told."""
        if report.evse not in self._connectors:
            return
        self._reports[report.evse] = report
        if not self._listening:
            return
        if duration_s > 0:
            self._settling[report.evse] = now_s + duration_s
        else:
            self._settle(report.evse)

    def listen(self, everything: bool) -> None:
        """The CSMS listens from now on: tell `everything`, or what differs from what it knows."""
        self._listening = True
        for connector in self._connectors:
            if connector in self._reports and (everything or self._news(connector)):
                self.owe(connector)

    def deaf(self) -> None:
        """Nobody listens: what waits was not told."""
        self._listening = False
        for owed in self._waiting:
            self._told.pop(owed.connector, None)
        self._waiting.clear()
        self._settling.clear()

    def lost(self, connector: int) -> None:
        """A notification may not have arrived; the next connection repeats the state."""
        self._told.pop(connector, None)

    def owe(self, connector: int) -> None:
        """Tell the present state of `connector`, whether it changed or not."""
        if connector in self._reports and not self._repeats(connector):
            self._append(connector, since_s=None)

    def known(self) -> tuple[int, ...]:
        """The station (0) and every connector."""
        return tuple(self._connectors)

    def tick(self, now_s: float) -> None:
        """Tell the states that have lasted long enough."""
        for connector, until_s in list(self._settling.items()):
            if now_s >= until_s:
                del self._settling[connector]
                self._settle(connector)

    def take(self) -> Owed | None:
        """The next notification to send."""
        return self._waiting.popleft() if self._waiting else None

    def deadline_s(self) -> float | None:
        return min(self._settling.values(), default=None)

    def _settle(self, connector: int) -> None:
        if self._news(connector):
            self._append(connector, since_s=self._reports[connector].since_s)

    def _news(self, connector: int) -> bool:
        return self._told.get(connector) != self._shown(connector)

    def _repeats(self, connector: int) -> bool:
        """Whether the very same notification waits already."""
        shown = self._shown(connector)
        last = [owed for owed in self._waiting if owed.connector == connector][-1:]
        return bool(last) and last[0].shown == shown

    def _append(self, connector: int, since_s: float | None) -> None:
        if len(self._waiting) >= WAITING_MAX:
            kept = [owed for owed in self._waiting if owed.connector != connector]
            self._waiting = deque(kept)
        shown = self._shown(connector)
        self._told[connector] = shown
        self._waiting.append(Owed(connector, shown, since_s))

    def _shown(self, connector: int) -> Shown:
        return shown(self._reports[connector], self._vendor)


def shown(report: ConnectorReport, vendor: str) -> Shown:
    """`report` in the words of 1.6; `vendor` signs error codes of our own."""
    state = report.state
    if report.evse == 0 and state not in _STATION_STATES:
        state = ConnectorState.AVAILABLE
    if report.fault is None:
        error = "OtherError" if state is ConnectorState.FAULTED else "NoError"
        return Shown(state.value, error, report.info[:50], "", "")
    entry = catalog.entries().get(report.fault)
    error = entry.code_v16 if entry else "OtherError"
    if error == "EVCommunicationError" and state not in _COMMUNICATION_STATES:
        error = "OtherError"
    if error == "NoError" and state is ConnectorState.FAULTED:
        error = "OtherError"
    code = (entry.code_mrec if entry else "") or report.fault
    info = report.info or (entry.title if entry else "")
    signed = MREC_VENDOR if code.startswith("CX") else vendor
    return Shown(state.value, error, info[:50], signed, code[:50])


def status_notification(owed: Owed, times: Timestamps, now_s: float) -> Payload:
    """The request for `owed`."""
    payload: Payload = {
        "connectorId": owed.connector,
        "errorCode": owed.shown.error,
        "status": owed.shown.status,
    }
    timestamp = times.at(now_s if owed.since_s is None else owed.since_s, now_s)
    # fmt: off
    optional = {
        "timestamp":       timestamp,
        "info":            owed.shown.info,
        "vendorId":        owed.shown.vendor,
        "vendorErrorCode": owed.shown.vendor_error,
    }
    # fmt: on
    return payload | {key: text for key, text in optional.items() if text}


def _unremarkable() -> ConnectorReport:
    """The station as a whole, until something else is said of it."""
    return ConnectorReport(evse=0, connector=0, state=ConnectorState.AVAILABLE, since_s=0.0)
