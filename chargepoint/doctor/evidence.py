"""What was found before anything is judged: plain values, None or empty where nothing is known."""

from __future__ import annotations

from typing import Literal

import msgspec

from chargepoint.config import Config
from chargepoint.ipc.care import (
    AlertStatus,
    AuditLine,
    CertificateHealth,
    HealthStatus,
    HostHealth,
)
from chargepoint.ipc.messages import EvseSnapshot, RcdTested
from chargepoint.ipc.service import StationStatus
from hal.values import BoardReading, DeviceIdentity, MeterReading

Trouble = Literal["", "silent", "wrong", "refused", "down", "taken", "unasked"]
"""How a device failed: no reply, another device than the map's, a refusal of its registers, a port
that is gone, a port that somebody else owns; or it could not be asked at all."""


class PortFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The way to one bus."""

    bus: str
    path: str
    """Serial port, or `host:port` of a network path."""
    exists: bool = True
    usable: bool = True
    """This user may open it."""
    owner: str = ""
    """`root:dialout 0660`"""
    real: str = ""
    """Device file behind links."""
    pty: bool = False
    driver: str = ""
    """Kernel driver, such as `ftdi_sio`."""
    mini_uart: bool = False
    """The small UART of a Raspberry Pi, without parity."""
    latency_ms: int | None = None
    """For how long an FTDI adapter holds bytes back."""
    console: str = ""
    """A login or the kernel's console that uses the port."""
    modem_manager: bool = False
    """ModemManager runs and may try the port."""
    holders: tuple[str, ...] = ()
    """Foreign programs that have the port open: `name (pid)`."""
    problem: str = ""
    """Why it could not be opened."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One device, asked now."""

    device: str
    trouble: Trouble = ""
    detail: str = ""
    identity: DeviceIdentity = DeviceIdentity()
    board: BoardReading | None = None
    meters: tuple[MeterReading, ...] = ()
    """One after the other, some seconds apart."""
    elsewhere: str = ""
    """Where it answers instead, such as `unit 5` or `9600 baud`."""


class ControlFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the safety program of one bus says to an observer."""

    bus: str
    reached: bool
    problem: str = ""
    evses: tuple[EvseSnapshot, ...] = ()
    rcd_tests: tuple[RcdTested, ...] = ()
    now_s: float = 0.0
    """Monotonic, when it was asked."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How far one address of the CSMS can be reached; steps behind a problem were not tried."""

    url: str
    host: str
    port: int
    addresses: tuple[str, ...] = ()
    dns_problem: str = ""
    tcp_problem: str = ""
    tls_problem: str = ""
    tls: bool = False
    took_s: float = 0.0


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A file or directory of ours."""

    path: str
    use: Literal["configuration", "state", "run", "key"]
    exists: bool = True
    mode: int = 0
    owner: str = ""
    secret: bool = False
    """It holds a password or a private key."""
    writable: bool = True
    """By the user who asks."""


class ServiceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of the service manager."""

    unit: str
    installed: bool
    active: str = ""
    enabled: str = ""
    result: str = ""
    restarts: int = 0
    watchdog: bool = False


class CardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The station's own cards, without whose they are."""

    own: Literal["off", "alone", "offline"]
    everybody: bool
    """A card that nobody knows may charge too, or no card is needed."""
    kept: int = 0
    valid: int = 0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the checks look at."""

    config: Config
    version: str
    """Of this program."""
    taken_at: str
    """ISO 8601 UTC, by the host's clock."""
    taken_by: str
    """User and host."""
    host: HostHealth
    status: StationStatus | None = None
    """None: the agent is not reached."""
    agent_problem: str = ""
    health: HealthStatus | None = None
    controls: tuple[ControlFacts, ...] = ()
    ports: tuple[PortFacts, ...] = ()
    probes: tuple[Probe, ...] = ()
    refusals: tuple[str, ...] = ()
    """What the drivers do not accept in the configuration."""
    advice: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()
    files: tuple[FileFacts, ...] = ()
    certificates: tuple[CertificateHealth, ...] = ()
    """Of files, while `health` tells of none."""
    services: tuple[ServiceFacts, ...] | None = None
    """None: no systemd here."""
    store_problem: str | None = None
    """Empty: the ledger is whole; None: not looked at."""
    alerts: tuple[AlertStatus, ...] | None = None
    audit: tuple[AuditLine, ...] | None = None
    cards: CardFacts | None = None

    @property
    def running(self) -> bool:
        """One of the programs is."""
        return self.status is not None or any(control.reached for control in self.controls)

    def probe(self, device: str) -> Probe | None:
        return next((probe for probe in self.probes if probe.device == device), None)

    def port(self, bus: str) -> PortFacts | None:
        return next((port for port in self.ports if port.bus == bus), None)

    def snapshot(self, evse: int) -> EvseSnapshot | None:
        """The EVSE as its safety program shows it."""
        for control in self.controls:
            for found in control.evses:
                if found.evse == evse:
                    return found
        if self.status is not None:
            return next((e.control for e in self.status.evses if e.evse == evse), None)
        return None

    def trouble(self, device: str) -> bool:
        """The device is known not to answer: what depends on it is not judged."""
        probe = self.probe(device)
        if probe is not None and probe.trouble not in ("", "unasked"):
            return True
        if self.health is not None:
            return any(d.device == device and d.answers is False for d in self.health.devices)
        return False
