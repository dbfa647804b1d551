"""A plant for tests: one outlet with its parts, and a clock that stands until it is set."""

from __future__ import annotations

from typing import Literal

from hil.plant.board import BoardOptions, ReferenceBoard
from hil.plant.evse import PlantEvse
from hil.plant.field import CardField
from hil.plant.meter import EnergyMeter
from hil.plant.plant import Plant
from hil.plant.relay_wiring import RelayWiring
from hil.plant.vehicle import Traits, Vehicle
from hil.world import World

METER_WH = 10_000.0


class Clock:
    """Time as a test says it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Outlet:
    """One EVSE with its plant; the board is driven by hand, and its watchdog is off by default."""

    def __init__(
        self,
        *,
        options: BoardOptions | None = None,
        traits: Traits | None = None,
        connector: Literal["socket", "cable"] = "socket",
        phases: int = 3,
        speed: float = 1.0,
        meter_behind: bool = False,
        wiring: RelayWiring | None = None,
    ) -> None:
        self.board = ReferenceBoard(options or BoardOptions(watchdog=False, has_phase_switch=True))
        self.vehicle = Vehicle(traits or Traits())
        self.meter = EnergyMeter(phases, METER_WH)
        self.evse = PlantEvse(
            1,
            phases=phases,
            connector=connector,
            vehicle=self.vehicle,
            board=self.board,
            meter=self.meter,
            meter_behind=meter_behind,
            wiring=wiring,
        )
        self.field = CardField()
        self.plant = Plant({1: self.evse}, fields={"cards": self.field}, speed=speed)
        self.plant.touch()
        self.clock = Clock()
        self.world = World(self.plant, self.clock)

    def pass_s(self, duration_s: float) -> None:
        """Let what was changed by hand take effect, then let time pass."""
        self.plant.touch()
        self.clock.now_s = self.plant.now_s + duration_s
        self.plant.advance(self.clock.now_s)

    def offer(self, duty_ratio: float = 0.2666) -> None:
        self.board.set_duty(duty_ratio)
        self.plant.touch()

    def close(self) -> None:
        """Tell the board to close, as a station does: from an open command."""
        self.board.set_contactor(False)
        self.board.set_contactor(True)
        self.plant.touch()

    def charge(self) -> None:
        """Bring the vehicle to its full current."""
        self.vehicle.plug_in()
        self.offer()
        self.pass_s(1.5)
        self.close()
        self.pass_s(6.0)

    def events(self) -> list[str]:
        return [event.type for event in self.plant.record.after(0)]
