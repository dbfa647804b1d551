"""Who is told again of what nobody looks after, and when.

Each address on its own: from when it was told last, or, where that was in vain, from when it should
have been.
"""

from __future__ import annotations

from collections.abc import Iterable

from chargepoint.station.alerts.audience import Way
from chargepoint.station.alerts.deliveries import TELLING, Delivery
from chargepoint.station.alerts.values import Channel


def by_address(rows: Iterable[Delivery], round: int) -> list[list[Delivery]]:
    """What was to tell each address in this round that the alert is open, oldest first."""
    found: dict[Way, list[Delivery]] = {}
    for row in rows:
        if row.about in TELLING and row.round == round:
            found.setdefault(row.way, []).append(row)
    return list(found.values())


def due_s(rows: list[Delivery], every_s: float) -> float | None:
    """When the address of these is to hear again; None: never, or something is on its way to it.

    A CSMS is no person who could forget.
    """
    if not every_s or rows[0].channel is Channel.CSMS or any(row.active for row in rows):
        return None
    return max(row.created_s if row.sent_s is None else row.sent_s for row in rows) + every_s
