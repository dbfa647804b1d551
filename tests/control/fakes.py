"""A board, a meter and a clock for the loop: everything in memory, time by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hal.errors import NoReply
from hal.values import (
    SAFE_COMMAND,
    BoardCommand,
    BoardReading,
    BoardTraits,
    DeviceIdentity,
    MeterReading,
    PilotLevels,
    PilotMode,
)

LEVEL_V = {"A": 12.0, "B": 9.0, "C": 6.0}


@dataclass
class FakeClock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class FakeBoard:
    """Follows its commands at once; `silent` makes every request fail."""

    clock: FakeClock
    name: str = "board"
    state: str = "A"
    silent: bool = False
    rcd_tripped: bool = False
    told: BoardCommand = SAFE_COMMAND
    commands: list[BoardCommand] = field(default_factory=list)
    prepared: int = 0
    sample: int = 0

    traits = BoardTraits(
        watchdog_s=1.0,
        opens_alone=True,
        runs_pilot=False,
        current_max_a=32.0,
        has_contactor_feedback=True,
        has_rcd=True,
        has_proximity=False,
        has_lock=False,
        has_temperature=False,
    )

    def _answer(self, request: str) -> None:
        if self.silent:
            raise NoReply(self.name, request, "no reply")

    def prepare(self) -> DeviceIdentity:
        self._answer("identify")
        self.prepared += 1
        return DeviceIdentity(model="fake")

    def read(self) -> BoardReading:
        self._answer("read")
        self.sample += 1
        oscillating = self.told.pilot is PilotMode.OFFER
        high_v = LEVEL_V[self.state]
        return BoardReading(
            taken_s=self.clock(),
            pilot=PilotLevels(high_v=high_v, low_v=-12.0 if oscillating else high_v),
            oscillating=oscillating,
            contactor_closed=self.told.closed,
            contactor_commanded=self.told.closed,
            rcd_tripped=self.rcd_tripped,
            sample=self.sample,
        )

    def command(self, command: BoardCommand) -> None:
        self._answer("command")
        if command != self.told:
            self.commands.append(command)
        self.told = command


@dataclass
class FakeMeter:
    """Two parts per reading."""

    clock: FakeClock
    name: str = "meter"
    parts: int = 0
    silent: bool = False
    reading: MeterReading = field(
        default_factory=lambda: MeterReading(taken_s=0.0, energy_import_wh=1000.0)
    )

    def read_part(self) -> MeterReading | None:
        if self.silent:
            raise NoReply(self.name, "read", "no reply")
        self.parts += 1
        return replace(self.reading, taken_s=self.clock()) if self.parts % 2 == 0 else None

    def read(self) -> MeterReading:
        self.read_part()
        reading = self.read_part()
        assert reading is not None
        return reading

    def identify(self) -> DeviceIdentity:
        return DeviceIdentity()
