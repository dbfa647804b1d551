"""What goes out about alerts: rows of the outbox, from an alert's change to the message.

Who was never told that an alert was raised hears of a fault that it came and went, and of a lesser
matter nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from chargepoint.station.alerts import reminders, texts
from chargepoint.station.alerts.audience import Audience, Way
from chargepoint.station.alerts.book import Alert
from chargepoint.station.alerts.deliveries import (
    TELLING,
    About,
    Bundle,
    Deliveries,
    Delivery,
    Outcome,
)
from chargepoint.station.alerts.memory import NUMBERS_AT_ONCE, Memory
from chargepoint.station.alerts.modes import Modes
from chargepoint.station.alerts.settings import AlertSettings, Calendar, rank
from chargepoint.station.alerts.values import (
    AlertEffect,
    Keep,
    LinkUp,
    Message,
    Send,
    Settled,
    Severity,
    Tell,
    WaitsFor,
)

TEST_EXPIRE_S = 120.0
CALLS = ("escalated", "reminded")
"""Rows that call people to what nobody looks after, as long as it holds."""

TELLS_ANYWAY: Severity = "error"
"""From here on also of what is over before it could be told."""


class Post:
    """`named`: the alert with a code. `effects` takes what is to be done."""

    def __init__(
        self,
        settings: AlertSettings,
        calendar: Calendar,
        audience: Audience,
        modes: Modes,
        memory: Memory,
        named: Callable[[str], Alert | None],
        effects: list[AlertEffect],
    ) -> None:
        self._settings = settings
        self._calendar = calendar
        self._audience = audience
        self._modes = modes
        self._memory = memory
        self._named = named
        self._effects = effects
        self._deliveries = Deliveries(settings.limits)
        self._number = self._reserved = memory.last_number()

    # --- Alerts -----------------------------------------------------------------------------------

    def of(self, alert: Alert) -> list[Delivery]:
        """Everything that was, or is to be, sent about `alert`."""
        return self._deliveries.of(alert.code)

    def waits_for(self, row: Delivery, now_s: float) -> WaitsFor:
        """What keeps `row` back, besides its channel."""
        alert = self._named(row.alert)
        if row.state != "waiting" or alert is None:
            return ""
        if self._modes.silent_until_s(alert.condition, now_s) is not None:
            return "silence"
        if self._modes.quiet_until_s(row, now_s) is not None:
            return "quiet_hours"
        return "limit" if self._deliveries.limited(row, now_s) else ""

    @property
    def waiting(self) -> int:
        return self._deliveries.waiting

    def begin(self, alert: Alert, now_s: float) -> None:
        """Raised, or worse than before: what waits is out of date."""
        for row in self.of(alert):
            if row.state == "waiting":
                self._forget(row)
        self.step(alert, now_s)

    def step(self, alert: Alert, now_s: float) -> None:
        """Tell the next of those whom it concerns."""
        steps = self._audience.steps(alert)
        if alert.steps >= len(steps):
            return
        about: About = "escalated" if alert.steps else "raised"
        for way in steps[alert.steps]:
            self._queue(alert, way, about, now_s)
        alert.steps += 1

    def end(self, alert: Alert, now_s: float, *, told: bool) -> None:
        """It is over; with `told` that is worth a message."""
        silent = self._modes.silent_until_s(alert.condition, now_s) is not None
        for row in self.of(alert):
            if row.about in TELLING and row.state == "waiting":
                self._belated(row, told=told and not silent)
        for rows in self._told(alert):
            contact = self._audience.named(rows[-1].contact)
            heard = [row for row in rows if row.state not in ("failed", "expired")]
            if told and heard and contact is not None and contact.cleared:
                self._queue(alert, heard[-1].way, "cleared", now_s, after=heard[-1].number)

    def calm(self, alert: Alert) -> None:
        """Somebody looks after it: nobody else is to be called."""
        for row in self.of(alert):
            if row.about in CALLS and row.state == "waiting":
                self._forget(row)

    def remind_s(self, alert: Alert) -> float | None:
        """When the next address hears again of what nobody looks after."""
        times = (self._again_s(rows) for rows in self._told(alert))
        return min((due_s for due_s in times if due_s is not None), default=None)

    def remind(self, alert: Alert, now_s: float) -> None:
        """Tell those again whose time it is."""
        for rows in self._told(alert):
            due_s = self._again_s(rows)
            if due_s is None or due_s > now_s:
                continue
            for row in rows:
                if row.about == "reminded":
                    self._forget(row)
            self._queue(alert, rows[-1].way, "reminded", now_s)
            alert.reminded += 1

    def _again_s(self, rows: list[Delivery]) -> float | None:
        return reminders.due_s(rows, self._settings.remind_after_s)

    def _told(self, alert: Alert) -> list[list[Delivery]]:
        return reminders.by_address(self.of(alert), alert.round)

    def forget(self, alert: Alert) -> None:
        """The alert is no longer kept."""
        for row in self.of(alert):
            self._forget(row)

    def _belated(self, row: Delivery, *, told: bool) -> None:
        """The alert was over before `row` could tell of it."""
        followers = self._followers(row)
        if row.about == "reminded" and self._heard(row):
            self._forget(row)
            return
        if told and rank(row.severity) >= rank(TELLS_ANYWAY):
            if followers:
                self._forget(row)  # what says that it is over goes in its place
                return
            row.about = "cleared"
            self._keep(row)
            return
        self._forget(row)
        for one in followers:
            self._forget(one)

    # --- Anything else ----------------------------------------------------------------------------

    def notice(self, way: Way, language: str, said: tuple[str, str, str], now_s: float) -> None:
        """Send something that is about no alert."""
        row = self._row(way, "notice", "info", language, now_s)
        row.texts = said
        self._add(row)

    def test(self, way: Way, language: str, said: tuple[str, str, str], now_s: float) -> int:
        """Try a way now; the number of the message."""
        row = self._row(way, "test", "info", language, now_s)
        row.texts, row.expires_s = said, now_s + TEST_EXPIRE_S
        self._deliveries.add(row)
        return row.number

    def next(self) -> int:
        """A number that was never used, over restarts too."""
        self._number += 1
        if self._number > self._reserved:
            self._reserved = self._number + NUMBERS_AT_ONCE - 1
            value = str(self._reserved)
            self._effects.append(Keep(space="alert_settings", key="number", value=value))
        return self._number

    # --- What became of it ------------------------------------------------------------------------

    def settled(self, event: Settled, now_s: float) -> None:
        """What a channel says of one message."""
        outcome = self._deliveries.settled(event, now_s)
        self._after(outcome)
        for row in outcome.changed:
            alert = self._named(row.alert) if row.alert else None
            over = alert is not None and not alert.open
            if row.state == "waiting" and over and row.about in TELLING:
                self._belated(row, told=True)

    def link_up(self, event: LinkUp, now_s: float) -> None:
        self._deliveries.link_up(event, now_s)

    def send(self, now_s: float) -> None:
        """Give up what is too old, and send what is due."""
        self._after(self._deliveries.expire(now_s))
        for bundle in self._deliveries.take(now_s, self._held):
            self._effects.append(Send(message=self._message(bundle, now_s)))

    def deadline_s(self, now_s: float) -> float | None:
        return self._deliveries.deadline_s(now_s, self._held)

    def restore(self, rows: Iterable[Delivery], now_s: float) -> None:
        """Take the rows of an earlier run; forget those that concern nothing any more."""
        for row in rows:
            gone = row.alert and self._named(row.alert) is None
            stranger = row.alert and self._audience.named(row.contact) is None
            if gone or (stranger and row.active) or (not row.alert and not row.active):
                self._forget(row)
            else:
                self._deliveries.restore(row, now_s)

    def lengthen(self, alerts: Iterable[Alert], now_s: float) -> None:
        """What somebody silenced does not grow old meanwhile."""
        for alert in alerts:
            if self._modes.silent_until_s(alert.condition, now_s) is None:
                continue
            for row in self.of(alert):
                if row.state == "waiting":
                    row.expires_s = now_s + self._settings.limits.expire_s

    # --- Rows -------------------------------------------------------------------------------------

    def _queue(self, alert: Alert, way: Way, about: About, now_s: float, *, after: int = 0) -> None:
        contact = self._audience.named(way.contact)
        assert contact is not None
        row = self._row(way, about, alert.severity, contact.language, now_s)
        row.alert, row.round, row.after = alert.code, alert.round, after
        self._add(row)

    def _row(
        self, way: Way, about: About, severity: Severity, language: str, now_s: float
    ) -> Delivery:
        return Delivery(
            number=self.next(),
            alert="",
            contact=way.contact,
            channel=way.channel,
            address=way.address,
            about=about,
            severity=severity,
            language=language,
            created_s=now_s,
            due_s=now_s,
            expires_s=now_s + self._settings.limits.expire_s,
        )

    def _add(self, row: Delivery) -> None:
        dropped = self._deliveries.add(row)
        self._keep(row)
        self._given_up(dropped)

    def _after(self, outcome: Outcome) -> None:
        for row in outcome.changed:
            if row.alert or row.active:
                self._keep(row)
            else:
                self._forget(row)
        self._given_up(outcome.given_up)

    def _given_up(self, rows: Iterable[Delivery]) -> None:
        for row in rows:
            if row.alert:
                self._keep(row)
                for one in self._followers(row) if row.about != "reminded" else ():
                    self._forget(one)
            else:
                self._forget(row)
            fields: dict[str, str | int | float | bool | None] = {
                "alert": row.alert,
                "contact": row.contact,
                "channel": row.channel.value,
                "outcome": row.state,
                "detail": row.detail,
            }
            self._effects.append(Tell(name="alert.undelivered", fields=fields))

    def _heard(self, row: Delivery) -> bool:
        """Its address was told of this alert before."""
        return any(one.told and one.way == row.way for one in self._deliveries.of(row.alert))

    def _followers(self, row: Delivery) -> list[Delivery]:
        """What waits for the outcome of `row`, to say that it is over."""
        rows = self._deliveries.of(row.alert) if row.alert else []
        return [one for one in rows if one.after == row.number and one.state == "waiting"]

    def _keep(self, row: Delivery) -> None:
        if row.about != "test":
            self._effects.append(self._memory.delivery(row))

    def _forget(self, row: Delivery) -> None:
        self._deliveries.drop(row)
        if row.about != "test":
            self._effects.append(Keep(space="deliveries", key=str(row.number), value=None))

    def _held(self, row: Delivery, now_s: float) -> float | None:
        """Until when something keeps `row` from going."""
        alert = self._named(row.alert) if row.alert else None
        if alert is None:
            return None
        if row.about in CALLS and alert.open and not alert.holds:
            return float("inf")  # it comes back, or its end is told instead
        ends = (
            self._modes.silent_until_s(alert.condition, now_s),
            self._modes.quiet_until_s(row, now_s),
        )
        return max((one for one in ends if one is not None), default=None)

    def _message(self, bundle: Bundle, now_s: float) -> Message:
        writing = texts.Writing(
            answered=self._settings.answered,
            station=self._settings.station,
            calendar=self._calendar,
            now_s=now_s,
        )
        head = bundle.head
        alert = self._named(head.alert) if head.alert else None
        if alert is None:
            return texts.plain_message(writing, head)
        others = [
            (row, other) for row in bundle.others if (other := self._named(row.alert)) is not None
        ]
        message = texts.alert_message(writing, head, alert, others)
        return msgspec.structs.replace(message, thread=self._thread(head))

    def _thread(self, row: Delivery) -> str:
        """The reference of the first message to its address about its alert."""
        before = [one for one in self._deliveries.of(row.alert) if one.way == row.way and one.told]
        return min(before, key=lambda one: one.number).reference if before else ""
