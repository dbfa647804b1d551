"""The outbox of alerts: every message to every address, until it is sent or not worth it any more.

    waiting ──► sending ──► sent ──► delivered
       ▲           │  └──► failed            what cannot pass, or the channel says so
       └── retry ──┘
       └──► expired                          not sent within its time

A message is a row until it goes; its text is made then, so that it says how things are. Rows that
the limit of their way holds back go together as one message when it may send again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from chargepoint.station.alerts.audience import Way
from chargepoint.station.alerts.lanes import DAY_S, Lane
from chargepoint.station.alerts.settings import LimitSettings, rank
from chargepoint.station.alerts.values import Channel, LinkUp, Settled, Severity

PAUSES_S = (10.0, 60.0, 300.0, 900.0, 3600.0)
"""After the 1st, 2nd, … attempt in vain; the last again and again."""

SENDING_MAX_S = 900.0
"""A channel that says nothing for so long has lost it."""

ACTIVE_MAX = 500
MERGED_MAX = 50
DETAIL_MAX = 300

About = Literal["raised", "cleared", "escalated", "reminded", "test", "notice"]
State = Literal["waiting", "sending", "sent", "delivered", "failed", "expired"]
TELLING = ("raised", "escalated", "reminded")
"""Rows that say that an alert is open."""

MERGED = ("raised", "cleared", "escalated", "reminded")


class Delivery(msgspec.Struct, kw_only=True):
    """One message to one address."""

    number: int
    alert: str
    """Code; empty: about no alert."""
    contact: str
    channel: Channel
    address: str
    about: About
    severity: Severity
    language: str
    round: int = 0
    state: State = "waiting"
    attempts: int = 0
    detail: str = ""
    reference: str = ""
    texts: tuple[str, str, str] | None = None
    """Subject, text and short text, of what is about no alert."""
    after: int = 0
    """Number of a message that has to be settled first."""
    created_s: float = 0.0
    due_s: float = 0.0
    expires_s: float = 0.0
    sent_s: float | None = None
    epoch_s: float | None = None
    """When it was made, or sent, on the wall clock: for the next run."""
    head: int = 0
    """Number of the message in which it goes along."""

    @property
    def way(self) -> Way:
        return Way(self.contact, self.channel, self.address)

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "sending")

    @property
    def told(self) -> bool:
        return self.state in ("sent", "delivered")

    @property
    def urgent(self) -> bool:
        return self.severity == "critical" and self.about in TELLING


class Bundle(msgspec.Struct, frozen=True):
    """What goes as one message: its head, and what goes along."""

    head: Delivery
    others: tuple[Delivery, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """Rows that an event has changed, and those of them that were given up."""

    changed: tuple[Delivery, ...] = ()
    given_up: tuple[Delivery, ...] = ()


Held = Callable[[Delivery, float], float | None]
"""Until when something else keeps a row from going, such as quiet hours; None: nothing does."""


class Deliveries:
    """All rows. Rows about an alert are kept as long as the alert is."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self._rows: dict[int, Delivery] = {}
        self._active: dict[int, Delivery] = {}
        self._lanes: dict[Way, Lane] = {}

    # --- What there is ----------------------------------------------------------------------------

    def of(self, alert: str) -> list[Delivery]:
        """Rows about one alert."""
        return [row for row in self._rows.values() if row.alert == alert]

    def numbered(self, number: int) -> Delivery | None:
        return self._rows.get(number)

    @property
    def waiting(self) -> int:
        return len(self._active)

    def add(self, row: Delivery) -> list[Delivery]:
        """Queue `row`; the rows that had to make room for it (perhaps itself)."""
        self._rows[row.number] = row
        self._active[row.number] = row
        if len(self._active) <= ACTIVE_MAX:
            return []
        least = min(
            (one for one in self._active.values() if one.state == "waiting"),
            key=lambda one: (rank(one.severity), one.number),
            default=row,
        )
        self._settle(least, "expired", "too many messages wait")
        return [least]

    def restore(self, row: Delivery, now_s: float) -> None:
        """Take a row of an earlier run; what was on its way then is tried again."""
        if row.state == "sending":
            row.state = "waiting"
        self._rows[row.number] = row
        if row.active:
            row.due_s, row.head = now_s, 0
            self._active[row.number] = row
        elif row.sent_s is not None and row.sent_s > now_s - DAY_S:
            self._lane(row.way, now_s).used(row.sent_s)

    def drop(self, row: Delivery) -> None:
        """Forget `row`: it is not to be sent any more, or nobody asks for it."""
        self._rows.pop(row.number, None)
        self._active.pop(row.number, None)

    # --- Going out --------------------------------------------------------------------------------

    def take(self, now_s: float, held: Held) -> list[Bundle]:
        """What goes now."""
        bundles: list[Bundle] = []
        for way, rows in self._due(now_s, held).items():
            bundles += self._through(self._lane(way, now_s), rows, now_s)
        return bundles

    def deadline_s(self, now_s: float, held: Held) -> float | None:
        """When `take` or `expire` has something to do next."""
        times: list[float] = []
        for row in self._active.values():
            if row.state == "sending":
                times.append(row.due_s + SENDING_MAX_S)
                continue
            times.append(row.expires_s)
            if not self._behind(row):
                until_s = held(row, now_s)
                due_s = row.due_s if until_s is None else max(row.due_s, until_s)
                lane = self._lane(row.way, now_s)
                times.append(max(due_s, lane.free_s(now_s, row.urgent)))
        return min(times, default=None)

    def limited(self, row: Delivery, now_s: float) -> bool:
        """Whether the limit of its way holds it back."""
        return self._lane(row.way, now_s).free_s(now_s, row.urgent) > now_s

    def _due(self, now_s: float, held: Held) -> dict[Way, list[Delivery]]:
        found: dict[Way, list[Delivery]] = {}
        for row in self._active.values():
            if row.state != "waiting" or row.due_s > now_s or self._behind(row):
                continue
            if row.about != "test" and held(row, now_s) is not None:
                continue
            found.setdefault(row.way, []).append(row)
        for rows in found.values():
            rows.sort(key=lambda one: (not one.urgent, -rank(one.severity), one.number))
        return found

    def _behind(self, row: Delivery) -> bool:
        before = self._active.get(row.after)
        return before is not None

    def _through(self, lane: Lane, rows: list[Delivery], now_s: float) -> list[Bundle]:
        bundles: list[Bundle] = []
        for row in [one for one in rows if one.about == "test"]:
            rows.remove(row)
            bundles.append(self._go(lane, Bundle(row), now_s))
        while rows:
            if lane.free_s(now_s, rows[0].urgent) > now_s:
                lane.held_back = True
                return bundles
            head = rows.pop(0)
            others: list[Delivery] = []
            if lane.held_back and head.about in MERGED:
                others = [one for one in rows if one.about in MERGED][:MERGED_MAX]
                rows = [one for one in rows if one not in others]
            bundles.append(self._go(lane, Bundle(head, tuple(others)), now_s))
        lane.held_back = False
        return bundles

    def _go(self, lane: Lane, bundle: Bundle, now_s: float) -> Bundle:
        lane.take(now_s)
        for row in (bundle.head, *bundle.others):
            row.state = "sending"
            row.attempts += 1
            row.due_s = now_s
            row.head = bundle.head.number
        return bundle

    def _lane(self, way: Way, now_s: float) -> Lane:
        lane = self._lanes.get(way)
        if lane is None:
            per_minute, per_day = self._limits.of(way.channel)
            lane = self._lanes[way] = Lane(per_minute, per_day, filled_s=now_s)
        return lane

    # --- What became of it ------------------------------------------------------------------------

    def settled(self, event: Settled, now_s: float) -> Outcome:
        """What a channel says of one message, and so of all that went along."""
        if event.state == "delivered":
            return self._confirmed(event)
        rows = [one for one in self._active.values() if one.head == event.delivery]
        rows = [one for one in rows if one.state == "sending"]
        given_up: list[Delivery] = []
        for row in rows:
            row.detail = event.detail[:DETAIL_MAX]
            row.reference = event.reference
            if event.state == "sent":
                row.sent_s = now_s
                self._settle(row, "sent", row.detail)
            elif event.retry and row.about != "test":
                row.state = "waiting"
                row.due_s = now_s + PAUSES_S[min(row.attempts, len(PAUSES_S)) - 1]
            else:
                self._settle(row, "failed", row.detail)
                given_up.append(row)
        return Outcome(tuple(rows), tuple(given_up))

    def link_up(self, event: LinkUp, now_s: float) -> None:
        """What waits for a retry there is due."""
        for row in self._active.values():
            if row.state == "waiting" and row.attempts and row.channel in event.channels:
                row.due_s = min(row.due_s, now_s)

    def expire(self, now_s: float) -> Outcome:
        """Give up what was not sent within its time; try again what a channel has lost."""
        changed: list[Delivery] = []
        given_up: list[Delivery] = []
        for row in list(self._active.values()):
            if row.state == "sending" and now_s >= row.due_s + SENDING_MAX_S:
                row.state, row.due_s, row.detail = "waiting", now_s, "no outcome was told"
                changed.append(row)
            if row.state == "waiting" and now_s >= row.expires_s:
                self._settle(row, "expired", row.detail or "it could not be sent in time")
                changed.append(row)
                given_up.append(row)
        return Outcome(tuple(changed), tuple(given_up))

    def _confirmed(self, event: Settled) -> Outcome:
        rows = [one for one in self._rows.values() if one.head == event.delivery]
        rows = [one for one in rows if one.state == "sent"]
        for row in rows:
            row.state = "delivered"
            row.detail = event.detail[:DETAIL_MAX] or row.detail
        return Outcome(tuple(rows))

    def _settle(self, row: Delivery, state: State, detail: str) -> None:
        row.state, row.detail = state, detail
        self._active.pop(row.number, None)
