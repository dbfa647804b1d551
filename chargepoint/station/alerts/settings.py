"""What the engine is set up with: contacts, treatment of conditions, limits.

Whoever reads the configuration makes these; nothing here is checked again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from chargepoint.station.alerts.values import Channel, Severity

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")

Role = Literal["operator", "technician", "service_partner", "driver", "csms"]


def rank(severity: str) -> int:
    """0 for info to 3 for critical; -1 for none."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What the wall clock says of an instant; None and empty while it is not trusted."""

    at: str = ""
    """ISO 8601 UTC."""
    wall: datetime | None = None
    """Local time of the host with its zone, for people."""
    epoch_s: float | None = None
    minute: int | None = None
    """Of the day, in the local time of the host."""


Calendar = Callable[[float], Moment]
"""Monotonic seconds -> wall clock."""


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """Hours from one minute of the day to another, over midnight too."""

    begin_min: int
    end_min: int

    def left_min(self, minute: int | None) -> int:
        """Minutes until they end; 0: they are not now, or nobody knows the time."""
        if minute is None or self.begin_min == self.end_min:
            return 0
        length = (self.end_min - self.begin_min) % 1440
        gone = (minute - self.begin_min) % 1440
        return length - gone if gone < length else 0


class ContactSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One person or desk."""

    name: str
    role: Role = "operator"
    language: str = "en"
    ways: tuple[tuple[Channel, str], ...] = ()
    """Channel and address, in the order of the file."""
    severity_min: Severity = "warning"
    cleared: bool = True
    conditions: frozenset[str] = frozenset()
    quiet: Quiet | None = None
    quiet_severity: Severity = "critical"
    escalation: int = 0


class RuleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants otherwise; None: as built in."""

    enabled: bool = True
    raise_after_s: float | None = None
    clear_after_s: float | None = None
    severity: Severity | None = None
    escalate: bool | None = None


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Messages per contact and channel."""

    sms_per_minute: float = 1.0
    sms_per_day: int = 20
    per_minute: float = 6.0
    per_day: int = 200
    expire_s: float = 86_400.0

    def of(self, channel: Channel) -> tuple[float, int]:
        """Per minute and per day."""
        if channel is Channel.SMS:
            return self.sms_per_minute, self.sms_per_day
        return self.per_minute, self.per_day


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    station: str
    site: str = ""
    """Its name, as drivers know the place; empty: they read the station's id."""
    contacts: tuple[ContactSettings, ...] = ()
    rules: dict[str, RuleSettings] = {}
    limits: LimitSettings = LimitSettings()
    escalate_after_s: float = 1800.0
    remind_after_s: float = 86_400.0
    """0: never."""
    answered: frozenset[Channel] = frozenset((Channel.SMS, Channel.EMAIL))
    """Channels whose answers are read."""
