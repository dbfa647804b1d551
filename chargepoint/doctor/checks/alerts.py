"""Alerts: is somebody told, on ways that were tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chargepoint.config.alerts import Contact
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence
from chargepoint.ipc.care import AlertStatus

TRIED = "TryChannels"
GRAVE = ("error", "critical")


def check(evidence: Evidence) -> Iterator[Mark]:
    contacts = evidence.config.alerts.contact
    if not contacts:
        yield warn("contact", "doctor.no_contact")
    for contact in contacts:
        yield _contact(evidence, contact)
    if evidence.config.alerts.modem is not None:
        yield _modem(evidence, evidence.config.alerts.modem.bus)
    yield from _open(evidence)


def _contact(evidence: Evidence, contact: Contact) -> Mark:
    """The configuration has made sure that each contact has a way that exists."""
    text = ", ".join(_ways(contact))
    tried = _tried(evidence, contact.name)
    if tried is None:
        return unknown("contact", contact.name, f"{text}; not known whether it was tried")
    if not tried:
        return warn("contact", "doctor.contact_untried", contact.name, text)
    return good("contact", contact.name, f"{text}, tried {tried}")


def _modem(evidence: Evidence, bus: str) -> Mark:
    modem = evidence.health.modem if evidence.health is not None else None
    if modem is None:
        return unknown("modem", bus, "the agent does not say")
    if not modem.ready:
        return fail("modem", "modem_failed", bus, modem.detail)
    signal = "signal not known" if modem.signal_dbm is None else f"{modem.signal_dbm} dBm"
    text = ", ".join(one for one in (modem.operator, signal) if one)
    return good("modem", bus, f"{text}{', roaming' if modem.roaming else ''}")


def _ways(contact: Contact) -> list[str]:
    given = {
        "email": contact.email,
        "sms": contact.sms,
        "webhook": contact.webhook,
        "ntfy": contact.ntfy,
        "mqtt": contact.mqtt,
        "apprise": contact.apprise,
    }
    return [name for name, there in given.items() if there and name in (contact.channels or given)]


def _tried(evidence: Evidence, contact: str) -> str | None:
    """When a test message went out last; empty: never, as far as the audit log reaches."""
    if evidence.audit is None:
        return None
    wanted = f"contact={contact}"
    tests = [line for line in evidence.audit if line.action == TRIED and line.ok]
    return next((line.at for line in reversed(tests) if wanted in line.detail.split()), "")


def _open(evidence: Evidence) -> Iterator[Mark]:
    if evidence.alerts is None:
        return
    standing = [alert for alert in evidence.alerts if alert.open]
    failed = {
        f"{delivery.contact}/{delivery.channel}: {delivery.detail}"
        for alert in evidence.alerts
        for delivery in alert.deliveries
        if delivery.state in ("failed", "expired")
    }
    if failed:
        yield warn("delivery", "doctor.alert_undelivered", found="; ".join(sorted(failed)))
    left = [alert for alert in standing if not alert.acknowledged_by and alert.severity in GRAVE]
    if left:
        yield warn("open", "doctor.alert_unanswered", found=_titles(left))
    else:
        yield good("open", found=_titles(standing) or "none")


def _titles(alerts: Iterable[AlertStatus]) -> str:
    return ", ".join(f"{alert.title} ({alert.alert})" for alert in alerts)
