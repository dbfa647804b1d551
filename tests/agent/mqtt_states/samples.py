"""A station with two EVSEs as its status tells it, and its configuration."""

from __future__ import annotations

from chargepoint.agent.mqtt.topics import Topics
from chargepoint.config import Config
from chargepoint.config.alerts import Alerts
from chargepoint.config.people import Mqtt
from chargepoint.config.station_file import Evse, Station
from chargepoint.ipc.messages import EvseSnapshot, Phase
from chargepoint.ipc.service import (
    AlertCounts,
    CsmsStatus,
    EvseStatus,
    LedgerStatus,
    StationStatus,
    TransactionStatus,
)
from hal.values import MeterReading, PilotState

TOPICS = Topics(base="chargepoint/CP-7")
BASE = "chargepoint/CP-7"


def config(language: str = "en", evses: int = 2, **mqtt: object) -> Config:
    return Config(
        station=Station(id="CP-7", vendor="ACME", model="Wallbox 11", serial="0815"),
        bus=(),
        device=(),
        mqtt=Mqtt(host="127.0.0.1", **mqtt),  # type: ignore[arg-type]
        alerts=Alerts(language=language),
        evse=tuple(Evse(id=number, board=f"b{number}") for number in range(1, evses + 1)),
    )


def charging(power_w: float = 7359.6) -> EvseStatus:
    return EvseStatus(
        evse=1,
        state="Charging",
        fault=None,
        control=EvseSnapshot(
            evse=1,
            phase=Phase.ENERGISED,
            pilot=PilotState.C,
            plug_in=3,
            connected=True,
            contactor_closed=True,
            permitted=True,
            operative=True,
            limit_a=16.04,
            limited_by="cable",
            offered_a=16.0,
            limit_expired=False,
            cable_current_a=20.0,
            locked=True,
            temperature_c=31.26,
            hazards=(),
            stop_cause=None,
            operations=7,
        ),
        meter=MeterReading(
            taken_s=1.0,
            energy_import_wh=1_234_567.4,
            current_a=(10.66, 10.71, 10.5),
            power_w=power_w,
        ),
        transaction=TransactionStatus(
            id="t1",
            csms_id=5,
            id_token="…1234",
            started_at="",
            charging_state="Charging",
            meter_start_wh=1_230_000,
            energy_wh=4567,
        ),
        local_limit_a=20.0,
    )


def lost() -> EvseStatus:
    """An EVSE whose safety program and meter are not reached."""
    return EvseStatus(
        evse=2,
        state="Faulted",
        fault="control_lost",
        control=None,
        meter=None,
        transaction=None,
        enabled=False,
    )


def status(*evses: EvseStatus, waiting: int = 3) -> StationStatus:
    return StationStatus(
        station="CP-7",
        version="0.1.0",
        uptime_s=10.0,
        clock="csms",
        csms=CsmsStatus(
            configured=True,
            url="ws://x",
            state="accepted",
            version="1.6",
            since_s=1.0,
            last_error="",
            next_attempt_s=None,
        ),
        ledger=LedgerStatus(waiting=waiting, quarantined=0, oldest_waiting_s=None, acknowledged=9),
        evses=evses or (charging(), lost()),
        alerts=AlertCounts(open=1, unacknowledged=1, worst="error", waiting=0),
    )
