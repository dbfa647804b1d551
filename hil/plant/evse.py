"""One EVSE of the plant: vehicle, cable, pilot line, board, contactor, meter and enclosure, joined.

`step` only routes what one part does to the next; each part's behaviour is in its own module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from hal.values import PilotLevels, PilotState
from hil.plant.board import BoardSenses, ReferenceBoard
from hil.plant.contactor import Contactor
from hil.plant.grid import Feed, Grid, feed
from hil.plant.lock import Lock
from hil.plant.meter import EnergyMeter
from hil.plant.own_pilot import OwnPilot
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
from hil.plant.relay_wiring import RelayWiring
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
        board: ReferenceBoard | OwnPilot,
        meter: EnergyMeter,
        meter_behind: bool = False,
        wiring: RelayWiring | None = None,
    ) -> None:
        """`meter_behind`: the meter is wired behind the contactor. `wiring`: the contactor hangs on
        relays, not on the board."""
        self.number = number
        self.phases = phases
        self.connector = connector
        self.vehicle = vehicle
        self.board = board
        self.meter = meter
        self.contactor = Contactor()
        second = isinstance(board, ReferenceBoard) and board.options.has_second_contact
        self.second = Contactor() if second else None
        """In series with the first, on the same coil command."""
        self.feed = feed(Grid(), (), phases)
        """What arrives here of the grid."""
        self.enclosure = Enclosure()
        self.short = Short.NONE
        self.proximity_broken = False
        self.cable_cut = False
        """Torn out of the socket: neither CP nor PP nor power."""
        self.bridged = False
        """The contactors are bypassed: the outlet is live whatever they do."""
        self.breaker_open = False
        self.wet = False
        self.pe_lost = False
        self.tilted = False
        self.door_open = False
        self.feed_faults: set[str] = set()
        self.rcd_fault = False
        self.stop_pressed = False
        self.coil_supply_lost = False
        self.board_faults: frozenset[str] = frozenset()
        self.faults: set[str] = set()
        """Catalogue ids that a person has set."""
        self._meter_behind = meter_behind
        self._cable_left = False
        """The cable was in the socket at the last step."""
        self._wiring = wiring
        self._known: dict[str, Any] = {}
        self._known = dict(self._observed())

    # --- what can be seen ------------------------------------------------------------------------

    @property
    def pilot(self) -> PilotLevels:
        """Levels at the EVSE output now."""
        vehicle = self.vehicle
        load_ohm = None if self.cable_cut else vehicle.load_ohm
        return levels(self.board.duty_ratio, load_ohm, vehicle.diode, self.short)

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
        if not self.cable_in or self.connector == "cable" or self.cable_cut:
            return PROXIMITY_OPEN_OHM
        return PROXIMITY_OHM[self.vehicle.cable_a]

    @property
    def cable_in(self) -> bool:
        """A plug is in the socket. One that is locked cannot be pulled: then whoever unplugs does
        it at the vehicle, and takes the cable along when the lock lets go."""
        held = self._cable_left and self.lock is not None and self.lock.locked
        return self.vehicle.plugged or held

    @property
    def chain_closed(self) -> bool:
        """Every contactor in series on L1 is closed."""
        return self.contactor.closed and (self.second is None or self.second.closed)

    @property
    def one_phase(self) -> bool:
        """L2 and L3 are left off."""
        return isinstance(self.board, ReferenceBoard) and self.board.phase_switch.one_phase

    @property
    def outlet_v(self) -> tuple[float, ...]:
        """Voltage of each phase behind the contactors, as many as the outlet has."""
        voltage_v = self.feed.voltage_v[: self.phases]
        if self.bridged:
            return voltage_v
        if not self.chain_closed:
            return (0.0,) * self.phases
        return (voltage_v[0], *(0.0 if self.one_phase else one for one in voltage_v[1:]))

    @property
    def current_a(self) -> tuple[float, ...]:
        """Current of each phase, as many as the outlet has."""
        return tuple(
            self.vehicle.phase_current_a(phase) if volts > 0.0 else 0.0
            for phase, volts in enumerate(self.outlet_v)
        )

    # --- time ------------------------------------------------------------------------------------

    def step(self, now_s: float, dt_s: float, grid: Grid, speed: float) -> Iterator[Happening]:
        """Advance by `dt_s` to `now_s`; energy and heat by `speed` times as much. What happened."""
        board = self.board
        self._cable_left = self.cable_in
        self._supply(grid, now_s)
        for contactor in self.contactors:
            contactor.step(now_s)
        self._step_vehicle(now_s, dt_s)
        opened_alone = board.opened_alone if isinstance(board, ReferenceBoard) else 0
        board.step(now_s, self._senses())
        if self._wiring is not None:
            self._wiring.step(now_s, self.contactor.closed)
        coil = board.coil if self._wiring is None else self._wiring.coil
        for contactor in self.contactors:
            contactor.drive(coil, now_s)
        self._count(dt_s * speed)
        if isinstance(board, ReferenceBoard) and board.opened_alone != opened_alone:
            yield now_s, "board_opened_alone", {"watchdog_expired": board.watchdog_expired}
        yield from self._changes(now_s)

    @property
    def lock(self) -> Lock | None:
        """The lock of a socket, where board or relays have one."""
        wired = self._wiring.lock if self._wiring is not None else None
        return self.board.lock if wired is None else wired

    @property
    def contactors(self) -> tuple[Contactor, ...]:
        return (self.contactor,) if self.second is None else (self.contactor, self.second)

    def deadline_s(self) -> float:
        """Instant of the next thing that happens by itself at a known time."""
        own_s = min(self.board.deadline_s(), *(one.deadline_s() for one in self.contactors))
        return own_s if self._wiring is None else min(own_s, self._wiring.deadline_s())

    @property
    def moving(self) -> bool:
        settling = isinstance(self.board, OwnPilot) and self.board.settling
        return self.vehicle.moving or any(one.moving for one in self.contactors) or settling

    def _supply(self, grid: Grid, now_s: float) -> None:
        """The coils are fed from the grid: without it, the contactors drop."""
        found = feed(grid, self.feed_faults, self.phases)
        off = Feed(voltage_v=(0.0, 0.0, 0.0), frequency_hz=0.0, clockwise=True)
        self.feed = off if self.breaker_open else found
        dropped = self.coil_supply_lost or self.breaker_open or not grid.on
        for contactor in self.contactors:
            if dropped != contactor.dropped:
                contactor.fail(now_s, dropped=dropped)

    def _step_vehicle(self, now_s: float, dt_s: float) -> None:
        duty_ratio = 1.0 if self.cable_cut else self.board.duty_ratio
        live = any(self.outlet_v) and self.vehicle.plugged and not self.cable_cut
        self.vehicle.step(now_s, dt_s, mode_of(duty_ratio), duty_ratio, live)

    def _senses(self) -> BoardSenses:
        return BoardSenses(
            pilot=self.pilot,
            proximity_ohm=self.proximity_ohm,
            temperature_c=self.enclosure.shown_c,
            contactor_closed=self.contactor.closed,
            second_closed=self.second is not None and self.second.closed,
            output_live=any(self.outlet_v),
            rcd_tripped=self.rcd_fault,
            pe_lost=self.pe_lost,
            tilted=self.tilted,
            door_open=self.door_open,
            emergency_stopped=self.stop_pressed,
            faults=self.board_faults | self._contacts,
        )

    @property
    def _contacts(self) -> frozenset[str]:
        """Inputs of a board that has them, by the names of its register map."""
        found = {"breaker_tripped": self.breaker_open, "water_detected": self.wet}
        return frozenset(name for name, active in found.items() if active)

    def _count(self, dt_s: float) -> None:
        """Energy and heat of `dt_s`."""
        current_a = self.current_a
        found = self.feed
        behind = (*self.outlet_v, 0.0, 0.0)[:3]
        voltage_v = behind if self._meter_behind else found.voltage_v
        frequency_hz = found.frequency_hz if any(voltage_v) else 0.0
        energy_wh = self.meter.step(dt_s, voltage_v, current_a, frequency_hz, found.clockwise)
        self.vehicle.battery.take(energy_wh)
        self.enclosure.step(dt_s, current_a)

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
