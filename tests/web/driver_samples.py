"""Stations as the agent describes them, for tests of the driver's page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.applications import Starlette

from chargepoint.config import Config, parse
from chargepoint.ipc.client import Unreachable
from chargepoint.ipc.messages import EvseSnapshot, Phase, StopCause
from chargepoint.ipc.service import (
    Action,
    CostStatus,
    CsmsStatus,
    Done,
    EvseStatus,
    GetStatus,
    LedgerStatus,
    LedgerTransaction,
    LocalCostStatus,
    Reason,
    StationStatus,
    TransactionStatus,
)
from chargepoint.web.context import Context
from chargepoint.web.driver import routes
from chargepoint.web.live import Live
from chargepoint.web.observers import Observers
from chargepoint.web.streams import Streams
from hal.values import MeterReading, PilotState
from hil.stage import changed, example

NOW = datetime(2026, 11, 24, 15, 5, 0, tzinfo=UTC)
SECRETS = ("04A1••F6", "tx-7f3a", "4711", "csms.example", "DEMO-0001", "wss://")
"""What stands in the agent's status and is none of a driver's business."""

SITE = {
    "name": "Car park Nord",
    "address": "Nordstraße 7, 10115 Berlin",
    "directions": {"en": "Level 2, left of the lift", "de": "Ebene 2, links vom Aufzug"},
    "operator": "Nord GmbH",
    "support_phone": "+49 (30) 123-456",
    "support_email": "help@nord.example",
    "nearby": {"en": ["Toilets", "Café"], "de": ["Toiletten", "Café"]},
}
TARIFF = {"energy_price": 0.49, "start_price": 1, "idle_price": 6, "idle_free_min": 30}


def config(changes: dict[str, Any] | None = None, *, evses: int = 2) -> Config:
    """The demo station with a site, prices and pages."""
    raw = example()
    raw["evse"] = raw["evse"][:evses]
    raw["bus"].append({"name": "modem", "kind": "serial", "port": "modem.tty"})
    wanted = {
        "site": SITE,
        "tariff": dict(TARIFF),
        "alerts.email": {"server": "mail.example", "sender": "charger@nord.example"},
        "alerts.modem": {"bus": "modem"},
        "web": {"subscribe": ["email", "sms"]},
    }
    return parse(changed(raw, {**wanted, **(changes or {})}), "station.toml")


def snapshot(evse: int = 1, **changes: Any) -> EvseSnapshot:
    """An EVSE that charges."""
    charging = EvseSnapshot(
        evse=evse,
        phase=Phase.ENERGISED,
        pilot=PilotState.C,
        plug_in=3,
        connected=True,
        contactor_closed=True,
        permitted=True,
        operative=True,
        limit_a=16.0,
        offered_a=16.0,
        limit_expired=False,
        cable_current_a=32.0,
        locked=None,
        temperature_c=30.0,
        hazards=(),
        stop_cause=None,
        operations=1,
    )
    return msgspec.structs.replace(charging, **changes)


RUNNING = TransactionStatus(
    id="tx-7f3a",
    csms_id=4711,
    id_token="04A1••F6",
    started_at="2026-11-24T14:00:00Z",
    charging_state="Charging",
    meter_start_wh=1000,
    energy_wh=7345,
    duration_s=3900.0,
)
METER = MeterReading(taken_s=1.0, energy_import_wh=8345.0, power_w=7360.0)
STOPPED = {"stop_cause": StopCause.VEHICLE_PAUSED, "phase": Phase.CONNECTED}


def evse(state: str, evse: int = 1, **changes: Any) -> EvseStatus:
    """An EVSE in a connector state, with what mostly goes with it."""
    used = state in ("Charging", "SuspendedEV", "SuspendedEVSE")
    plugged = used or state in ("Preparing", "Finishing")
    phase = Phase.ENERGISED if state == "Charging" else Phase.CONNECTED if plugged else Phase.IDLE
    values: dict[str, Any] = {
        "evse": evse,
        "state": state,
        "fault": None,
        "control": snapshot(evse, connected=plugged, phase=phase),
        "meter": METER if state == "Charging" else None,
        "transaction": RUNNING if used else None,
    }
    return EvseStatus(**{**values, **changes})


def hazard(name: str, evse_: int = 1) -> EvseStatus:
    """An EVSE that a hazard has put out of use."""
    held = snapshot(evse_, hazards=(name,), phase=Phase.FAULTED, connected=False)
    return evse("Faulted", evse_, fault=name, control=held)


def station(*evses: EvseStatus, **changes: Any) -> StationStatus:
    """The demo station."""
    values: dict[str, Any] = {
        "station": "DEMO-0001",
        "version": "0.1.0",
        "uptime_s": 100.0,
        "clock": "ntp",
        "csms": CsmsStatus(
            configured=True,
            url="wss://csms.example/ocpp",
            state="accepted",
            version="1.6",
            since_s=90.0,
            last_error="",
            next_attempt_s=None,
        ),
        "ledger": LedgerStatus(waiting=0, quarantined=0, oldest_waiting_s=None, acknowledged=9),
        "evses": evses or (evse("Available", 1), evse("Available", 2)),
    }
    return StationStatus(**{**values, **changes})


def reason(name: str, kind: Any = "waits", **values: Any) -> Reason:
    return Reason(id=name, kind=kind, **values)


def told_cost(**changes: Any) -> CostStatus:
    values: dict[str, Any] = {"price": "", "cost": 3.2, "final": False, "idle": False, "text": ""}
    return CostStatus(**{**values, **changes})


def own_cost(**changes: Any) -> LocalCostStatus:
    values: dict[str, Any] = {
        "currency": "EUR", "price": "0.49 per kWh", "cost": 2.55, "final": False, "idle": False,
    }  # fmt: skip
    return LocalCostStatus(**{**values, **changes})


class FakeAgent:
    """Answers as the agent would; keeps what it was asked. `status` None: it does not answer."""

    def __init__(self, status: StationStatus | None) -> None:
        self.status = status
        self.asked: list[Any] = []
        self.transactions: list[LedgerTransaction] = []
        self.outcome = Done(ok=True)

    async def ask(self, request: Any, wait_s: float = 8.0) -> list[Any]:
        self.asked.append(request)
        if self.status is None:
            raise Unreachable("agent.sock: no such file")
        if isinstance(request, GetStatus):
            return [self.status]
        return [*self.transactions, self.outcome]

    async def done(self, request: Any, wait_s: float = 8.0) -> Done:
        done: Done = (await self.ask(request))[-1]
        return done

    def actions(self) -> list[Any]:
        return [each for each in self.asked if isinstance(each, Action)]


class Clock:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def context(
    status: StationStatus | None,
    changes: dict[str, Any] | None = None,
    *,
    evses: int = 1,
    clock: Clock | None = None,
) -> tuple[Context, FakeAgent]:
    """What the driver's pages are given, and the agent behind it."""
    agent, own = FakeAgent(status), config(changes, evses=evses)
    assert own.web is not None
    made = Context(
        config=own,
        agent=agent,  # type: ignore[arg-type]
        live=Live(agent, Observers({})),  # type: ignore[arg-type]
        streams=Streams(),
        web=own.web,
        now=clock or Clock(),
        wall=lambda: NOW,
    )
    return made, agent


def site(
    status: StationStatus | None, changes: dict[str, Any] | None = None, **more: Any
) -> tuple[Starlette, FakeAgent]:
    """The driver's pages as an application, and the agent behind them."""
    made, agent = context(status, changes, **more)
    return Starlette(routes=routes(made)), agent
