"""Alerts: list, acknowledge, mute, maintenance mode, and a test of each channel."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chargepoint.catalog import entries, entry
from chargepoint.catalog.details import detail_of, detail_text, place_text
from chargepoint.config.alerts import Contact
from chargepoint.ipc.care import (
    AcknowledgeAlert,
    AlertStatus,
    ChannelOutcome,
    GetAlerts,
    MuteAlert,
    SetMaintenanceMode,
    TryChannels,
)
from chargepoint.web.api.endpoint import Call, Endpoint, Outcome
from chargepoint.web.api.station import InLanguage

MINUTES_MAX = 60 * 24 * 30
TEST_WAIT_S = 90.0
ADDRESSES = ("email", "sms", "webhook", "ntfy", "mqtt", "apprise")

Text = Annotated[str, msgspec.Meta(max_length=100)]
Minutes = Annotated[float, msgspec.Meta(ge=0, le=MINUTES_MAX)]


class Closed(InLanguage, frozen=True, kw_only=True, forbid_unknown_fields=True):
    closed: Annotated[int, msgspec.Meta(ge=0, le=500)] = 30
    """How many that are over."""


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    alert: Text
    """Short code, or `*` for all."""


class Mute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    condition: Text
    minutes: Minutes


class Mode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    minutes: Minutes
    """0: over."""


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    contact: Text
    channel: Text = ""
    """Empty: every channel of the contact."""


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    contact: str
    role: str
    channels: tuple[str, ...]


class Alerts:
    """The endpoints."""

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="GET", path="/api/alerts", handler=self.alerts, query=Closed,
                     summary="Open alerts, and the last that are over", answer=list[AlertStatus]),
            Endpoint(method="POST", path="/api/alerts/acknowledge", handler=self.acknowledge,
                     summary="Say that somebody looks after it", body=Which, answer=Outcome),
            Endpoint(method="POST", path="/api/alerts/mute", handler=self.mute, body=Mute,
                     summary="Send nothing about one condition for a while", answer=Outcome),
            Endpoint(method="POST", path="/api/alerts/test", handler=self.test, body=Trial,
                     summary="Send a test message to a contact", answer=list[ChannelOutcome]),
            Endpoint(method="POST", path="/api/alerts/maintenance", handler=self.maintenance,
                     summary="List alerts, but send none, for a while", body=Mode,
                     answer=Outcome),
            Endpoint(method="GET", path="/api/contacts", handler=self.contacts,
                     summary="Who is told, and through which channels",
                     answer=list[ContactView]),
        ]
        # fmt: on

    async def alerts(self, call: Call) -> list[AlertStatus]:
        answers = await call.ask(GetAlerts(closed=call.query.closed))
        found = [one for one in answers if isinstance(one, AlertStatus)]
        return [_in_language(one, call.query.lang) for one in found]

    async def acknowledge(self, call: Call) -> Outcome:
        return await call.act(AcknowledgeAlert(alert=call.body.alert))

    async def mute(self, call: Call) -> Outcome:
        return await call.act(MuteAlert(condition=call.body.condition, minutes=call.body.minutes))

    async def maintenance(self, call: Call) -> Outcome:
        return await call.act(SetMaintenanceMode(minutes=call.body.minutes))

    async def test(self, call: Call) -> list[ChannelOutcome]:
        question = TryChannels(
            contact=call.body.contact, channel=call.body.channel, by=call.session.account
        )
        answers = await call.ask(question, TEST_WAIT_S)
        return [one for one in answers if isinstance(one, ChannelOutcome)]

    async def contacts(self, call: Call) -> list[ContactView]:
        return [
            ContactView(contact=one.name, role=one.role, channels=channels_of(one))
            for one in call.desk.context.config.alerts.contact
        ]


def _in_language(one: AlertStatus, language: str) -> AlertStatus:
    known = one.condition in entries()
    return msgspec.structs.replace(
        one,
        place=place_text(one.place, language),
        title=entry(one.condition, language).title if known else one.title,
        detail=detail_text(detail_of(one.said), one.detail, language),
    )


def channels_of(contact: Contact) -> tuple[str, ...]:
    """Channels with an address, as far as they are wanted."""
    usable = [name for name in ADDRESSES if getattr(contact, name)]
    return tuple(name for name in usable if not contact.channels or name in contact.channels)
