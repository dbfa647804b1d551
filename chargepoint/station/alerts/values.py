"""The words of the alerts: what is seen, what has to be sent, what became of it.

A *condition* holds or does not hold at a *place*; `Looked` tells all that hold now. What happens in
an instant and has no end is `Happened`; it counts as over when it has not happened again for the
time that its rule gives. The engine turns both into alerts and messages; the shell sends messages
and tells what became of them with `Settled`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from chargepoint.catalog.details import Detail

Severity = Literal["info", "warning", "error", "critical"]


WaitsFor = Literal["", "silence", "quiet_hours", "limit"]
"""What keeps a message back: maintenance mode or a mute, quiet hours, the limit of its way."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong, at one place."""

    id: str
    """Catalogue id: a hazard, a fault, an alert or an event."""
    place: str = ""
    """`EVSE 1`, the name of a device or a bus, or empty: the station. Part of its identity."""
    detail: str = ""
    """The particular, in one line: what was measured against what limit. Not part of it.
    English, for logs."""
    said: Detail | None = None
    """The same for people, in any language; None: only the words are known."""
    severity: Severity | Literal[""] = ""
    """Where it can be more or less serious; empty: as the catalogue says."""


def told(id: str, said: Detail, *, place: str = "", severity: Severity | None = None) -> Condition:
    """A condition with its particular in every language."""
    return Condition(id=id, place=place, detail=said.text(), said=said, severity=severity or "")


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what the engine is told."""

    at_s: float


class Looked(AlertEvent, frozen=True, kw_only=True):
    """Everything that holds now."""

    conditions: tuple[Condition, ...]


class Happened(AlertEvent, frozen=True, kw_only=True):
    """Something happened once, or `times` times since it was told last."""

    condition: Condition
    times: int = 1


class Settled(AlertEvent, frozen=True, kw_only=True):
    """What became of one attempt to send a message."""

    delivery: int
    state: Literal["sent", "delivered", "failed"]
    """`sent`: the channel has taken it; `delivered`: the far end confirms it (after `sent`)."""
    retry: bool = False
    """A failure that may pass: it is tried again until the message expires."""
    detail: str = ""
    reference: str = ""
    """What a later `delivered` refers to, for channels that report delivery."""


class LinkUp(AlertEvent, frozen=True, kw_only=True):
    """A way out works (again): what waits for a retry on these channels is due now."""

    channels: frozenset[Channel]


class Replied(AlertEvent, frozen=True, kw_only=True):
    """A contact answered: the text of an SMS or e-mail, and where it came from."""

    channel: Channel
    address: str
    text: str


class EvseNews(AlertEvent, frozen=True, kw_only=True):
    """What drivers may have asked to be told about one EVSE."""

    evse: int
    news: Literal["done", "free"]
    unplugged: bool = False
    """Done because the vehicle was taken away: nobody has to be asked to unplug."""


class Channel(StrEnum):
    """The ways to a contact."""

    SMS = "sms"
    EMAIL = "email"
    WEBHOOK = "webhook"
    NTFY = "ntfy"
    MQTT = "mqtt"
    APPRISE = "apprise"
    CSMS = "csms"


NEEDS_INTERNET = frozenset({Channel.EMAIL, Channel.WEBHOOK, Channel.NTFY, Channel.APPRISE})
"""May need it: an address on the local network works without."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one address, ready to be sent."""

    delivery: int
    """Number that `Settled` refers to; unique over restarts."""
    channel: Channel
    address: str
    """E-mail address, number, URL; for MQTT the contact's name."""
    contact: str
    about: Literal["raised", "cleared", "escalated", "reminded", "test", "notice"]
    severity: Severity
    subject: str
    """One line, in the contact's language."""
    text: str
    """Some lines: what, where, since when, how often, cause, remedy, how to acknowledge."""
    short: str
    """At most 160 characters of the GSM alphabet, for SMS."""
    data: dict[str, str | int | float | bool | None]
    """The same for machines: station, alert, condition, place, severity, title, detail, count,
    raised_at, cleared_at, state, code_v16, code_mrec; keys never depend on the language."""
    attachment: str = ""
    """HTML of a report that goes along with an e-mail; empty: none."""
    thread: str = ""
    """What the channel called the first message to this address about the same alert."""
    valid_s: float = 86_400.0
    """It is worth sending for so long yet."""


class SignalLevel(msgspec.Struct, frozen=True, kw_only=True):
    """What lamp and buzzer are to show: the worst open alert, and whether somebody knows."""

    severity: Literal["", "info", "warning", "error", "critical"]
    acknowledged: bool
    """Every open alert is acknowledged: the buzzer is silent, the lamp calm."""


# --- What the engine wants done -------------------------------------------------------------------


class Send(msgspec.Struct, frozen=True, kw_only=True):
    message: Message


class Show(msgspec.Struct, frozen=True, kw_only=True):
    level: SignalLevel


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """Keep `value` (JSON) durably under `key` of `space`; None: forget it."""

    space: Literal["alerts", "deliveries", "alert_settings"]
    key: str
    value: str | None


class Tell(msgspec.Struct, frozen=True, kw_only=True):
    """For the log: an event of the catalogue."""

    name: str
    fields: dict[str, str | int | float | bool | None]


AlertEffect = Send | Show | Keep | Tell
