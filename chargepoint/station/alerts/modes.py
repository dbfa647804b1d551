"""What keeps messages back for a while: muted conditions, maintenance, quiet hours.

The first two outlive restarts where the clock is trusted; a silence whose end cannot be told ends
with the run.
"""

from __future__ import annotations

from chargepoint.station.alerts.audience import Audience
from chargepoint.station.alerts.deliveries import MERGED, Delivery
from chargepoint.station.alerts.settings import Calendar, rank

MINUTE_S = 60.0
MUTE_MAX_MIN = 60.0 * 24 * 90
MUTED_MAX = 100


class Modes:
    """All that is silent now."""

    def __init__(self, audience: Audience, calendar: Calendar) -> None:
        self._audience = audience
        self._calendar = calendar
        self._muted: dict[str, float] = {}
        self._maintenance_s = float("-inf")

    def mute(self, condition: str, minutes: float, now_s: float) -> None:
        """Silence one condition; 0 minutes end it."""
        if minutes <= 0:
            self._muted.pop(condition, None)
        elif condition in self._muted or len(self._muted) < MUTED_MAX:
            self._muted[condition] = now_s + min(minutes, MUTE_MAX_MIN) * MINUTE_S

    def maintain(self, minutes: float, now_s: float) -> None:
        """Somebody works at the station; 0: no longer."""
        self._maintenance_s = now_s + min(max(0.0, minutes), MUTE_MAX_MIN) * MINUTE_S

    def muted_until_s(self, condition: str, now_s: float) -> float | None:
        until_s = self._muted.get(condition)
        return until_s if until_s is not None and until_s > now_s else None

    def maintenance_left_s(self, now_s: float) -> float:
        return max(0.0, self._maintenance_s - now_s)

    def maintenance_until_s(self, now_s: float) -> float | None:
        return self._maintenance_s if self._maintenance_s > now_s else None

    def silent_until_s(self, condition: str, now_s: float) -> float | None:
        """Until when nothing is sent about `condition` by somebody's will."""
        ends = (self.muted_until_s(condition, now_s), self.maintenance_until_s(now_s))
        return max((one for one in ends if one is not None), default=None)

    def quiet_until_s(self, row: Delivery, now_s: float) -> float | None:
        """The end of the quiet hours in which `row` has to wait."""
        contact = self._audience.named(row.contact)
        if contact is None or contact.quiet is None or row.about not in MERGED:
            return None
        if rank(row.severity) >= rank(contact.quiet_severity):
            return None
        left_min = contact.quiet.left_min(self._calendar(now_s).minute)
        return now_s + left_min * MINUTE_S if left_min else None
