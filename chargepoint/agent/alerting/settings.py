"""`[alerts]` as the engine wants it."""

from __future__ import annotations

from chargepoint.config import Config
from chargepoint.config.alerts import AlertRule, Contact
from chargepoint.station.alerts.settings import (
    AlertSettings,
    ContactSettings,
    LimitSettings,
    Quiet,
    RuleSettings,
)
from chargepoint.station.alerts.values import Channel

CSMS = "csms"
"""The central system as a contact."""

HOUR_S = 3600.0
MINUTE_S = 60.0


def alert_settings(config: Config) -> AlertSettings:
    alerts = config.alerts
    contacts = [_contact(one, alerts.language) for one in alerts.contact]
    if alerts.csms.vendor_id and config.csms is not None:
        contacts.append(
            ContactSettings(
                name=CSMS,
                role="csms",
                ways=((Channel.CSMS, CSMS),),
                severity_min=alerts.csms.severity_min,
            )
        )
    limits = alerts.limits
    return AlertSettings(
        station=config.station.id,
        site=config.site.name,
        contacts=tuple(contacts),
        rules={condition: _rule(rule) for condition, rule in alerts.rule.items()},
        limits=LimitSettings(
            sms_per_minute=limits.sms_per_minute,
            sms_per_day=limits.sms_per_day,
            per_minute=limits.per_minute,
            per_day=limits.per_day,
            expire_s=limits.expire_h * HOUR_S,
        ),
        escalate_after_s=alerts.escalate_after_min * MINUTE_S,
        remind_after_s=alerts.remind_after_h * HOUR_S,
        answered=answered(config),
    )


def answered(config: Config) -> frozenset[Channel]:
    """Channels whose answers are read: of e-mail only those that come into a mailbox of ours."""
    email = config.alerts.email
    mailbox = email is not None and bool(email.reply_server)
    return frozenset((Channel.SMS, Channel.EMAIL) if mailbox else (Channel.SMS,))


def ways_of(contact: Contact) -> tuple[tuple[Channel, str], ...]:
    """Every way to a contact that has an address and is wanted."""
    addresses = (
        (Channel.MQTT, contact.name if contact.mqtt else ""),
        (Channel.SMS, contact.sms),
        (Channel.EMAIL, contact.email),
        (Channel.WEBHOOK, contact.webhook),
        (Channel.NTFY, contact.ntfy),
        *((Channel.APPRISE, url) for url in contact.apprise),
    )
    wanted: tuple[str, ...] = contact.channels or tuple(channel.value for channel in Channel)
    return tuple((c, address) for c, address in addresses if address and c.value in wanted)


def minutes_of(hours: str) -> Quiet | None:
    """`22:00-06:00` as minutes of the day."""
    if not hours:
        return None
    begin, _, end = hours.partition("-")
    return Quiet(begin_min=_minute(begin), end_min=_minute(end))


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def _contact(contact: Contact, language: str) -> ContactSettings:
    return ContactSettings(
        name=contact.name,
        role=contact.role,
        language=contact.language or language,
        ways=ways_of(contact),
        severity_min=contact.severity_min,
        cleared=contact.cleared,
        conditions=frozenset(contact.conditions),
        quiet=minutes_of(contact.quiet_hours),
        quiet_severity=contact.quiet_severity,
        escalation=contact.escalation,
    )


def _rule(rule: AlertRule) -> RuleSettings:
    return RuleSettings(
        enabled=rule.enabled,
        raise_after_s=rule.raise_after_s,
        clear_after_s=rule.clear_after_s,
        severity=rule.severity,
        escalate=rule.escalate,
    )
