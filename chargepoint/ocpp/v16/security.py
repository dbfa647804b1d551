"""Requests of ours and triggers of the white paper: SignCertificate, SignChargePointCertificate.

Decides nothing: what is signed when is the station's (`station.own_certificate`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.station.security_requests import CsrAnswered, SecurityNoticed

SIGN = "SignChargePointCertificate"
"""What ExtendedTriggerMessage asks for to have a new certificate requested."""

INFO_MAX = 200


class CsrCall(msgspec.Struct, frozen=True):
    """SignCertificate."""


def sign_certificate(csr: str) -> Payload:
    """SignCertificate.req."""
    return {"csr": csr}


def csr_answered(payload: dict[str, Any] | None, at_s: float) -> CsrAnswered:
    """What the CSMS said of the request; None when it said nothing that can be used."""
    status = None if payload is None else payload.get("status")
    accepted = {"Accepted": True, "Rejected": False}.get(str(status))
    return CsrAnswered(accepted=accepted, at_s=at_s)


def csr_refused(at_s: float) -> CsrAnswered:
    """A CALLERROR is a refusal: a CSMS that does not know the request will not learn it."""
    return CsrAnswered(accepted=False, at_s=at_s)


def invalid_message(reason: str, at_s: float) -> SecurityNoticed:
    """The other side sends what nobody can read."""
    return SecurityNoticed(kind="InvalidMessages", info=reason[:INFO_MAX], at_s=at_s)
