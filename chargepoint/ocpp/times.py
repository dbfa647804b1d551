"""Times across the edge: RFC 3339 in many dialects in, one spelling out (OCPP-J, rule R13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chargepoint.ocpp.view import ClockView
from chargepoint.station.records import Stamp

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No station ran this software before; a CSMS that tells an earlier time has no clock itself."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Nor does one that tells a later time; sums with the year 9999 leave the calendar."""


def parsed(text: str) -> datetime | None:
    """The instant in `text`, aware UTC; None when it is no time.

    Central systems send nanoseconds, offsets with and without minutes, a small `z`, or no zone at
    all (illegal; read as UTC).
    """
    candidate = text.strip()
    if candidate[-1:] in ("z", "Z"):
        candidate = candidate[:-1] + "+00:00"
    try:
        instant = datetime.fromisoformat(candidate)
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def spelled(instant: datetime, milliseconds: bool = True) -> str:
    """`instant` as `YYYY-MM-DDThh:mm:ss[.mmm]Z`; central systems want the Z and no more digits."""
    spec = "milliseconds" if milliseconds else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


class Timestamps:
    """Instants of the station as text for the CSMS, with the best wall time known at send time.

    What the CSMS said last stands in while the station's own clock knows nothing better.
    """

    def __init__(self, clock: ClockView, milliseconds: bool) -> None:
        self._clock = clock
        self._milliseconds = milliseconds
        self._heard: tuple[datetime, float] | None = None

    def heard(self, wall: datetime, at_s: float) -> None:
        """The CSMS told its time."""
        self._heard = (wall, at_s)

    def now(self, now_s: float) -> str | None:
        return self.at(now_s, now_s)

    def at(self, at_s: float, now_s: float) -> str | None:
        """Monotonic second `at_s` of this run; None while no wall time is known."""
        wall = self._now(now_s)
        if wall is None:
            return None
        return spelled(wall - timedelta(seconds=now_s - at_s), self._milliseconds)

    def of(self, stamp: Stamp, now_s: float) -> str | None:
        """A record's stamp. One from a boot whose wall time was never known gets the present."""
        wall = self._clock.wall(stamp)
        return self.now(now_s) if wall is None else spelled(wall, self._milliseconds)

    def _now(self, now_s: float) -> datetime | None:
        wall = self._clock.now(now_s)
        if wall is None and self._heard is not None:
            told, at_s = self._heard
            wall = told + timedelta(seconds=now_s - at_s)
        return wall
