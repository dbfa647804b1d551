"""What the station owes to the CSMS, in the words of OCPP 2.x, independent of any OCPP version.

A record is made once, stored before it is acted on, encoded only when it is sent, and leaves the
outbox only when it is acknowledged or quarantined. Its time is a `Stamp`: the boot of the host and
the monotonic second within it; `station.clock` turns that into a UTC time at send time, so that
records made before the clock was known get the right time later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from hal.values import TokenKind

TransactionId = NewType("TransactionId", str)
"""Our own id of a transaction, unique for ever (a UUID); the CSMS's id is mapped to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """An instant: monotonic second `at_s` of host boot `boot`."""

    boot: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """An identification as presented; compared without regard to letter case."""

    value: str
    kind: TokenKind = TokenKind.ISO14443

    @property
    def key(self) -> str:
        return self.value.casefold()


class TokenStatus(Enum):
    """Verdict on an IdToken (OCPP 2.x AuthorizationStatusEnumType; 1.6 has a part of it)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What the CSMS (or a stored copy of its answer) says of an IdToken."""

    status: TokenStatus
    expires_at: datetime | None = None
    """Aware UTC; a copy older than this counts as expired."""
    group: str | None = None
    """Group (1.6: parent) id; two tokens of one group may stop each other's transactions."""


class StopReason(Enum):
    """Why a transaction ended (OCPP 2.x ReasonEnumType plus what 1.6 tells apart)."""

    DE_AUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    ENERGY_LIMIT_REACHED = "EnergyLimitReached"
    EV_DISCONNECTED = "EVDisconnected"
    GROUND_FAULT = "GroundFault"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    MASTER_PASS = "MasterPass"
    OTHER = "Other"
    OVERCURRENT_FAULT = "OvercurrentFault"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    STOPPED_BY_EV = "StoppedByEV"
    TIME_LIMIT_REACHED = "TimeLimitReached"
    TIMEOUT = "Timeout"
    UNLOCK_COMMAND = "UnlockCommand"


class Trigger(Enum):
    """Why a transaction record was made (OCPP 2.x TriggerReasonEnumType, the part we use)."""

    AUTHORIZED = "Authorized"
    CABLE_PLUGGED_IN = "CablePluggedIn"
    CHARGING_STATE_CHANGED = "ChargingStateChanged"
    DE_AUTHORIZED = "Deauthorized"
    EV_COMMUNICATION_LOST = "EVCommunicationLost"
    EV_DEPARTED = "EVDeparted"
    ABNORMAL_CONDITION = "AbnormalCondition"
    METER_VALUE_CLOCK = "MeterValueClock"
    METER_VALUE_PERIODIC = "MeterValuePeriodic"
    REMOTE_START = "RemoteStart"
    REMOTE_STOP = "RemoteStop"
    RESET_COMMAND = "ResetCommand"
    STOP_AUTHORIZED = "StopAuthorized"
    TRIGGER = "Trigger"
    UNLOCK_COMMAND = "UnlockCommand"


class ChargingState(Enum):
    """State of a running transaction (OCPP 2.x ChargingStateEnumType)."""

    CHARGING = "Charging"
    EV_CONNECTED = "EVConnected"
    IDLE = "Idle"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"


class Measurand(Enum):
    """What a sampled value measures; each has exactly one unit inside the program."""

    ENERGY_ACTIVE_IMPORT_REGISTER = "Energy.Active.Import.Register"
    ENERGY_ACTIVE_EXPORT_REGISTER = "Energy.Active.Export.Register"
    ENERGY_ACTIVE_IMPORT_INTERVAL = "Energy.Active.Import.Interval"
    POWER_ACTIVE_IMPORT = "Power.Active.Import"
    POWER_REACTIVE_IMPORT = "Power.Reactive.Import"
    POWER_FACTOR = "Power.Factor"
    POWER_OFFERED = "Power.Offered"
    CURRENT_IMPORT = "Current.Import"
    CURRENT_OFFERED = "Current.Offered"
    VOLTAGE = "Voltage"
    FREQUENCY = "Frequency"
    TEMPERATURE = "Temperature"


class ReadingContext(Enum):
    """Why a sample was taken."""

    INTERRUPTION_BEGIN = "Interruption.Begin"
    INTERRUPTION_END = "Interruption.End"
    OTHER = "Other"
    SAMPLE_CLOCK = "Sample.Clock"
    SAMPLE_PERIODIC = "Sample.Periodic"
    TRANSACTION_BEGIN = "Transaction.Begin"
    TRANSACTION_END = "Transaction.End"
    TRIGGER = "Trigger"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledValue:
    """One number in the measurand's unit (Wh, W, var, A, V, Hz, Celsius, ratio)."""

    measurand: Measurand
    value: float
    phase: str | None = None
    """`L1`, `L2`, `L3` for currents and powers, `L1-N` … for voltages; None: total."""
    location: str = "Outlet"
    """`Outlet`, `Inlet`, `Body`, `Cable` or `EV`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Values taken at one instant for one reason."""

    stamp: Stamp
    context: ReadingContext
    values: tuple[SampledValue, ...]
    signed: str | None = None
    """The register of this instant as the meter has signed it; None: it was not asked, or gives
    none."""


# --- Records --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionStarted:
    """The first record of a transaction; its meter value is what the bill begins with."""

    sequence: int
    """Place in the outbox; strictly growing over the life of the station."""
    number: int
    """Place within the transaction, from 0 (2.x seqNo)."""
    transaction: TransactionId
    evse: int
    connector: int
    id_token: IdToken
    stamp: Stamp
    meter_start_wh: int
    trigger: Trigger
    charging_state: ChargingState
    offline: bool
    """Made without a connection to the CSMS."""
    remote_start_id: int | None = None
    reservation_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionUpdated:
    """A change or a sample during a transaction. Without samples it matters to 2.x only."""

    sequence: int
    number: int
    transaction: TransactionId
    evse: int
    connector: int
    stamp: Stamp
    trigger: Trigger
    charging_state: ChargingState
    offline: bool
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionEnded:
    """The last record of a transaction; after it nothing of that transaction is owed."""

    sequence: int
    number: int
    transaction: TransactionId
    evse: int
    connector: int
    stamp: Stamp
    meter_stop_wh: int
    """Never below the meter start of the same transaction."""
    reason: StopReason
    trigger: Trigger
    offline: bool
    id_token: IdToken | None = None
    """Who stopped it, when somebody did at the station."""
    samples: tuple[Sample, ...] = ()
    """Values collected for the end of the transaction (1.6 transactionData)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEventHappened:
    """Something that the CSMS's security log has to know."""

    sequence: int
    kind: str
    """Name from the OCPP security event list, e.g. `StartupOfTheDevice`."""
    stamp: Stamp
    info: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorUnplugged:
    """The vehicle has left after the end of its transaction (application note on prices)."""

    sequence: int
    transaction: TransactionId
    evse: int
    stamp: Stamp
    csms_id: int | None
    """What the CSMS called the transaction, as far as that was known."""


Record = (
    TransactionStarted
    | TransactionUpdated
    | TransactionEnded
    | SecurityEventHappened
    | ConnectorUnplugged
)
