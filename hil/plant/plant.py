"""The whole plant: grid, outlets, relay boards and card readers under one clock that is handed in.

`advance(now_s)` brings everything up to `now_s`: exactly to each instant at which something is due,
in short steps while a current ramps, in long ones otherwise. Nothing here knows a register or a
socket. The same seed and the same calls give the same plant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hil.plant.evse import PlantEvse
from hil.plant.field import CardField
from hil.plant.grid import Grid
from hil.plant.meter import EnergyMeter
from hil.plant.record import Record
from hil.plant.relay import RelayBank

STEP_MOVING_S = 0.02
STEP_IDLE_S = 1.0


class Plant:
    """Owner of time and of the record of what happened."""

    def __init__(
        self,
        evses: Mapping[int, PlantEvse],
        *,
        fields: Mapping[str, CardField] | None = None,
        relays: Mapping[str, RelayBank] | None = None,
        supply_meters: Mapping[str, EnergyMeter] | None = None,
        now_s: float = 0.0,
        speed: float = 1.0,
        record: Record | None = None,
        step_idle_s: float = STEP_IDLE_S,
    ) -> None:
        """`step_idle_s`: longest step while nothing ramps."""
        self.evses = dict(evses)
        self.fields = dict(fields or {})
        self.relays = dict(relays or {})
        self.supply_meters = dict(supply_meters or {})
        """Meters of no EVSE: they measure all of them together."""
        self.grid = Grid()
        self.speed = speed
        self.record = Record() if record is None else record
        self.now_s = now_s
        self._step_idle_s = step_idle_s

    def advance(self, now_s: float) -> None:
        """Let time pass until `now_s`; earlier instants are ignored."""
        while self.now_s < now_s:
            self._step(min(now_s, self._next_s()))

    def touch(self) -> None:
        """Let what was just changed take effect without time passing."""
        self._step(self.now_s)

    def _next_s(self) -> float:
        moving = any(evse.moving for evse in self.evses.values())
        step_s = self.now_s + (STEP_MOVING_S if moving else self._step_idle_s)
        due = [deadline_s for deadline_s in self._deadlines() if deadline_s > self.now_s]
        return min([step_s, *due])

    def _deadlines(self) -> Iterator[float]:
        for evse in self.evses.values():
            yield evse.deadline_s()
        for field in self.fields.values():
            yield field.deadline_s()
        for relay in self.relays.values():
            yield relay.deadline_s()

    def _step(self, until_s: float) -> None:
        dt_s = until_s - self.now_s
        self.now_s = until_s
        for relay in self.relays.values():
            relay.step(until_s)
        for evse in self.evses.values():
            for at_s, happened, fields in evse.step(until_s, dt_s, self.grid, self.speed):
                self.record.add(at_s, happened, evse=evse.number, **fields)
        for meter in self.supply_meters.values():
            sums = self._sums_a()
            grid = self.grid
            meter.step(dt_s * self.speed, grid.voltage_v, sums, grid.frequency_hz, grid.clockwise)
        for name, field in self.fields.items():
            if field.step(until_s):
                self.record.add(until_s, "card_removed", reader=name)

    def _sums_a(self) -> tuple[float, ...]:
        """Current of each phase, all outlets together."""
        currents = [evse.meter.now.current_a for evse in self.evses.values()]
        return tuple(sum(one[phase] for one in currents if phase < len(one)) for phase in range(3))
