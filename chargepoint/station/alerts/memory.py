"""What of the alerts outlives a restart, as JSON in the store, and how it is read again.

Monotonic instants mean nothing to the next run; they are kept as wall-clock times where the clock
is trusted. Without, an alert of before counts from the restart on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from chargepoint.catalog import entries
from chargepoint.station.alerts.book import NEVER_S, Alert
from chargepoint.station.alerts.deliveries import Delivery
from chargepoint.station.alerts.settings import Calendar
from chargepoint.station.alerts.subscriptions import Subscription
from chargepoint.station.alerts.values import Keep

NUMBERS_AT_ONCE = 100
"""Numbers of messages that are taken with one write; a restart skips what is left of them."""

SILENCE_MAX_S = 90 * 86_400.0

Space = str
Kept = TypeVar("Kept", bound=msgspec.Struct)


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A mute or maintenance mode."""

    until_epoch_s: float
    lasts_s: float = SILENCE_MAX_S
    """From when it was set: no clock that is put back makes it longer."""


class Memory:
    """Writes and reads what is kept."""

    def __init__(self, calendar: Calendar, spaces: Mapping[str, Mapping[str, str]]) -> None:
        self._calendar = calendar
        self._spaces = spaces
        self.unreadable: list[Keep] = []
        """Keys that could not be read and are to be forgotten."""

    # --- Writing ----------------------------------------------------------------------------------

    def alert(self, alert: Alert) -> Keep:
        kept = msgspec.structs.replace(
            alert,
            raised_s=0.0,
            raised_epoch_s=self._calendar(alert.raised_s).epoch_s,
            cleared_s=None if alert.cleared_s is None else self._epoch(alert.cleared_s),
            round_s=self._epoch(alert.round_s),
            held=False,
            gone_s=0.0,
            happened_s=0.0,
            happened=0,
        )
        return Keep(space="alerts", key=alert.code, value=_json(kept))

    def delivery(self, row: Delivery) -> Keep:
        kept = msgspec.structs.replace(
            row,
            created_s=self._epoch(row.created_s),
            due_s=0.0,
            expires_s=self._epoch(row.expires_s),
            sent_s=None if row.sent_s is None else self._epoch(row.sent_s),
        )
        return Keep(space="deliveries", key=str(row.number), value=_json(kept))

    def silence(self, key: str, until_s: float | None, now_s: float) -> Keep:
        epoch_s = None if until_s is None else self._calendar(until_s).epoch_s
        value = None
        if until_s is not None and epoch_s is not None:
            value = _json(Silence(until_epoch_s=epoch_s, lasts_s=until_s - now_s))
        return Keep(space="alert_settings", key=key, value=value)

    def subscription(self, one: Subscription) -> Keep:
        kept = msgspec.structs.replace(one, until_s=self._epoch(one.until_s))
        key = f"subscription/{one.number}"
        return Keep(space="alert_settings", key=key, value=_json(kept))

    # --- Reading ----------------------------------------------------------------------------------

    def alerts(self, now_s: float) -> Iterator[Alert]:
        """Alerts in the order in which they were raised."""
        found = [alert for _, alert in self._read("alerts", "", Alert)]
        found.sort(key=lambda one: one.raised_epoch_s or 0.0)
        for alert in found:
            if alert.condition not in entries():
                self._forget("alerts", alert.code)
                continue
            alert.raised_s = self._past(alert.raised_epoch_s or 0.0, now_s)
            alert.round_s = self._past(alert.round_s, now_s)
            alert.happened_s = NEVER_S
            if alert.cleared_s is not None:
                alert.cleared_s = max(alert.raised_s, self._past(alert.cleared_s, now_s))
            yield alert

    def deliveries(self, now_s: float, expire_s: float) -> Iterator[Delivery]:
        found = [row for _, row in self._read("deliveries", "", Delivery)]
        for row in sorted(found, key=lambda one: one.number):
            row.created_s = self._past(row.created_s, now_s)
            known = row.expires_s > 0.0
            until_s = self._instant(row.expires_s, now_s) if known else now_s + expire_s
            row.expires_s = min(until_s, now_s + expire_s)
            row.sent_s = None if row.sent_s is None else self._past(row.sent_s, now_s)
            yield row

    def silences(self, now_s: float) -> Iterator[tuple[str, float]]:
        """Key and how many seconds it lasts yet."""
        for prefix in ("maintenance", "muted/"):
            for key, one in self._read("alert_settings", prefix, Silence):
                left_s = min(self._instant(one.until_epoch_s, now_s) - now_s, one.lasts_s)
                if left_s > 0:
                    yield key, left_s
                else:
                    self._forget("alert_settings", key)

    def subscriptions(self, now_s: float, expire_s: float) -> Iterator[Subscription]:
        for _, one in self._read("alert_settings", "subscription/", Subscription):
            known = one.until_s > 0.0
            until_s = self._instant(one.until_s, now_s) if known else now_s + expire_s
            yield msgspec.structs.replace(one, until_s=min(until_s, now_s + expire_s))

    def last_number(self) -> int:
        """Every number up to this one may have been used."""
        text = self._spaces.get("alert_settings", {}).get("number", "0")
        numbers = [int(text) if text.isdigit() else 0]
        numbers += [int(key) for key in self._spaces.get("deliveries", {}) if key.isdigit()]
        return max(numbers)

    def _read(self, space: str, prefix: str, kind: type[Kept]) -> Iterator[tuple[str, Kept]]:
        for key, text in self._spaces.get(space, {}).items():
            if not key.startswith(prefix):
                continue
            try:
                yield key, msgspec.json.decode(text, type=kind)
            except (msgspec.DecodeError, ValueError):
                self._forget(space, key)

    def _forget(self, space: str, key: str) -> None:
        self.unreadable.append(Keep(space=space, key=key, value=None))  # type: ignore[arg-type]

    # --- Time -------------------------------------------------------------------------------------

    def _epoch(self, at_s: float) -> float:
        """0: not known."""
        return self._calendar(at_s).epoch_s or 0.0

    def _past(self, epoch_s: float, now_s: float) -> float:
        """The same for what has been: now at the latest, also where the clock was put back."""
        return min(now_s, self._instant(epoch_s, now_s))

    def _instant(self, epoch_s: float, now_s: float) -> float:
        """The monotonic instant of a wall-clock time; now, where either is not known."""
        now_epoch_s = self._calendar(now_s).epoch_s
        if not epoch_s or now_epoch_s is None:
            return now_s
        return now_s + epoch_s - now_epoch_s


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
