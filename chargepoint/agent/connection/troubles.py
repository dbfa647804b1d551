"""Why there is no connection, in plain words, and what somebody at the station can look at."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import (
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    ProxyError,
    WebSocketException,
)

from chargepoint.agent.connection.handshake import NoCommonVersion
from chargepoint.agent.connection.proxy import host_and_port, proxy_of, shown
from chargepoint.agent.endpoint import Endpoint

PORTAL = (
    "whether this network has a login page (guest network, new SIM card): log in there; "
    "else the host and path in csms.url"
)
BROKEN_OFF = (
    "whether ws:// or wss:// is right for this port; whether the CSMS wants a certificate of the "
    "station (security profile 3); firewalls on the way"
)
TEXT_MAX = 200

# fmt: off
WAYS = {
    # errno             in words, after the place           what to check
    errno.ECONNREFUSED: ("refuses connections",
                         "whether the CSMS runs and its port is right; a firewall may refuse too"),
    errno.ECONNRESET:   ("breaks off the connection",
                         BROKEN_OFF),
    errno.EPIPE:        ("breaks off the connection",
                         BROKEN_OFF),
    errno.ETIMEDOUT:    ("does not answer",
                         "firewalls and the mobile contract; whether host and port are right"),
    errno.ENETUNREACH:  ("is out of reach: no network",
                         "cable, Wi-Fi or modem; address and gateway of the station"),
    errno.ENETDOWN:     ("is out of reach: no network",
                         "cable, Wi-Fi or modem; address and gateway of the station"),
    errno.EHOSTUNREACH: ("is out of reach: no route",
                         "gateway of the station, VPN; whether the address is right"),
}
HTTP = {
    # status  what to check
    400: "the path in csms.url and csms.versions; a proxy on the way must let WebSockets pass",
    401: "password, identity and security profile; the CSMS may hold the last connection a while",
    403: "password, identity and security profile; a proxy or firewall may refuse too",
    404: "the path in csms.url, and whether the CSMS knows this identity",
    412: "whether the CSMS knows this identity",
    426: "csms.versions; a proxy on the way must let WebSockets pass",
    429: "nothing here: the CSMS has too many stations just now",
    511: PORTAL,
}
CERTIFICATES = {
    # X509_V_ERR_…                what to check
    9:  "the clock of the station, then the dates of the CSMS's certificate",
    10: "the clock of the station, then the dates of the CSMS's certificate",
    18: "csms.ca_file; whether somebody on the way opens TLS",
    19: "csms.ca_file; whether somebody on the way opens TLS",
    20: "csms.ca_file; whether the CSMS sends its intermediate certificates",
    21: "csms.ca_file; whether the CSMS sends its intermediate certificates",
    62: PORTAL,
    64: PORTAL,
}
# fmt: on

ERRNO = re.compile(r"\[Errno (\d+)\]")


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """`text`: what happened, for logs and people; `check`: where to look."""

    text: str
    check: str = ""


def trouble(error: BaseException, place: Endpoint) -> Trouble:
    """What a failed attempt at `place` means."""
    for cause in _chain(error):
        found = _known(cause, place)
        if found is not None:
            return found
    return Trouble(text=_text(error))


def _known(error: BaseException, place: Endpoint) -> Trouble | None:
    match error:
        case InvalidProxyStatus():
            return _refused_by_proxy(error.response.status_code, place)
        case ProxyError():
            text = f"{_next_hop(place)} does not answer as an HTTP proxy does"
            return Trouble(text=text, check="csms.proxy")
        case InvalidStatus():
            return _refused(error, place)
        case NoCommonVersion():
            return Trouble(text=str(error), check="csms.versions, and what the CSMS speaks there")
        case InvalidMessage():
            text = f"what answers at {shown(place.url)} speaks no HTTP"
            return Trouble(text=text, check="host and port in csms.url, and whether it is wss://")
        case ssl.SSLCertVerificationError():
            check = CERTIFICATES.get(error.verify_code, "the certificate of the CSMS")
            return Trouble(text=f"certificate refused: {error.verify_message}", check=check)
        case ssl.SSLError():
            return Trouble(text=_text(error), check="whether the port in csms.url speaks TLS")
        case WebSocketException():
            check = "the path in csms.url; a proxy on the way must let WebSockets pass"
            return Trouble(text=_text(error), check=check)
        case OSError():
            return _on_the_way(error, place)
    return None


def _on_the_way(error: OSError, place: Endpoint) -> Trouble | None:
    hop = _next_hop(place)
    if isinstance(error, socket.gaierror):
        text = f"no address is known for the name in {hop} ({error.strerror})"
        return Trouble(text=text, check="cable, Wi-Fi or modem; the name server; the name itself")
    words, check = WAYS.get(_number(error), ("", ""))
    return Trouble(text=f"{hop} {words}", check=check) if words else None


def _number(error: OSError) -> int:
    """Its errno; asyncio raises some without one, and one error for several addresses."""
    if isinstance(error, TimeoutError):
        return errno.ETIMEDOUT
    if isinstance(error, ConnectionResetError | ConnectionAbortedError):
        return errno.ECONNRESET
    said = ERRNO.search(str(error))
    return error.errno or (int(said.group(1)) if said else 0)


def _refused(error: InvalidStatus, place: Endpoint) -> Trouble:
    response = error.response
    status = response.status_code
    text = f"HTTP {status} {response.reason_phrase}".rstrip()
    if 300 <= status < 400:
        return _redirected(text, response.headers.get("Location", ""), place)
    if 200 <= status < 300:
        return Trouble(text=f"{text}: a web page answers instead of a CSMS", check=PORTAL)
    if status == 511:
        text = f"{text}: this network wants a login"
    check = HTTP.get(status, "nothing here: the CSMS, or what stands before it, has a problem")
    return Trouble(text=text, check=check)


def _redirected(text: str, location: str, place: Endpoint) -> Trouble:
    """To another host: most likely a portal; to the same one: the path has changed."""
    target = urlsplit(location).hostname
    if target and target != host_and_port(place.url)[0]:
        return Trouble(text=f"{text}: sent on to {target[:80]}, not followed", check=PORTAL)
    return Trouble(text=f"{text}: not followed", check="the path in csms.url")


def _refused_by_proxy(status: int, place: Endpoint) -> Trouble:
    hop = _next_hop(place)
    if status == 407:
        check = "csms.proxy_user and csms.proxy_password"
        return Trouble(text=f"{hop} wants another user name or password", check=check)
    check = f"whether the proxy may connect to {shown(place.url)}, and that host itself"
    return Trouble(text=f"{hop} makes no tunnel: HTTP {status}", check=check)


def _next_hop(place: Endpoint) -> str:
    """Whom we talk to on the network: the proxy, if there is one."""
    try:
        proxy = proxy_of(place)
    except ValueError:
        proxy = None
    return shown(place.url) if proxy is None else f"the proxy {shown(proxy)}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The innermost that is known decides: causes first, ten at most."""
    found = [error]
    while (cause := found[-1].__cause__ or found[-1].__context__) and len(found) < 10:
        found.append(cause)
    yield from reversed(found)


def _text(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:TEXT_MAX]
