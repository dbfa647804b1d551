"""Where the charger is, whom to call, and what drivers are to know in time."""

from __future__ import annotations

from datetime import date

import msgspec

from chargepoint.catalog import phrase
from chargepoint.config import Config
from chargepoint.config.people import Notice, Site
from chargepoint.ipc.service import StationStatus
from chargepoint.web.driver_words import in_language


class SiteView(msgspec.Struct, frozen=True, kw_only=True):
    """`[site]` in one language; empty where nothing is configured."""

    address: str
    directions: str
    nearby: tuple[str, ...]
    operator: str
    phone: str
    phone_link: str
    """`tel:` without the signs that people put into numbers."""
    email: str


def site_view(site: Site, language: str) -> SiteView:
    """The site as a driver who reads `language` is told of it."""
    nearby = site.nearby.get(language) or site.nearby.get(site.language)
    return SiteView(
        address=site.address,
        directions=in_language(dict(site.directions), language, site.language),
        nearby=nearby or next(iter(site.nearby.values()), ()),
        operator=site.operator,
        phone=site.support_phone,
        phone_link=phone_link(site.support_phone),
        email=site.support_email,
    )


def phone_link(phone: str) -> str:
    """`tel:+4930123456` from `+49 (30) 123-456`; empty for what is no number."""
    digits = "".join(sign for sign in phone if sign in "+0123456789")
    return f"tel:{digits}" if len(digits) >= 3 else ""


def notices(
    status: StationStatus | None, config: Config, language: str, today: date
) -> tuple[str, ...]:
    """Everything that is in force on `today`, the most pressing first."""
    lines = [*_of_station(status, config, language)]
    lines += [
        in_language(dict(notice.text), language, config.site.language)
        for notice in config.site.notice
        if _in_force(notice, today)
    ]
    return tuple(line for line in dict.fromkeys(lines) if line)


def _of_station(status: StationStatus | None, config: Config, language: str) -> list[str]:
    if status is None:
        return []
    lines = []
    if status.alerts is not None and status.alerts.maintenance_s > 0:
        lines.append(phrase("driver.notice.maintenance", language))
    key = "driver.notice.disabled" + ("" if len(config.evse) > 1 else "_one")
    lines += [phrase(key, language, evse=evse.evse) for evse in status.evses if not evse.enabled]
    return lines


def _in_force(notice: Notice, today: date) -> bool:
    begun = notice.since is None or notice.since <= today
    return begun and (notice.until is None or today <= notice.until)
