"""What the service socket shows: the station's overview, the links, the device model.

IdTokens are masked here; passwords are not known here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from chargepoint.agent.bookkeeping import Bookkeeping
from chargepoint.agent.control_link import ControlLinks
from chargepoint.agent.core import Core
from chargepoint.agent.csms import CsmsLink, LinkState
from chargepoint.agent.jobs.snapshot import Snapshot
from chargepoint.agent.messages import KEPT, Messages
from chargepoint.agent.requests.evse import EvseDesk
from chargepoint.agent.requests.tokens import ReaderDesk
from chargepoint.agent.store_effects import StoreEffect
from chargepoint.agent.wiring import FIRMWARE, KEY_OF
from chargepoint.config import Config
from chargepoint.ipc.service import (
    AlertCounts,
    Answered,
    CostPart,
    CostStatus,
    CountsStatus,
    CsmsStatus,
    Done,
    EvseStatus,
    LedgerStatus,
    LocalCostStatus,
    Reason,
    StationStatus,
    TransactionStatus,
    Variable,
    Variables,
)
from chargepoint.log import masked
from chargepoint.station.counters import Counts
from chargepoint.station.overview import EvseOverview, TransactionOverview
from chargepoint.station.prices import Cost
from chargepoint.station.reasons import Reason as StationReason
from chargepoint.station.security_values import Holdings
from chargepoint.station.station import Station

if TYPE_CHECKING:
    from chargepoint.station.cost import LocalCost

State = Literal["off", "connecting", "waiting", "connected", "pending", "rejected", "accepted"]

OF_LINK: dict[LinkState, State] = {
    LinkState.OFF: "off",
    LinkState.CONNECTING: "connecting",
    LinkState.WAITING: "waiting",
    LinkState.CONNECTED: "connected",
}
HAZARD_MAX = 100
"""Characters; the safety program leaves a client whose line is too long."""

REGISTERED: dict[str, State] = {
    # what the CSMS last said to a BootNotification: state of the link while connected
    "not yet": "connected",
    "Pending": "pending",
    "Rejected": "rejected",
    "Accepted": "accepted",
}


class Glance(msgspec.Struct):
    """What others add to the status once they are there."""

    alerts: Callable[[], AlertCounts | None] = lambda: None


class ServiceDesk(msgspec.Struct, frozen=True, kw_only=True):
    """Answers the requests of `agent.service`."""

    config: Config
    station: Station
    core: Core
    controls: ControlLinks
    csms: CsmsLink | None
    messages: Messages
    bookkeeping: Bookkeeping
    quarantined_before: int
    """Records refused for good before this start."""
    started_s: float
    now: Callable[[], float]
    evses: EvseDesk
    """What people here may do to an EVSE."""
    dropped: Callable[[], int] = int
    """Happenings that found no room since this start."""
    holdings: Callable[[], Holdings] = Holdings
    """Keys and certificates that are held."""
    lines: Callable[[], Sequence[tuple[float, str]]] = tuple
    """Last log lines with the host's time."""
    kept: Mapping[str, Mapping[str, str]] = {}
    """What the store kept, by space, at the start."""
    write: Callable[[Sequence[StoreEffect]], None] = lambda effects: None
    """Keeps something beside the station."""
    glance: Glance = msgspec.field(default_factory=Glance)
    written: Callable[[], int] = int
    """How many log lines there ever were."""
    readers: ReaderDesk = msgspec.field(default_factory=ReaderDesk)

    def status(self) -> StationStatus:
        now_s = self.now()
        overview = self.station.overview(now_s)
        ledger = overview.ledger
        return StationStatus(
            station=self.config.station.id,
            version=FIRMWARE,
            uptime_s=round(now_s - self.started_s, 1),
            clock=overview.clock.value,
            csms=self._csms(now_s),
            ledger=LedgerStatus(
                waiting=ledger.waiting,
                quarantined=self.quarantined_before + ledger.quarantined,
                oldest_waiting_s=ledger.oldest_waiting_s,
                acknowledged=ledger.acknowledged,
            ),
            evses=tuple(self._evse(evse) for evse in overview.evses),
            warnings=self._warnings(),
            alerts=self.glance.alerts(),
            fault=overview.fault,
        )

    def variables(self) -> Variables:
        return Variables(
            variables=tuple(
                Variable(
                    component=variable.component,
                    variable=variable.variable,
                    key=KEY_OF.get((variable.component, variable.variable), ""),
                    value=variable.value,
                    origin=variable.origin.value,
                    writable=variable.writable,
                )
                for variable in self.station.device_model
            )
        )

    def snapshot(self) -> Snapshot:
        """What goes into a diagnostics archive."""
        return Snapshot(
            status=self.status(),
            variables=self.variables().variables,
            messages=self.messages.last(KEPT),
            lines=self.lines(),
        )

    def diagnostics(self) -> AsyncIterator[Answered]:
        """The archive in parts, then Done."""
        from chargepoint.agent.jobs.local_archive import archive_parts

        return archive_parts(self.config, self.snapshot())

    def turn_csms(self, on: bool) -> Done:
        if self.csms is None:
            return Done(ok=False, detail="no CSMS is configured")
        self.csms.turn(on)
        return Done(ok=True, detail="connecting" if on else "disconnected until `connect`")

    async def lift_hazard(self, evse: int, hazard: str) -> Done:
        """The safety program decides; a hazard whose cause is still there stays."""
        if len(hazard) > HAZARD_MAX:
            return Done(ok=False, detail=f"no hazard has a name of {len(hazard)} characters")
        return await self.controls.lift_hazard(evse, hazard)

    def _csms(self, now_s: float) -> CsmsStatus:
        link = self.csms
        if link is None:
            return CsmsStatus(
                configured=False,
                url="",
                state="off",
                version="",
                since_s=0.0,
                last_error="",
                next_attempt_s=None,
            )
        next_s = link.next_attempt_s
        return CsmsStatus(
            configured=True,
            url=link.url,
            state=self._link_state(link.state),
            version=link.version,
            since_s=round(now_s - link.since_s, 1),
            last_error=link.last_error,
            next_attempt_s=None if next_s is None else max(0.0, round(next_s - now_s, 1)),
            check=link.last_check,
            error_age_s=_age_s(link.last_error_s, now_s),
            failures=link.failures,
            urls=link.places.urls,
            address=link.places.number,
            proxy=link.proxy,
            answer_awaited_s=_age_s(link.asked_s, now_s),
        )

    def _link_state(self, state: LinkState) -> State:
        adapter = self.core.active
        if state is not LinkState.CONNECTED or adapter is None:
            return OF_LINK[state]
        if self.core.accepted:
            return "accepted"
        registered = getattr(adapter, "registered", None)
        return "connected" if registered is None else REGISTERED[registered.value]

    def _evse(self, evse: EvseOverview) -> EvseStatus:
        running, station = evse.transaction, self.station
        reserved_until = station.reserved_until(evse.evse)
        told = station.pricing.shown(evse.evse)
        return EvseStatus(
            evse=evse.evse,
            state="Unavailable" if evse.state is None else evse.state.value,
            fault=evse.fault,
            control=self.controls.evses.get(evse.evse),
            meter=evse.reading,
            transaction=None if running is None else _transaction(running),
            counts=_counts(evse.counts),
            cost=_cost(told),
            local_cost=None if _says(told) else _local_cost(station.local_cost(evse.evse)),
            reasons=tuple(_reason(reason) for reason in evse.reasons),
            enabled=evse.enabled,
            local_limit_a=evse.local_limit_a,
            reserved_until="" if reserved_until is None else _iso(reserved_until),
        )

    def _warnings(self) -> tuple[str, ...]:
        return tuple(
            f"EVSE {evse.id}: board {evse.board} is accepted without a watchdog"
            for evse in self.config.evse
            if evse.accept_no_watchdog
        )


def _age_s(since_s: float | None, now_s: float) -> float | None:
    return None if since_s is None else max(0.0, round(now_s - since_s, 1))


def _transaction(running: TransactionOverview) -> TransactionStatus:
    return TransactionStatus(
        id=running.id,
        csms_id=running.csms_id,
        id_token=masked(running.id_token.value),
        started_at="" if running.started_at is None else _iso(running.started_at),
        charging_state=running.charging_state.value,
        meter_start_wh=running.meter_start_wh,
        energy_wh=running.energy_wh,
        duration_s=None if running.duration_s is None else round(running.duration_s, 1),
    )


def _cost(cost: Cost | None) -> CostStatus | None:
    if cost is None:
        return None
    return CostStatus(
        price=cost.price, cost=cost.cost, final=cost.final, idle=cost.idle, text=cost.text
    )


def _says(cost: Cost | None) -> bool:
    """The CSMS has told a price or a cost: nobody is to see another one."""
    return cost is not None and bool(cost.price or cost.text or cost.cost is not None)


def _local_cost(cost: LocalCost | None) -> LocalCostStatus | None:
    if cost is None:
        return None
    return LocalCostStatus(
        currency=cost.currency,
        price=cost.price,
        cost=float(cost.cost),
        final=cost.final,
        idle=cost.idle,
        parts=tuple(CostPart(id=part.id, amount=float(part.amount)) for part in cost.parts),
        tax=None if cost.tax is None else float(cost.tax),
        provisional=cost.provisional,
    )


def _reason(reason: StationReason) -> Reason:
    return Reason(
        id=reason.id,
        kind=reason.kind,
        current_a=reason.current_a,
        detail=reason.detail,
        binding=reason.binding,
    )


def _counts(counts: Counts) -> CountsStatus:
    return CountsStatus(
        operations=counts.operations,
        openings_under_load=counts.openings_under_load,
        plug_ins=counts.plug_ins,
        rcd_tests_passed=counts.rcd_tests_passed,
        rcd_tests_failed=counts.rcd_tests_failed,
        hazards=dict(counts.hazards),
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
