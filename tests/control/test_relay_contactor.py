"""A relay contactor as control wires it: around its pilot board, both guarded and made safe."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from chargepoint.config import Config, load, parse
from chargepoint.control.unit import Unit
from chargepoint.control.wiring import board_of, board_units, open_bus, settings_of
from chargepoint.evse.evse import Evse as EvseCore
from chargepoint.ipc.messages import HazardRaised
from hal.drivers.pilot_board import RegisterPilotBoard
from hal.drivers.relay_contactor import RelayContactor
from hal.errors import ConfigurationError
from hal.fakes import MemoryModbusLink
from hal.interfaces import PilotBoard
from hal.register_map import load as load_map

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/relay_contactor.toml"
PILOT, RELAYS = 1, 2
STATE_A, STATE_B, STATE_C = 12.0, 9.0, 6.0
TICK_S = 0.02


class Relays(MemoryModbusLink):
    """A relay that falls when its time is over, with a mirror contact of its contactor."""

    def __init__(self) -> None:
        super().__init__(coils={0: False}, discretes={0: True})
        self._until_s = float("inf")

    def write_coil(self, address: int, on: bool) -> float:
        return self._set(super().write_coil(address, on), on, float("inf"))

    def write_coil_value(self, address: int, value: int) -> float:
        return self._set(super().write_coil_value(address, value), True, self.now_s + value / 10)

    def pass_until(self, now_s: float) -> None:
        self.now_s = now_s
        if now_s >= self._until_s:
            self._set(now_s, False, float("inf"))

    def _set(self, taken_s: float, on: bool, until_s: float) -> float:
        self.coils[0], self.discretes[0], self._until_s = on, not on, until_s
        return taken_s


def board(config: Config) -> PilotBoard:
    bus = open_bus(config, config.bus_named("safety"))
    return board_of(config, bus, config.evse[0], accept_no_watchdog=False)


def test_it_is_built_around_the_pilot_board_that_it_names() -> None:
    found = board(load(EXAMPLE))
    assert isinstance(found, RelayContactor)
    assert found.name == "contactor"
    assert (found.traits.watchdog_s, found.traits.opens_alone) == (1.0, False)
    assert found.traits.current_max_a == 16


def test_both_units_are_guarded_against_a_technicians_writes() -> None:
    config = load(EXAMPLE)
    assert board_units(config, config.evse) == {PILOT, RELAYS}


@pytest.mark.parametrize("word", [True, False])
def test_a_slow_line_is_refused_even_if_the_pilot_board_opens_alone(word: bool) -> None:
    """What the pilot board opens is not what carries the current."""
    raw = tomllib.loads(EXAMPLE.read_text("utf-8"))
    raw["bus"][0]["baud"] = 9600
    raw["device"][0]["options"] = {"opens_alone": word}
    config = parse(raw, "station.toml")
    with pytest.raises(ConfigurationError, match="contactor: bus" if word else "pilot: bus"):
        board(config)


class Station:
    """One EVSE as control runs it, with a pilot board and relays in memory and a clock."""

    def __init__(self) -> None:
        config = load(EXAMPLE)
        identity = {100: 0x4350, 101: 1, 102: 0x0203, 103: 0b000100, 104: 32}
        reading = {0: 0, 1: 12000, 2: 12000, 3: 10000, 4: 65535, 5: 215, 6: 1, 7: 0}
        self.pilot = MemoryModbusLink(
            inputs=identity | reading,
            holdings={0: 10000, 1: 1000},
            coils=dict.fromkeys(range(4), False),
        )
        self.relays = Relays()
        inner = RegisterPilotBoard(
            self.pilot, load_map("reference_pilot_board"), name="pilot", current_max_a=32.0
        )
        board = RelayContactor(
            self.relays, inner, name="contactor", current_max_a=16.0, aux_input=0, aux_mirror=True
        )
        core = EvseCore(settings_of(config, config.evse[0]), board.traits)
        self.unit = Unit(1, core, board, None)
        self.facts: list[str] = []

    def run(self, for_s: float, high_v: float) -> None:
        """Ticks while the vehicle holds the pilot at `high_v`."""
        for _ in range(round(for_s / TICK_S)):
            self.hang(TICK_S)
            now_s = self.pilot.now_s
            duty = self.pilot.holdings[0]
            low_v = -12.0 if 0 < duty < 10000 else high_v
            levels = {1: round(1000 * high_v), 2: round(1000 * low_v) & 0xFFFF, 3: duty}
            oscillating = (0 < duty < 10000) << 6
            sample = self.pilot.inputs[6] + 1
            self.pilot.inputs |= levels | {0: oscillating, 6: sample & 0xFFFF}
            self.unit.evse.renew_permission(now_s + 100.0, now_s)
            self.unit.evse.renew_limit(16.0, now_s + 10.0, now_s)
            outputs = self.unit.step(self.unit.read(now_s), now_s)
            self.unit.command(outputs.command)
            self.facts += [
                fact.hazard if isinstance(fact, HazardRaised) else type(fact).__name__
                for fact in outputs.facts
            ]

    def closed(self) -> bool:
        return self.relays.coils[0]

    def hang(self, for_s: float) -> None:
        """Time goes by without the program."""
        self.pilot.now_s += for_s
        self.relays.pass_until(self.pilot.now_s)


def test_a_vehicle_charges_and_leaves() -> None:
    station = Station()
    station.run(2.0, STATE_A)
    station.run(3.0, STATE_B)
    station.run(5.0, STATE_C)
    assert "ContactorClosed" in station.facts
    assert station.closed()
    station.run(TICK_S, STATE_A)
    station.run(0.06, STATE_A)
    assert not station.closed()
    station.run(1.0, STATE_A)
    assert "ContactorOpened" in station.facts
    assert [fact for fact in station.facts if fact.islower()] == []


def test_after_a_hang_the_contactor_is_open_and_closes_only_by_a_new_decision() -> None:
    station = Station()
    station.run(2.0, STATE_A)
    station.run(3.0, STATE_B)
    station.run(5.0, STATE_C)
    station.hang(0.5)
    assert station.closed()
    station.hang(0.6)
    assert not station.closed()
    station.run(1.0, STATE_C)
    assert not station.closed()
    assert "watchdog_tripped" in station.facts
    station.run(15.0, STATE_C)
    assert station.closed()
