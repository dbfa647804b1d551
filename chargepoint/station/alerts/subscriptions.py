"""Drivers who want to be told once that charging is done, or that a place is free."""

from __future__ import annotations

from typing import Literal

import msgspec

from chargepoint.station.alerts.values import Channel

EXPIRE_S = 86_400.0
EACH_MAX = 3
"""Of one address."""
ALL_MAX = 50

News = Literal["done", "free"]


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    evse: int
    wanted: News
    channel: Channel
    address: str
    language: str
    until_s: float


class Subscriptions:
    """All that are open."""

    def __init__(self) -> None:
        self._open: dict[int, Subscription] = {}

    def __len__(self) -> int:
        return len(self._open)

    def problem(self, subscription: Subscription) -> str:
        """Why it cannot be taken; empty: it can."""
        if len(self._open) >= ALL_MAX:
            return "too many wait already; try again later"
        same = [one for one in self._open.values() if one.address == subscription.address]
        if len(same) >= EACH_MAX:
            return f"this address waits for {EACH_MAX} things already"
        return ""

    def known(self, subscription: Subscription) -> bool:
        """The same was asked for before."""
        ours = _wish(subscription)
        return any(_wish(one) == ours for one in self._open.values())

    def add(self, subscription: Subscription) -> None:
        self._open[subscription.number] = subscription

    def take(self, evse: int, news: News) -> list[Subscription]:
        """Those whom this news is for; each is told once."""
        found = [one for one in self._open.values() if (one.evse, one.wanted) == (evse, news)]
        for one in found:
            del self._open[one.number]
        return found

    def expire(self, now_s: float) -> list[Subscription]:
        """Those that have waited long enough."""
        late = [one for one in self._open.values() if one.until_s <= now_s]
        for one in late:
            del self._open[one.number]
        return late

    def deadline_s(self) -> float | None:
        return min((one.until_s for one in self._open.values()), default=None)


def _wish(one: Subscription) -> tuple[int, str, Channel, str]:
    return one.evse, one.wanted, one.channel, one.address
