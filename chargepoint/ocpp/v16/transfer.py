"""DataTransfer of our own: something told to the CSMS that OCPP 1.6 has no message for."""

from __future__ import annotations

from chargepoint.ocpp.frames import Payload
from chargepoint.station.effects import TransferData
from chargepoint.station.local_requests import Transferred

VENDOR_MAX = 255
MESSAGE_MAX = 50
ACCEPTED = "Accepted"


def data_transfer(effect: TransferData) -> Payload:
    """DataTransfer.req."""
    return {
        "vendorId": effect.vendor_id[:VENDOR_MAX],
        "messageId": effect.message_id[:MESSAGE_MAX],
        "data": effect.data,
    }


def transferred(request: str, payload: Payload, at_s: float) -> Transferred:
    """What the CSMS says to it; only `Accepted` means that somebody took it."""
    status = str(payload.get("status", ""))[:30]
    return _said(request, status == ACCEPTED, f"the CSMS answers {status}", at_s)


def transfer_failed(request: str, code: str, at_s: float) -> Transferred:
    """CALLERROR: it does not want it."""
    return _said(request, False, f"the CSMS answers {code[:50]}", at_s)


def not_transferred(request: str, at_s: float) -> Transferred:
    """It was not sent, or not answered."""
    return _said(request, False, "the CSMS did not answer, or is not there", at_s)


def _said(request: str, ok: bool, detail: str, at_s: float) -> Transferred:
    return Transferred(request=request, at_s=at_s, ok=ok, detail=detail)
