"""A board and a vehicle made of numbers, stepped in ticks of 20 ms; the time is ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chargepoint.evse.evse import BoardLevel, Evse, EvseSettings, Inputs
from chargepoint.ipc.messages import Fact, Phase
from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    MeterReading,
    PilotLevels,
    PilotMode,
    PilotState,
    Quality,
)

TICK_S = 0.02
SLOW_TICK_S = 0.2
"""Of a long wait in which nothing is looked at; below the age at which a reading is too old."""
LONG_S = 4.0
"""A longer wait has fine ticks in its first and last 2 s only."""

TRAITS = BoardTraits(
    watchdog_s=2.0,
    opens_alone=True,
    runs_pilot=False,
    current_max_a=32.0,
    has_contactor_feedback=True,
    has_rcd=True,
    has_proximity=True,
    has_lock=True,
    has_temperature=True,
)

HIGH_V = {"A": 12.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0}


class Bench:
    """One EVSE, a raw board that follows its commands by one tick, and what is plugged in."""

    def __init__(self, *, traits: BoardTraits = TRAITS, **settings: Any) -> None:
        self.settings = EvseSettings(evse=1, **settings)
        self.traits = traits
        self.evse = Evse(self.settings, traits)
        self.now_s = 1000.0
        self.level = BoardLevel.HEARD
        self.vehicle = "A"
        self.diode = True
        self.answers = True
        self.permit = False
        self.limit_a: float | None = None
        self.meter_a: tuple[float, ...] | None = None
        self.quality = Quality.GOOD
        self.rcd_tests = True
        """The residual-current monitor follows its test."""
        self.tested_s: float | None = None
        self.meter: MeterReading | None = None
        """Reading that the meter gives in each tick, instead of `meter_a`."""
        self.override: dict[str, Any] = {}
        """Fields of the reading that are forced, whatever the board does."""
        self.command = BoardCommand(pilot=PilotMode.STEADY)
        self.sample = 0
        self.facts: list[Fact] = []

    def reading(self) -> BoardReading:
        """What the board measures now, having followed the last command."""
        self.sample = (self.sample + 1) % 65536
        reading = BoardReading(
            taken_s=self.now_s,
            quality=self.quality,
            pilot=self._pilot(),
            oscillating=self.command.pilot is PilotMode.OFFER,
            # A locked plug stays in the socket; only its other end can be pulled.
            proximity_ohm=65535.0 if self.vehicle == "A" and not self.command.locked else 220.0,
            contactor_closed=self.command.closed,
            contactor_commanded=self.command.closed,
            rcd_tripped=self._tripped(),
            emergency_stopped=False,
            locked=self.command.locked,
            temperature_c=30.0,
            watchdog_expired=False,
            sample=self.sample,
        )
        return replace(reading, **self.override)

    def _tripped(self) -> bool:
        """The residual-current input: on for 0.4 s from 0.1 s after a test began, if it works."""
        if self.command.test_rcd and self.rcd_tests and self.tested_s is None:
            self.tested_s = self.now_s
        if self.tested_s is None or self.now_s - self.tested_s < 0.1:
            return False
        if self.now_s - self.tested_s < 0.5:
            return True
        self.tested_s = None
        return False

    def _pilot(self) -> PilotLevels | PilotState:
        if self.traits.runs_pilot:
            return PilotState(self.vehicle)
        if self.command.pilot is PilotMode.FAULT:
            return PilotLevels(high_v=-12.0, low_v=-12.0)
        high_v = HIGH_V[self.vehicle]
        if self.command.pilot is PilotMode.STEADY:
            return PilotLevels(high_v=high_v, low_v=high_v)
        return PilotLevels(high_v=high_v, low_v=-12.0 if self.diode else -high_v)

    def tick(self, tick_s: float = TICK_S) -> BoardCommand:
        """One tick: renew what is held, read, step, command."""
        self.now_s = round(self.now_s + tick_s, 6)
        if self.permit:
            self.evse.renew_permission(self.now_s + 60, self.now_s)
        if self.limit_a is not None:
            self.evse.renew_limit(self.limit_a, self.now_s + 8, self.now_s)
        meter = None
        if self.meter_a is not None:
            meter = MeterReading(taken_s=self.now_s, current_a=self.meter_a)
        elif self.meter is not None:
            meter = replace(self.meter, taken_s=self.now_s)
        reading = self.reading() if self.answers else None
        inputs = Inputs(reading=reading, meter=meter, board=self.level)
        outputs = self.evse.step(inputs, self.now_s)
        self.command = outputs.command
        self.facts.extend(outputs.facts)
        return outputs.command

    def run(self, duration_s: float) -> None:
        """Ticks for `duration_s`; in the middle of a long one they are slow."""
        slow = round(max(duration_s - LONG_S, 0.0) // SLOW_TICK_S)
        fine = round((duration_s - slow * SLOW_TICK_S) / TICK_S)
        last = min(fine, round(LONG_S / 2 / TICK_S))
        for _ in range(fine - last):
            self.tick()
        for _ in range(slow):
            self.tick(SLOW_TICK_S)
        for _ in range(last):
            self.tick()

    def until(self, phase: Phase, within_s: float = 60.0) -> float:
        """Tick until `phase`; how long it took. Fails when it does not come in time."""
        began_s = self.now_s
        while self.phase is not phase:
            snapshot = self.evse.snapshot()
            assert self.now_s - began_s < within_s, f"expected {phase}, found {snapshot}"
            self.tick()
        return self.now_s - began_s

    @property
    def phase(self) -> Phase:
        return self.evse.snapshot().phase

    @property
    def hazards(self) -> tuple[str, ...]:
        return self.evse.snapshot().hazards

    def told(self, kind: type[Fact]) -> list[Any]:
        """Facts of one kind so far."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


def charging(**kwargs: Any) -> Bench:
    """A bench with a vehicle that has been charging for a second at 16 A."""
    bench = Bench(**kwargs)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "B"
    bench.until(Phase.OFFERING)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    bench.run(1.0)
    return bench
