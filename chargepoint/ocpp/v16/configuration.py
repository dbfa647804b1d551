"""Configuration keys of OCPP 1.6 over the device model of the station.

Owns the names, their comparison without regard to case, and the conversion of texts; the station
owns values, ranges and what survives a restart. Sections 5.3, 5.8 and 9 with errata; a key whose
variable the station does not have does not exist, because presence means that the feature exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.v16.profiles import SUPPORTED_PROFILES
from chargepoint.ocpp.v16.transactions import STOP_TRANSACTION_MAX_METER_VALUES
from chargepoint.ocpp.view import DeviceModelView
from chargepoint.station.records import Measurand

MAX_KEYS = 100
"""GetConfigurationMaxKeys: more than there are; further names of a request are not looked at."""

VALUE_MAX = 500


class Kind(Enum):
    """Type of a value; all travel as text."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    LIST = "list"
    TEXT = "text"


class Key(msgspec.Struct, frozen=True):
    """One key that stands for a variable of the device model."""

    name: str
    kind: Kind
    component: str
    variable: str


B, I, L, T = Kind.BOOLEAN, Kind.INTEGER, Kind.LIST, Kind.TEXT  # noqa: E741

# fmt: off
KEYS = (
    #   1.6 key                         type  component          variable
    Key("AdditionalRootCertificateCheck",    B, "SecurityCtrlr","AdditionalRootCertificateCheck"),
    Key("AllowCentralSystemTLSWildcards",    B, "SecurityCtrlr",   "AllowCSMSTLSWildcards"),
    Key("AllowSecurityProfileDowngrade",     B, "SecurityCtrlr",   "AllowSecurityProfileDowngrade"),
    Key("AuthorizationKey",                  T, "SecurityCtrlr",   "BasicAuthPassword"),
    Key("CertificateSignedMaxChainSize",     I, "SecurityCtrlr",   "MaxCertificateChainSize"),
    Key("CertificateStoreMaxLength",         I, "SecurityCtrlr",   "CertificateEntries"),
    Key("CertSigningRepeatTimes",            I, "SecurityCtrlr",   "CertSigningRepeatTimes"),
    Key("CertSigningWaitMinimum",            I, "SecurityCtrlr",   "CertSigningWaitMinimum"),
    Key("CpoName",                           T, "SecurityCtrlr",   "OrganizationName"),
    Key("SecurityProfile",                   I, "SecurityCtrlr",   "SecurityProfile"),
    Key("AllowOfflineTxForUnknownId",        B, "AuthCtrlr",       "OfflineTxForUnknownIdEnabled"),
    Key("AuthorizationCacheEnabled",         B, "AuthCacheCtrlr",  "Enabled"),
    Key("AuthorizeRemoteTxRequests",         B, "AuthCtrlr",       "AuthorizeRemoteStart"),
    Key("ChargeProfileMaxStackLevel",        I, "SmartChargingCtrlr","ProfileStackLevel"),
    Key("ChargingScheduleMaxPeriods",        I, "SmartChargingCtrlr","PeriodsPerSchedule"),
    Key("ChargepointAutoStartId",            T, "CustomAccess",    "AutoStartId"),
    Key("ChargepointCardDeadTime",           I, "CustomAccess",    "CardDeadTime"),
    Key("ChargepointStopOnSecondSwipe",      B, "CustomAccess",    "StopOnSecondSwipe"),
    Key("ClockAlignedDataInterval",          I, "AlignedDataCtrlr","Interval"),
    Key("ConnectionTimeOut",                 I, "TxCtrlr",         "EVConnectionTimeOut"),
    Key("ConnectorPhaseRotation",            L, "Ocpp16Ctrlr",     "ConnectorPhaseRotation"),
    Key("ConnectorSwitch3to1PhaseSupported", B, "SmartChargingCtrlr","Phases3to1"),
    Key("CustomDisplayCostAndPrice",         B, "CustomTariff",    "Enabled"),
    Key("CustomIdleFeeAfterStop",            B, "CustomTariff",    "IdleFeeAfterStop"),
    Key("CustomMultiLanguageMessages",       B, "CustomTariff",    "MultiLanguage"),
    Key("DefaultPrice",                      T, "CustomTariff",    "DefaultPrice"),
    Key("HeartbeatInterval",                 I, "OCPPCommCtrlr",   "HeartbeatInterval"),
    Key("Language",                          T, "CustomTariff",    "Language"),
    Key("LocalAuthListEnabled",              B, "LocalAuthListCtrlr","Enabled"),
    Key("LocalAuthListMaxLength",            I, "LocalAuthListCtrlr","Entries"),
    Key("LocalAuthorizeOffline",             B, "AuthCtrlr",       "LocalAuthorizeOffline"),
    Key("LocalPreAuthorize",                 B, "AuthCtrlr",       "LocalPreAuthorize"),
    Key("MasterPassGroupId",                 T, "AuthCtrlr",       "MasterPassGroupId"),
    Key("MaxEnergyOnInvalidId",              I, "TxCtrlr",         "MaxEnergyOnInvalidId"),
    Key("MaxChargingProfilesInstalled",      I, "SmartChargingCtrlr","Entries"),
    Key("MessageTimeout",                    I, "OCPPCommCtrlr",   "MessageTimeout"),
    Key("MeterValuesAlignedData",            L, "AlignedDataCtrlr","Measurands"),
    Key("MeterValuesSampledData",            L, "SampledDataCtrlr","TxUpdatedMeasurands"),
    Key("MeterValueSampleInterval",          I, "SampledDataCtrlr","TxUpdatedInterval"),
    Key("MinimumStatusDuration",             I, "Ocpp16Ctrlr",     "MinimumStatusDuration"),
    Key("ReserveConnectorZeroSupported",     B, "ReservationCtrlr","NonEvseSpecific"),
    Key("ResetRetries",                      I, "OCPPCommCtrlr",   "ResetRetries"),
    Key("SampledDataSignReadings",           B, "SampledDataCtrlr","SignReadings"),
    Key("SampledDataSignUpdatedReadings",    B, "SampledDataCtrlr","SignUpdatedReadings"),
    Key("AlignedDataSignUpdatedReadings",    B, "AlignedDataCtrlr","SignUpdatedReadings"),
    Key("SendLocalListMaxLength",            I, "LocalAuthListCtrlr","ItemsPerMessage"),
    Key("StopTransactionOnEVSideDisconnect", B, "TxCtrlr",         "StopTxOnEVSideDisconnect"),
    Key("StopTransactionOnInvalidId",        B, "TxCtrlr",         "StopTxOnInvalidId"),
    Key("StopTxnAlignedData",                L, "AlignedDataCtrlr","TxEndedMeasurands"),
    Key("StopTxnSampledData",                L, "SampledDataCtrlr","TxEndedMeasurands"),
    Key("TransactionMessageAttempts",        I, "OCPPCommCtrlr",   "MessageAttempts"),
    Key("TransactionMessageRetryInterval",   I, "OCPPCommCtrlr",   "MessageAttemptInterval"),
    Key("UnlockConnectorOnEVSideDisconnect", B, "OCPPCommCtrlr",   "UnlockOnEVSideDisconnect"),
    Key("WebSocketPingInterval",             I, "OCPPCommCtrlr",   "WebSocketPingInterval"),
)
# fmt: on

_BY_NAME = {key.name.casefold(): key for key in KEYS}
_BOOLEANS = {"true", "false"}
_INTEGER = re.compile(r"[+-]?\d{1,18}")


class Change(msgspec.Struct, frozen=True):
    """A ChangeConfiguration that the station has to decide on."""

    component: str
    variable: str
    value: str


class Configuration:
    """GetConfiguration and ChangeConfiguration."""

    def __init__(self, model: DeviceModelView, connectors: int) -> None:
        self._model = model
        self._fixed = {
            name.casefold(): (name, value) for name, value in _fixed_keys(connectors).items()
        }

    def get(self, names: Iterable[str]) -> Payload:
        """GetConfiguration.conf for `names`; no names means every key."""
        asked = list(dict.fromkeys(name.casefold() for name in names))
        spelled = {name.casefold(): name for name in names}
        if not asked:
            asked = [*_BY_NAME, *self._fixed]
            spelled = {}
        found = {name: self._entry(name) for name in asked[:MAX_KEYS]}
        payload: Payload = {
            "configurationKey": [entry for entry in found.values() if entry is not None]
        }
        unknown = [spelled[name] for name, entry in found.items() if entry is None and spelled]
        if unknown:
            payload["unknownKey"] = unknown
        return payload

    def change(self, name: str, value: str) -> Change | str:
        """What to ask the station for, or the status of a ChangeConfiguration.conf at once."""
        folded = name.casefold()
        if folded in self._fixed:
            return "Rejected"
        key = _BY_NAME.get(folded)
        variable = None if key is None else self._model.get(key.component, key.variable)
        if key is None or variable is None:
            return "NotSupported"
        text = _spelled(key.kind, value)
        if not variable.writable or text is None:
            return "Rejected"
        return Change(key.component, key.variable, text)

    def text(self, name: str) -> str | None:
        """Present value of a key, by its exact name."""
        key = _BY_NAME[name.casefold()]
        variable = self._model.get(key.component, key.variable)
        return None if variable is None else variable.value

    def number(self, name: str, default: float) -> float:
        """Present value of a key as a number."""
        try:
            return float(self.text(name) or default)
        except ValueError:
            return default

    def _entry(self, folded: str) -> Payload | None:
        if folded in self._fixed:
            name, value = self._fixed[folded]
            return {"key": name, "readonly": True, "value": value}
        key = _BY_NAME.get(folded)
        variable = None if key is None else self._model.get(key.component, key.variable)
        if key is None or variable is None:
            return None
        if variable.secret:
            return {"key": key.name, "readonly": False}  # written only, never shown
        value = variable.value[:VALUE_MAX]
        return {"key": key.name, "readonly": not variable.writable, "value": value}


def _fixed_keys(connectors: int) -> dict[str, str]:
    """Keys that follow from the product and cannot be changed."""
    measurands = str(len(Measurand))
    return {
        "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
        "ConnectorPhaseRotationMaxLength": str(connectors + 1),
        "GetConfigurationMaxKeys": str(MAX_KEYS),
        "MeterValuesAlignedDataMaxLength": measurands,
        "MeterValuesSampledDataMaxLength": measurands,
        "NumberOfConnectors": str(connectors),
        "SupportedFileTransferProtocols": "FTP,FTPS,HTTP,HTTPS",
        "StopTransactionMaxMeterValues": str(STOP_TRANSACTION_MAX_METER_VALUES),
        "StopTxnAlignedDataMaxLength": measurands,
        "StopTxnSampledDataMaxLength": measurands,
        "SupportedFeatureProfiles": ",".join(SUPPORTED_PROFILES),
    }


def _spelled(kind: Kind, value: str) -> str | None:
    """`value` in the one spelling that the station knows; None when it is none of that type."""
    text = value.strip()
    if kind is Kind.BOOLEAN:
        return text.casefold() if text.casefold() in _BOOLEANS else None
    if kind is Kind.INTEGER:
        return str(int(text)) if _INTEGER.fullmatch(text) else None
    if kind is Kind.TEXT:
        return value
    items = [item.strip() for item in text.split(",")]
    return ",".join(items) if all(items) else ("" if text == "" else None)
