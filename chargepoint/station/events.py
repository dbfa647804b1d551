"""Everything that can happen to the station: the table of contents of what it reacts to.

Events come from the safety program (observed states, meter readings, tokens), from the CSMS link
(translated by an OCPP adapter into these words), from the store and from the service side. All
instants are monotonic seconds. `Call` is the handle under which a request of the CSMS is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from chargepoint.catalog.details import Detail
from chargepoint.station.charging_profiles.book import Criteria
from chargepoint.station.charging_profiles.profile import Profile, RateUnit
from chargepoint.station.file_requests import FileRequest
from chargepoint.station.local_requests import LocalRequest
from chargepoint.station.prices import PriceRequest
from chargepoint.station.records import IdToken, Record, TokenInfo
from chargepoint.station.security_requests import SecurityRequest
from hal.values import MeterReading, PilotState

Call = NewType("Call", str)
"""Handle of a request of the CSMS that waits for our answer."""


# --- From the safety program ----------------------------------------------------------------------


class EvsePhase(Enum):
    """What the safety program does with one EVSE; the same names as on the wire."""

    STARTING = "starting"
    IDLE = "idle"
    CONNECTED = "connected"
    OFFERING = "offering"
    CLOSING = "closing"
    ENERGISED = "energised"
    STOPPING = "stopping"
    OPENING = "opening"
    WAKING = "waking"
    WAITING = "waiting"
    FAULTED = "faulted"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseView:
    """One EVSE as the safety program sees it now."""

    evse: int
    phase: EvsePhase
    pilot: PilotState | None
    plug_in: int
    """Counts plug-ins of one run of the safety program; together with its boot id it names one."""
    connected: bool
    contactor_closed: bool | None
    """None: it should be open, and nobody knows yet whether it is."""
    offered_a: float
    limit_a: float
    cable_current_a: float | None
    locked: bool | None
    temperature_c: float | None
    hazards: tuple[str, ...]
    limited_by: str = "lease"
    """What `limit_a` comes from; the words of the safety program."""
    phases: int = 3
    """Phases that are, or will be, switched."""
    boot: str = ""
    """The run of the safety program that says so."""
    operations: int = 0
    """Contactor closings in that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlConnected:
    """The safety program is there; `boot` is new for each of its starts."""

    boot: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLost:
    """The safety program is gone or hung: what it last said counts no longer."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseObserved:
    """Level, not edge: whatever was missed in between, this is how it is."""

    view: EvseView
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardRaised:
    """A hazard came into force; for the counts, what holds now stands in the view."""

    evse: int
    hazard: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardKept:
    """A hazard that outlives restarts is in force; to be kept until HazardForgotten."""

    evse: int
    hazard: str
    detail: str
    boot: str
    """The run of the safety program that knows of it; empty: none does yet."""
    said: Detail | None = None
    """`detail` in figures, where they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardForgotten:
    """The safety program has cleared a hazard that was kept."""

    evse: int
    hazard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactorClosed:
    """The contactor closed; `took_s`: until its auxiliary contact said so, where it has one."""

    evse: int
    took_s: float | None
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactorOpened:
    """The contactor opened; `under_load`: while current flowed, which wears it."""

    evse: int
    under_load: bool
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RcdTested:
    """The self-test of the residual-current monitor has ended."""

    evse: int
    passed: bool
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRead:
    """A meter replied; how far to trust it stands in the reading."""

    evse: int
    """0: the station's main meter."""
    reading: MeterReading


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterLost:
    """A meter does not reply; its last reading grows too old by itself."""

    evse: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPresented:
    """A token on a reader. `evses`: those that the reader serves, in configured order."""

    reader: str
    id_token: IdToken
    evses: tuple[int, ...]
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLost:
    """A reader does not reply. `evses`: those that it serves; remote starts still reach them."""

    reader: str
    evses: tuple[int, ...]
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderBack:
    """It replies again."""

    reader: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockFinished:
    """The safety program's outcome of an unlock that the station asked for."""

    evse: int
    request: str
    unlocked: bool
    at_s: float


# --- From the CSMS link ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CsmsAccepted:
    """Registered: everything may be sent. Comes after each reconnect too."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CsmsLost:
    """Not connected, not accepted, or mute: nothing can be asked now."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeGiven:
    """The CSMS told its time; `wall` is aware UTC, valid at `at_s`."""

    wall: datetime
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationAnswered:
    """The CSMS's verdict on the token that was asked about under `request`."""

    request: str
    info: TokenInfo
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationUnanswered:
    """Refused as a message, timed out, or the link went away."""

    request: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAcknowledged:
    """The CSMS has this record. A started transaction brings its id and a verdict."""

    sequence: int
    at_s: float
    csms_transaction_id: int | None = None
    info: TokenInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefused:
    """The CSMS (or the wait for it) failed to process a record while the link was up."""

    sequence: int
    at_s: float
    code: str
    """CALLERROR code, or `Timeout`."""
    description: str = ""
    counts: bool = True
    """False: a passing condition that is no attempt (busy, not yet accepted)."""
    not_supported: bool = False
    """The CSMS does not know this kind of message at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReturned:
    """The link went away before an answer: not an attempt, to be sent again."""

    sequence: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStartRequested:
    """Start a transaction for a token; `evse` None: wherever the station chooses."""

    call: Call
    id_token: IdToken
    evse: int | None
    at_s: float
    remote_start_id: int | None = None
    profile: Profile | None = None
    """Charging profile of the transaction to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStopRequested:
    """`transaction`: our id (2.x) or the CSMS's number (1.6)."""

    call: Call
    transaction: str | int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityRequested:
    """`evse` 0: the whole station."""

    call: Call
    evse: int
    operative: bool
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockRequested:
    """Release the plug; a transaction that is still running ends first."""

    call: Call
    evse: int
    at_s: float


class ResetKind(Enum):
    SOFT = "soft"
    """Stop transactions in order, deliver them if possible, restart the programs (2.x OnIdle)."""
    HARD = "hard"
    """Restart at once; transactions are ended first as far as possible (2.x Immediate)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequested:
    """Restart the station, in the way that `kind` says."""

    call: Call
    kind: ResetKind
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCacheRequested:
    """Forget what the CSMS once said of tokens."""

    call: Call
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterValuesTriggered:
    """Send current values of this EVSE (0: main meter; None: all) outside the normal grid."""

    call: Call
    evse: int | None
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfileSetRequested:
    """Install a charging profile; `evse` 0: the station, or a default of every EVSE."""

    call: Call
    evse: int
    profile: Profile
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfileClearRequested:
    """Remove the charging profiles that match."""

    call: Call
    criteria: Criteria
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeScheduleRequested:
    """Tell what charging profiles allow at `evse` (0: together) from now on."""

    call: Call
    evse: int
    duration_s: int
    unit: RateUnit | None
    """None: that of the profiles."""
    at_s: float


ListEntry = tuple[IdToken, TokenInfo | None]
"""A token of the local list with its verdict; without one it is to be removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListSent:
    """The CSMS's list of tokens, whole or what has changed of it."""

    call: Call
    version: int
    differential: bool
    entries: tuple[ListEntry, ...]
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListVersionAsked:
    """Answered with `Answer.number`."""

    call: Call
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveRequested:
    """Keep an EVSE (0: any) for a token and its group; the id of a reservation replaces it."""

    call: Call
    reservation: int
    evse: int
    id_token: IdToken
    group: str | None
    expires_at: datetime
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReservationRequested:
    """Give up a reservation."""

    call: Call
    reservation: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableSetRequested:
    """Set one variable of the device model, as text."""

    call: Call
    component: str
    variable: str
    value: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatIntervalGiven:
    """An accepted BootNotification gave the heartbeat interval."""

    interval_s: int
    at_s: float


# --- From the store and the host ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsFetched:
    """Next records of the outbox after the asked one, oldest first; empty: there are no more."""

    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRead:
    """The host's wall clock at `at_s`, and whether it is synchronised (NTP) or from an RTC."""

    wall: datetime
    synchronised: bool
    rtc: bool
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendRequested:
    """A technician wants refused records sent again, in this order."""

    records: tuple[Record, ...]
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """The program is about to end (SIGTERM). Transactions go on; the next start continues them."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """The deadline that the station asked for has come."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStartAsked:
    """A start by key, page or free vending at one EVSE."""

    evse: int
    id_token: IdToken
    at_s: float


Event = (
    ControlConnected
    | ControlLost
    | EvseObserved
    | HazardRaised
    | HazardKept
    | HazardForgotten
    | ContactorClosed
    | ContactorOpened
    | RcdTested
    | MeterRead
    | MeterLost
    | TokenPresented
    | ReaderLost
    | ReaderBack
    | UnlockFinished
    | CsmsAccepted
    | CsmsLost
    | TimeGiven
    | AuthorizationAnswered
    | AuthorizationUnanswered
    | RecordAcknowledged
    | RecordRefused
    | RecordReturned
    | RemoteStartRequested
    | RemoteStopRequested
    | AvailabilityRequested
    | UnlockRequested
    | ResetRequested
    | ClearCacheRequested
    | MeterValuesTriggered
    | ChargingProfileSetRequested
    | ChargingProfileClearRequested
    | CompositeScheduleRequested
    | LocalListSent
    | LocalListVersionAsked
    | ReserveRequested
    | CancelReservationRequested
    | VariableSetRequested
    | SecurityRequest
    | FileRequest
    | HeartbeatIntervalGiven
    | RecordsFetched
    | ResendRequested
    | PriceRequest
    | ClockRead
    | StopAsked
    | Ticked
    | LocalStartAsked
    | LocalRequest
)
