"""Where drivers reach their page, as far as the configuration tells."""

from __future__ import annotations

from ipaddress import ip_address

from chargepoint.config.station_file import Config


def driver_url(config: Config, evse: int | None = None) -> str | None:
    """Address of the driver's page, of one EVSE where there are several.

    None: the file has no `[web]`, or only an address that nobody else can use (loopback, any).
    """
    base = _base(config)
    if base is None or evse is None or len(config.evse) < 2:
        return base
    return f"{base}e/{evse}"


def _base(config: Config) -> str | None:
    web = config.web
    if web is None or not web.driver_page:
        return None
    if web.public_url:
        return web.public_url.rstrip("/") + "/"
    host, _, port = web.listen.rpartition(":")
    if not reachable(host):
        return None
    scheme, usual = ("http", "80") if web.tls == "off" else ("https", "443")
    return f"{scheme}://{host}" + ("/" if port == usual else f":{port}/")


def reachable(host: str) -> bool:
    """Whether others can use `host` as an address; names are believed."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host not in ("", "localhost")
    return not (address.is_loopback or address.is_unspecified)
