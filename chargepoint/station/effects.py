"""Everything that the station can want done, in the order in which it must be done.

The shell carries effects out strictly in order. A store effect with `durable=True` must be on the
disk before the next effect that is not a store effect is touched; consecutive store effects share
one commit. What the station wants of the *safety program* is no effect but a level: after every
event the shell reads `Station.grants(now_s)` and keeps the leases accordingly, so that a station
that stands still lets them expire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import msgspec

from chargepoint.station.charging_profiles.composite import CompositeSchedule
from chargepoint.station.events import Call, ResetKind
from chargepoint.station.file_values import FileReport, Work
from chargepoint.station.records import IdToken, Record, Sample, Stamp, TransactionId
from chargepoint.station.security_values import CertificateHash, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the safety program may do with one EVSE now."""

    evse: int
    permitted: bool
    current_a: float
    """Upper limit; 0 or below the minimum of 6 A pauses."""
    operative: bool
    phases: int | None = None
    """1 or 3, where phases can be switched; None: as they are."""


# --- Store ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Put a record into the outbox.

    `durable`: on the disk before anything else happens. Otherwise it must survive the death of the
    agent, but may be lost with the power (samples of a running transaction).
    """

    record: Record
    durable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """A record is acknowledged, or thinned out."""

    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A record leaves the quarantine: a copy of it was appended under a new number."""

    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Take a record out of the outbox, but keep it: refused for good."""

    sequence: int
    code: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Read up to `limit` outbox records above sequence `after`; answered by RecordsFetched."""

    after: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Keep `value` (JSON text) under `key` in `space`, replacing what was there."""

    space: str
    key: str
    value: str
    durable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Forget one key of a space, or the whole space when `key` is None."""

    space: str
    key: str | None
    durable: bool


# --- CSMS -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAuthorization:
    """Ask the CSMS about a token; answered by AuthorizationAnswered or -Unanswered."""

    request: str
    id_token: IdToken


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRecord:
    """Send one record of the outbox; at most one is under way.

    `csms_transaction_id`: the CSMS's id of the record's transaction, where it gave one; None with
    `start_given_up` true means that it never will.
    """

    record: Record
    csms_transaction_id: int | None = None
    start_given_up: bool = False


class ConnectorState(Enum):
    """State of a connector as drivers and 1.6 see it; 2.x is derived from it."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorReport:
    """How a connector is; `fault` is the catalogue id of the weightiest problem, if any."""

    evse: int
    """0: the station as a whole."""
    connector: int
    state: ConnectorState
    since_s: float
    fault: str | None = None
    info: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConnector:
    """The state changed; the adapter decides when and how the CSMS hears of it."""

    report: ConnectorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMeterValues:
    """Values outside any transaction: sent when online, else dropped."""

    evse: int
    samples: tuple[Sample, ...]
    transaction: TransactionId | None = None
    csms_transaction_id: int | None = None


class TransferData(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the CSMS something in our own words, once; answered by Transferred."""

    request: str
    vendor_id: str
    message_id: str
    data: str


class Verdict(Enum):
    """Answer to a request of the CSMS; adapters spell it in their version's words."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"
    REBOOT_REQUIRED = "RebootRequired"
    NOT_SUPPORTED = "NotSupported"
    UNLOCKED = "Unlocked"
    UNLOCK_FAILED = "UnlockFailed"
    OCCUPIED = "Occupied"
    FAULTED = "Faulted"
    UNAVAILABLE = "Unavailable"
    VERSION_MISMATCH = "VersionMismatch"
    FAILED = "Failed"
    """Legal, but it could not be done."""
    ACCEPTED_CANCELED = "AcceptedCanceled"
    """Accepted, in the place of what was under way."""
    INVALID_CERTIFICATE = "InvalidCertificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer the request `call`; must come before what the request leads to."""

    call: Call
    verdict: Verdict
    detail: str = ""
    transaction: TransactionId | None = None
    composite: CompositeSchedule | None = None
    """What was asked for with CompositeScheduleRequested."""
    number: int | None = None
    """What was asked for with LocalListVersionAsked."""
    certificates: tuple[CertificateHash, ...] = ()
    """What was asked for with RootsAsked."""


# --- Security -------------------------------------------------------------------------------------


class LogSecurityEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line for the security log; `sent`: the CSMS gets it too."""

    kind: str
    info: str
    sent: bool
    stamp: Stamp
    wall: datetime | None


class DoSecurityTask(msgspec.Struct, frozen=True, kw_only=True):
    """Work with keys or certificates; answered by TaskFinished, in the order of asking."""

    job: int
    task: Task


class SendCsr(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the CSMS to sign; answered by CsrAnswered."""

    csr: str


class Reconnect(msgspec.Struct, frozen=True, kw_only=True):
    """End the connection and open the next at once: what we show of us has changed."""

    reason: str


# --- Files ----------------------------------------------------------------------------------------


class DoFileWork(msgspec.Struct, frozen=True, kw_only=True):
    """Work with files, which may take hours; answered by WorkFinished."""

    job: int
    work: Work


class CancelFileWork(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody waits for this work any more."""

    job: int


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the CSMS a status, in order, also after a time offline; FileReportDelivered follows."""

    report: FileReport


# --- Others ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockConnector:
    """Ask the safety program to release the lock; answered by UnlockFinished."""

    evse: int
    request: str


class AnswerHere(msgspec.Struct, frozen=True, kw_only=True):
    """Answer what a person at the station asked for; what was to be stored is stored before."""

    request: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """End the programs (or the host) so that they start afresh."""

    kind: ResetKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that people and alerts want to know; `name` stands in the catalogue."""

    name: str
    fields: tuple[tuple[str, str | int | float | bool | None], ...] = ()


Effect = (
    Append
    | Remove
    | Quarantine
    | Release
    | Fetch
    | Put
    | Delete
    | AskAuthorization
    | SendRecord
    | ReportConnector
    | ReportMeterValues
    | TransferData
    | Answer
    | LogSecurityEvent
    | DoSecurityTask
    | SendCsr
    | Reconnect
    | DoFileWork
    | CancelFileWork
    | ReportFile
    | UnlockConnector
    | AnswerHere
    | Restart
    | Note
)
