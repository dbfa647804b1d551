"""What happens to each EVSE in its life, counted: what wears out, what was tested, what failed.

Contactor closings and plug-ins are levels of the safety program, counted by their growth, so that
nothing is missed while the agent is away; the rest are facts and counted as they come. The counts
survive the agent at once. To the disk they ride with whatever has to go there anyway (starts, ends
and checkpoints of transactions), never for themselves; without any of those the store takes them
along every few hours. That much, and no more, a power loss can cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from chargepoint.station.effects import Append, Delete, Effect, Put
from chargepoint.station.events import EvseView

SPACE = "counters"


@dataclass(slots=True, kw_only=True)
class Counts:
    """The counts of one EVSE since its first start."""

    operations: int = 0
    """Contactor closings."""
    openings_under_load: int = 0
    plug_ins: int = 0
    """A restart of the safety program with a vehicle plugged in counts it again."""
    rcd_tests_passed: int = 0
    rcd_tests_failed: int = 0
    hazards: dict[str, int] = field(default_factory=dict)
    """Catalogue id -> how often it was raised."""
    boot: str = ""
    """Run of the safety program whose levels are the next two."""
    boot_operations: int = 0
    boot_plug_ins: int = 0


class Counters:
    """The counts of all EVSEs."""

    def __init__(self, evses: Iterable[int], kept: Mapping[str, str]) -> None:
        self._counts = {evse: _restored(kept.get(str(evse))) for evse in evses}
        self._loose: set[int] = set()
        """Changed, and written nowhere yet."""
        self._unsafe: set[int] = set()
        """Changed since they went to the disk."""

    def of(self, evse: int) -> Counts:
        return self._counts[evse]

    def observe(self, view: EvseView) -> None:
        """Count what the levels have grown by; a new run of the safety program begins at 0."""
        counts = self._counts[view.evse]
        if view.boot != counts.boot:
            counts.boot, counts.boot_operations, counts.boot_plug_ins = view.boot, 0, 0
        operations = view.operations - counts.boot_operations
        plug_ins = view.plug_in - counts.boot_plug_ins
        if (operations, plug_ins) == (0, 0):
            return
        counts.operations += max(0, operations)
        counts.plug_ins += max(0, plug_ins)
        counts.boot_operations, counts.boot_plug_ins = view.operations, view.plug_in
        self._changed(view.evse)

    def opened(self, evse: int, under_load: bool) -> None:
        """The contactor opened."""
        if under_load and evse in self._counts:
            self._counts[evse].openings_under_load += 1
            self._changed(evse)

    def rcd_tested(self, evse: int, passed: bool) -> None:
        """The residual-current monitor was tested."""
        if evse not in self._counts:
            return
        if passed:
            self._counts[evse].rcd_tests_passed += 1
        else:
            self._counts[evse].rcd_tests_failed += 1
        self._changed(evse)

    def hazard(self, evse: int, hazard: str) -> None:
        """A hazard was raised."""
        if evse in self._counts:
            hazards = self._counts[evse].hazards
            hazards[hazard] = hazards.get(hazard, 0) + 1
            self._changed(evse)

    def riding(self, effects: Sequence[Effect]) -> list[Effect]:
        """`effects` of one event with the changed counts: beside one that must go to the disk, so
        that both share its commit, or at the end as what must only survive the agent."""
        places = [place for place, effect in enumerate(effects) if _durable(effect)]
        evses = self._unsafe if places else self._loose
        if not evses:
            return list(effects)
        cut = places[-1] + 1 if places else len(effects)
        puts = [self._put(evse, durable=bool(places)) for evse in sorted(evses)]
        self._loose = set()
        if places:
            self._unsafe = set()
        return [*effects[:cut], *puts, *effects[cut:]]

    def _changed(self, evse: int) -> None:
        self._loose.add(evse)
        self._unsafe.add(evse)

    def _put(self, evse: int, *, durable: bool) -> Put:
        text = msgspec.json.encode(self._counts[evse]).decode()
        return Put(space=SPACE, key=str(evse), value=text, durable=durable)


def _durable(effect: Effect) -> bool:
    return isinstance(effect, Append | Put | Delete) and effect.durable


def _restored(text: str | None) -> Counts:
    """What was kept; counts that cannot be read begin anew, they decide nothing."""
    try:
        return Counts() if text is None else msgspec.json.decode(text, type=Counts)
    except msgspec.DecodeError:
        return Counts()
