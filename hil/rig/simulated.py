"""A rig without hardware: the simulator, its vehicle moved by the relays of a rig file.

    python -m hil.rig.simulated RIG.toml

For trying a rig file, and for the tests of the rig bench. Relay boards and analyser answer on ptys
at the ports that the file names, and the tap hears every byte of the safety line when it would have
passed. Outputs act on the plant: resistors on the pilot, loads at the outlet, faults, mains.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from chargepoint.config import ConfigError
from hal.register_map import load as load_map
from hal.values import PilotMode
from hil.plant.evse import PlantEvse
from hil.plant.faults import set_fault
from hil.plant.meter import EnergyMeter, MeterValues
from hil.plant.plant import Plant
from hil.plant.relay import RelayBank
from hil.plant.vehicle import Traits, Vehicle
from hil.rig.config import PROXIMITY, RigSetup, load_rig
from hil.simulator import SWITCH_INTERVAL_S, Simulator
from hil.wire.line_time import LineTime
from hil.wire.meter_unit import MeterUnit
from hil.wire.pty_line import PtyLine
from hil.wire.relay_unit import RelayUnit
from hil.wire.rtu import RtuSlaves, Slave
from hil.wire.talker import Outbox

CONNECTED_OHM = 2740.0
READY_OHM = 1300.0
VENTILATION_OHM = 270.0
Acts = Callable[[bool], None]


class RelayedVehicle(Vehicle):
    """Resistors and loads behind relays: it wants nothing by itself."""

    def __init__(self, traits: Traits) -> None:
        super().__init__(traits)
        self.s2 = False
        self.ventilated = False
        self.loads_a: dict[int, float] = {}
        """Loads that are switched on, by their place in the file."""

    @property
    def load_ohm(self) -> float | None:
        if not self.plugged:
            return None
        branches = [(True, CONNECTED_OHM), (self.s2, READY_OHM), (self.ventilated, VENTILATION_OHM)]
        return 1.0 / sum(1.0 / ohm for on, ohm in branches if on)

    @property
    def moving(self) -> bool:
        return False

    def step(
        self, now_s: float, dt_s: float, mode: PilotMode, duty_ratio: float, powered: bool
    ) -> None:
        self.s2_closed = self.plugged and (self.s2 or self.ventilated)
        self.current_a = sum(self.loads_a.values()) if powered else 0.0


class ActingRelays(RelayBank):
    """A relay board whose outputs do something, and whose inputs see something."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.acts: dict[int, Acts] = {}
        self.sees: dict[int, Callable[[], bool]] = {}

    def switch(self, channel: int, on: bool) -> None:
        super().switch(channel, on)
        if channel in self.acts:
            self.acts[channel](on)

    def flash(self, channel: int, on: bool, until_s: float) -> None:
        acts = self.outputs[channel] is not on
        super().flash(channel, on, until_s)
        if acts and channel in self.acts:
            self.acts[channel](on)

    def step(self, now_s: float) -> None:
        super().step(now_s)
        for channel, sees in self.sees.items():
            self.inputs[channel] = sees()


class OutletMeter(EnergyMeter):
    """Shows voltage and current behind the contactor, as they are now."""

    def __init__(self, evse: PlantEvse) -> None:
        super().__init__(evse.phases, 0.0)
        self._evse = evse

    @property
    def values(self) -> MeterValues:
        voltage_v, current_a = self._evse.outlet_v, self._evse.current_a
        return MeterValues(
            energy_import_wh=0.0,
            voltage_v=voltage_v,
            current_a=current_a,
            power_phase_w=tuple(v * a for v, a in zip(voltage_v, current_a, strict=True)),
            frequency_hz=self._evse.feed.frequency_hz if any(voltage_v) else 0.0,
        )


class TapEnd:
    """What an adapter hands over that only listens; satisfies `Talker`."""

    def __init__(self, line: LineTime) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._outbox = Outbox()

    def overhear(self, data: bytes, now_s: float, from_client: bool) -> None:
        """Bytes of the tapped line; a client's begin to pass only now."""
        passed_s = now_s + (self._line.duration_s(len(data)) if from_client else 0.0)
        with self._lock:
            self._outbox.put(passed_s, data)

    def hear(self, data: bytes, now_s: float) -> None:
        """Its sender is not wired."""

    def due(self, now_s: float) -> list[bytes]:
        with self._lock:
            return self._outbox.take(now_s)

    def next_s(self) -> float:
        with self._lock:
            return self._outbox.next_s()


def simulated(setup: RigSetup) -> Simulator:
    """The station and the rig of `setup`. Raises ConfigurationError."""
    simulator = Simulator(setup.station, urgent=True)
    plant = simulator.plant
    evse = plant.evses[setup.file.station.evse]
    vehicle = RelayedVehicle(evse.vehicle.traits)
    evse.vehicle = vehicle
    banks = _banks(setup, plant, evse, vehicle)
    for bus in setup.file.bus:
        slaves: dict[int, Slave] = {}
        for board in setup.file.relay:
            if board.bus == bus.name:
                unit = RelayUnit(banks[board.name], record=plant.record, device=board.name)
                slaves[board.unit] = Slave(board.name, unit)
        analyser = setup.file.analyser
        if analyser is not None and analyser.bus == bus.name:
            meter = MeterUnit(OutletMeter(evse), load_map(analyser.map), 1)
            slaves[analyser.unit] = Slave("analyser", meter)
        line = LineTime(bus.baud, bus.parity, bus.stop_bits)
        talker = RtuSlaves(simulator.world, slaves, line)
        simulator.built.lines[f"rig {bus.name}"] = PtyLine(Path(bus.port), talker)
    _tap(setup, simulator)
    return simulator


def _banks(
    setup: RigSetup, plant: Plant, evse: PlantEvse, vehicle: RelayedVehicle
) -> dict[str, ActingRelays]:
    file = setup.file
    banks = {one.name: ActingRelays(max(one.outputs, one.inputs)) for one in file.relay}
    for output in file.output:
        bank, act = banks[output.relay], _act(output.does, plant, evse, vehicle)
        bank.acts[output.channel - 1] = _inverted(act) if output.inverted else act
    for number, load in enumerate(file.load):
        act = _load(vehicle, number, load.current_a)
        banks[load.relay].acts[load.channel - 1] = act
    for card in file.card:
        act = _card(plant, card.token, card.reader, card.hold_s)
        banks[card.relay].acts[card.channel - 1] = act
    for one in file.input:
        banks[one.relay].sees[one.channel - 1] = _sees(one.sees, evse, one.inverted)
    for name, bank in banks.items():
        plant.relays[f"rig {name}"] = bank
    return banks


def _act(does: str, plant: Plant, evse: PlantEvse, vehicle: RelayedVehicle) -> Acts:
    """What an output does to the plant."""
    faults = {
        "diode_bypass": "diode_missing",
        "pilot_short": "pilot_shorted",
        "proximity_short": "proximity_invalid",
        "residual_current": "rcd_tripped",
        "emergency_stop": "emergency_stopped",
    }
    attributes = {"plug": "plugged", "s2": "s2", "ventilation": "ventilated"}
    ratings = {output: cable_a for cable_a, output in PROXIMITY.items()}

    def act(on: bool) -> None:
        if does in faults:
            set_fault(evse, faults[does], on, plant.now_s)
        elif does in attributes:
            setattr(vehicle, attributes[does], on)
        elif does in ratings and on:
            vehicle.cable_a = ratings[does]
        elif does == "mains":
            plant.grid.on = on

    return act


def _inverted(act: Acts) -> Acts:
    return lambda on: act(not on)


def _load(vehicle: RelayedVehicle, number: int, current_a: float) -> Acts:
    def act(on: bool) -> None:
        vehicle.loads_a[number] = current_a if on else 0.0

    return act


def _card(plant: Plant, token: str, reader: str, hold_s: float) -> Acts:
    """The actuator takes the card away by itself."""

    def act(on: bool) -> None:
        if on:
            plant.fields[reader].present(token, plant.now_s + hold_s)

    return act


def _sees(what: str, evse: PlantEvse, inverted: bool) -> Callable[[], bool]:
    def sees() -> bool:
        locked = evse.lock is not None and evse.lock.locked
        return (locked if what == "locked" else any(evse.outlet_v)) is not inverted

    return sees


def _tap(setup: RigSetup, simulator: Simulator) -> None:
    """Let the tap hear the safety line."""
    tap = setup.file.tap
    if tap is None:
        return
    bus = setup.station.bus_named(setup.station.device_named(setup.board).bus)
    end = TapEnd(LineTime(bus.baud, bus.parity, bus.stop_bits))
    line = PtyLine(Path(tap.port), end)
    simulator.built.lines["rig tap"] = line

    def overhear(data: bytes, now_s: float, from_client: bool) -> None:
        end.overhear(data, now_s, from_client)
        line.wake()

    simulator.built.lines[bus.name].tap = overhear


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM; 2: usage."""
    try:
        setup = load_rig(arguments[0])
    except (IndexError, ConfigError) as error:
        print(error or "usage: python -m hil.rig.simulated RIG.toml", file=sys.stderr)
        return 2
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with simulated(setup):
        done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
