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

from chargepoint.agent.security.contexts import tls_context
from chargepoint.config import Csms
from chargepoint.station.security_values import is_hex_key


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a handshake needs."""

    url: str
    """Complete, identity included, free of credentials: it may be logged."""
    keys: tuple[bytes, ...]
    """Keys to try in turn; empty: no Authorization header at all."""
    identity: str
    settings: Csms
    roots: tuple[str, ...] = ()
    """PEM files of installed root certificates."""
    certificate: tuple[str, str] | None = None
    """PEM files of the chain and the key that we show."""
    dates: bool = True
    """Whether the clock can judge the dates of certificates."""

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
        return tls_context(
            settings.ca_file,
            self.roots,
            self.certificate,
            system_roots=settings.system_roots,
            wildcards=settings.wildcards,
            dates=self.dates,
        )


def endpoint(settings: Csms, station_id: str) -> Endpoint:
    """The preferred endpoint that `settings` describe; the identity defaults to the station's."""
    return endpoints(settings, station_id)[0]


def endpoints(settings: Csms, station_id: str) -> tuple[Endpoint, ...]:
    """All of them, in order of preference; they differ in their URL only."""
    identity = settings.identity or station_id
    return tuple(
        Endpoint(
            url=_url(url, settings, identity),
            keys=_keys(settings),
            identity=identity,
            settings=settings,
            certificate=_certificate(settings),
        )
        for url in settings.addresses
    )


def _url(url: str, settings: Csms, identity: str) -> str:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if not settings.url_has_identity:
        path = f"{path}/{quote(identity, safe='')}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _certificate(settings: Csms) -> tuple[str, str] | None:
    shown = settings.security_profile == 3
    return (settings.client_cert, settings.client_key) if shown else None


def keys_of(text: str, form: str) -> tuple[bytes, ...]:
    """The bytes that a key may mean, to be tried in turn; none for an empty one.

    `form`: `text`, `hex`, or `auto`: both for what looks like hex, the bytes first.
    """
    literal = text.encode()
    if not text or form == "text" or not is_hex_key(text):
        return (literal,) if text else ()
    decoded = bytes.fromhex(text)
    return (decoded,) if form == "hex" else (decoded, literal)


def _keys(settings: Csms) -> tuple[bytes, ...]:
    # Profile 3 shows a certificate instead; profile 0 with a password still sends it.
    if settings.security_profile == 3:
        return ()
    return keys_of(settings.password, settings.key_form)
