"""The table of the device model: every variable with type, range and default.

Names are those of OCPP 2.0.1; the defaults are the values suggested for 1.6 (the configuration keys
that stand for them are the business of `ocpp.v16`). One parser per type, which gives the one
spelling in which a value is kept, or None for what is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chargepoint.station.charging_profiles.profile import LEVEL_MAX, PERIODS_MAX, PROFILES_MAX
from chargepoint.station.records import Measurand
from chargepoint.station.settings import StationSettings

INTEGER_MAX = 2**31 - 1
DAY_S = 86_400
MEASURANDS_MAX = 40
"""Items in one list of measurands."""

ROTATIONS = {"NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR"}
TEXT_MAX = 500
PHASES = {"L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N"}

_INTEGER = re.compile(r"[+-]?\d{1,12}")


class Kind(Enum):
    """Type of a value; all are kept as text."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    MEASURANDS = "measurands"
    ROTATIONS = "rotations"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What may stand in one variable."""

    component: str
    variable: str
    kind: Kind
    default: str
    minimum: int = 0
    maximum: int = INTEGER_MAX
    divides_day: bool = False
    """0, or a divisor of 86,400 s: only then does a grid from midnight close."""
    length_max: int = TEXT_MAX
    """Characters of a text."""
    check: Callable[[str], bool] = lambda text: True
    """What a text must be, beyond its length."""
    writable: bool = True
    secret: bool = False
    """Written only; its value is never in the device model."""
    indexes: tuple[int, ...] = ()
    """EVSEs that a rotation may name, 0 (grid to main meter) included."""

    def spelled(self, text: str) -> str | None:
        """`text` in the spelling that is kept; None when this variable cannot hold it."""
        match self.kind:
            case Kind.BOOLEAN:
                folded = text.strip().casefold()
                return folded if folded in ("true", "false") else None
            case Kind.INTEGER:
                return self._integer(text.strip())
            case Kind.MEASURANDS:
                return _measurands(text)
            case Kind.ROTATIONS:
                return self._rotations(text)
            case Kind.TEXT:
                bare = text.strip()
                fits = len(bare) <= self.length_max and bare.isprintable()
                return bare if fits and self.check(bare) else None

    def _integer(self, text: str) -> str | None:
        if not _INTEGER.fullmatch(text):
            return None
        number = int(text)
        if not self.minimum <= number <= self.maximum:
            return None
        if self.divides_day and number and DAY_S % number:
            return None
        return str(number)

    def _rotations(self, text: str) -> str | None:
        seen: dict[int, str] = {}
        for item in _items(text):
            index, _, rotation = item.partition(".")
            if not index.isdecimal() or int(index) not in self.indexes or int(index) in seen:
                return None
            if rotation not in ROTATIONS:
                return None
            seen[int(index)] = f"{int(index)}.{rotation}"
        return ",".join(seen.values())


def measurand(item: str) -> tuple[Measurand, str | None] | None:
    """`Voltage` or `Voltage.L1-N` as measurand and phase; None when there is no such thing."""
    try:
        return Measurand(item), None
    except ValueError:
        name, _, phase = item.rpartition(".")
    if phase not in PHASES:
        return None
    try:
        return Measurand(name), phase
    except ValueError:
        return None


def _measurands(text: str) -> str | None:
    """A list with one bad item is refused whole (section 3.16.4)."""
    items = _items(text)
    if len(items) > MEASURANDS_MAX or any(measurand(item) is None for item in items):
        return None
    return ",".join(dict.fromkeys(items))


def _items(text: str) -> list[str]:
    return [] if not text.strip() else [item.strip() for item in text.split(",")]


_REGISTER = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER.value
_SAMPLED = f"{_REGISTER},Power.Active.Import,Current.Import,Voltage"

_B, _I, _M = Kind.BOOLEAN, Kind.INTEGER, Kind.MEASURANDS


def _row(
    component: str,
    variable: str,
    kind: Kind,
    default: str,
    minimum: int = 0,
    grid: bool = False,
    maximum: int = INTEGER_MAX,
) -> Definition:
    return Definition(
        component=component,
        variable=variable,
        kind=kind,
        default=default,
        minimum=minimum,
        maximum=maximum,
        divides_day=grid,
    )


MESSAGE_TIMEOUT_MAX_S = 600
"""One answer that never comes must not hold up calls and cards for longer, whatever is wished."""


# fmt: off
TABLE = (
    #    component           variable                       type default      least
    _row("AuthCtrlr",        "OfflineTxForUnknownIdEnabled", _B, "false"),
    _row("AuthCtrlr",        "AuthorizeRemoteStart",         _B, "true"),
    _row("AuthCtrlr",        "LocalAuthorizeOffline",        _B, "true"),
    _row("AuthCtrlr",        "LocalPreAuthorize",            _B, "false"),
    _row("AuthCacheCtrlr",   "Enabled",                      _B, "true"),
    _row("TxCtrlr",          "EVConnectionTimeOut",          _I, "120"),
    _row("TxCtrlr",          "MaxEnergyOnInvalidId",         _I, "0"),
    _row("TxCtrlr",          "StopTxOnEVSideDisconnect",     _B, "true"),
    _row("TxCtrlr",          "StopTxOnInvalidId",            _B, "true"),
    _row("SampledDataCtrlr", "TxUpdatedInterval",            _I, "60"),
    _row("SampledDataCtrlr", "TxUpdatedMeasurands",          _M, _SAMPLED),
    _row("SampledDataCtrlr", "TxEndedMeasurands",            _M, _REGISTER),
    _row("AlignedDataCtrlr", "Interval",                     _I, "0",          grid=True),
    _row("AlignedDataCtrlr", "Measurands",                   _M, _REGISTER),
    _row("AlignedDataCtrlr", "TxEndedMeasurands",            _M, ""),
    _row("OCPPCommCtrlr",    "HeartbeatInterval",            _I, "300"),
    _row("OCPPCommCtrlr",    "MessageTimeout",               _I, "30",         1,
         maximum=MESSAGE_TIMEOUT_MAX_S),
    _row("OCPPCommCtrlr",    "MessageAttempts",              _I, "3"),
    _row("OCPPCommCtrlr",    "MessageAttemptInterval",       _I, "60"),
    _row("OCPPCommCtrlr",    "ResetRetries",                 _I, "1"),
    _row("OCPPCommCtrlr",    "WebSocketPingInterval",        _I, "30"),
    _row("Ocpp16Ctrlr",      "MinimumStatusDuration",        _I, "0"),
)
# fmt: on


def _fixed(variable: str, value: int) -> Definition:
    """A bound of smart charging that cannot be changed."""
    return Definition(
        component="SmartChargingCtrlr",
        variable=variable,
        kind=Kind.INTEGER,
        default=str(value),
        writable=False,
    )


CHAIN_MAX = 10_000
ROOTS_MAX = 20


def security_variables(settings: StationSettings) -> tuple[Definition, ...]:
    """Component SecurityCtrlr (white paper, section 7.2); key and profile are `access_changes`'."""

    def row(
        variable: str, kind: Kind, default: str, *, writable: bool = True, secret: bool = False
    ) -> Definition:
        return Definition(
            component="SecurityCtrlr",
            variable=variable,
            kind=kind,
            default=default,
            writable=writable,
            secret=secret,
        )

    one_root = "true" if settings.one_root else "false"
    wildcards = "true" if settings.wildcards else "false"
    return (
        row("BasicAuthPassword", Kind.TEXT, "", secret=True),
        row("SecurityProfile", _I, str(settings.holdings.profile)),
        row("AllowSecurityProfileDowngrade", _B, "false"),
        row("OrganizationName", Kind.TEXT, ""),
        row("CertSigningWaitMinimum", _I, "60"),
        row("CertSigningRepeatTimes", _I, "3"),
        row("AdditionalRootCertificateCheck", _B, one_root, writable=False),
        row("AllowCSMSTLSWildcards", _B, wildcards, writable=False),
        row("MaxCertificateChainSize", _I, str(CHAIN_MAX), writable=False),
        row("CertificateEntries", _I, str(ROOTS_MAX), writable=False),
    )


def definitions(settings: StationSettings) -> tuple[Definition, ...]:
    """The table for this station: some rows depend on what it is made of."""
    rotation = ",".join(
        f"{evse.id}.{evse.phase_rotation or ('RST' if evse.phases == 3 else 'NotApplicable')}"
        for evse in settings.evses
    )
    sockets = any(evse.socket for evse in settings.evses)
    switching = any(evse.phase_switching for evse in settings.evses)
    return (
        *TABLE,
        *security_variables(settings),
        Definition(
            component="Ocpp16Ctrlr",
            variable="ConnectorPhaseRotation",
            kind=Kind.ROTATIONS,
            default=rotation,
            indexes=(0, *(evse.id for evse in settings.evses)),
        ),
        _fixed("ProfileStackLevel", LEVEL_MAX),
        _fixed("PeriodsPerSchedule", PERIODS_MAX),
        _fixed("Entries", PROFILES_MAX),
        Definition(
            component="SmartChargingCtrlr",
            variable="Phases3to1",
            kind=Kind.BOOLEAN,
            default="true" if switching else "false",
            writable=False,
        ),
        # A fixed cable has nothing to unlock: always false and not writable (errata 3.83).
        Definition(
            component="OCPPCommCtrlr",
            variable="UnlockOnEVSideDisconnect",
            kind=Kind.BOOLEAN,
            default="true" if sockets else "false",
            writable=sockets,
        ),
    )
