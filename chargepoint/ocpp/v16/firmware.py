"""Firmware updates in OCPP 1.6: UpdateFirmware, and SignedUpdateFirmware of the white paper.

Reads the requests into the station's words and spells the answers (sections 10.1 and 10.2). A time
that is none is refused as a message; what may be updated when is the station's.
"""

from __future__ import annotations

from datetime import datetime

from chargepoint.ocpp.frames import Fault, Payload
from chargepoint.ocpp.payloads import Violation
from chargepoint.ocpp.times import parsed
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import Call
from chargepoint.station.file_requests import UpdateRequested
from chargepoint.station.file_values import FirmwareUpdate

SIGNED_ANSWERS = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.ACCEPTED_CANCELED: "AcceptedCanceled",
    Verdict.INVALID_CERTIFICATE: "InvalidCertificate",
}


def update(call: Call, request: Payload, connectors: int, at_s: float) -> UpdateRequested:
    """UpdateFirmware. Raises Violation for a time that is none."""
    wanted = FirmwareUpdate(
        location=request["location"],
        retrieve_at=instant(request, "retrieveDate"),
        retries=request.get("retries"),
        retry_interval_s=request.get("retryInterval"),
    )
    return UpdateRequested(call=call, update=wanted, at_s=at_s)


def signed_update(call: Call, request: Payload, connectors: int, at_s: float) -> UpdateRequested:
    """SignedUpdateFirmware. Raises Violation for a time that is none."""
    firmware = request["firmware"]
    wanted = FirmwareUpdate(
        location=firmware["location"],
        retrieve_at=instant(firmware, "retrieveDateTime"),
        install_at=instant(firmware, "installDateTime"),
        retries=request.get("retries"),
        retry_interval_s=request.get("retryInterval"),
        request=request["requestId"],
        certificate=firmware["signingCertificate"] or "none",
        signature=firmware["signature"],
    )
    return UpdateRequested(call=call, update=wanted, at_s=at_s)


def update_answer(answer: Answer) -> Payload:
    """UpdateFirmware.conf, which has no word for a refusal. Raises Violation for one."""
    if answer.verdict is Verdict.NOT_SUPPORTED:
        raise Violation(Fault.UNSUPPORTED, "signed", "only signed firmware is taken here")
    if answer.verdict is not Verdict.ACCEPTED:
        raise Violation(Fault.OTHER, "busy", "another update is being installed")
    return {}


def instant(payload: Payload, name: str) -> datetime | None:
    """A time of `payload`, if it is there. Raises Violation for one that is none."""
    text = payload.get(name)
    if text is None:
        return None
    found = parsed(text)
    if found is None:
        raise Violation(Fault.BAD_VALUE, "format", f"{name} is no time")
    return found
