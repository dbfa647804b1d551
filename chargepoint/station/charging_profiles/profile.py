"""A charging profile as the CSMS sets it, in the words of OCPP 2.x, and what is wrong with one.

Values only; times are aware UTC in whole seconds. `problem` finds what makes a profile unusable by
itself; whether it fits the station as it is now is decided by `smart_charging`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from itertools import pairwise
from typing import NewType

import msgspec

ProfileId = NewType("ProfileId", int)
"""The CSMS's id of a profile; one id stands for one profile in the whole station."""

LEVEL_MAX = 20
"""Highest stack level (key ChargeProfileMaxStackLevel)."""

PERIODS_MAX = 96
"""Periods of one schedule (key ChargingScheduleMaxPeriods): a day in quarters of an hour."""

PROFILES_MAX = 100
"""Profiles installed at once (key MaxChargingProfilesInstalled)."""

ID_MAX = 2**63 - 1

LIMIT_MAX = 1e6
"""Higher limits, A or W, are a mistake; no charger comes near."""

START_MAX_S = 366 * 86_400
"""Latest start of a period, and longest duration: a year."""


class Purpose(Enum):
    """What a profile limits."""

    STATION_MAX = "ChargingStationMaxProfile"
    """All EVSEs together (1.6: ChargePointMaxProfile)."""
    TX_DEFAULT = "TxDefaultProfile"
    """Every transaction on one EVSE, or on all."""
    TX = "TxProfile"
    """One transaction."""


class Kind(Enum):
    """Where a schedule begins."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"
    """With the transaction; a STATION_MAX profile: when it was received."""


class Recurrency(Enum):
    """How often a recurring schedule begins anew."""

    DAILY = "Daily"
    WEEKLY = "Weekly"

    @property
    def every_s(self) -> int:
        return 86_400 if self is Recurrency.DAILY else 7 * 86_400


class RateUnit(Enum):
    """Unit of limits."""

    AMPERE = "A"
    """Per phase."""
    WATT = "W"
    """All phases together."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """From `start_s` of the schedule on this limit holds."""

    start_s: int
    limit: float
    """In the schedule's unit; A are per phase, W are for all phases."""
    phases: int | None = None
    """Phases that may be used; None: 3."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Limits over time. Without `duration_s` the last one holds for good."""

    unit: RateUnit
    periods: tuple[Period, ...]
    starts_at: datetime | None = None
    duration_s: int | None = None
    min_rate: float | None = None
    """A hint to the station's own optimisation (minChargingRate); kept, not used."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One charging profile."""

    id: ProfileId
    level: int
    """Of two profiles of one purpose that both give a limit, the higher level counts."""
    purpose: Purpose
    kind: Kind
    schedule: Schedule
    recurrency: Recurrency | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    """From here on the profile does not exist."""
    transaction: str | int | None = None
    """Of a TX profile: our id (2.x) or the CSMS's number (1.6)."""


def problem(profile: Profile, now: datetime | None) -> str | None:
    """Why `profile` cannot be used wherever it is meant for; None: it can.

    `now`: aware UTC, None while the time is not known (OCPP 1.6, section 9.2 of the rules).
    """
    return (
        _level_problem(profile)
        or _window_problem(profile, now)
        or _start_problem(profile)
        or _schedule_problem(profile.schedule)
    )


def _level_problem(profile: Profile) -> str | None:
    if abs(profile.id) > ID_MAX:
        return "the id is beyond 63 bits"
    if not 0 <= profile.level <= LEVEL_MAX:
        return f"stack level {profile.level} is not in 0..{LEVEL_MAX}"
    return None


def _window_problem(profile: Profile, now: datetime | None) -> str | None:
    begin, end = profile.valid_from, profile.valid_to
    if end is not None and begin is not None and end <= begin:
        return "valid to is not after valid from"
    if end is not None and now is not None and end <= now:
        return "valid to is in the past"
    return None


def _start_problem(profile: Profile) -> str | None:
    if profile.kind is Kind.RECURRING and profile.recurrency is None:
        return "recurring without a recurrency"
    if profile.kind is Kind.ABSOLUTE and profile.schedule.starts_at is None:
        return "absolute without a start"
    return None


def _schedule_problem(schedule: Schedule) -> str | None:
    starts = [period.start_s for period in schedule.periods]
    if not 1 <= len(starts) <= PERIODS_MAX:
        return f"{len(starts)} periods, expected 1 to {PERIODS_MAX}"
    if starts[0] != 0:
        return f"the first period starts at {starts[0]} s, expected 0"
    if any(later <= earlier for earlier, later in pairwise(starts)) or starts[-1] > START_MAX_S:
        return "the starts of the periods do not ascend within a year"
    if schedule.duration_s is not None and not 0 < schedule.duration_s <= START_MAX_S:
        return f"duration of {schedule.duration_s} s"
    if not all(0 <= period.limit <= LIMIT_MAX for period in schedule.periods):
        return "a limit is negative or beyond reason"
    if any(period.phases not in (None, 1, 2, 3) for period in schedule.periods):
        return "number of phases is not 1 to 3"
    return None


def with_start(profile: Profile, now: datetime | None) -> Profile:
    """`profile` with a start where a recurring one lacks it: midnight UTC of its first day.

    Some central systems send none. Unchanged where there is no day to take either.
    """
    day = profile.valid_from or now
    if profile.kind is not Kind.RECURRING or profile.schedule.starts_at is not None or day is None:
        return profile
    midnight = day.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    schedule = msgspec.structs.replace(profile.schedule, starts_at=midnight)
    return msgspec.structs.replace(profile, schedule=schedule)
