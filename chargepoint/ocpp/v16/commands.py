"""Requests of the CSMS as events of the station, and the station's verdicts as answers.

A request either becomes an event, answered when the station has decided, or is answered at once
because the station has nothing to decide (OCPP 1.6, section 5; rules R15 and those of section 7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.v16 import (
    certificates,
    firmware,
    local_list,
    logs,
    pricing,
    reservation,
    smart_charging,
)
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import (
    AvailabilityRequested,
    Call,
    ClearCacheRequested,
    Event,
    RemoteStartRequested,
    RemoteStopRequested,
    ResetKind,
    ResetRequested,
    UnlockRequested,
)
from chargepoint.station.records import IdToken
from hal.values import TokenKind

Decision = Event | Payload
"""An event for the station, or the payload of the answer."""

Command = Callable[[Call, Payload, int, float], Decision]
"""(call, request, number of connectors, now_s) -> decision. Raises Violation."""

ACCEPTED_ONLY = frozenset({"RemoteStartTransaction", "RemoteStopTransaction"})
"""Refused while the CSMS has not accepted us (section 4.2.1)."""


def _remote_start(call: Call, request: Payload, connectors: int, at_s: float) -> Decision:
    evse, profile = request.get("connectorId"), request.get("chargingProfile")
    if evse is not None and not 1 <= evse <= connectors:
        return {"status": "Rejected"}
    return RemoteStartRequested(
        call=call,
        id_token=IdToken(value=request["idTag"], kind=TokenKind.CENTRAL),
        evse=evse,
        at_s=at_s,
        profile=None if profile is None else smart_charging.profile(profile),
    )


def _remote_stop(call: Call, request: Payload, connectors: int, at_s: float) -> Decision:
    return RemoteStopRequested(call=call, transaction=request["transactionId"], at_s=at_s)


def _availability(call: Call, request: Payload, connectors: int, at_s: float) -> Decision:
    evse = request["connectorId"]
    if not 0 <= evse <= connectors:
        return {"status": "Rejected"}
    operative = request["type"] == "Operative"
    return AvailabilityRequested(call=call, evse=evse, operative=operative, at_s=at_s)


def _clear_cache(call: Call, request: Payload, connectors: int, at_s: float) -> Decision:
    return ClearCacheRequested(call=call, at_s=at_s)


def _reset(call: Call, request: Payload, connectors: int, at_s: float) -> Decision:
    kind = ResetKind.HARD if request["type"] == "Hard" else ResetKind.SOFT
    return ResetRequested(call=call, kind=kind, at_s=at_s)


def _unlock(call: Call, request: Payload, connectors: int, at_s: float) -> Decision:
    evse = request["connectorId"]
    if not 1 <= evse <= connectors:
        return {"status": "NotSupported"}
    return UnlockRequested(call=call, evse=evse, at_s=at_s)


def _data_transfer(call: Call, request: Payload, connectors: int, at_s: float) -> Decision:
    """Prices and costs; no other vendor's data is understood."""
    if request["vendorId"].casefold() != pricing.VENDOR:
        return {"status": "UnknownVendorId"}
    return pricing.transferred(call, request, at_s)


# fmt: off
COMMANDS: Mapping[str, Command] = {
    "CertificateSigned":      certificates.signed,
    "CancelReservation":      reservation.cancel,
    "ChangeAvailability":     _availability,
    "ClearCache":             _clear_cache,
    "ClearChargingProfile":   smart_charging.clear_profile,
    "DeleteCertificate":      certificates.delete,
    "GetInstalledCertificateIds": certificates.installed_ids,
    "InstallCertificate":     certificates.install,
    "DataTransfer":           _data_transfer,
    "GetCompositeSchedule":   smart_charging.composite_schedule,
    "GetDiagnostics":         logs.diagnostics,
    "GetLog":                 logs.log,
    "GetLocalListVersion":    local_list.version,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction":  _remote_stop,
    "ReserveNow":             reservation.reserve,
    "Reset":                  _reset,
    "SendLocalList":          local_list.update,
    "SetChargingProfile":     smart_charging.set_profile,
    "SignedUpdateFirmware":   firmware.signed_update,
    "UnlockConnector":        _unlock,
    "UpdateFirmware":         firmware.update,
}

_YES_OR_NO = {Verdict.ACCEPTED: "Accepted"}

ANSWERS: Mapping[str, tuple[Mapping[Verdict, str], str]] = {
    # request                 verdicts with a word of their own                    all others
    "CancelReservation":      (_YES_OR_NO,                                          "Rejected"),
    "ChangeAvailability":     ({**_YES_OR_NO, Verdict.SCHEDULED: "Scheduled"},      "Rejected"),
    "ChangeConfiguration":    ({**_YES_OR_NO, Verdict.REBOOT_REQUIRED: "RebootRequired",
                                Verdict.NOT_SUPPORTED: "NotSupported"},             "Rejected"),
    "CertificateSigned":      (_YES_OR_NO,                                          "Rejected"),
    "DeleteCertificate":      ({**_YES_OR_NO, Verdict.FAILED: "Failed"},            "NotFound"),
    "ExtendedTriggerMessage": ({**_YES_OR_NO, Verdict.NOT_SUPPORTED: "NotImplemented"},
                                                                                    "Rejected"),
    "InstallCertificate":     ({**_YES_OR_NO, Verdict.FAILED: "Failed"},            "Rejected"),
    "ClearCache":             (_YES_OR_NO,                                          "Rejected"),
    "ClearChargingProfile":   (_YES_OR_NO,                                          "Unknown"),
    "DataTransfer":           ({**_YES_OR_NO, Verdict.NOT_SUPPORTED: "UnknownVendorId"},
                                                                                    "Rejected"),
    "RemoteStartTransaction": (_YES_OR_NO,                                          "Rejected"),
    "RemoteStopTransaction":  (_YES_OR_NO,                                          "Rejected"),
    "ReserveNow":             (reservation.ANSWERS,                                 "Rejected"),
    "Reset":                  (_YES_OR_NO,                                          "Rejected"),
    "SendLocalList":          (local_list.ANSWERS,                                  "Failed"),
    "SetChargingProfile":     (_YES_OR_NO,                                          "Rejected"),
    "SignedUpdateFirmware":   (firmware.SIGNED_ANSWERS,                             "Rejected"),
    "TriggerMessage":         ({**_YES_OR_NO, Verdict.NOT_SUPPORTED: "NotImplemented"},
                                                                                    "Rejected"),
    "UnlockConnector":        ({Verdict.UNLOCKED: "Unlocked", Verdict.ACCEPTED: "Unlocked",
                                Verdict.UNLOCK_FAILED: "UnlockFailed"},             "NotSupported"),
}
# fmt: on


FILE_ANSWERS: Mapping[str, Callable[[Answer], Payload]] = {
    "GetDiagnostics": logs.diagnostics_answer,
    "GetLog": logs.log_answer,
    "UpdateFirmware": firmware.update_answer,
}


def answer(action: str, given: Answer) -> Payload:
    """The station's answer in the words of `action`. Raises Violation for a refusal without one."""
    if action == "GetCompositeSchedule":
        return smart_charging.composite_answer(given)
    if action in FILE_ANSWERS:
        return FILE_ANSWERS[action](given)
    if action == "GetLocalListVersion":
        return local_list.version_answer(given)
    if action == "GetInstalledCertificateIds":
        return certificates.installed_ids_answer(given)
    words, otherwise = ANSWERS[action]
    return {"status": words.get(given.verdict, otherwise)}
