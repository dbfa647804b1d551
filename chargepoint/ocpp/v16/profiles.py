"""Which requests of the CSMS exist in OCPP 1.6, and which of them this station serves.

An action that 1.6 does not have is NotImplemented; one of a profile that we do not serve is
NotSupported (OCPP-J 1.6, section 4.3).
"""

from __future__ import annotations

SUPPORTED_PROFILES = (
    "Core",
    "FirmwareManagement",
    "LocalAuthListManagement",
    "Reservation",
    "SmartCharging",
    "RemoteTrigger",
)

# fmt: off
PROFILES = {
    "Core": (
        "ChangeAvailability", "ChangeConfiguration", "ClearCache", "DataTransfer",
        "GetConfiguration", "RemoteStartTransaction", "RemoteStopTransaction", "Reset",
        "UnlockConnector",
    ),
    "RemoteTrigger":           ("TriggerMessage",),
    "FirmwareManagement":      ("GetDiagnostics", "UpdateFirmware"),
    "LocalAuthListManagement": ("GetLocalListVersion", "SendLocalList"),
    "Reservation":             ("CancelReservation", "ReserveNow"),
    "SmartCharging": (
        "ClearChargingProfile", "GetCompositeSchedule", "SetChargingProfile",
    ),
    "Security": (
        "CertificateSigned", "DeleteCertificate", "ExtendedTriggerMessage",
        "GetInstalledCertificateIds", "GetLog", "InstallCertificate", "SignedUpdateFirmware",
    ),
}
# fmt: on

SERVED = frozenset(PROFILES["Security"]).union(
    *(PROFILES[profile] for profile in SUPPORTED_PROFILES)
)
"""The white paper is no profile that SupportedFeatureProfiles could name."""
KNOWN = frozenset(action for actions in PROFILES.values() for action in actions)
