"""Certificates in OCPP 1.6 (white paper): install, list, delete, and what was signed.

Reads InstallCertificate, DeleteCertificate, GetInstalledCertificateIds and CertificateSigned into
the station's words and spells the answers (section 11.4 of the rules). Hashes are compared without
regard to letter case and leading zeros of the serial, which central systems spell either way.
"""

from __future__ import annotations

from chargepoint.ocpp.frames import Payload
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import Call
from chargepoint.station.security_requests import (
    ChainGiven,
    RootDeleteRequested,
    RootInstallRequested,
    RootsAsked,
    SecurityRequest,
)
from chargepoint.station.security_values import CertificateHash, CertificateUse, HashAlgorithm

USES = {
    "CentralSystemRootCertificate": CertificateUse.CSMS_ROOT,
    "ManufacturerRootCertificate": CertificateUse.MANUFACTURER_ROOT,
}


def install(call: Call, request: Payload, connectors: int, at_s: float) -> SecurityRequest:
    """InstallCertificate."""
    use = USES[request["certificateType"]]
    return RootInstallRequested(call=call, use=use, pem=request["certificate"], at_s=at_s)


def delete(call: Call, request: Payload, connectors: int, at_s: float) -> SecurityRequest:
    """DeleteCertificate; a hash of nothing that we have is not found."""
    named = request["certificateHashData"]
    wanted = CertificateHash(
        algorithm=HashAlgorithm(named["hashAlgorithm"]),
        issuer_name=named["issuerNameHash"].strip().casefold(),
        issuer_key=named["issuerKeyHash"].strip().casefold(),
        serial=named["serialNumber"].strip().casefold().removeprefix("0x").lstrip("0") or "0",
    )
    return RootDeleteRequested(call=call, hash=wanted, at_s=at_s)


def installed_ids(call: Call, request: Payload, connectors: int, at_s: float) -> SecurityRequest:
    """GetInstalledCertificateIds."""
    return RootsAsked(call=call, use=USES[request["certificateType"]], at_s=at_s)


def signed(call: Call, request: Payload, connectors: int, at_s: float) -> SecurityRequest:
    """CertificateSigned."""
    return ChainGiven(call=call, pem=request["certificateChain"], at_s=at_s)


def installed_ids_answer(answer: Answer) -> Payload:
    """GetInstalledCertificateIds.conf; without certificates there is no list."""
    if answer.verdict is not Verdict.ACCEPTED:
        return {"status": "NotFound"}
    return {
        "status": "Accepted",
        "certificateHashData": [
            {
                "hashAlgorithm": named.algorithm.value,
                "issuerNameHash": named.issuer_name,
                "issuerKeyHash": named.issuer_key,
                "serialNumber": named.serial,
            }
            for named in answer.certificates
        ],
    }
