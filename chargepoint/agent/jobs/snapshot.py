"""What goes into an archive: the state of the agent at one instant, and the span asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from chargepoint.ipc.service import OcppMessage, StationStatus, Variable


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What only the running agent can say, taken at one instant."""

    status: StationStatus
    variables: Sequence[Variable]
    messages: Sequence[OcppMessage]
    lines: Sequence[tuple[float, str]] = ()
    """Last log lines with the host's time."""


class Span(msgspec.Struct, frozen=True):
    """From when to when; None is open."""

    oldest: datetime | None = None
    latest: datetime | None = None

    def has(self, at: datetime) -> bool:
        after = self.oldest is None or at >= self.oldest
        return after and (self.latest is None or at <= self.latest)

    def has_text(self, at: object) -> bool:
        """The same for a time as text; what has no time is in every span."""
        if not isinstance(at, str):
            return True
        try:
            return self.has(datetime.fromisoformat(at))
        except (ValueError, TypeError):
            return True
