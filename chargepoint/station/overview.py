"""The station at a glance, for status displays: values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chargepoint.station.clock import Clock, ClockTrust
from chargepoint.station.connector_state import ConnectorReports
from chargepoint.station.counters import Counts
from chargepoint.station.effects import ConnectorState
from chargepoint.station.events import EvseView
from chargepoint.station.outbox import Outbox
from chargepoint.station.reasons import Reason
from chargepoint.station.records import ChargingState, IdToken, TransactionId
from chargepoint.station.session import Session
from hal.values import MeterReading


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionOverview:
    """One open transaction."""

    id: TransactionId
    csms_id: int | None
    id_token: IdToken
    """Not masked: mask it before it leaves the agent."""
    started_at: datetime | None
    """Aware UTC; None while the clock is not trusted."""
    duration_s: float | None
    """Since its start; None: it began in another boot, and the time is not known."""
    charging_state: ChargingState
    meter_start_wh: int
    energy_wh: int | None
    """Register difference up to now; None while the meter is silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseOverview:
    """One EVSE."""

    evse: int
    state: ConnectorState | None
    """None until the safety program has spoken."""
    fault: str | None
    since_s: float | None
    """When that was reported."""
    view: EvseView | None
    reading: MeterReading | None
    """The last reading, if it is of now."""
    transaction: TransactionOverview | None
    counts: Counts
    """What has happened to it in its life."""
    reasons: tuple[Reason, ...]
    """Why it does not charge, or not faster; the binding one first."""
    enabled: bool
    """Not taken out of service here."""
    local_limit_a: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOverview:
    """Records that are owed to the CSMS."""

    waiting: int
    quarantined: int
    """Since this start of the agent."""
    acknowledged: int
    """Since this start of the agent."""
    oldest_waiting_s: float | None
    """Age of the record at the head; None when nothing waits, or it is of an earlier boot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything."""

    evses: tuple[EvseOverview, ...]
    ledger: LedgerOverview
    clock: ClockTrust
    online: bool
    station_operative: bool
    fault: str | None
    """Of the station as a whole."""


def evse_overview(
    session: Session,
    reports: ConnectorReports,
    outbox: Outbox,
    clock: Clock,
    counts: Counts,
    reasons: tuple[Reason, ...],
    enabled: bool,
    local_limit_a: float | None,
    now_s: float,
) -> EvseOverview:
    """One EVSE as it was left by the last event."""
    report, transaction = reports.report(session.evse), session.transaction
    shown = None
    if transaction is not None:
        metered = session.meter.present and session.meter.fresh_register is not None
        shown = TransactionOverview(
            id=transaction.id,
            csms_id=outbox.csms_id(transaction.id),
            id_token=transaction.id_token,
            started_at=clock.wall(transaction.started),
            duration_s=clock.passed_s(transaction.started, now_s),
            charging_state=transaction.charging_state,
            meter_start_wh=transaction.meter_start_wh,
            energy_wh=transaction.energy_wh if metered else None,
        )
    return EvseOverview(
        evse=session.evse,
        state=None if report is None else report.state,
        fault=None if report is None else report.fault,
        since_s=None if report is None else report.since_s,
        view=session.vehicle.view,
        reading=session.meter.fresh,
        transaction=shown,
        counts=counts,
        reasons=reasons,
        enabled=enabled,
        local_limit_a=local_limit_a,
    )


def ledger_overview(outbox: Outbox, boot: str, now_s: float) -> LedgerOverview:
    """The outbox in numbers."""
    oldest = outbox.oldest
    known = oldest is not None and oldest.boot == boot
    return LedgerOverview(
        waiting=outbox.waiting,
        quarantined=outbox.quarantined,
        acknowledged=outbox.acknowledged,
        oldest_waiting_s=now_s - oldest.at_s if oldest is not None and known else None,
    )
