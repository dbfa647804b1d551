"""Wall time from boot id and monotonic second, and how far it may be trusted.

Everything that happens is stamped with the monotonic second of a host boot. The clock keeps one
offset per boot and corrects it when a better source speaks, so a record made before the time was
known gets the right time when it is sent, and the order of records never depends on the wall clock
(rule B2). Offsets of earlier boots are kept in space `clock`. Times before the software was built
and beyond `LATEST` are refused (Q13). Without a trustworthy source there is no wall time at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import msgspec

from chargepoint.station.desk import Desk
from chargepoint.station.records import Stamp

SPACE = "clock"

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""No source that tells a later time is believed; sums with it might even leave the calendar."""

JUMP_S = 10.0
"""From this difference on a correction is a jump of the clock that people should know of."""

TOLERANCE_S = 1.0
"""Smaller differences are network delay and whole seconds, and correct nothing."""

BOOTS_MAX = 64
"""Boots whose offset is kept; older records are sent with the time of sending."""


class ClockTrust(Enum):
    """Where the wall time comes from, the weakest first."""

    NONE = "none"
    """Nothing was heard yet."""
    MONOTONIC = "monotonic"
    """The host's wall clock is not believed: only durations are known."""
    RTC = "rtc"
    CSMS = "csms"
    NTP = "ntp"


_RANK = {trust: rank for rank, trust in enumerate(ClockTrust)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """Wall time of monotonic second 0 of one boot."""

    zero: datetime
    trust: ClockTrust


class Clock:
    """UTC from stamps, as well as it is known. `boot` is the present host boot."""

    def __init__(self, desk: Desk, kept: Mapping[str, str], built_at: datetime) -> None:
        self._desk = desk
        self._built_at = built_at
        self._offsets = {key: _decoded(text) for key, text in kept.items()}
        self._heard = False

    @property
    def trust(self) -> ClockTrust:
        offset = self._offsets.get(self._desk.boot)
        if offset is not None:
            return offset.trust
        return ClockTrust.MONOTONIC if self._heard else ClockTrust.NONE

    def wall(self, stamp: Stamp) -> datetime | None:
        """Aware UTC of `stamp`; None when the wall time of its boot was never known."""
        offset = self._offsets.get(stamp.boot)
        return None if offset is None else offset.zero + timedelta(seconds=stamp.at_s)

    def now(self, now_s: float) -> datetime | None:
        """Aware UTC of monotonic second `now_s` of this boot."""
        return self.wall(Stamp(boot=self._desk.boot, at_s=now_s))

    def passed_s(self, since: Stamp, now_s: float) -> float | None:
        """Seconds from `since` to `now_s` of this boot; None: another boot, and no wall time."""
        if since.boot == self._desk.boot:
            return now_s - since.at_s
        began, now = self.wall(since), self.now(now_s)
        return None if began is None or now is None else (now - began).total_seconds()

    def told(self, wall: datetime, trust: ClockTrust, at_s: float) -> float | None:
        """A source says that it is `wall` at `at_s`. The jump in seconds, when it is one.

        A weaker source than the present one changes nothing; nor does an impossible time.
        """
        self._heard = True
        if _RANK[trust] < _RANK[ClockTrust.RTC]:
            return None
        if not self._built_at <= wall < LATEST:
            self._desk.note("clock.refused", source=trust.value, wall=wall.isoformat())
            return None
        before = self._offsets.get(self._desk.boot)
        if before is not None and _RANK[trust] < _RANK[before.trust]:
            return None
        zero = wall.astimezone(UTC) - timedelta(seconds=at_s)
        return self._corrected(before, Offset(zero=zero, trust=trust))

    def _corrected(self, before: Offset | None, offset: Offset) -> float | None:
        shift_s = 0.0 if before is None else (offset.zero - before.zero).total_seconds()
        if before is not None and abs(shift_s) <= TOLERANCE_S:
            if offset.trust is before.trust:
                return None
            offset = Offset(zero=before.zero, trust=offset.trust)
        self._offsets[self._desk.boot] = offset
        kept = {"zero": offset.zero.isoformat(), "trust": offset.trust.value}
        self._desk.put(SPACE, self._desk.boot, kept, durable=True)
        self._forget_oldest()
        if before is None or abs(shift_s) < JUMP_S:
            return None
        self._desk.note("clock.jumped", source=offset.trust.value, jump_s=round(shift_s, 3))
        return shift_s

    def _forget_oldest(self) -> None:
        while len(self._offsets) > BOOTS_MAX:
            others = [boot for boot in self._offsets if boot != self._desk.boot]
            oldest = min(others, key=lambda boot: self._offsets[boot].zero)
            del self._offsets[oldest]
            self._desk.delete(SPACE, oldest, durable=False)


def _decoded(text: str) -> Offset:
    kept = msgspec.json.decode(text)
    zero = datetime.fromisoformat(kept["zero"])
    return Offset(zero=zero, trust=ClockTrust(kept["trust"]))
