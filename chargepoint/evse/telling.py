"""What changed since the last step, as facts."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from chargepoint.evse.hazards import HAZARDS, Change
from chargepoint.ipc.messages import (
    ContactorClosed,
    ContactorOpened,
    EvseSnapshot,
    Fact,
    HazardCleared,
    HazardRaised,
    LeaseExpired,
    Observed,
    PilotChanged,
    RcdTested,
)
from hal.values import PilotState

TEMPERATURE_STEP_C = 1.0
"""A smaller change of temperature is not worth a fact."""


class Told:
    """What the world was told last of one EVSE."""

    def __init__(self, evse: int) -> None:
        self._evse = evse
        self._snapshot: EvseSnapshot | None = None
        self._pilot: PilotState | None = None

    def facts(
        self,
        snapshot: EvseSnapshot,
        expired: tuple[str, ...],
        changes: tuple[Change, ...],
        tested: tuple[bool, str] | None,
        contactor: ContactorClosed | ContactorOpened | None,
        now_s: float,
    ) -> tuple[Fact, ...]:
        """Causes before effects: pilot, leases, tests, hazards, contactor, then the whole."""
        facts: list[Fact] = [*self._pilot_facts(snapshot.pilot, now_s)]
        for lease in expired:
            facts.append(LeaseExpired(seq=0, at_s=now_s, evse=self._evse, lease=lease))
        if tested is not None:
            passed, detail = tested
            fact = RcdTested(seq=0, at_s=now_s, evse=self._evse, passed=passed, detail=detail)
            facts.append(fact)
        facts.extend(self._hazard_fact(change, now_s) for change in changes)
        if contactor is not None:
            facts.append(contactor)
        calm = self._calm(snapshot)
        if calm != self._snapshot:
            self._snapshot = calm
            facts.append(Observed(seq=0, at_s=now_s, evse=calm))
        return tuple(facts)

    def _pilot_facts(self, pilot: PilotState | None, now_s: float) -> Iterator[Fact]:
        if pilot is None or pilot is self._pilot:
            return
        yield PilotChanged(seq=0, at_s=now_s, evse=self._evse, pilot=pilot, before=self._pilot)
        self._pilot = pilot

    def _hazard_fact(self, change: Change, now_s: float) -> Fact:
        if change.detail is None:
            return HazardCleared(seq=0, at_s=now_s, evse=self._evse, hazard=change.hazard)
        return HazardRaised(
            seq=0,
            at_s=now_s,
            evse=self._evse,
            hazard=change.hazard,
            detail=change.detail,
            said=change.said,
            persists=HAZARDS[change.hazard].persists,
        )

    def _calm(self, snapshot: EvseSnapshot) -> EvseSnapshot:
        """The snapshot, with the temperature that was told unless it moved by a degree."""
        before = self._snapshot.temperature_c if self._snapshot is not None else None
        now = snapshot.temperature_c
        if before is None or now is None or abs(now - before) >= TEMPERATURE_STEP_C:
            return snapshot
        return replace(snapshot, temperature_c=before)
