"""What a failed handshake says about security: the event for the log, and words for people."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import msgspec
from websockets.exceptions import InvalidStatus

NOT_YET_VALID, EXPIRED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""

REFUSED_STATUSES = (401, 403)

SERVER = "InvalidCentralSystemCertificate"
REFUSED = "FailedToAuthenticateAtCentralSystem"

# fmt: off
REASONS = {
    # reason of OpenSSL                     event                    in words
    "UNSUPPORTED_PROTOCOL":                ("InvalidTLSVersion",     "the CSMS offers no TLS 1.2"),
    "TLSV1_ALERT_PROTOCOL_VERSION":        ("InvalidTLSVersion",     "the CSMS offers no TLS 1.2"),
    "WRONG_SSL_VERSION":                   ("InvalidTLSVersion",     "the CSMS offers no TLS 1.2"),
    "WRONG_VERSION_NUMBER":                ("",  "no TLS at this port; is the URL right?"),
    "HTTP_REQUEST":                        ("",  "no TLS at this port; is the URL right?"),
    "SSLV3_ALERT_HANDSHAKE_FAILURE":       ("InvalidTLSCipherSuite", "no common cipher suite"),
    "NO_SHARED_CIPHER":                    ("InvalidTLSCipherSuite", "no common cipher suite"),
    "WRONG_CIPHER_RETURNED":               ("InvalidTLSCipherSuite", "no common cipher suite"),
    "UNKNOWN_CIPHER_RETURNED":             ("InvalidTLSCipherSuite", "no common cipher suite"),
    "TLSV1_ALERT_INSUFFICIENT_SECURITY":   ("InvalidTLSCipherSuite", "no common cipher suite"),
    "EE_KEY_TOO_SMALL":                    (SERVER,  "the key of the CSMS is too short"),
    "CA_KEY_TOO_SMALL":                    (SERVER,  "a key in the chain of the CSMS is too short"),
    "CA_MD_TOO_WEAK":                      (SERVER,  "the chain of the CSMS is signed weakly"),
    "DH_KEY_TOO_SMALL":                    ("InvalidTLSCipherSuite", "a weak key exchange"),
    "TLSV1_ALERT_UNKNOWN_CA":              (REFUSED, "the CSMS does not know our issuer"),
    "SSLV3_ALERT_BAD_CERTIFICATE":         (REFUSED, "the CSMS refuses our certificate"),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": (REFUSED, "the CSMS refuses our certificate"),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN":     (REFUSED, "the CSMS refuses our certificate"),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED":     (REFUSED, "our certificate has expired"),
    "SSLV3_ALERT_CERTIFICATE_REVOKED":     (REFUSED, "our certificate is revoked"),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED":   (REFUSED, "the CSMS wants a certificate of ours"),
    "TLSV1_ALERT_ACCESS_DENIED":           (REFUSED, "the CSMS refuses our certificate"),
}
# fmt: on


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: security event, or empty; `text`: what to tell people, or empty."""

    kind: str = ""
    text: str = ""


def finding(error: BaseException, *, certificate_shown: bool, clock_trusted: bool) -> Finding:
    """What `error` means, its causes included."""
    for cause in causes(error):
        if isinstance(cause, InvalidStatus) and cause.response.status_code in REFUSED_STATUSES:
            return Finding(kind=REFUSED, text="")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Finding(kind=SERVER, text=_verification(cause, clock_trusted))
        if isinstance(cause, ssl.SSLError) and cause.reason in REASONS:
            kind, text = REASONS[cause.reason]
            if cause.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE" and certificate_shown:
                text = "no common cipher suite, or the CSMS refuses our certificate"
            return Finding(kind=kind, text=text)
    return Finding()


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what led to it, ten at most."""
    found: BaseException | None = error
    for _ in range(10):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


def _verification(error: ssl.SSLCertVerificationError, clock_trusted: bool) -> str:
    text = f"the certificate of the CSMS is refused: {error.verify_message}"
    if error.verify_code in (NOT_YET_VALID, EXPIRED) and not clock_trusted:
        text += "; our clock is not set, which is the likely cause"
    return text
