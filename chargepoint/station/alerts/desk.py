"""The alerts: from what is seen to messages, and what became of them. Joins the parts, decides
nothing that one of them decides.

    book           conditions become alerts that are raised, count, and clear
    audience       whom an alert concerns, in which step
    post           what is sent about an alert; over `deliveries`: limits, retries, expiry
    modes          what is silent now
    subscriptions  drivers who want to be told once
    memory         what outlives a restart

At most one message says that an alert was raised, and one that it is over, to each address; a new
*round* begins only when it has grown more serious.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from chargepoint.catalog import entries
from chargepoint.station.alerts import texts
from chargepoint.station.alerts.audience import Audience, Way, ways
from chargepoint.station.alerts.book import Alert, Book, Change
from chargepoint.station.alerts.codes import code_of, codes_in
from chargepoint.station.alerts.deliveries import Delivery
from chargepoint.station.alerts.memory import Memory
from chargepoint.station.alerts.modes import Modes
from chargepoint.station.alerts.post import Post
from chargepoint.station.alerts.rules import Rules
from chargepoint.station.alerts.settings import AlertSettings, Calendar, Moment, rank
from chargepoint.station.alerts.subscriptions import EXPIRE_S, News, Subscription, Subscriptions
from chargepoint.station.alerts.values import (
    AlertEffect,
    AlertEvent,
    Channel,
    EvseNews,
    Happened,
    Keep,
    LinkUp,
    Looked,
    Replied,
    Settled,
    Severity,
    Show,
    SignalLevel,
    Tell,
    WaitsFor,
)

ALL = "*"
DRIVER = "driver"
"""The contact's name in messages to drivers."""

REPLY_LINES_MAX = 30
REMINDS: Severity = "error"
"""From this severity on people are told again."""

CROWDED_EVERY_S = 600.0
"""Each look finds the same conditions without room."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts at a glance."""

    open: int
    unacknowledged: int
    worst: Severity | Literal[""]
    waiting: int
    maintenance_s: float


class AlertDesk:
    """`spaces`: what the store kept of "alerts", "deliveries" and "alert_settings"."""

    def __init__(
        self,
        settings: AlertSettings,
        calendar: Calendar,
        spaces: Mapping[str, Mapping[str, str]],
        now_s: float,
    ) -> None:
        self._settings = settings
        self._calendar = calendar
        self._rules = Rules(settings.rules)
        self._audience = Audience(settings.contacts, self._rules)
        self._book = Book(self._rules, self._new_code)
        self._modes = Modes(self._audience, calendar)
        self._subscriptions = Subscriptions()
        self._memory = Memory(calendar, spaces)
        self._effects: list[AlertEffect] = []
        self._post = Post(
            settings,
            calendar,
            self._audience,
            self._modes,
            self._memory,
            self._book.named,
            self._effects,
        )
        self._shown: SignalLevel | None = None
        self._crowded = 0
        self._crowded_s = float("-inf")
        self._restore(now_s)

    # --- Events -----------------------------------------------------------------------------------

    def handle(self, event: AlertEvent, now_s: float) -> list[AlertEffect]:
        """What follows from `event`. A bare AlertEvent only lets time pass."""
        match event:
            case Looked(conditions=conditions):
                self._change(self._book.look(conditions, now_s), now_s)
            case Happened(condition=condition, times=times):
                self._change(self._book.happen(condition, times, now_s), now_s)
            case Settled():
                self._post.settled(event, now_s)
            case LinkUp():
                self._post.link_up(event, now_s)
            case Replied():
                self._replied(event, now_s)
            case EvseNews():
                self._tell_drivers(event, now_s)
            case _:
                pass
        return self._done(now_s)

    def deadline_s(self, now_s: float) -> float | None:
        """When time alone brings something."""
        times = [
            self._book.deadline_s(),
            self._post.deadline_s(now_s),
            self._subscriptions.deadline_s(),
            *(self._escalate_s(alert) for alert in self._holding),
            *(self._remind_s(alert) for alert in self._holding),
        ]
        return min((one for one in times if one is not None), default=None)

    # --- What people ask for ----------------------------------------------------------------------

    def acknowledge(self, code: str, by: str, now_s: float) -> tuple[list[AlertEffect], str]:
        """Somebody looks after it (`*`: after all). Effects, and what came of it or why not."""
        wanted = code.strip().upper()
        if wanted == ALL:
            found = [alert for alert in self._book.opened if not alert.acknowledged_by]
        else:
            found = [alert for alert in self._book.opened if alert.code == wanted]
        if not found and wanted != ALL:
            return [], ""
        for alert in found:
            self._acknowledged(alert, by, now_s)
        count = len(found)
        detail = wanted if wanted != ALL else f"{count} alert{'' if count == 1 else 's'}"
        return self._done(now_s), f"{detail} acknowledged"

    def mute(self, condition: str, minutes: float, now_s: float) -> list[AlertEffect]:
        """Send nothing about `condition` for so long; 0: no longer muted."""
        self._modes.mute(condition, minutes, now_s)
        until_s = self._modes.muted_until_s(condition, now_s)
        self._effects.append(self._memory.silence(f"muted/{condition}", until_s, now_s))
        return self._done(now_s)

    def maintain(self, minutes: float, now_s: float) -> list[AlertEffect]:
        """Alerts are listed but not sent for so long; 0: over."""
        self._modes.maintain(minutes, now_s)
        until_s = self._modes.maintenance_until_s(now_s)
        self._effects.append(self._memory.silence("maintenance", until_s, now_s))
        return self._done(now_s)

    def test(
        self, contact: str, channel: str, by: str, now_s: float
    ) -> tuple[list[AlertEffect], dict[int, Way]]:
        """Test messages to a contact; their numbers, for the outcome. Empty: no such way."""
        found = self._audience.named(contact)
        numbers: dict[int, Way] = {}
        for way in [] if found is None else ways(found, channel):
            assert found is not None
            said = texts.test_texts(self._settings.station, way.channel.value, by, found.language)
            numbers[self._post.test(way, found.language, said, now_s)] = way
        return self._done(now_s), numbers

    def subscribe(
        self,
        evse: int,
        news: News,
        channel: Channel,
        address: str,
        language: str,
        now_s: float,
    ) -> tuple[list[AlertEffect], str]:
        """Tell a driver once. Effects, and why not (empty: it is taken)."""
        one = Subscription(
            number=self._post.next(),
            evse=evse,
            wanted=news,
            channel=channel,
            address=address,
            language=language,
            until_s=now_s + EXPIRE_S,
        )
        if self._subscriptions.known(one):
            return self._done(now_s), ""
        problem = self._subscriptions.problem(one)
        if not problem:
            self._subscriptions.add(one)
            self._effects.append(self._memory.subscription(one))
        return self._done(now_s), problem

    # --- What there is ----------------------------------------------------------------------------

    def alerts(self, closed: int) -> list[Alert]:
        """Open ones, then the last that are over, the newest first."""
        over = self._book.closed
        return [*reversed(self._book.opened), *reversed(over[len(over) - min(closed, len(over)) :])]

    def deliveries(self, alert: Alert) -> list[Delivery]:
        return self._post.of(alert)

    def waits_for(self, row: Delivery, now_s: float) -> WaitsFor:
        """What keeps a message back, besides its channel."""
        return self._post.waits_for(row, now_s)

    def muted(self, condition: str, now_s: float) -> bool:
        return self._modes.muted_until_s(condition, now_s) is not None

    def moment(self, at_s: float) -> Moment:
        return self._calendar(at_s)

    @property
    def contacts(self) -> list[str]:
        return [one.name for one in self._settings.contacts]

    def language(self, contact: str) -> str:
        """What a contact reads; English for one that is not known."""
        found = self._audience.named(contact)
        return "en" if found is None else found.language

    def counted(self, now_s: float) -> Counted:
        opened = self._book.opened
        worst = _worst(opened)
        return Counted(
            open=len(opened),
            unacknowledged=sum(1 for alert in opened if not alert.acknowledged_by),
            worst=worst,
            waiting=self._post.waiting,
            maintenance_s=self._modes.maintenance_left_s(now_s),
        )

    # --- Alerts -----------------------------------------------------------------------------------

    def _change(self, changes: Iterable[Change], now_s: float) -> None:
        for change in changes:
            alert = change.alert
            if change.kind == "cleared":
                self._cleared(alert, now_s)
            else:
                self._raised(alert, change.kind, now_s)
            self._effects.append(self._memory.alert(alert))
        for alert in self._book.forget_oldest():
            self._post.forget(alert)
            self._effects.append(Keep(space="alerts", key=alert.code, value=None))

    def _raised(self, alert: Alert, kind: str, now_s: float) -> None:
        alert.round_s = now_s
        self._tell("alert.raised" if kind == "raised" else "alert.worse", alert)
        self._post.begin(alert, now_s)

    def _cleared(self, alert: Alert, now_s: float) -> None:
        self._tell("alert.cleared", alert)
        muted = self._modes.muted_until_s(alert.condition, now_s) is not None
        ends = self._rules.of(alert.condition).ends
        self._post.end(alert, now_s, told=ends and not muted)

    def _acknowledged(self, alert: Alert, by: str, now_s: float) -> None:
        alert.acknowledged_by = by or "?"
        self._post.calm(alert)
        self._tell("alert.acknowledged", alert, by=alert.acknowledged_by)
        if self._rules.of(alert.condition).ends:
            self._effects.append(self._memory.alert(alert))
            return
        change = self._book.end(alert, now_s)
        if change is not None:
            self._change([change], now_s)

    @property
    def _holding(self) -> list[Alert]:
        """Open alerts for which people are called; not what is gone and may only come back."""
        return [alert for alert in self._book.opened if alert.holds]

    def _escalate_s(self, alert: Alert) -> float | None:
        if alert.acknowledged_by or not self._rules.escalates(alert.condition, alert.severity):
            return None
        if alert.steps >= len(self._audience.steps(alert)):
            return None
        return alert.round_s + alert.steps * self._settings.escalate_after_s

    def _escalate(self, now_s: float) -> None:
        for alert in self._holding:
            if self._modes.silent_until_s(alert.condition, now_s) is not None:
                continue
            due_s = self._escalate_s(alert)
            if due_s is not None and due_s <= now_s:
                self._tell("alert.escalated", alert, step=alert.steps)
                self._post.step(alert, now_s)
                self._effects.append(self._memory.alert(alert))

    def _remind_s(self, alert: Alert) -> float | None:
        """Weighty matters that nobody looks after, once all were told whom it concerns."""
        if alert.acknowledged_by or rank(alert.severity) < rank(REMINDS):
            return None
        return None if self._escalate_s(alert) is not None else self._post.remind_s(alert)

    def _remind(self, now_s: float) -> None:
        for alert in self._holding:
            due_s = self._remind_s(alert)
            silent = self._modes.silent_until_s(alert.condition, now_s) is not None
            if due_s is not None and due_s <= now_s and not silent:
                self._post.remind(alert, now_s)
                self._tell("alert.reminded", alert, times=alert.reminded)
                self._effects.append(self._memory.alert(alert))

    # --- Replies and drivers ----------------------------------------------------------------------

    def _replied(self, event: Replied, now_s: float) -> None:
        """The codes that stand in what was written; quoted lines are not."""
        contact = self._audience.at(event.channel, event.address)
        lines = [one for one in event.text.splitlines() if not one.lstrip().startswith(">")]
        wanted = set(codes_in("\n".join(lines[:REPLY_LINES_MAX])))
        found = [alert for alert in self._book.opened if alert.code in wanted]
        new = [alert for alert in found if not alert.acknowledged_by]
        if contact is None or not new:
            reason = "no open alert in it" if contact else "unknown sender"
            if contact and found:
                # Not answered again: a telephone that answers by itself would be for ever.
                reason = "acknowledged already"
            fields: dict[str, str | int | float | bool | None] = {
                "channel": event.channel.value,
                "reason": reason,
            }
            self._effects.append(Tell(name="alert.reply_ignored", fields=fields))
            return
        for alert in new:
            by = f"{contact.name} ({event.channel.value})"
            self._acknowledged(alert, by, now_s)
            own = [way for way in ways(contact) if way.channel is event.channel]
            said = texts.acknowledged_texts(self._settings.station, alert, contact.language)
            self._post.notice(own[0], contact.language, said, now_s)

    def _tell_drivers(self, event: EvseNews, now_s: float) -> None:
        site = self._settings.site or self._settings.station
        for one in self._subscriptions.take(event.evse, event.news):
            self._unsubscribe(one)
            said = texts.driver_texts(site, event, one.language)
            way = Way(DRIVER, one.channel, one.address)
            self._post.notice(way, one.language, said, now_s)

    def _unsubscribe(self, one: Subscription) -> None:
        key = f"subscription/{one.number}"
        self._effects.append(Keep(space="alert_settings", key=key, value=None))

    # --- Time and state ---------------------------------------------------------------------------

    def _done(self, now_s: float) -> list[AlertEffect]:
        """Whatever is due by now, and all that follows."""
        self._change(self._book.due(now_s), now_s)
        self._escalate(now_s)
        self._remind(now_s)
        for one in self._subscriptions.expire(now_s):
            self._unsubscribe(one)
        self._post.lengthen((*self._book.opened, *self._book.closed), now_s)
        self._post.send(now_s)
        self._show(now_s)
        if self._book.crowded > self._crowded and now_s - self._crowded_s >= CROWDED_EVERY_S:
            self._crowded, self._crowded_s = self._book.crowded, now_s
            self._effects.append(Tell(name="alert.crowded", fields={"dropped": self._crowded}))
        effects = list(self._effects)
        self._effects.clear()
        return effects

    def _show(self, now_s: float) -> None:
        """The level of lamp and buzzer; muted alerts do not count."""
        loud = [one for one in self._book.opened if not self.muted(one.condition, now_s)]
        worst = _worst(loud)
        known = all(one.acknowledged_by for one in loud)
        calm = known or self._modes.maintenance_until_s(now_s) is not None
        level = SignalLevel(severity=worst, acknowledged=calm)
        if level != self._shown:
            self._shown = level
            self._effects.append(Show(level=level))

    def _tell(self, name: str, alert: Alert, **more: str | int | float | bool | None) -> None:
        fields: dict[str, str | int | float | bool | None] = {
            "alert": alert.code,
            "condition": alert.condition,
            "place": alert.place,
            "level": alert.severity,
            "count": alert.count,
            "detail": "" if _personal(alert) else alert.detail,
        }
        self._effects.append(Tell(name=name, fields=fields | more))

    def _new_code(self) -> str:
        while self._book.named(code := code_of(self._post.next())) is not None:
            pass
        return code

    def _restore(self, now_s: float) -> None:
        memory = self._memory
        for alert in memory.alerts(now_s):
            self._book.restore(alert, now_s)
        kept = memory.deliveries(now_s, self._settings.limits.expire_s)
        self._post.restore(kept, now_s)
        for key, left_s in memory.silences(now_s):
            if key == "maintenance":
                self._modes.maintain(left_s / 60.0, now_s)
            else:
                self._modes.mute(key.removeprefix("muted/"), left_s / 60.0, now_s)
        for one in memory.subscriptions(now_s, EXPIRE_S):
            self._subscriptions.add(one)
        self._effects += memory.unreadable


def _worst(alerts: Iterable[Alert]) -> Severity | Literal[""]:
    found: Severity | Literal[""] = ""
    for alert in alerts:
        if rank(alert.severity) > rank(found):
            found = alert.severity
    return found


def _personal(alert: Alert) -> bool:
    """Its detail is somebody's own words."""
    about = entries().get(alert.condition)
    return about is not None and about.personal
