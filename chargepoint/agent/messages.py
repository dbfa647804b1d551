"""The last OCPP messages, for `ocpp messages`, and whoever follows them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from chargepoint.ipc.service import OcppMessage
from chargepoint.ocpp.adapter import Trace

KEPT = 500
FOLLOWER_MAX = 200
"""Messages that may wait for a slow follower; more are lost to it, as the numbers show."""

TEXT_MAX = 16_000


class Messages:
    """A ring of `KEPT` messages. Texts arrive redacted."""

    def __init__(self) -> None:
        self._ring: deque[OcppMessage] = deque(maxlen=KEPT)
        self._followers: set[asyncio.Queue[OcppMessage]] = set()
        self._number = 0

    def add(self, trace: Trace) -> None:
        self._number += 1
        message = OcppMessage(
            number=self._number,
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            outgoing=trace.outgoing,
            kind=trace.kind,
            action=trace.action,
            message_id=trace.message_id,
            text=trace.text[:TEXT_MAX],
        )
        self._ring.append(message)
        for follower in self._followers:
            if not follower.full():
                follower.put_nowait(message)

    def last(self, count: int) -> list[OcppMessage]:
        """The last `count`, oldest first."""
        return list(self._ring)[-count:] if count > 0 else []

    @contextmanager
    def followed(self) -> Iterator[asyncio.Queue[OcppMessage]]:
        """A queue of each further message while the context lasts."""
        follower: asyncio.Queue[OcppMessage] = asyncio.Queue(FOLLOWER_MAX)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)
