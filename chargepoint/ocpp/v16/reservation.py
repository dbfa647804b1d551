"""Reservations across the edge of OCPP 1.6 (sections 5.2, 5.13, 6.3, 6.37, 7.38)."""

from __future__ import annotations

from chargepoint.ocpp.frames import Fault, Payload
from chargepoint.ocpp.payloads import Violation
from chargepoint.ocpp.times import parsed
from chargepoint.station.effects import Verdict
from chargepoint.station.events import (
    Call,
    CancelReservationRequested,
    Event,
    ReserveRequested,
)
from chargepoint.station.records import IdToken

# fmt: off
ANSWERS = {
    Verdict.ACCEPTED:    "Accepted",
    Verdict.FAULTED:     "Faulted",
    Verdict.OCCUPIED:    "Occupied",
    Verdict.UNAVAILABLE: "Unavailable",
}
# fmt: on


def reserve(call: Call, request: Payload, connectors: int, at_s: float) -> Event | Payload:
    """ReserveNow; Rejected for an unknown connector. Raises Violation for a time that is none."""
    evse, expires_at = request["connectorId"], parsed(request["expiryDate"])
    if expires_at is None:
        raise Violation(Fault.BAD_VALUE, "format", "expiryDate is no time")
    if not 0 <= evse <= connectors:
        return {"status": "Rejected"}
    return ReserveRequested(
        call=call,
        reservation=request["reservationId"],
        evse=evse,
        id_token=IdToken(value=request["idTag"]),
        group=request.get("parentIdTag") or None,
        expires_at=expires_at,
        at_s=at_s,
    )


def cancel(call: Call, request: Payload, connectors: int, at_s: float) -> Event:
    """CancelReservation."""
    return CancelReservationRequested(call=call, reservation=request["reservationId"], at_s=at_s)
