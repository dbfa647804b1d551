"""Contradictions of `[alerts]` with itself and the catalogue: contacts, channels, conditions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from chargepoint.catalog import entries, languages
from chargepoint.config import alert_limits
from chargepoint.config.alerts import REMIND_MIN_H, Alerts, Contact
from chargepoint.config.reading import Mistake
from chargepoint.config.station_file import Config

RESERVED = ("csms", "driver")
"""Names of contacts that are not people of `[[alerts.contact]]`."""


def contradictions(config: Config) -> Iterator[Mistake]:
    """What cannot be true together in `[alerts]`, as far as no wire is concerned."""
    alerts = config.alerts
    yield from _names(alerts)
    for number, contact in enumerate(alerts.contact, start=1):
        key = f"alerts.contact.{number}"
        yield from _channels(config, contact, key)
        yield from _conditions(f"{key}.conditions", contact.conditions)
        if contact.language is not None:
            yield from _language(f"{key}.language", contact.language)
    yield from _conditions("alerts.rule", tuple(alerts.rule))
    yield from alert_limits.contradictions(alerts.rule)
    yield from _language("alerts.language", alerts.language)
    if 0 < alerts.remind_after_h < REMIND_MIN_H:
        problem = f"found {alerts.remind_after_h:g}, expected 0 (never) or {REMIND_MIN_H:g} on"
        yield Mistake("alerts.remind_after_h", problem)
    if config.web is not None:
        yield from _subscriptions(config)


def _names(alerts: Alerts) -> Iterator[Mistake]:
    names: list[str] = []
    for number, contact in enumerate(alerts.contact, start=1):
        key = f"alerts.contact.{number}.name"
        if contact.name in names:
            yield Mistake(key, f"`{contact.name}` is used before")
        if contact.name in RESERVED:
            yield Mistake(key, f"`{contact.name}` means another contact already")
        names.append(contact.name)


def _channels(config: Config, contact: Contact, key: str) -> Iterator[Mistake]:
    """A channel that is named needs an address; an address needs what sends to it."""
    given = {
        "sms": bool(contact.sms),
        "email": bool(contact.email),
        "webhook": bool(contact.webhook),
        "ntfy": bool(contact.ntfy),
        "mqtt": contact.mqtt,
        "apprise": bool(contact.apprise),
    }
    for channel in contact.channels:
        if not given[channel]:
            yield Mistake(f"{key}.channels", f"names `{channel}`, but {channel} has no address")
    if not any(given.values()):
        wanted = ", ".join(given)
        yield Mistake(key, f"`{contact.name}` has no address; expected one of {wanted}")
    for sender, section, there in _senders(config):
        if given[sender] and sender in (contact.channels or given) and not there:
            yield Mistake(f"{key}.{sender}", f"cannot be reached without [{section}]")


def _senders(config: Config) -> tuple[tuple[str, str, bool], ...]:
    return (
        ("email", "alerts.email", config.alerts.email is not None),
        ("sms", "alerts.modem", config.alerts.modem is not None),
        ("mqtt", "mqtt", config.mqtt is not None),
    )


def _subscriptions(config: Config) -> Iterator[Mistake]:
    assert config.web is not None
    senders = {name: (section, there) for name, section, there in _senders(config)}
    for channel in config.web.subscribe:
        section, there = senders.get(str(channel), ("", True))
        if channel in ("mqtt", "apprise"):
            yield Mistake("web.subscribe", f"`{channel}` reaches no driver")
        elif not there:
            yield Mistake("web.subscribe", f"`{channel}` cannot be sent without [{section}]")


def _conditions(key: str, ids: tuple[str, ...]) -> Iterator[Mistake]:
    for one in ids:
        if one not in entries():
            close = difflib.get_close_matches(one, entries(), n=1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            yield Mistake(key, f"the catalogue knows no `{one}`{hint}")


def _language(key: str, language: str) -> Iterator[Mistake]:
    if language not in languages():
        known = ", ".join(languages())
        yield Mistake(key, f"there are no texts in `{language}`; expected one of {known}")
