"""What a channel is to the desk, and the one way in which it says that it could not deliver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chargepoint.station.alerts.values import AlertEvent, Channel, Message

TellAlert = Callable[[AlertEvent], None]
"""Takes what became of messages; called in the loop's thread."""

DETAIL_MAX = 200
"""Characters of what the other side said that are passed on."""


class Place(tuple[str, int]):
    """Host and port of what a channel talks to, for a cheap look whether it is there again."""

    __slots__ = ()


class Undelivered(Exception):
    """A message could not be delivered.

    `retry`: it may work later. `place`: it was not reached at all; when it can be reached again,
    all that waits is worth another attempt at once.
    """

    def __init__(self, detail: str, *, retry: bool, place: Place | None = None) -> None:
        super().__init__(detail)
        self.detail = one_line(detail)
        self.retry = retry
        self.place = place


class Way(Protocol):
    """A channel whose messages go one after another, each within `limit_s`."""

    @property
    def channel(self) -> Channel: ...

    @property
    def limit_s(self) -> float: ...

    async def send(self, message: Message) -> str:
        """What the far end calls it, or nothing. Raises Undelivered, OSError, TimeoutError."""
        ...


class Outlet(Protocol):
    """A channel that queues by itself and tells by itself what became of each message."""

    def send(self, message: Message) -> None:
        """Never blocks, never raises."""
        ...


def one_line(text: str) -> str:
    """`text` as one short line without control characters: it comes from strangers."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= DETAIL_MAX else plain[: DETAIL_MAX - 1] + "…"
