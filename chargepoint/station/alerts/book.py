"""The book of alerts: what is seen becomes raised and cleared, however often it comes and goes.

An alert is one condition at one place. It is raised when the condition has held for its rule's
`raise_after_s`, and cleared when it has been gone for `clear_after_s`; in between it stays open and
counts. What only happens, without lasting, holds for no time: it is raised at once, or, where the
rule wants it to hold first, when it still happens after that time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from chargepoint.catalog.details import Detail, detail_text
from chargepoint.station.alerts.rules import Rules
from chargepoint.station.alerts.settings import rank
from chargepoint.station.alerts.values import Condition, Severity

OPEN_MAX = 200
"""Alerts at a time; more conditions than this are a mistake of ours."""
WEIGHTY_MORE = 100
"""Room beyond that for errors and worse: lesser matters keep no fault from being raised."""

WATCHED_MAX = 400
CLOSED_MAX = 100
DETAIL_MAX = 500
RESTORED_WAIT_S = 120.0
"""An alert of an earlier run stays open at least so long: not everything is seen at once again."""

SEEN_WITHIN_S = 2.5
"""What has happened is not over before a look could show that it still holds."""

NEVER_S = float("-inf")
Key = tuple[str, str]
"""Condition and place."""


class Alert(msgspec.Struct, kw_only=True):
    """One alert, from raised to cleared and some time after."""

    code: str
    condition: str
    place: str
    detail: str
    """English."""
    severity: Severity
    raised_s: float
    raised_epoch_s: float | None = None
    """Of an earlier run, where the clock was trusted then."""
    cleared_s: float | None = None
    said: Detail | None = None
    """`detail` for people; None also for an alert of an earlier release."""
    count: int = 1
    acknowledged_by: str = ""
    round: int = 0
    """How often it has grown more serious: each time it is told anew."""
    round_s: float = 0.0
    """When this round began; escalation counts from here."""
    steps: int = 0
    """Steps of contacts that were told in this round."""
    reminded: int = 0
    """How often it was told again because nobody looks after it."""
    held: bool = False
    lasts: bool = False
    """It holds until a look shows that it is gone; else it only happens, and its hold-off is all
    the time that it has."""
    gone_s: float = 0.0
    """Since when it has not held."""
    happened_s: float = NEVER_S
    happened: int = 0
    """Times since the last look."""
    restored: bool = False
    """Of an earlier run, and not seen in this one: what is seen first is no further time."""

    @property
    def key(self) -> Key:
        return (self.condition, self.place)

    def told(self, language: str) -> str:
        """Its particular in words."""
        return detail_text(self.said, self.detail, language)[:DETAIL_MAX]

    @property
    def open(self) -> bool:
        return self.cleared_s is None

    @property
    def holds(self) -> bool:
        """It is open, and not only because it may come back within its hold-off."""
        return self.open and (self.held or self.happened > 0 or not self.lasts)


class Change(msgspec.Struct, frozen=True):
    """What became of an alert."""

    kind: Literal["raised", "rose", "cleared"]
    alert: Alert


class _Watched(msgspec.Struct):
    """A condition that is seen, but not for long enough."""

    condition: Condition
    since_s: float
    held: bool = False
    happened_s: float = NEVER_S
    count: int = 0
    happened: int = 0


class Book:
    """`name` gives the code of a new alert."""

    def __init__(self, rules: Rules, name: Callable[[], str]) -> None:
        self._rules = rules
        self._name = name
        self._watched: dict[Key, _Watched] = {}
        self._open: dict[Key, Alert] = {}
        self._closed: deque[Alert] = deque()
        self.crowded = 0
        """Conditions that found no room."""

    # --- What there is ----------------------------------------------------------------------------

    @property
    def opened(self) -> list[Alert]:
        """Open alerts, oldest first."""
        return list(self._open.values())

    @property
    def closed(self) -> list[Alert]:
        """The last ones that are over, oldest first."""
        return list(self._closed)

    def named(self, code: str) -> Alert | None:
        """The alert with this code, open or over."""
        every = (*self._open.values(), *self._closed)
        return next((alert for alert in every if alert.code == code), None)

    def restore(self, alert: Alert, now_s: float) -> None:
        """Take an alert of an earlier run; it clears if it is not seen again."""
        if not alert.open:
            self._closed.append(alert)
            return
        rule = self._rules.of(alert.condition)
        alert.gone_s = now_s + max(0.0, RESTORED_WAIT_S - rule.clear_after_s)
        alert.restored = True
        self._open[alert.key] = alert

    def forget_oldest(self) -> list[Alert]:
        """Alerts that are over and no longer kept."""
        forgotten = []
        while len(self._closed) > CLOSED_MAX:
            forgotten.append(self._closed.popleft())
        return forgotten

    # --- What is seen -----------------------------------------------------------------------------

    def look(self, conditions: Iterable[Condition], now_s: float) -> list[Change]:
        """Everything that holds now; the changes that follow."""
        seen = {(one.id, one.place): one for one in conditions if self._rules.of(one.id).enabled}
        changes: list[Change] = []
        for key, condition in seen.items():
            alert = self._open.get(key)
            if alert is not None:
                changes += self._held(alert, condition)
            else:
                self._watch(key, condition, now_s)
        for key, alert in self._open.items():
            if key not in seen and alert.held:
                alert.held, alert.gone_s = False, now_s
            alert.happened = 0
        for key, watched in self._watched.items():
            watched.held = key in seen
            watched.happened = 0
        return changes + self.due(now_s)

    def happen(self, condition: Condition, times: int, now_s: float) -> list[Change]:
        """It happened; the changes that follow."""
        rule = self._rules.of(condition.id)
        if not rule.enabled or times < 1:
            return []
        key = (condition.id, condition.place)
        alert = self._open.get(key)
        if alert is not None:
            alert.count += times
            alert.happened += times
            alert.happened_s = now_s
            return self._tell_more(alert, condition)
        watched = self._watched_at(key, condition, now_s)
        if watched is None:
            return []
        watched.condition = condition
        watched.happened_s = now_s
        watched.happened += times
        watched.count += times
        if now_s - watched.since_s >= rule.raise_after_s:
            return self._raise(key, watched, now_s)
        return []

    def due(self, now_s: float) -> list[Change]:
        """What time alone brings."""
        changes: list[Change] = []
        for key, watched in list(self._watched.items()):
            if not watched.held and self._stale(watched, now_s):
                del self._watched[key]
            elif watched.held and now_s >= self._raise_s(watched):
                changes += self._raise(key, watched, now_s)
        for key, alert in list(self._open.items()):
            if now_s >= self._clear_s(alert):
                del self._open[key]
                alert.cleared_s = now_s
                self._closed.append(alert)
                changes.append(Change("cleared", alert))
        return changes

    def end(self, alert: Alert, now_s: float) -> Change | None:
        """Clear it now; it comes again if it still holds. None: it was over."""
        if self._open.pop(alert.key, None) is None:
            return None
        alert.cleared_s = now_s
        self._closed.append(alert)
        return Change("cleared", alert)

    def deadline_s(self) -> float | None:
        """When `due` has something to do next."""
        times = [self._raise_s(one) for one in self._watched.values() if one.held]
        times += [self._clear_s(alert) for alert in self._open.values()]
        return min((one for one in times if one != float("inf")), default=None)

    # --- Inside -----------------------------------------------------------------------------------

    def _watch(self, key: Key, condition: Condition, now_s: float) -> None:
        watched = self._watched_at(key, condition, now_s)
        if watched is None:
            return
        if not watched.held and not watched.happened:
            watched.count += 1
        watched.condition = condition
        watched.held = True

    def _watched_at(self, key: Key, condition: Condition, now_s: float) -> _Watched | None:
        """What is watched there, or is from now on; None: there is no room."""
        watched = self._watched.get(key)
        if watched is None or (not watched.held and self._stale(watched, now_s)):
            watched = self._begin(key, condition, now_s)
        return watched

    def _begin(self, key: Key, condition: Condition, now_s: float) -> _Watched | None:
        if not self._room(condition, len(self._watched), WATCHED_MAX):
            return None
        watched = self._watched[key] = _Watched(condition, since_s=now_s)
        return watched

    def _room(self, condition: Condition, watched: int, watched_max: int) -> bool:
        """Whether there is some for one more like this; counts it, if not."""
        weighty = rank(self._rules.severity(condition)) >= rank("error")
        more = WEIGHTY_MORE if weighty else 0
        if len(self._open) < OPEN_MAX + more and watched < watched_max + more:
            return True
        self.crowded += 1
        return False

    def _stale(self, watched: _Watched, now_s: float) -> bool:
        """It does not hold and has not happened for so long that it begins anew."""
        rule = self._rules.of(watched.condition.id)
        return now_s - watched.happened_s > rule.clear_after_s

    def _raise_s(self, watched: _Watched) -> float:
        return watched.since_s + self._rules.of(watched.condition.id).raise_after_s

    def _clear_s(self, alert: Alert) -> float:
        if alert.held:
            return float("inf")
        clear_after_s = self._rules.of(alert.condition).clear_after_s
        seen_s = alert.happened_s + max(clear_after_s, SEEN_WITHIN_S)
        return max(alert.gone_s + clear_after_s, seen_s)

    def _raise(self, key: Key, watched: _Watched, now_s: float) -> list[Change]:
        condition = watched.condition
        del self._watched[key]
        if not self._room(condition, 0, WATCHED_MAX):  # others were raised before it
            return []
        alert = Alert(
            code=self._name(),
            condition=condition.id,
            place=condition.place,
            detail=condition.detail[:DETAIL_MAX],
            said=condition.said,
            severity=self._rules.severity(condition),
            raised_s=now_s,
            round_s=now_s,
            count=max(1, watched.count),
            held=watched.held,
            lasts=self._lasts(condition.id, held=watched.held),
            gone_s=now_s,
            happened_s=watched.happened_s,
            happened=watched.happened,
        )
        self._open[key] = alert
        return [Change("raised", alert)]

    def _lasts(self, condition: str, *, held: bool) -> bool:
        """What only somebody's answer ends does not end by being gone."""
        rule = self._rules.of(condition)
        return rule.ends and (held or rule.lasts)

    def _held(self, alert: Alert, condition: Condition) -> list[Change]:
        if not (alert.held or alert.happened or alert.restored):
            alert.count += 1
        alert.held, alert.restored = True, False
        alert.lasts = self._lasts(alert.condition, held=True)
        return self._tell_more(alert, condition)

    def _tell_more(self, alert: Alert, condition: Condition) -> list[Change]:
        """Its particular now, and whether it has become more serious."""
        if condition.detail:
            alert.detail, alert.said = condition.detail[:DETAIL_MAX], condition.said
        severity = self._rules.severity(condition)
        if rank(severity) <= rank(alert.severity):
            return []
        alert.severity = severity
        alert.acknowledged_by = ""
        alert.round += 1
        alert.steps = 0
        return [Change("rose", alert)]
