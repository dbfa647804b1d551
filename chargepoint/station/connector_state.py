"""The state of each connector as the CSMS sees it (OCPP 1.6, section 4.9; rules S and section 6).

`RULES` is read from top to bottom, the first that holds gives the state. While a transaction is
open the phase of the safety program decides; a phase in passing keeps the state before it, and a
suspension must last a moment to be one. Nothing is told before the safety program has spoken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chargepoint.station.desk import Desk, earliest
from chargepoint.station.effects import ConnectorReport, ConnectorState, ReportConnector
from chargepoint.station.events import EvsePhase
from chargepoint.station.evse_meter import LOST_FAULT
from chargepoint.station.faults import weightiest
from chargepoint.station.session import Session, Stage
from chargepoint.station.transaction import CONNECTOR

SETTLE_S = 2.0
"""A vehicle that starts or resumes passes through suspended phases within this time."""

READER_FAULT = "reader_lost"
"""Catalogue id of the warning while a reader of this EVSE does not reply."""

EV_SIDE = "EV side disconnected"

_C = ConnectorState
# fmt: off
IN_TRANSACTION = {
    # phase of the safety program:   state; None: in passing, the state before it stays
    EvsePhase.ENERGISED:      _C.CHARGING,
    EvsePhase.OFFERING:       _C.SUSPENDED_EV,
    EvsePhase.WAKING:         _C.SUSPENDED_EV,
    EvsePhase.IDLE:           _C.SUSPENDED_EV,      # S8: unplugged at the car, goes on
    EvsePhase.CONNECTED:      _C.SUSPENDED_EVSE,
    EvsePhase.WAITING:        _C.SUSPENDED_EVSE,
    EvsePhase.FAULTED:        _C.SUSPENDED_EVSE,    # by a problem that does not stop it
    EvsePhase.OUT_OF_SERVICE: _C.SUSPENDED_EVSE,
    EvsePhase.STARTING:       None,
    EvsePhase.CLOSING:        None,
    EvsePhase.STOPPING:       None,
    EvsePhase.OPENING:        None,
}
# fmt: on
_SUSPENDED = {_C.SUSPENDED_EV, _C.SUSPENDED_EVSE}
_HELD = _SUSPENDED | {_C.PREPARING, _C.CHARGING, _C.FAULTED}
"""States that may stand while a transaction is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at."""

    session: Session
    operative: bool
    prepared: bool
    """A card waits for a vehicle here."""
    reserved: bool
    before: ConnectorState | None
    now_s: float


Rule = tuple[Callable[[Facts], bool], Callable[[Facts], ConnectorState | None]]


def _in_transaction(facts: Facts) -> ConnectorState | None:
    if facts.session.left_with_cable:
        return _C.FINISHING  # S8; a cable of ours has nothing left to be done (C1)
    held = facts.before if facts.before in _HELD else _C.PREPARING
    view = facts.session.vehicle.view
    if facts.session.stage is not Stage.RUNNING or view is None or facts.before is _C.FINISHING:
        return held  # F2: from Finishing it goes on by way of Preparing only
    state = IN_TRANSACTION[view.phase]
    if state is _C.SUSPENDED_EV and facts.session.paused:
        state = _C.SUSPENDED_EVSE  # S4: both pause
    if state is None:
        return held
    settled = facts.now_s >= _settled_s(facts.session)
    return state if settled or state not in _SUSPENDED else held


# fmt: off
RULES: tuple[Rule, ...] = (
    (lambda f: f.session.unusable,                         lambda f: _C.FAULTED),
    (lambda f: f.session.charge is not None,               _in_transaction),
    (lambda f: not f.session.vehicle.known,                lambda f: f.before),
    (lambda f: not f.operative,                            lambda f: _C.UNAVAILABLE),
    (lambda f: f.session.stage is Stage.AUTHORIZED,        lambda f: _C.PREPARING),
    (lambda f: f.session.used,                             lambda f: _C.FINISHING),
    (lambda f: f.reserved and not f.prepared,              lambda f: _C.RESERVED),
    (lambda f: f.session.given_up and not f.prepared,      lambda f: _C.FINISHING),   # B6
    (lambda f: f.session.vehicle.connected or f.prepared,  lambda f: _C.PREPARING),
    (lambda f: True,                                       lambda f: _C.AVAILABLE),
)
# fmt: on


def connector_state(facts: Facts) -> ConnectorState | None:
    """The state; None: nothing is known yet."""
    return next(state(facts) for holds, state in RULES if holds(facts))


class ConnectorReports:
    """What was reported last; `update` reports what has changed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reports: dict[int, ConnectorReport] = {}

    def report(self, evse: int) -> ConnectorReport | None:
        return self._reports.get(evse)

    def state(self, evse: int) -> ConnectorState | None:
        """The state as it was reported last; None: nothing is known yet."""
        report = self._reports.get(evse)
        return None if report is None else report.state

    def update(
        self,
        sessions: Iterable[Session],
        operative: Callable[[int], bool],
        prepared: Callable[[int], bool],
        reserved: Callable[[int], bool],
        readerless: Callable[[int], bool],
        station_fault: str | None,
    ) -> None:
        """Compare every connector with its last report; EVSE 0 is the station."""
        self._tell(
            ConnectorReport(
                evse=0,
                connector=0,
                state=_C.AVAILABLE if operative(0) else _C.UNAVAILABLE,
                since_s=self._desk.now_s,
                fault=station_fault,
            )
        )
        for session in sessions:
            before = self._reports.get(session.evse)
            facts = Facts(
                session=session,
                operative=operative(session.evse),
                prepared=prepared(session.evse),
                reserved=reserved(session.evse),
                before=None if before is None else before.state,
                now_s=self._desk.now_s,
            )
            state = connector_state(facts)
            if state is not None:
                self._tell(self._made(session, state, readerless(session.evse)))

    def deadline_s(self, sessions: Iterable[Session]) -> float | None:
        """When a suspension would have lasted long enough, or an attempt too long."""
        return earliest(
            *(
                each
                for session in sessions
                for each in (self._settling_s(session), _late_s(session))
            )
        )

    def _settling_s(self, session: Session) -> float | None:
        view = session.vehicle.view
        if session.stage is not Stage.RUNNING or view is None:
            return None
        settled_s = _settled_s(session)
        passing = IN_TRANSACTION[view.phase] in _SUSPENDED and settled_s > self._desk.now_s
        return settled_s if passing else None

    def _made(self, session: Session, state: ConnectorState, readerless: bool) -> ConnectorReport:
        warnings = (LOST_FAULT,) if session.meter.lost else ()
        if readerless:
            warnings = (*warnings, READER_FAULT)
        goes_on = session.stage is Stage.RUNNING and session.vehicle.known
        unplugged = (goes_on or session.left_with_cable) and not session.vehicle.connected
        return ConnectorReport(
            evse=session.evse,
            connector=CONNECTOR,
            state=state,
            since_s=self._desk.now_s,
            fault=weightiest((*session.vehicle.hazards, *warnings)),
            info=EV_SIDE if unplugged else "",
        )

    def _tell(self, report: ConnectorReport) -> None:
        before = self._reports.get(report.evse)
        if before is not None and _essence(before) == _essence(report):
            return
        self._reports[report.evse] = report
        remarkable = report.state is not _C.AVAILABLE or report.fault is not None
        if before is not None or report.evse != 0 or remarkable:
            self._desk.emit(ReportConnector(report=report))


def _settled_s(session: Session) -> float:
    """When the phase of a running transaction has lasted long enough to be told."""
    transaction = session.transaction
    started_s = 0.0 if transaction is None else transaction.started.at_s
    return max(session.vehicle.phase_since_s, started_s) + SETTLE_S


def _late_s(session: Session) -> float | None:
    return None if session.given_up else session.attempt_until_s


def _essence(report: ConnectorReport) -> tuple[ConnectorState, str | None, str]:
    return report.state, report.fault, report.info
