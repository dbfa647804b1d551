"""TLS as the white paper wants it: whom we trust, what we show, which versions and suites.

Trusted are the roots that the CSMS has installed and those of `csms.ca_file`; without a `ca_file`
those of the system too, unless `csms.system_roots` is off. TLS 1.2 at least (Y1); the four suites
of the white paper and their ECDHE-RSA sisters, without which most public front ends could not be
reached; those of TLS 1.3 (Y2).
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence

CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for."""

NO_WILDCARDS = 0x2
"""X509_CHECK_FLAG_NO_WILDCARDS."""


def tls_context(
    ca_file: str,
    roots: Sequence[str],
    certificate: tuple[str, str] | None,
    *,
    system_roots: bool,
    wildcards: bool,
    dates: bool,
) -> ssl.SSLContext:
    """A context for connections to the CSMS. Reads files; raises OSError, ssl.SSLError among them.

    `roots`: PEM files; `certificate`: chain and key to show; `dates` False: the clock cannot be
    right, so that no certificate is refused for its dates (Y4).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    context.set_ciphers(":".join(CIPHERS))
    # A new root may be signed by the old one: whatever is installed ends the path.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not dates:
        context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    if not wildcards:
        flags = context._host_flags | NO_WILDCARDS  # type: ignore[attr-defined]
        context._host_flags = flags  # type: ignore[attr-defined]
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    elif system_roots:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    for path in roots:
        context.load_verify_locations(cafile=path)
    # A front end that picks HTTP/2 could not upgrade the connection.
    context.set_alpn_protocols(["http/1.1"])
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


def verified_chain(opened: ssl.SSLObject | None) -> list[bytes]:
    """DER of the path that the server's certificate was accepted by, the root last.

    The ssl module has a public way to ask for it from Python 3.13 on only.
    """
    inner = getattr(opened, "_sslobj", None)
    if inner is None:
        return []
    chain = inner.get_verified_chain() or []
    return [each.public_bytes(2) for each in chain]  # 2: DER
