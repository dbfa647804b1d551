"""Who is told of an alert, on which ways, and in which step of the escalation."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chargepoint.catalog import entries
from chargepoint.station.alerts.book import Alert
from chargepoint.station.alerts.rules import Rules
from chargepoint.station.alerts.settings import ContactSettings, rank
from chargepoint.station.alerts.values import Channel

TOLD_BY_STATUS = ("hazard", "fault")
"""Kinds that a StatusNotification tells the CSMS already."""


class Way(msgspec.Struct, frozen=True):
    """One address of one contact."""

    contact: str
    channel: Channel
    address: str


class Audience:
    """The contacts of the station."""

    def __init__(self, contacts: Sequence[ContactSettings], rules: Rules) -> None:
        self._contacts = {contact.name: contact for contact in contacts}
        self._rules = rules

    def named(self, name: str) -> ContactSettings | None:
        return self._contacts.get(name)

    def steps(self, alert: Alert) -> list[list[Way]]:
        """Ways to those whom it concerns; the first are told at once, the next if nobody answers.

        Where nobody stands in step 0, the lowest step that there is comes first.
        """
        found: dict[int, list[Way]] = {}
        for contact in self._contacts.values():
            if self._concerns(contact, alert):
                found.setdefault(contact.escalation, []).extend(ways(contact))
        return [found[step] for step in sorted(found) if found[step]]

    def at(self, channel: Channel, address: str) -> ContactSettings | None:
        """Whose address that is."""
        wanted = _plain(channel, address)
        for contact in self._contacts.values():
            if any(c is channel and _plain(c, a) == wanted for c, a in contact.ways):
                return contact
        return None

    def _concerns(self, contact: ContactSettings, alert: Alert) -> bool:
        if rank(alert.severity) < rank(contact.severity_min):
            return False
        if contact.role == "csms" and entries()[alert.condition].kind in TOLD_BY_STATUS:
            return False
        if contact.conditions:
            return alert.condition in contact.conditions
        return contact.role in self._rules.of(alert.condition).audience


def ways(contact: ContactSettings, channel: str = "") -> list[Way]:
    """The ways to `contact`; only those of one channel, where it is named."""
    return [Way(contact.name, c, a) for c, a in contact.ways if channel in ("", c.value)]


def _plain(channel: Channel, address: str) -> str:
    if channel is Channel.SMS:
        return "".join(sign for sign in address if sign.isdigit() or sign == "+")
    return address.strip().casefold()
