"""The health of everything that the agent can see, in one answer.

`HealthDesk.health()` is cheap: it puts together what others have measured already, so that pages,
`/metrics`, MQTT and the alerts may ask for it every few seconds.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from chargepoint.agent.devices_seen import Seen
from chargepoint.agent.field import DeviceState
from chargepoint.agent.host import HostWatch, Lateness
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.config import Config, Device
from chargepoint.ipc.care import (
    CertificateHealth,
    DeviceHealth,
    GetHealth,
    HealthStatus,
    LoopHealth,
    ModemHealth,
)
from chargepoint.ipc.messages import BusHealth, EvseSnapshot, Health
from chargepoint.ipc.service import Answered
from chargepoint.station.security_values import CertificateUse, Holdings

DAY_S = 86400.0
BOARD_GONE = ("board_lost", "board_refused")
"""Hazards with which the safety program says that a board is not there, or not the right one."""

ROOT_USES = {
    CertificateUse.CSMS_ROOT: "csms_root",
    CertificateUse.MANUFACTURER_ROOT: "manufacturer_root",
}


class Safety(Protocol):
    """What `ControlLinks` knows of the safety programs."""

    evses: dict[int, EvseSnapshot]
    health: dict[str, Health]

    def seen(self, device: str) -> Seen | None: ...


class FieldBuses(Protocol):
    """What `Field` knows of the other buses."""

    def buses(self) -> Sequence[BusHealth]: ...
    def devices(self) -> Mapping[str, DeviceState]: ...


class HealthDesk:
    """`dropped`: happenings that found no room; `trusted`: whether the wall clock is."""

    def __init__(
        self,
        config: Config,
        *,
        safety: Safety,
        field: FieldBuses,
        host: HostWatch,
        lateness: Lateness,
        dropped: Callable[[], int],
        holdings: Callable[[], Holdings],
        trusted: Callable[[], bool],
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = config
        self._safety = safety
        self._field = field
        self._host = host
        self._lateness = lateness
        self._dropped = dropped
        self._holdings = holdings
        self._trusted = trusted
        self._now = now
        self._wall = wall
        self.modem: Callable[[], ModemHealth | None] = lambda: None
        """Set by whoever runs the modem."""

    def handlers(self) -> Handlers:
        return {GetHealth: self._asked}

    def health(self) -> HealthStatus:
        """Everything as it is now."""
        return HealthStatus(
            loops=tuple(map(self._loop, self._config.safety_buses())),
            buses=self._buses(),
            devices=tuple(map(self._device, self._config.device)),
            host=self._host.health,
            agent_memory_bytes=self._host.memory_bytes,
            loop_late_max_s=self._lateness.max_s,
            inbox_dropped=self._dropped(),
            store_bytes=self._host.store_bytes,
            certificates=self._certificates(),
            modem=self.modem(),
        )

    async def _asked(self, request: GetHealth, caller: Caller) -> AsyncIterator[Answered]:
        yield self.health()

    # --- Safety programs and buses ----------------------------------------------------------------

    def _loop(self, bus: str) -> LoopHealth:
        told = self._safety.health.get(bus)
        return LoopHealth(
            bus=bus,
            connected=self._connected(bus),
            ticks=0 if told is None else told.ticks,
            tick_p99_s=0.0 if told is None else told.tick_p99_s,
            tick_max_s=0.0 if told is None else told.tick_max_s,
        )

    def _buses(self) -> tuple[BusHealth, ...]:
        told = [bus for health in self._safety.health.values() for bus in health.buses]
        return (*told, *self._field.buses())

    def _connected(self, bus: str) -> bool:
        return any(
            evse.id in self._safety.evses
            for evse in self._config.evse
            if self._config.device_named(evse.board).bus == bus
        )

    # --- Devices ----------------------------------------------------------------------------------

    def _device(self, device: Device) -> DeviceHealth:
        if device.bus not in self._config.safety_buses():
            state = self._field.devices().get(device.name)
            if state is None:
                return _unknown(device, "it is not polled")
            return self._told(device, state.answers, state.since_s, state.problem)
        if not self._connected(device.bus):
            return _unknown(device, "the safety program is not reached")
        evse = next((one for one in self._config.evse if one.board == device.name), None)
        seen = self._safety.seen(device.name)
        if evse is not None:
            return self._board(device, self._safety.evses.get(evse.id), seen)
        if seen is None:
            return _unknown(device, "not heard since the safety program was met")
        return self._told(device, seen.answers, seen.at_s, seen.detail)

    def _board(self, device: Device, evse: EvseSnapshot | None, seen: Seen | None) -> DeviceHealth:
        if evse is None:
            return _unknown(device, "the safety program is not reached")
        gone = next((hazard for hazard in evse.hazards if hazard in BOARD_GONE), "")
        if not gone and evse.pilot is None:
            return _unknown(device, "not heard yet")
        since_s = self._now() if seen is None else seen.at_s
        detail = gone if seen is None or not seen.detail else f"{gone}: {seen.detail}"
        return self._told(device, not gone, since_s, detail if gone else "")

    def _told(
        self, device: Device, answers: bool | None, since_s: float, detail: str
    ) -> DeviceHealth:
        return DeviceHealth(
            device=device.name,
            driver=device.driver,
            bus=device.bus,
            answers=answers,
            since_s=max(0.0, round(self._now() - since_s, 1)),
            detail=detail,
        )

    # --- Certificates -----------------------------------------------------------------------------

    def _certificates(self) -> tuple[CertificateHealth, ...]:
        held = self._holdings()
        found = [self._certificate(ROOT_USES[r.use], r.subject, r.not_after) for r in held.roots]
        own = held.certificate
        if own is not None:
            found.insert(0, self._certificate("client", own.subject, own.not_after))
        if self._host.web_ends_at is not None:
            found.append(self._certificate("web", "the pages here", self._host.web_ends_at))
        return tuple(found)

    def _certificate(self, use: str, subject: str, not_after: datetime) -> CertificateHealth:
        left_s = (not_after - self._wall()).total_seconds()
        return CertificateHealth(
            use=use,
            subject=subject,
            expires_at=not_after.astimezone(UTC)
            .isoformat(timespec="seconds")
            .replace("+00:00", "Z"),
            days_left=round(left_s / DAY_S, 2) if self._trusted() else None,
        )


def web_certificate(config: Config) -> Path | None:
    """The file that the pages' program shows; None where it shows none."""
    web = config.web
    if web is None or web.tls == "off":
        return None
    if web.tls == "self-signed":
        return config.state_dir / "web_tls" / "cert.pem"
    return Path(config.source).resolve().parent / web.cert_file


def _unknown(device: Device, detail: str) -> DeviceHealth:
    return DeviceHealth(
        device=device.name,
        driver=device.driver,
        bus=device.bus,
        answers=None,
        since_s=0.0,
        detail=detail,
    )
