"""An engine under virtual time, with channels that do as they are told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from chargepoint.station.alerts.desk import AlertDesk
from chargepoint.station.alerts.settings import AlertSettings, ContactSettings, Moment
from chargepoint.station.alerts.values import (
    AlertEffect,
    AlertEvent,
    Channel,
    Condition,
    Happened,
    Keep,
    Looked,
    Message,
    Send,
    Settled,
    Show,
    SignalLevel,
    Tell,
)

CET = timezone(timedelta(hours=1), "CET")
EPOCH_S = 1_800_000_000.0
MAIL = "ada@example.com"
PHONE = "+4915112345678"


def contact(name: str = "ada", **more: Any) -> ContactSettings:
    more.setdefault("ways", ((Channel.EMAIL, f"{name}@example.com"),))
    return ContactSettings(name=name, **more)


class Stand:
    """Sends at once and successfully, unless `broken` names the channel."""

    def __init__(self, *contacts: ContactSettings, now_s: float = 1000.0, **more: Any) -> None:
        self.settings = AlertSettings(station="CP7", contacts=contacts or (contact(),), **more)
        self.now_s = now_s
        self.minute = 12 * 60
        self.trusted = True
        self.ahead_s = 0.0
        """How far the wall clock was put forward."""
        self.spaces: dict[str, dict[str, str]] = {}
        self.sent: list[Message] = []
        self.tried: list[Message] = []
        self.told: list[Tell] = []
        self.level: SignalLevel | None = None
        self.broken: set[Channel] = set()
        self.silent: set[Channel] = set()
        """Channels that take a message and say nothing."""
        self.desk = self.start()

    def start(self) -> AlertDesk:
        """The engine anew, with what was kept."""
        self.desk = AlertDesk(self.settings, self.moment, self.spaces, self.now_s)
        return self.desk

    def moment(self, at_s: float) -> Moment:
        if not self.trusted:
            return Moment()
        minutes = (at_s - 1000.0) // 60
        epoch_s = EPOCH_S + at_s + self.ahead_s
        return Moment(
            at=f"T{at_s:g}",
            wall=datetime.fromtimestamp(epoch_s, CET),
            epoch_s=epoch_s,
            minute=int(self.minute + minutes) % 1440,
        )

    def look(self, *conditions: Condition) -> list[Message]:
        return self.handle(Looked(at_s=self.now_s, conditions=conditions))

    def happen(self, condition: Condition, times: int = 1) -> list[Message]:
        return self.handle(Happened(at_s=self.now_s, condition=condition, times=times))

    def wait(self, seconds: float, *conditions: Condition, every_s: float = 1.0) -> list[Message]:
        """Look again and again; everything that was sent meanwhile."""
        before = len(self.sent)
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(until_s, self.now_s + every_s)
            self.look(*conditions)
        return self.sent[before:]

    def handle(self, event: AlertEvent) -> list[Message]:
        return self.perform(self.desk.handle(event, self.now_s))

    def perform(self, effects: Iterable[AlertEffect]) -> list[Message]:
        """Do what the engine wants; messages that went out."""
        before = len(self.sent)
        for effect in effects:
            match effect:
                case Send(message=message):
                    self._send(message)
                case Keep(space=space, key=key, value=None):
                    self.spaces.setdefault(space, {}).pop(key, None)
                case Keep(space=space, key=key, value=str(value)):
                    self.spaces.setdefault(space, {})[key] = value
                case Show(level=level):
                    self.level = level
                case Tell():
                    self.told.append(effect)
        return self.sent[before:]

    def _send(self, message: Message) -> None:
        self.tried.append(message)
        if message.channel in self.silent:
            return
        if message.channel in self.broken:
            self.settle(message, "failed", retry=True)
            return
        self.sent.append(message)
        self.settle(message, "sent")

    def settle(self, message: Message, state: Any, *, retry: bool = False) -> None:
        settled = Settled(
            at_s=self.now_s,
            delivery=message.delivery,
            state=state,
            retry=retry,
            reference=f"<{message.delivery}@{message.contact}>" if state == "sent" else "",
        )
        self.handle(settled)


def abouts(messages: Iterable[Message]) -> list[str]:
    return [message.about for message in messages]


RCD = Condition(id="rcd_tripped", place="EVSE 1", detail="32 mA against 30")
OFFLINE = Condition(id="csms_offline")
UNUSED = Condition(id="station_unused")
