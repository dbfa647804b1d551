"""What the agent answers to those who look after the station: alerts, health, service, upkeep.

The same socket and the same rules as `ipc.service`. Everything that changes something is an
`Action`: it is written to the audit log with the Unix user that asked, whatever comes of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from chargepoint.ipc.messages import BusHealth, Said
from chargepoint.ipc.service import Action, Answered, Request
from hal.values import TokenKind

Severity = Literal["info", "warning", "error", "critical"]


# --- Alerts ---------------------------------------------------------------------------------------


class GetAlerts(Request, frozen=True):
    """Open alerts, and the last `closed` that are over, as `AlertStatus`, then `Done`."""

    closed: int = 20


class AcknowledgeAlert(Action, frozen=True, kw_only=True):
    """Somebody looks after it: no escalation, no buzzer. Answered by `Done`."""

    alert: str
    """Its short code, as it stands in every message; `*` for all."""


class MuteAlert(Action, frozen=True, kw_only=True):
    """Send nothing about one condition for a while; it is listed all the same."""

    condition: str
    """Catalogue id."""
    minutes: float
    """0: no longer muted."""


class TryChannels(Action, frozen=True, kw_only=True):
    """Send a test message to a contact. By one `ChannelOutcome` per channel, then `Done`."""

    contact: str
    channel: str = ""
    """Empty: every channel of the contact."""


class SetMaintenanceMode(Action, frozen=True, kw_only=True):
    """Somebody works at the station: alerts are listed but not sent. Answered by `Done`."""

    minutes: float
    """0: over."""


class ReportProblem(Action, frozen=True, kw_only=True):
    """A driver reports a problem; it becomes an alert. Answered by `Done`."""

    text: str
    evse: int = 0
    """0: the station."""
    answer_to: str = ""
    """How the driver can be reached; empty: not wanted."""


class Subscribe(Action, frozen=True, kw_only=True):
    """Tell this driver once, when it has happened. Answered by `Done`."""

    evse: int
    wanted: Literal["done", "free"]
    channel: str
    address: str
    language: str = "en"


class DeliveryStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message about one alert."""

    contact: str
    channel: str
    about: str
    """`raised`, `cleared`, `escalated`, `test`, …"""
    state: Literal["waiting", "sent", "delivered", "failed", "expired"]
    attempts: int
    detail: str
    """What the channel said last."""
    waits_for: Literal["", "silence", "quiet_hours", "limit"] = ""
    """What keeps it back besides its channel: maintenance mode or a mute, quiet hours, a limit."""


class AlertStatus(Answered, frozen=True):
    alert: str
    """Short code."""
    condition: str
    """Catalogue id."""
    place: str
    """`EVSE 1`, a device, or empty: the station."""
    severity: Severity
    title: str
    detail: str
    """English."""
    raised_at: str
    """ISO 8601 UTC; empty while the clock is not trusted."""
    cleared_at: str
    """Empty while it is open."""
    open: bool
    age_s: float
    """Since it was raised, on the monotonic clock where that is known."""
    count: int
    """How often it has happened while it was open."""
    acknowledged_by: str
    muted: bool
    deliveries: tuple[DeliveryStatus, ...]
    said: Said | None = None
    """`detail` for every language, where it can be told so."""
    reminded: int = 0
    """How often it was told again because nobody looks after it."""


class ChannelOutcome(Answered, frozen=True):
    contact: str
    channel: str
    ok: bool
    detail: str


# --- Health ---------------------------------------------------------------------------------------


class GetHealth(Request, frozen=True):
    """Answered by `HealthStatus`."""


class LoopHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How late one safety program is."""

    bus: str
    connected: bool
    ticks: int
    tick_p99_s: float
    tick_max_s: float


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether one device answers; None: not known yet."""

    device: str
    driver: str
    bus: str
    answers: bool | None
    since_s: float
    detail: str
    """What was wrong last."""


class HostHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The computer itself; None: it cannot be read here."""

    model: str
    disk_free_bytes: int | None
    disk_size_bytes: int | None
    disk_written_bytes: int | None
    """By the whole system on the disk of the state directory, since its boot."""
    disk_life_used: float | None
    """0 to 1, where an eMMC or SSD says so."""
    disk_read_only: bool | None
    memory_free_bytes: int | None
    cpu_temperature_c: float | None
    under_voltage: bool | None
    """Now, or since boot (`under_voltage_seen`), as the firmware of a Pi says."""
    under_voltage_seen: bool | None
    throttled: bool | None
    load_1min: float | None
    uptime_s: float | None
    clock_synchronised: bool | None


class CertificateHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    use: str
    """`client`, `csms_root`, `manufacturer_root`, `web`."""
    subject: str
    expires_at: str
    """ISO 8601 UTC."""
    days_left: float | None
    """None while the clock is not trusted."""


class ModemHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ready: bool
    detail: str
    operator: str
    signal_dbm: int | None
    registered: bool
    roaming: bool
    sent_today: int


class HealthStatus(Answered, frozen=True):
    loops: tuple[LoopHealth, ...]
    buses: tuple[BusHealth, ...]
    """All of them, safety and field."""
    devices: tuple[DeviceHealth, ...]
    host: HostHealth
    agent_memory_bytes: int
    loop_late_max_s: float
    """Worst lateness of the agent's own loop in the last minute."""
    inbox_dropped: int
    store_bytes: int
    certificates: tuple[CertificateHealth, ...]
    modem: ModemHealth | None = None


# --- Service --------------------------------------------------------------------------------------


class SetEvseEnabled(Action, frozen=True, kw_only=True):
    """Take an EVSE out of service here, or give it back; outlives restarts. By `Done`."""

    evse: int
    """0: all."""
    enabled: bool


class UnlockHere(Action, frozen=True, kw_only=True):
    """Free the plug; ends a transaction first, as UnlockConnector does. Answered by `Done`."""

    evse: int


class SetLocalLimit(Action, frozen=True, kw_only=True):
    """An upper bound of the current per phase, besides all others; outlives restarts. By `Done`."""

    evse: int
    """0: the station as a whole."""
    current_a: float | None
    """None: no bound any more."""


class DrivePilot(Action, frozen=True, kw_only=True):
    """Put a signal on the pilot of an EVSE without a vehicle, contactor open. By `Done`."""

    evse: int
    duty_ratio: float
    """0.08 to 0.97, or 1: steady +12 V."""
    hold_s: float
    """At most 120."""


class TransactBus(Action, frozen=True, kw_only=True):
    """One raw Modbus request on any bus. Answered by `BusAnswer`, or `Done` with the refusal."""

    bus: str
    unit: int
    function: int
    """1, 2, 3, 4, 5, 6, 15 or 16; writing to a board is refused while a vehicle is connected."""
    address: int
    count: int = 1
    values: tuple[int, ...] = ()


class BusAnswer(Answered, frozen=True):
    values: tuple[int, ...]
    took_s: float


class AwaitToken(Request, frozen=True):
    """The next token on a reader, without any effect on charging. By `TokenSeen`, or `Done`."""

    within_s: float = 30.0
    reader: str = ""
    """Empty: any."""


class TokenSeen(Answered, frozen=True):
    reader: str
    kind: TokenKind
    token: str
    """Masked."""
    digest: str
    """The same for the same token at this station, to compare two cards."""
    verdict: str
    """What the station would say to it now: `accepted`, `blocked`, `unknown`, … and why."""


class GetLog(Request, frozen=True):
    """Lines of the agent's and of control's log, as `LogLine`; with `follow` until left."""

    last: int = 100
    follow: bool = False
    level: Severity | Literal["debug"] = "info"
    event: str = ""
    """A name, or its beginning: `csms.`."""
    since_s: float | None = None
    """Not older than so many seconds."""


class LogLine(Answered, frozen=True):
    at: str
    """ISO 8601 UTC."""
    level: str
    part: str
    event: str
    fields: dict[str, str]


class GetAudit(Request, frozen=True):
    """The last actions of people, as `AuditLine`, then `Done`."""

    last: int = 100


class AuditLine(Answered, frozen=True):
    at: str
    user: str
    """Unix user of the client."""
    by: str
    action: str
    detail: str
    ok: bool
    outcome: str


class NoteAction(Action, frozen=True, kw_only=True):
    """Something that a client did by itself, for the audit log: a login, a download. By `Done`."""

    action: str
    detail: str = ""
    ok: bool = True


class Sign(Action, frozen=True, kw_only=True):
    """Sign a document with the station's key. Answered by `Signature`."""

    digest: str
    """SHA-256 of the document, hexadecimal."""
    about: str
    """What it is, for the audit log."""


class Signature(Answered, frozen=True):
    algorithm: str
    """`ed25519`"""
    public_key: str
    """Base64 of the raw 32 bytes."""
    signature: str
    """Base64; over the ASCII digest."""
    fingerprint: str
    """First 16 hexadecimal digits of the SHA-256 of the public key."""


# --- Upkeep ---------------------------------------------------------------------------------------


class GetMaintenance(Request, frozen=True):
    """Answered by `MaintenanceStatus`."""


class RecordVisit(Action, frozen=True, kw_only=True):
    """Somebody was here. Answered by `Done`."""

    note: str
    tasks: tuple[str, ...] = ()
    """Ids of the `MaintenanceItem`s that are done now and begin anew."""


class MaintenanceItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that wears out or falls due."""

    task: str
    """`inspection`, `rcd_test`, `contactor/1`, `contactor_load/1`, `connector/1`, …"""
    evse: int
    """0: the station."""
    kind: Literal["interval", "life"]
    used: float
    """Days, or operations."""
    limit: float
    state: Literal["good", "due", "overdue", "unknown"]
    due_at: str
    """ISO date, where it can be told; for lives extrapolated from the past use."""
    detail: str


class Visit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    at: str
    by: str
    note: str
    tasks: tuple[str, ...]


class UseStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much something has been used since its first start; None: not known."""

    evse: int
    """0: the station."""
    on_h: float
    """The agent ran (station)."""
    charging_h: float
    """The contactor was closed (EVSE)."""
    energy_wh: float
    """Growth of the register (EVSE)."""
    starts: int
    """Of the agent (station), of the safety program (EVSE)."""
    boots: int
    """Of the host (station)."""
    temperature_min_c: float | None
    temperature_max_c: float | None
    closings: int
    """Closings of the contactor that were timed since it was new."""
    closing_reference_s: float | None
    """How long a closing took when it was new."""
    closing_recent_s: float | None
    """And takes of late; None before there were enough."""


class MaintenanceStatus(Answered, frozen=True):
    items: tuple[MaintenanceItem, ...]
    visits: tuple[Visit, ...]
    """The newest first."""
    uses: tuple[UseStatus, ...] = ()


AnyCareRequest = (
    GetAlerts
    | AcknowledgeAlert
    | MuteAlert
    | TryChannels
    | SetMaintenanceMode
    | ReportProblem
    | Subscribe
    | GetHealth
    | SetEvseEnabled
    | UnlockHere
    | SetLocalLimit
    | DrivePilot
    | TransactBus
    | AwaitToken
    | GetLog
    | GetAudit
    | NoteAction
    | Sign
    | GetMaintenance
    | RecordVisit
)
AnyCareAnswer = (
    AlertStatus
    | ChannelOutcome
    | HealthStatus
    | BusAnswer
    | TokenSeen
    | LogLine
    | AuditLine
    | Signature
    | MaintenanceStatus
)
