"""What an adapter may see of the station and is told at its birth: reading only, no decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chargepoint.station.records import Stamp


class VariableView(Protocol):
    """One variable of the device model."""

    @property
    def value(self) -> str: ...
    @property
    def writable(self) -> bool: ...
    @property
    def secret(self) -> bool: ...


class DeviceModelView(Protocol):
    """The device model, by OCPP 2.x names."""

    def get(self, component: str, variable: str) -> VariableView | None: ...


class ClockView(Protocol):
    """Wall time, as far as it is known."""

    def wall(self, stamp: Stamp) -> datetime | None: ...
    def now(self, now_s: float) -> datetime | None: ...


class StationView(Protocol):
    """The part of the station that adapters read when they write a message."""

    @property
    def device_model(self) -> DeviceModelView: ...
    @property
    def clock(self) -> ClockView: ...


class LinkSettings(Protocol):
    """The part of `[csms]` that concerns the messages; `config.Csms` is one."""

    @property
    def boot_on_reconnect(self) -> bool: ...
    @property
    def unanswered_max(self) -> int: ...
    @property
    def milliseconds(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BootInformation:
    """Who the station is, for BootNotification; empty texts are left out, long ones cut."""

    vendor: str
    model: str
    serial: str = ""
    firmware: str = ""
    meter_type: str = ""
    meter_serial: str = ""
    iccid: str = ""
    imsi: str = ""
    connectors: int = 1
    """Connectors 1 to n; in 1.6 connector n is the one of EVSE n."""
