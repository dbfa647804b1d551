"""Where the CSMS is and how we show who we are: URL, subprotocols, Basic header, TLS context.

OCPP-J 1.6, sections 3.1 and 6.2; the identity stands percent-encoded in the URL and as it is in the
header. A key of 32 to 40 hex digits is tried as the bytes that it spells and as the text that it
is, in turns after each refusal: central systems disagree about which is meant.
"""

from __future__ import annotations

import base64
import ssl
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from chargepoint.config import Csms

HEX_KEY_DIGITS = range(32, 41, 2)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a handshake needs."""

    url: str
    """Complete, identity included, free of credentials: it may be logged."""
    keys: tuple[bytes, ...]
    """Keys to try in turn; empty: no Authorization header at all."""
    identity: str
    settings: Csms

    @property
    def secure(self) -> bool:
        return self.url.startswith("wss:")

    def headers(self, attempt: int) -> dict[str, str]:
        """Request headers; `attempt` picks the spelling of the key."""
        if not self.keys:
            return {}
        key = self.keys[attempt % len(self.keys)]
        token = base64.b64encode(self.identity.encode() + b":" + key).decode("ascii")
        return {"Authorization": f"Basic {token}"}

    def tls_context(self) -> ssl.SSLContext:
        """Takes some 20 ms and reads files: make it once, outside the loop. Raises OSError."""
        settings = self.settings
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A front end that picks HTTP/2 could not upgrade the connection.
        context.set_alpn_protocols(["http/1.1"])
        if settings.security_profile == 3:
            context.load_cert_chain(settings.client_cert, settings.client_key)
        return context


def endpoint(settings: Csms, station_id: str) -> Endpoint:
    """The endpoint that `settings` describe; the identity defaults to the station's id."""
    identity = settings.identity or station_id
    return Endpoint(
        url=_url(settings, identity),
        keys=_keys(settings),
        identity=identity,
        settings=settings,
    )


def _url(settings: Csms, identity: str) -> str:
    parts = urlsplit(settings.url)
    path = parts.path.rstrip("/")
    if not settings.url_has_identity:
        path = f"{path}/{quote(identity, safe='')}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _keys(settings: Csms) -> tuple[bytes, ...]:
    text = settings.password
    # Profile 3 shows a certificate instead; profile 0 with a password still sends it.
    if not text or settings.security_profile == 3:
        return ()
    literal = text.encode()
    if len(text) in HEX_KEY_DIGITS and all(digit in "0123456789abcdefABCDEF" for digit in text):
        return (bytes.fromhex(text), literal)
    return (literal,)
