"""Requests and reports about keys, certificates and security: a chapter of `station.events`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chargepoint.station.security_values import (
    CertificateHash,
    CertificateUse,
    Holdings,
    Outcome,
)

if TYPE_CHECKING:
    from chargepoint.station.events import Call


class SecurityRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all of them."""

    at_s: float


class RootInstallRequested(SecurityRequest, frozen=True, kw_only=True):
    call: Call
    use: CertificateUse
    pem: str


class RootDeleteRequested(SecurityRequest, frozen=True, kw_only=True):
    """Answered REJECTED when there is none with this hash, FAILED when it must stay."""

    call: Call
    hash: CertificateHash


class RootsAsked(SecurityRequest, frozen=True, kw_only=True):
    """Answered with `Answer.certificates`."""

    call: Call
    use: CertificateUse


class SigningTriggered(SecurityRequest, frozen=True, kw_only=True):
    """Ask for a new certificate of ours."""

    call: Call


class CsrAnswered(SecurityRequest, frozen=True, kw_only=True):
    """`accepted` None: the CSMS did not answer."""

    accepted: bool | None


class ChainGiven(SecurityRequest, frozen=True, kw_only=True):
    """The signed certificate of ours has come."""

    call: Call
    pem: str


class TaskFinished(SecurityRequest, frozen=True, kw_only=True):
    job: int
    outcome: Outcome


class AccessSettled(SecurityRequest, frozen=True, kw_only=True):
    """A connection decided what stays: what was tried (`kept`), or what was there before."""

    kept: bool
    what: str
    """`key`, `profile` or `certificate`."""
    holdings: Holdings


class SecurityNoticed(SecurityRequest, frozen=True, kw_only=True):
    """Something for the security log; `kind` is a name from the list of OCPP."""

    kind: str
    info: str = ""
