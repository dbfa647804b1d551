"""Contradictions of `[web]` with itself, and what its address means for the owner's area."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from chargepoint.config.people import Web
from chargepoint.config.reading import Mistake
from chargepoint.config.station_file import Config

PORT_MAX = 65535


def contradictions(config: Config) -> Iterator[Mistake]:
    """What cannot be true together in `[web]`."""
    web = config.web
    if web is None:
        return
    host, _, port = web.listen.rpartition(":")
    if not 1 <= int(port) <= PORT_MAX:
        yield Mistake("web.listen", f"found port {port}, expected 1 to {PORT_MAX}")
    if host != "localhost" and not _is_address(host):
        yield Mistake("web.listen", f"found `{host}`, expected an address of this host")
    for key in ("cert_file", "key_file"):
        if web.tls == "files" and not getattr(web, key):
            yield Mistake(f"web.{key}", 'missing, but required for tls = "files"')
        if web.tls != "files" and getattr(web, key):
            yield Mistake(f"web.{key}", f'is used only with tls = "files", not "{web.tls}"')


def only_here(web: Web) -> bool:
    """Whether nobody beyond this host can reach the pages."""
    host = web.listen.rpartition(":")[0].strip("[]")
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def area_open(web: Web) -> bool:
    """Whether anybody can log in: never where passwords could be read on the way unasked."""
    return web.tls != "off" or web.insecure or only_here(web)


def advice(config: Config) -> Iterator[str]:
    """What is legal, but perhaps not meant."""
    web = config.web
    if web is None:
        return
    for channel in web.subscribe:
        if channel in ("webhook", "ntfy"):
            yield f"subscribe: `{channel}` is not offered on the driver's page"
    if not area_open(web):
        yield (
            f"{web.listen} is reached by others without TLS: the owner's area stays closed; "
            'set tls = "self-signed" or "files", or insecure = true where the network is safe'
        )
    elif web.tls == "off" and not only_here(web):
        yield f"{web.listen} is reached by others without TLS: passwords can be read on the way"


def _is_address(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
