"""One good request of every kind that a central system of OCPP 1.6 may send, and what may follow.

Locations are closed ports of this machine: whatever is to be fetched or delivered there fails, and
the station says so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOWHERE = "http://127.0.0.1:9"
PEM = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n"
HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "00" * 32,
    "issuerKeyHash": "11" * 32,
    "serialNumber": "1",
}

CALLS = {
    "Core": (
        "Authorize", "BootNotification", "Heartbeat", "MeterValues", "StartTransaction",
        "StatusNotification", "StopTransaction",
    ),
    "FirmwareManagement": ("DiagnosticsStatusNotification", "FirmwareStatusNotification"),
    "Security": (
        "LogStatusNotification", "SecurityEventNotification", "SignCertificate",
        "SignedFirmwareStatusNotification",
    ),
}  # fmt: skip
"""What a station says of its own accord, or because of the requests below, by profile."""

TRIGGERS = (
    "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
    "MeterValues", "StatusNotification",
)  # fmt: skip

EXTENDED_TRIGGERS = (
    "BootNotification", "FirmwareStatusNotification", "Heartbeat", "LogStatusNotification",
    "MeterValues", "SignChargePointCertificate", "StatusNotification",
)  # fmt: skip


def requests(now: datetime) -> list[tuple[str, str, dict[str, Any]]]:
    """Profile, action and payload; harmless to a session on connector 1."""
    past, later = _text(now - timedelta(minutes=1)), _text(now + timedelta(hours=1))
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1}],
    }
    charging = {
        "chargingProfileId": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    }
    entry = {"idTag": "LISTED", "idTagInfo": {"status": "Accepted"}}
    certificate = {"certificateType": "CentralSystemRootCertificate"}
    log = {"remoteLocation": f"{NOWHERE}/logs/"}
    firmware = {
        "location": f"{NOWHERE}/signed.bin",
        "retrieveDateTime": past,
        "signingCertificate": PEM,
        "signature": "c2lnbmF0dXJl",
    }
    # fmt: off
    return [
        ("Core", "ChangeAvailability", {"connectorId": 2, "type": "Operative"}),
        ("Core", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "300"}),
        ("Core", "ChangeConfiguration", {"key": "NoSuchKey", "value": ""}),
        ("Core", "ClearCache", {}),
        ("Core", "DataTransfer", {"vendorId": "judge", "messageId": "m", "data": "d"}),
        ("Core", "GetConfiguration", {}),
        ("Core", "GetConfiguration", {"key": ["NoSuchKey", "HeartbeatInterval"]}),
        ("Core", "UnlockConnector", {"connectorId": 2}),
        *(("RemoteTrigger", "TriggerMessage", {"requestedMessage": name}) for name in TRIGGERS),
        ("SmartCharging", "SetChargingProfile",
         {"connectorId": 2, "csChargingProfiles": charging}),
        ("SmartCharging", "GetCompositeSchedule",
         {"connectorId": 2, "duration": 600, "chargingRateUnit": "A"}),
        ("SmartCharging", "ClearChargingProfile", {"id": 7}),
        ("LocalAuthListManagement", "SendLocalList",
         {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}),
        ("LocalAuthListManagement", "GetLocalListVersion", {}),
        ("Reservation", "ReserveNow",
         {"connectorId": 2, "expiryDate": later, "idTag": "RESERVED", "reservationId": 5}),
        ("Reservation", "CancelReservation", {"reservationId": 5}),
        ("FirmwareManagement", "GetDiagnostics",
         {"location": f"{NOWHERE}/diagnostics/", "retries": 1, "retryInterval": 0}),
        ("FirmwareManagement", "UpdateFirmware",
         {"location": f"{NOWHERE}/firmware.bin", "retrieveDate": past, "retries": 1,
          "retryInterval": 0}),
        ("Security", "GetInstalledCertificateIds", certificate),
        ("Security", "InstallCertificate", {**certificate, "certificate": PEM}),
        ("Security", "DeleteCertificate", {"certificateHashData": HASHES}),
        ("Security", "CertificateSigned", {"certificateChain": PEM}),
        *(("Security", "ExtendedTriggerMessage", {"requestedMessage": name})
          for name in EXTENDED_TRIGGERS),
        ("Security", "GetLog", {"log": log, "logType": "SecurityLog", "requestId": 11}),
        ("Security", "SignedUpdateFirmware", {"requestId": 12, "firmware": firmware}),
    ]
    # fmt: on


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
