"""Which profiles are installed: what replaces what, what is cleared, what has died. Pure.

A profile replaces the one with its id, wherever that is, and the one of the same purpose, level and
EVSE (OCPP 1.6, section 9.3 of the rules). The book is immutable; every change gives a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Self

import msgspec

from chargepoint.station.charging_profiles.profile import PROFILES_MAX, Profile, ProfileId, Purpose
from chargepoint.station.records import Stamp, TransactionId


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A profile and what it is bound to."""

    profile: Profile
    evse: int
    """0: the station, or any EVSE."""
    received: Stamp
    transaction: TransactionId | None = None
    """Of a TX profile: the transaction with which it dies."""

    @property
    def place(self) -> tuple[Purpose, int, int]:
        """Two profiles cannot be at one place."""
        return self.profile.purpose, self.evse, self.profile.level


class Criteria(msgspec.Struct, frozen=True, kw_only=True):
    """Which profiles to clear: those that match all that is given (section 9.6 of the rules)."""

    id: ProfileId | None = None
    """Given: only this one, whatever the others say."""
    evse: int | None = None
    """0: profiles set for EVSE 0, no others."""
    purpose: Purpose | None = None
    level: int | None = None

    def match(self, installed: Installed) -> bool:
        """Whether this profile is meant."""
        profile = installed.profile
        if self.id is not None:
            return profile.id == self.id
        return (
            self.evse in (None, installed.evse)
            and self.purpose in (None, profile.purpose)
            and self.level in (None, profile.level)
        )


class Book:
    """Everything that is installed, highest level first within each purpose and EVSE."""

    def __init__(self, entries: Iterable[Installed] = ()) -> None:
        self.entries = tuple(sorted(entries, key=lambda entry: -entry.profile.level))

    def find(self, profile: ProfileId) -> Installed | None:
        """The profile with this id."""
        return next((entry for entry in self.entries if entry.profile.id == profile), None)

    def of(self, purpose: Purpose, evse: int) -> tuple[Installed, ...]:
        """Profiles of one purpose at one EVSE, highest level first."""
        return tuple(
            entry
            for entry in self.entries
            if entry.profile.purpose is purpose and entry.evse == evse
        )

    def with_(self, new: Installed) -> Self | None:
        """The book with `new` and without what it replaces; None when it would be overfull."""

        def replaced(entry: Installed) -> bool:
            return entry.profile.id == new.profile.id or entry.place == new.place

        kept = self.without(replaced)
        if len(kept.entries) >= PROFILES_MAX:
            return None
        return type(self)((*kept.entries, new))

    def without(self, unwanted: Callable[[Installed], bool]) -> Self:
        """The book without the entries for which `unwanted` holds."""
        return type(self)(entry for entry in self.entries if not unwanted(entry))


def expired(entry: Installed, now: datetime | None) -> bool:
    """Its validity is over for good."""
    end = entry.profile.valid_to
    return end is not None and now is not None and end <= now
