"""Messages and small parties for the tests of the channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from chargepoint.station.alerts.values import AlertEvent, Channel, LinkUp, Message, Settled

WAIT_S = 30.0

DATA: dict[str, str | int | float | bool | None] = {
    "station": "CP-7",
    "alert": "K7QF",
    "condition": "rcd_tripped",
    "place": "EVSE 1",
    "severity": "critical",
    "count": 1,
    "cleared_at": None,
}


def message(channel: Channel, address: str, **changed: object) -> Message:
    """An alert of station CP-7 for Olga, delivery 41 unless told otherwise."""
    usual = Message(
        delivery=41,
        channel=channel,
        address=address,
        contact="olga",
        about="raised",
        severity="critical",
        subject="CP-7: Fehlerstromschutz ausgelöst (K7QF)",
        text="Der Fehlerstromschutz hat ausgelöst.\nAntworten Sie mit OK K7QF.",
        short="CP-7: RCD K7QF",
        data=DATA,
    )
    return msgspec.structs.replace(usual, **changed)


class Told:
    """Collects what the desk tells."""

    def __init__(self) -> None:
        self.events: list[AlertEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: AlertEvent) -> None:
        self.events.append(event)
        self._news.set()

    @property
    def settled(self) -> list[Settled]:
        return [event for event in self.events if isinstance(event, Settled)]

    @property
    def links(self) -> list[LinkUp]:
        return [event for event in self.events if isinstance(event, LinkUp)]

    async def until(self, done: Callable[[], bool]) -> None:
        """Return as soon as `done` holds; fails after some seconds."""
        async with asyncio.timeout(WAIT_S):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def outcomes(self, count: int) -> list[Settled]:
        await self.until(lambda: len(self.settled) >= count)
        return self.settled
