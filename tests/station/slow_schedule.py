"""What charging profiles allow at one second, written down from the text of OCPP 1.6, slowly.

Knows nothing of the station's way: works on the JSON of SetChargingProfile, asks every profile at
every second, walks through recurrences one by one, and calculates in fractions. The tests and the
bench hold the station against it. Numbers are those of section 9 of the rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

EVERY_S = {"Daily": 86_400, "Weekly": 604_800}
MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"


@dataclass
class Given:
    """One accepted SetChargingProfile."""

    connector: int
    profile: dict[str, Any]
    second: int
    """Unix second at which it came."""


@dataclass
class Connector:
    phases: int
    current_max_a: int
    began: int | None = None
    """Unix second at which the transaction began; None: there is none."""


@dataclass
class SlowStation:
    """A station with its accepted profiles, which is asked second by second."""

    connectors: dict[int, Connector]
    voltage_v: int = 230
    supply_a: int | None = None
    given: list[Given] = field(default_factory=list)

    def set(self, connector: int, profile: dict[str, Any], second: int) -> None:
        """9.3: the same id, or the same purpose and level on the same connector, is replaced."""

        def replaced(old: Given) -> bool:
            same = ("chargingProfilePurpose", "stackLevel")
            place = old.connector == connector and all(
                old.profile[name] == profile[name] for name in same
            )
            return place or old.profile["chargingProfileId"] == profile["chargingProfileId"]

        self.given = [old for old in self.given if not replaced(old)]
        self.given.append(Given(connector, profile, second))

    # --- 9.4 --------------------------------------------------------------------------------------

    def limit(self, connector: int, second: int, now: int) -> tuple[Fraction, int]:
        """A per phase and phases of a connector; without a transaction one begins at `now`."""
        it = self.connectors[connector]
        began = now if it.began is None else it.began
        own = self.profiled(connector, second, began)
        return _both(own, self.station(second), (Fraction(it.current_max_a), it.phases))

    def own(self, connector: int, second: int, now: int) -> tuple[Fraction, int]:
        """The same without what is shared by all."""
        it = self.connectors[connector]
        began = now if it.began is None else it.began
        hardware = (Fraction(it.current_max_a), it.phases)
        return _both(self.profiled(connector, second, began), hardware)

    def station(self, second: int) -> tuple[Fraction, int]:
        """What all may draw together."""
        phases = max(it.phases for it in self.connectors.values())
        together = sum(it.current_max_a for it in self.connectors.values())
        supply = together if self.supply_a is None else min(self.supply_a, together)
        limit = self._highest(MAX, 0, second, None, phases)
        return _both(limit, (Fraction(supply), phases))

    def composite(self, connector: int, second: int, now: int, unit: str) -> tuple[float, int]:
        """9.7: what GetCompositeSchedule says of this second."""
        if connector:
            current, phases = self.limit(connector, second, now)
            return self._spelled(self._amount(current, phases, unit)), phases
        current, phases = self.station(second)
        value = self._amount(current, phases, unit)
        busy = [n for n, it in self.connectors.items() if it.began is not None]
        if busy:
            limits = [self.own(n, second, now) for n in busy]
            value = min(value, sum(self._amount(*limit, unit) for limit in limits))
            phases = min(phases, max(limit[1] for limit in limits))
        return self._spelled(value), phases

    def profiled(self, connector: int, second: int, began: int) -> tuple[Fraction, int] | None:
        phases = self.connectors[connector].phases
        for purpose, place in ((TX, connector), (DEFAULT, connector), (DEFAULT, 0)):
            found = self._highest(purpose, place, second, began, phases)
            if found is not None:
                return found
        return None

    def _highest(
        self, purpose: str, connector: int, second: int, began: int | None, phases: int
    ) -> tuple[Fraction, int] | None:
        best: tuple[int, tuple[Fraction, int]] | None = None
        for given in self.given:
            if given.connector != connector or given.profile["chargingProfilePurpose"] != purpose:
                continue
            start = given.second if began is None else began
            said = self._says(given.profile, second, start, phases)
            level = given.profile["stackLevel"]
            if said is not None and (best is None or level > best[0]):
                best = (level, said)
        return None if best is None else best[1]

    # --- 9.1 --------------------------------------------------------------------------------------

    def _says(
        self, profile: dict[str, Any], second: int, began: int, phases: int
    ) -> tuple[Fraction, int] | None:
        """One profile at one second."""
        schedule = profile["chargingSchedule"]
        if "validFrom" in profile and second < _unix(profile["validFrom"]):
            return None
        if "validTo" in profile and second >= _unix(profile["validTo"]):
            return None
        start = began
        if profile["chargingProfileKind"] != "Relative":
            start = _unix(schedule["startSchedule"])
        if profile["chargingProfileKind"] == "Recurring":
            while start + EVERY_S[profile["recurrencyKind"]] <= second:
                start += EVERY_S[profile["recurrencyKind"]]
        elapsed = second - start
        if elapsed < 0 or elapsed >= schedule.get("duration", math.inf):
            return None
        period = [p for p in schedule["chargingSchedulePeriod"] if p["startPeriod"] <= elapsed][-1]
        used = min(period.get("numberPhases", 3), phases)
        limit = Fraction(str(period["limit"]))
        if schedule["chargingRateUnit"] == "W":
            limit /= self.voltage_v * used
        return limit, used

    def _amount(self, current: Fraction, phases: int, unit: str) -> Fraction:
        return current if unit == "A" else current * self.voltage_v * phases

    @staticmethod
    def _spelled(value: Fraction) -> float:
        return math.floor(value * 10) / 10


def _both(*limits: tuple[Fraction, int] | None) -> tuple[Fraction, int]:
    given = [limit for limit in limits if limit is not None]
    return min(limit[0] for limit in given), min(limit[1] for limit in given)


def _unix(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
