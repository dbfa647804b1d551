"""The HTTP proxy on the way to the CSMS: none, the configured one, or that of the environment.

It is asked for a tunnel (CONNECT), also for ws://; what goes through it is the CSMS's business.
"""

from __future__ import annotations

import urllib.request
from urllib.parse import quote, urlsplit

from chargepoint.agent.endpoint import Endpoint
from chargepoint.config import PROXY_OF_ENVIRONMENT, Csms

WANTED = ("https", "http", "all")
"""Which variables count for wss:// (`https_proxy` and so on), the first that is set."""

WANTED_PLAIN = ("http", "https", "all")


def proxy_of(place: Endpoint) -> str | None:
    """URL of the proxy with its credentials; None: straight. Raises ValueError."""
    settings = place.settings
    if settings.proxy == PROXY_OF_ENVIRONMENT:
        return _of_environment(place)
    return _configured(settings) if settings.proxy else None


def host_and_port(url: str) -> tuple[str, int]:
    """Where `url` leads; the port by its scheme unless given."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme in ("wss", "https") else 80)


def shown(url: str) -> str:
    """`host:port`, an IPv6 address in brackets; never credentials."""
    host, port = host_and_port(url)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _configured(settings: Csms) -> str:
    parts = urlsplit(settings.proxy)
    if not settings.proxy_user:
        return f"http://{parts.netloc}"
    user, password = quote(settings.proxy_user, safe=""), quote(settings.proxy_password, safe="")
    return f"http://{user}:{password}@{parts.netloc}"


def _of_environment(place: Endpoint) -> str | None:
    host, port = host_and_port(place.url)
    if urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    known = urllib.request.getproxies()
    names = WANTED if place.secure else WANTED_PLAIN
    found = next((known[name] for name in names if known.get(name)), None)
    if found is None:
        return None
    url = found if "://" in found else f"http://{found}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # whose text may hold a piece of the password
        raise ValueError("the proxy of the environment cannot be read as a URL") from None
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"the environment names a proxy that is no http:// one: {parts.scheme}")
    if parts.username is not None and parts.password is None:
        raise ValueError("the proxy of the environment has a user name without a password")
    return f"http://{parts.netloc}"
