"""What the agent answers on its own socket: status, the CSMS link, the ledger, configuration.

One JSON line per request and at least one per answer, on `agent.sock` in the run directory. Access
is by file permission; the requests that change something are few and named as commands. IdTokens
leave the agent masked, passwords never.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from chargepoint.ipc.messages import EvseSnapshot
from hal.values import MeterReading


class Request(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Base of what a client may ask."""


class Action(Request, frozen=True):
    """Base of requests that change something. `by`: the person, as far as the client knows."""

    by: str = ""


class GetStatus(Request, frozen=True):
    """Answered by `StationStatus`."""


class GetMessages(Request, frozen=True):
    """The last OCPP messages; with `follow` also each further one until the client leaves."""

    last: int = 20
    follow: bool = False


class Connect(Action, frozen=True, kw_only=True):
    """Let the CSMS link connect (again). Answered by `Done`."""


class Disconnect(Action, frozen=True, kw_only=True):
    """Close the CSMS link and keep it closed until `Connect`. Answered by `Done`."""


class LiftHazard(Action, frozen=True, kw_only=True):
    """A technician has removed the cause of a latched hazard. Answered by `Done`."""

    evse: int
    hazard: str


class GetTransactions(Request, frozen=True):
    """The last transactions with what the CSMS has of them, as `LedgerTransaction`, then `Done`."""

    last: int = 50


class GetRecords(Request, frozen=True):
    """Every record that waits or was refused, as `RecordPart`, then `Done`."""

    first: int = 0
    """So many of those that wait, at most; 0: all."""


class Resend(Action, frozen=True, kw_only=True):
    """Send a record again that the CSMS has refused for good. Answered by `Done`."""

    sequence: int


class MakeDiagnostics(Action, frozen=True, kw_only=True):
    """The diagnostics archive, as `ArchivePart`, then `Done`."""


class GetConfiguration(Request, frozen=True):
    """Every variable of the device model with its value and origin. Answered by `Variables`."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Base of what the agent answers."""


class Done(Answered, frozen=True):
    ok: bool
    detail: str = ""


class TransactionStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    csms_id: int | None
    id_token: str
    """Masked."""
    started_at: str
    """ISO 8601 UTC; empty while the clock is not trusted."""
    charging_state: str
    meter_start_wh: int
    energy_wh: int | None
    """Register difference up to now; None while the meter is silent."""
    duration_s: float | None = None
    """Since its start, also while the clock is not trusted; None: not known."""


class CostStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the CSMS wants shown of the present transaction, or of the last one."""

    price: str
    """In words."""
    cost: float | None
    final: bool
    idle: bool
    """Time without charging is being charged for."""
    text: str
    """The final cost in words."""


class CostPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a cost."""

    id: str
    """`start`, `energy`, `time`, `idle`, or `tax` where it comes on top of the prices."""
    amount: float


class LocalCostStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the present transaction, or the last one, costs by the station's own tariff."""

    currency: str
    price: str
    """In English words; pages make their own from `[tariff]`."""
    cost: float
    """Rounded as the currency wants it."""
    final: bool
    idle: bool
    """Time without charging is being charged for."""
    parts: tuple[CostPart, ...] = ()
    """Those that are not zero; they add up to the cost."""
    tax: float | None = None
    """Tax within the cost; None: none is configured."""
    provisional: bool = False
    """The time of day was not known all the time: the cost is the most that it can be."""


class CountsStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has happened to an EVSE since its first start."""

    operations: int
    """Contactor closings."""
    openings_under_load: int
    plug_ins: int
    rcd_tests_passed: int
    rcd_tests_failed: int
    hazards: dict[str, int]
    """Catalogue id -> how often it was raised."""


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that keeps an EVSE from charging, or bounds its current."""

    id: str
    """Stable word, a key of the phrases `reason.ID`."""
    kind: Literal["inhibits", "waits", "limits"]
    """It must change before energy flows; somebody has to act; it bounds the current."""
    current_a: float | None = None
    """The bound, for `limits`."""
    detail: str = ""
    """The particular: a hazard's id, a profile's purpose and number, a card's verdict, …"""
    binding: bool = False
    """It is the one that counts now."""


class EvseStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    evse: int
    state: str
    """Connector state in the words of OCPP 1.6."""
    fault: str | None
    control: EvseSnapshot | None
    """None while the safety program is not reached."""
    meter: MeterReading | None
    transaction: TransactionStatus | None
    counts: CountsStatus | None = None
    cost: CostStatus | None = None
    reasons: tuple[Reason, ...] = ()
    """Why it does not charge, or not faster; the binding one first."""
    enabled: bool = True
    """Not taken out of service here."""
    local_limit_a: float | None = None
    local_cost: LocalCostStatus | None = None
    """None where the CSMS tells the cost, or there is no tariff."""
    reserved_until: str = ""
    """ISO 8601 UTC; empty: this very EVSE is not reserved."""


class LedgerStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waiting: int
    quarantined: int
    oldest_waiting_s: float | None
    acknowledged: int
    """Since this start of the agent."""


class CsmsStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    configured: bool
    url: str
    """Without credentials."""
    state: Literal["off", "connecting", "waiting", "connected", "pending", "rejected", "accepted"]
    version: str
    """OCPP version in use; empty when not connected."""
    since_s: float
    """How long it has been in this state."""
    last_error: str
    next_attempt_s: float | None
    check: str = ""
    """What to look at because of the last error."""
    error_age_s: float | None = None
    """How long ago the last error was."""
    failures: int = 0
    """Attempts and connections in vain since one last worked."""
    urls: tuple[str, ...] = ()
    """All addresses in order of preference; `url` may differ in its scheme."""
    address: int = 1
    """Which of them is in use, or tried next."""
    proxy: str = ""
    """`host:port` of the proxy on the way; empty: none."""
    answer_awaited_s: float | None = None
    """How long a call of ours has waited for its answer."""


class AlertCounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The alerts at a glance."""

    open: int
    unacknowledged: int
    worst: Literal["", "info", "warning", "error", "critical"]
    waiting: int
    """Messages that could not be sent yet."""
    maintenance_s: float = 0.0
    """How long maintenance mode lasts yet; 0: off."""


class StationStatus(Answered, frozen=True):
    station: str
    version: str
    uptime_s: float
    clock: str
    """Clock trust: none, monotonic, rtc, csms, ntp."""
    csms: CsmsStatus
    ledger: LedgerStatus
    evses: tuple[EvseStatus, ...]
    warnings: tuple[str, ...] = ()
    """Standing warnings, e.g. a board accepted without a watchdog."""
    alerts: AlertCounts | None = None
    fault: str | None = None
    """Of the station as a whole; the faults of an EVSE stand there."""


class OcppMessage(Answered, frozen=True):
    number: int
    at: str
    """ISO 8601 UTC."""
    outgoing: bool
    kind: str
    action: str
    message_id: str
    text: str
    """The frame as it passed, secrets and tokens masked."""


class LedgerTransaction(Answered, frozen=True):
    """One transaction of the ledger."""

    id: str
    csms_id: int | None
    evse: int
    id_token: str
    """Masked."""
    started_at: str
    """ISO 8601 UTC; empty when the time is not known."""
    ended_at: str
    """Empty while it runs."""
    meter_start_wh: int | None
    energy_wh: int | None
    reason: str
    """Why it ended; empty while it runs."""
    state: Literal["running", "acknowledged", "waiting", "refused", "kept"]
    """Of its start and end: has the CSMS both, does it wait for one, has it refused one; kept:
    there is no CSMS."""
    running: bool
    refused: tuple[int, ...]
    """Numbers of its records that the CSMS refused for good."""
    problem: str
    """What the CSMS said to the last of these."""
    card: str = ""
    """Name of the station's own card, as it is now; empty: it is none of the list."""


class RecordPart(Answered, frozen=True):
    """A record, or a part of a long one."""

    sequence: int
    place: Literal["waiting", "refused"]
    kind: str
    at: str
    """ISO 8601 UTC; empty when the time is not known."""
    code: str
    """What the CSMS refused it with."""
    description: str
    text: str
    """JSON with masked IdTokens."""
    last: bool
    """No further part of this record follows."""


class Variable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    component: str
    variable: str
    key: str
    """OCPP 1.6 configuration key, where there is one."""
    value: str
    origin: Literal["default", "file", "csms"]
    writable: bool


class ArchivePart(Answered, frozen=True):
    """A piece of a file, in order."""

    data: bytes


class Variables(Answered, frozen=True):
    variables: tuple[Variable, ...]


AnyRequest = (
    GetStatus
    | GetMessages
    | Connect
    | Disconnect
    | LiftHazard
    | GetTransactions
    | GetRecords
    | Resend
    | MakeDiagnostics
    | GetConfiguration
)
AnyAnswer = (
    Done | StationStatus | OcppMessage | LedgerTransaction | RecordPart | ArchivePart | Variables
)
