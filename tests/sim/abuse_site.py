"""One station in virtual time: the real safety program on a virtual line, and its judges.

The loop, units, drivers, bus and server of `chargepoint.control` run as they are; only the port
below the bus and the clock are virtual. At the other end are the slaves and the plant of `hil`.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chargepoint.config import Config, Evse, load
from chargepoint.control.loop import Loop
from chargepoint.control.server import Server
from chargepoint.control.unit import Unit
from chargepoint.control.wiring import board_of, board_units, settings_of
from chargepoint.evse.evse import Evse as EvseCore
from chargepoint.evse.evse import Outputs
from chargepoint.ipc import messages as m
from hal.bus.modbus import ModbusBus, rtu_bus
from hal.loader import build_meter
from hal.values import BoardReading
from hil.build import build
from hil.plant.board import BoardOptions, ReferenceBoard
from hil.plant.faults import set_fault
from hil.stage import changed, example, to_toml
from hil.wire.board_unit import BoardUnit
from hil.wire.line_time import LineTime
from hil.wire.modbus import Table
from hil.wire.rtu import RtuSlaves
from tests.sim.abuse_agent import Agent
from tests.sim.abuse_leave import Leave
from tests.sim.abuse_rules import Judge
from tests.sim.abuse_tally import Tally
from tests.sim.abused_line import AbusedLine, Clock

BAUDS = (115200, 115200, 57600)
TICKS_S = (0.02, 0.04, 0.05)
EVSES = (1, 2)
QUIET_TICK_S = 0.08
CHANGES = {
    "safety.permission_lease_s": 10.0,
    "safety.limit_lease_s": 2.0,
    "safety.phase_switch_every_s": 60.0,
    "safety.phase_switch_wait_s": 5.0,
    "evse.0.phase_switching": True,
    "csms": None,
}


class WildUnit:
    """A board whose answers are nonsense with a right check sum, now and then."""

    def __init__(self, unit: BoardUnit, chance: random.Random) -> None:
        self._unit = unit
        self._chance = chance
        self.ratio = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

    def read(self, table: Table, address: int, count: int) -> Any:
        values = self._unit.read(table, address, count)
        if table != "input" or self._chance.random() >= self.ratio:
            return values
        return [self._chance.choice((0, 0xFFFF, self._chance.randrange(65536))) for _ in values]


class JudgedUnit(Unit):
    """A unit whose every step is shown to the judge."""

    judge: Judge

    def step(self, reading: BoardReading | None, now_s: float) -> Outputs:
        outputs = super().step(reading, now_s)
        self.judge.stepped(reading, outputs.command, self.evse.snapshot(), now_s)
        return outputs


class HeardServer(Server):
    """Keeps the books of what the program was told."""

    judges: dict[int, Judge]

    def pump(
        self, snapshots: tuple[m.EvseSnapshot, ...], now_s: float
    ) -> list[tuple[int, m.Command]]:
        asked = super().pump(snapshots, now_s)
        for _, command in asked:
            judge = self.judges.get(getattr(command, "evse", 0))
            if judge is not None:
                judge.leave.hear(command, now_s)
        return asked


class Site:
    """One station in virtual time: line, plant, safety program, agent, judges."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.tally = Tally()
        self.clock = Clock()
        self.baud = self.chance.choice(BAUDS)
        self.config = self._config(directory)
        options = {f"board{number}": self._options(number) for number in EVSES}
        self.built = build(self.config, boards=options, clock=self.clock)
        slaves = self.built.slaves["safety"]
        self.wild = {}
        for number in EVSES:
            slave = slaves[number]
            assert isinstance(slave.unit, BoardUnit)
            self.wild[number] = WildUnit(slave.unit, self.chance)
            slave.unit = self.wild[number]  # type: ignore[assignment]
        line = LineTime(self.baud)
        self.line = AbusedLine(
            self.clock, RtuSlaves(self.built.world, slaves, line), random.Random(seed + 1)
        )
        self.judges = {evse.id: self._judge(evse) for evse in self.config.evse}
        self.loop: Loop | None = None
        self.server: HeardServer | None = None
        self._wire()
        self.agent = Agent(self.config.control_socket("safety"), EVSES, random.Random(seed + 2))
        self._next_s = self.clock.now_s
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    # --- Building ---------------------------------------------------------------------------------

    def _config(self, directory: Path) -> Config:
        state, run = directory / "state", directory / "run"
        changes = CHANGES | {
            "paths.state_dir": str(state),
            "paths.run_dir": str(run),
            "bus.0.baud": self.baud,
            "simulator.seed": self.seed,
            "safety.tick_s": self.chance.choice(TICKS_S),
        }
        path = directory / "station.toml"
        path.write_text(to_toml(changed(example(), changes)), "utf-8")
        run.mkdir(parents=True, exist_ok=True)
        return load(path)

    def _options(self, number: int) -> BoardOptions:
        socket_outlet = number == 2
        abilities = ("opens_alone", "has_rcd_test", "has_second_contact", "has_output_sense")
        return BoardOptions(
            **{ability: self.chance.random() < 0.6 for ability in abilities},
            has_phase_switch=not socket_outlet,
            has_lock=socket_outlet,
            has_proximity=socket_outlet,
        )

    def _judge(self, evse: Evse) -> Judge:
        safety = self.config.safety
        leave = Leave(
            permission_max_s=safety.permission_lease_s,
            limit_max_s=safety.limit_lease_s,
            failsafe_a=safety.failsafe_current_a,
        )
        plant = self.built.world.plant.evses[evse.id]
        return Judge(plant, leave, evse.current_max_a, evse.ventilated)

    def _wire(self) -> None:
        """Start the safety program: everything above the port is made anew."""
        config = self.config
        character_s = LineTime(self.baud).character_s
        bus = rtu_bus(
            "safety",
            lambda: self.line,
            character_s=character_s,
            timeout_max_s=0.1,
            now=self.clock,
        )
        self.server = HeardServer(config.control_socket("safety"), f"boot-{self.tally.restarts}")
        self.server.judges = self.judges
        units = [self._unit(bus, evse) for evse in config.evse]
        boards = board_units(config, config.evse)
        boot = f"boot-{self.tally.restarts}"
        self.loop = Loop(units, self.server, bus, boards, boot, self.clock, config.safety.tick_s)

    def _unit(self, bus: ModbusBus, evse: Evse) -> Unit:
        board = board_of(self.config, bus, evse, accept_no_watchdog=False)
        device = self.config.device_named(evse.meter)
        meter = build_meter(
            driver=device.driver,
            name=device.name,
            link=bus.link(device.name, device.unit),
            map_name=device.map,
            options=device.options,
        )
        core = EvseCore(settings_of(self.config, evse), board.traits)
        unit = JudgedUnit(evse.id, core, board, meter)
        unit.judge = self.judges[evse.id]
        return unit

    # --- The safety program's life ----------------------------------------------------------------

    def kill(self) -> None:
        """SIGKILL: no last word."""
        if self.server is not None:
            self.server.close()
        self.loop = self.server = None

    def start(self) -> None:
        if self.loop is None:
            self.tally.restarts += 1
            for judge in self.judges.values():
                judge.restarted()
            self._wire()

    def stop_in_order(self) -> None:
        """SIGTERM: as the program does it, then a new one."""
        loop = self.loop
        if loop is None:
            return
        loop.shut_down()
        until_s = self.clock.now_s + self.config.safety.ramp_down_s + 3.0
        while not loop.at_rest and self.clock.now_s < until_s:
            self._tick()
        loop.make_safe()
        self.kill()
        self.start()

    def stall(self, for_s: float) -> None:
        """SIGSTOP: time passes without a tick."""
        until_s = self.clock.now_s + for_s
        while self.clock.now_s < until_s:
            self.clock.now_s = min(until_s, self.clock.now_s + 0.02)
            self.disturb()
            self._look()
        self._next_s = self.clock.now_s

    # --- Time -------------------------------------------------------------------------------------

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._later, (at_s, next(self._order), action))

    def run(self, for_s: float, until: Callable[[], bool] | None = None) -> None:
        end_s = self.clock.now_s + for_s
        while self.clock.now_s < end_s and not (until is not None and until()):
            self._tick()

    def disturb(self) -> None:
        for judge in self.judges.values():
            judge.disturbed_s = self.clock.now_s

    @property
    def hazards(self) -> dict[int, tuple[str, ...]]:
        if self.loop is None:
            return {}
        return {unit.number: unit.evse.snapshot().hazards for unit in self.loop.units}

    def _tick(self) -> None:
        self.tally.ticks += 1
        while self._later and self._later[0][0] <= self.clock.now_s:
            heapq.heappop(self._later)[2]()
        if not self._whole:
            self.disturb()
        self.agent.step(self.clock.now_s)
        if self.loop is not None:
            self.loop.tick()
        self._look()
        self._pace()

    def _pace(self) -> None:
        period_s = self.config.safety.tick_s
        if self.loop is None or self.loop.quiet:
            period_s = QUIET_TICK_S
        self._next_s = max(self._next_s + period_s, self.clock.now_s)
        self.clock.now_s = max(self._next_s, self.clock.now_s + 1e-4)
        if not self.line.abuse.unplugged:
            self.line.idle()

    @property
    def _whole(self) -> bool:
        boards = [self.built.world.plant.evses[number].board for number in EVSES]
        frozen = any(isinstance(board, ReferenceBoard) and board._frozen for board in boards)
        wild = any(unit.ratio > 0.0 for unit in self.wild.values())
        lost = self.loop is None or not self.loop.boards_read
        return self.line.abuse.healthy and not frozen and not wild and not lost

    def _look(self) -> None:
        hazards = self.hazards
        with self.built.world as now_s:
            for number, judge in self.judges.items():
                judge.looked(now_s, hazards.get(number, ()), self.loop is not None)

    # --- People and cars --------------------------------------------------------------------------

    def act(self, action: Callable[[float], Any]) -> None:
        """Do something to the plant now, with its consequences."""
        with self.built.world as now_s:
            action(now_s)
            self.built.world.plant.touch()
        self._look()

    def fault(self, number: int, fault: str, active: bool) -> None:
        evse = self.built.world.plant.evses[number]
        self.act(lambda now_s: set_fault(evse, fault, active, now_s))
        if fault == "reading_stale":
            self.disturb()
