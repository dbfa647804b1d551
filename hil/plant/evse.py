"""One EVSE of the plant: vehicle, cable, pilot line, board, contactor, meter and enclosure, joined.

`step` only routes what one part does to the next; each part's behaviour is in its own module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from hal.values import PilotLevels, PilotState
from hil.plant.board import BoardSenses, ReferenceBoard
from hil.plant.contactor import Contactor
from hil.plant.grid import Grid
from hil.plant.meter import EnergyMeter
from hil.plant.pilot import (
    PROXIMITY_BROKEN_OHM,
    PROXIMITY_OHM,
    PROXIMITY_OPEN_OHM,
    Short,
    current_from_duty,
    levels,
    mode_of,
    state_of,
)
from hil.plant.simple_board import SimpleBoard
from hil.plant.temperature import Enclosure
from hil.plant.vehicle import Vehicle

Happening = tuple[float, str, dict[str, Any]]
"""Instant, type and fields of something that happened in this EVSE."""


class PlantEvse:
    """Everything physical at one outlet."""

    def __init__(
        self,
        number: int,
        *,
        phases: int,
        connector: Literal["socket", "cable"],
        vehicle: Vehicle,
        board: ReferenceBoard | SimpleBoard,
        meter: EnergyMeter,
    ) -> None:
        self.number = number
        self.phases = phases
        self.connector = connector
        self.vehicle = vehicle
        self.board = board
        self.meter = meter
        self.contactor = Contactor()
        self.enclosure = Enclosure()
        self.short = Short.NONE
        self.proximity_broken = False
        self.rcd_fault = False
        self.stop_pressed = False
        self.coil_supply_lost = False
        self.board_faults: frozenset[str] = frozenset()
        self.faults: set[str] = set()
        """Catalogue ids that a person has set."""
        self._grid_on = True
        self._known: dict[str, Any] = {}
        self._known = dict(self._observed())

    # --- what can be seen ------------------------------------------------------------------------

    @property
    def pilot(self) -> PilotLevels:
        """Levels at the EVSE output now."""
        vehicle = self.vehicle
        return levels(self.board.duty_ratio, vehicle.load_ohm, vehicle.diode, self.short)

    @property
    def pilot_state(self) -> PilotState:
        return state_of(self.pilot)

    @property
    def offered_a(self) -> float:
        """Current that the pilot offers; 0 without an oscillator."""
        return current_from_duty(self.board.duty_ratio)

    @property
    def proximity_ohm(self) -> float:
        if self.proximity_broken:
            return PROXIMITY_BROKEN_OHM
        if not self.vehicle.plugged or self.connector == "cable":
            return PROXIMITY_OPEN_OHM
        return PROXIMITY_OHM[self.vehicle.cable_a]

    @property
    def current_a(self) -> tuple[float, ...]:
        """Current of each phase, as many as the outlet has."""
        used = self.vehicle.phases
        one_a = self.vehicle.current_a
        return tuple(one_a if phase < used else 0.0 for phase in range(self.phases))

    # --- time ------------------------------------------------------------------------------------

    def step(self, now_s: float, dt_s: float, grid: Grid, speed: float) -> Iterator[Happening]:
        """Advance by `dt_s` to `now_s`; energy and heat by `speed` times as much. What happened."""
        board, contactor = self.board, self.contactor
        self._supply(grid, now_s)
        contactor.step(now_s)
        powered = grid.on and contactor.closed and self.vehicle.plugged
        self.vehicle.step(now_s, dt_s, mode_of(board.duty_ratio), board.duty_ratio, powered)
        opened_alone = board.opened_alone if isinstance(board, ReferenceBoard) else 0
        self._step_board(now_s)
        contactor.drive(board.coil, now_s)
        current_a = tuple(
            amps if volts > 0.0 else 0.0
            for amps, volts in zip(self.current_a, grid.voltage_v, strict=False)
        )
        energy_wh = self.meter.step(dt_s * speed, grid.voltage_v, current_a, grid.frequency_hz)
        self.vehicle.battery.take(energy_wh)
        self.enclosure.step(dt_s * speed, current_a)
        if isinstance(board, ReferenceBoard) and board.opened_alone != opened_alone:
            yield now_s, "board_opened_alone", {"watchdog_expired": board.watchdog_expired}
        yield from self._changes(now_s)

    def deadline_s(self) -> float:
        """Instant of the next thing that happens by itself at a known time."""
        own_s = self.contactor.deadline_s()
        board = self.board
        return min(own_s, board.deadline_s()) if isinstance(board, ReferenceBoard) else own_s

    @property
    def moving(self) -> bool:
        settling = isinstance(self.board, SimpleBoard) and self.board.settling
        return self.vehicle.moving or self.contactor.moving or settling

    def _supply(self, grid: Grid, now_s: float) -> None:
        """The coil is fed from the grid: without it, the contactor drops."""
        dropped = self.coil_supply_lost or not grid.on
        if dropped != self.contactor.dropped:
            self.contactor.fail(now_s, dropped=dropped)

    def _step_board(self, now_s: float) -> None:
        if isinstance(self.board, SimpleBoard):
            self.board.step(now_s, self.pilot, self.rcd_fault, self.stop_pressed)
            return
        senses = BoardSenses(
            pilot=self.pilot,
            proximity_ohm=self.proximity_ohm,
            temperature_c=self.enclosure.temperature_c,
            contactor_closed=self.contactor.closed,
            rcd_tripped=self.rcd_fault,
            emergency_stopped=self.stop_pressed,
            faults=self.board_faults,
        )
        self.board.step(now_s, senses)

    def _observed(self) -> Iterator[tuple[str, Any]]:
        yield "pilot_state", self.pilot_state.value
        yield "s2_closed", self.vehicle.s2_closed
        if not self.contactor.moving:
            yield "contactor_closed", self.contactor.closed

    def _changes(self, now_s: float) -> Iterator[Happening]:
        for name, value in self._observed():
            before = self._known.get(name)
            if value == before:
                continue
            self._known[name] = value
            if name == "contactor_closed":
                moved = "contactor_closed" if value else "contactor_opened"
                yield self.contactor.changed_s, moved, {}
            elif name == "pilot_state":
                yield now_s, "pilot_changed", {"pilot_state": value, "before": before}
            else:
                yield now_s, "s2_closed" if value else "s2_opened", {}
