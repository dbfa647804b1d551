"""A healthy station as the alerts see it, to be spoilt by tests."""

from __future__ import annotations

from typing import Any

import msgspec

from chargepoint.agent.alerting.conditions import conditions
from chargepoint.agent.alerting.view import View, Watched
from chargepoint.agent.host import NOTHING_READ
from chargepoint.ipc.care import HealthStatus, HostHealth, LoopHealth
from chargepoint.ipc.messages import EvseSnapshot, Phase
from chargepoint.ipc.service import (
    CsmsStatus,
    EvseStatus,
    LedgerStatus,
    StationStatus,
    TransactionStatus,
)
from chargepoint.station.alerts.values import Condition

SNAPSHOT = EvseSnapshot(
    evse=1,
    phase=Phase.IDLE,
    pilot=None,
    plug_in=0,
    connected=False,
    contactor_closed=False,
    permitted=False,
    operative=True,
    limit_a=0.0,
    offered_a=0.0,
    limit_expired=False,
    cable_current_a=None,
    locked=None,
    temperature_c=30.0,
    hazards=(),
    stop_cause=None,
    operations=0,
)
EVSE = EvseStatus(
    evse=1, state="Available", fault=None, control=SNAPSHOT, meter=None, transaction=None
)
CSMS = CsmsStatus(
    configured=True,
    url="ws://c/",
    state="accepted",
    version="1.6",
    since_s=5.0,
    last_error="",
    next_attempt_s=None,
)
LEDGER = LedgerStatus(waiting=0, quarantined=0, oldest_waiting_s=None, acknowledged=7)
STATUS = StationStatus(
    station="CP7",
    version="1",
    uptime_s=100.0,
    clock="ntp",
    csms=CSMS,
    ledger=LEDGER,
    evses=(EVSE,),
)
LOOP = LoopHealth(bus="safety", connected=True, ticks=1000, tick_p99_s=0.021, tick_max_s=0.03)
HEALTH = HealthStatus(
    loops=(LOOP,),
    buses=(),
    devices=(),
    host=NOTHING_READ,
    agent_memory_bytes=1,
    loop_late_max_s=0.01,
    inbox_dropped=0,
    store_bytes=1,
    certificates=(),
)

RUNNING = TransactionStatus(
    id="t1",
    csms_id=1,
    id_token="…F6",
    started_at="",
    charging_state="Charging",
    meter_start_wh=0,
    energy_wh=5000,
)


def evse(**changes: Any) -> EvseStatus:
    """The EVSE with other values; those of the safety program under their own names."""
    ours = {key: changes.pop(key) for key in list(changes) if key in SNAPSHOT.__struct_fields__}
    snapshot = msgspec.structs.replace(SNAPSHOT, **ours)
    return msgspec.structs.replace(EVSE, **{"control": snapshot, **changes})


def status(*evses: EvseStatus, **changes: Any) -> StationStatus:
    return msgspec.structs.replace(STATUS, evses=evses or (EVSE,), **changes)


def health(**changes: Any) -> HealthStatus:
    return msgspec.structs.replace(HEALTH, **changes)


def host(**changes: Any) -> HostHealth:
    return msgspec.structs.replace(NOTHING_READ, **changes)


def seen(
    told: StationStatus = STATUS,
    found: HealthStatus = HEALTH,
    watched: Watched | None = None,
    **more: Any,
) -> tuple[Condition, ...]:
    """The conditions of this view."""
    return conditions(View(status=told, health=found, watched=watched or Watched(), **more))
