"""A safety bus that is a serial line, with a whole charge on it: loop, driver, line and board."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from chargepoint.config import Config, load
from chargepoint.control.loop import Loop
from chargepoint.control.serial_line import SerialSafetyBus
from chargepoint.control.server import Server
from chargepoint.control.unit import Unit
from chargepoint.control.wiring import EVERY_UNIT, board_units, open_bus, wire
from chargepoint.evse.evse import Evse
from chargepoint.evse.settings import EvseSettings
from chargepoint.ipc import messages as m
from chargepoint.ipc.codec import encode
from hal.bus.serial import SerialBus
from hal.drivers.openevse import OpenEvse
from hal.errors import ConfigurationError
from tests.control.test_server import Peer
from tests.hal.bus_line import Clock, VirtualPort
from tests.hal.test_driver_openevse import Board

DEMO = Path(__file__).resolve().parents[2] / "config/examples/demo.toml"
ANSWER_S = 0.01


class Charger(Board):
    """The board of the driver's tests with a vehicle at it.

    Like the firmware, it measures the pilot state only while enabled, and its relay stays closed
    when it is put to sleep (here without end, instead of 3 s) but not when it is disabled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.vehicle = "01"
        self.awake = True

    def _obey(self, words: list[str]) -> tuple[bool, str]:
        relay = int(self.vflags, 16) & 0x40 if words[0] != "FD" else 0
        if words[0] in ("FE", "FS", "FD"):
            self.awake = words[0] == "FE"
        if self.awake:
            self.evse = self.pilot = self.vehicle
            relay = 0x40 if self.vehicle == "03" else 0
        connected = 0x100 if self.vehicle != "01" else 0
        self.vflags = f"{connected | relay:04x}"
        return super()._obey(words)


class World:
    """One EVSE on a serial line and one commanding client."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.charger = Charger()
        self.port = VirtualPort(self.clock, self._answer)
        self.bus = SerialSafetyBus(SerialBus("safety", lambda: self.port, self.clock))
        board = OpenEvse(self.bus.link("oe"), name="oe", current_max_a=32.0)
        self.unit = Unit(1, Evse(EvseSettings(evse=1), board.traits), board, None)
        self.server = Server(path, "boot")
        self.loop = Loop([self.unit], self.server, self.bus, frozenset(), "boot", self.clock)
        self.agent = Peer(self.server, path)
        self.facts: list[dict[str, object]] = []

    def _answer(self, heard: bytes, now_s: float) -> list[tuple[float, bytes]]:
        return [(ANSWER_S, piece) for piece in self.charger(heard)]

    def pass_s(self, duration_s: float) -> None:
        until_s = self.clock.now_s + duration_s
        while self.clock.now_s < until_s:
            self.clock.now_s += 0.02
            self.loop.tick()

    def tell(self, command: m.Command) -> None:
        self.agent.socket.send(encode(command))
        self.pass_s(0.1)

    def heard(self, kind: str) -> list[dict[str, object]]:
        self.facts += self.agent.heard()
        return [fact for fact in self.facts if fact["type"] == kind]

    def charge(self) -> None:
        self.charger.vehicle = "02"
        self.pass_s(1.0)
        self.tell(m.RenewLimit(evse=1, current_a=16.0, until_s=self.clock() + 9))
        self.tell(m.RenewPermission(evse=1, until_s=self.clock() + 100))
        self.charger.vehicle = "03"
        self.pass_s(1.0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "control.sock")
    made.pass_s(0.2)
    made.tell(m.Hello(client="agent"))
    yield made
    made.server.close()


def test_a_vehicle_charges_at_a_board_on_a_serial_line(world: World) -> None:
    world.charge()
    assert {"SC 16 V", "FE"} <= set(world.charger.got)
    snapshot = world.unit.evse.snapshot()
    assert snapshot.contactor_closed
    assert snapshot.hazards == ()
    assert world.loop.boards_read


def test_an_immediate_end_opens_the_relay_at_once(world: World) -> None:
    world.charge()
    world.charger.got.clear()
    world.loop.shut_down(immediate=True)
    world.pass_s(0.1)
    assert [got for got in world.charger.got if got.startswith("F")][:2] == ["FD", "FS"]
    assert world.loop.at_rest


def test_an_orderly_end_lets_the_vehicle_stop_first_and_opens_when_it_does_not(
    world: World,
) -> None:
    world.charge()
    world.charger.got.clear()
    world.tell(m.Revoke(evse=1))
    world.pass_s(4.0)
    assert [got for got in world.charger.got if got.startswith("F")] == ["FS"]
    world.pass_s(4.0)
    assert [got for got in world.charger.got if got.startswith("F")] == ["FS", "FD", "FS"]


def test_a_silent_board_is_lost_and_nothing_waits_longer_than_a_moment(world: World) -> None:
    world.charge()
    world.charger.mute.add("GS")
    began_s = world.clock.now_s
    world.pass_s(0.4)
    assert "reading_stale" in world.unit.evse.snapshot().hazards
    world.pass_s(0.6)
    assert "board_lost" in world.unit.evse.snapshot().hazards
    assert world.clock.now_s - began_s < 1.7


def test_a_technician_s_modbus_request_is_refused_with_the_reason(world: World) -> None:
    world.tell(m.Transact(request="r1", unit=1, function=4, address=0))
    (reply,) = world.heard("Replied")
    assert reply["ok"] is False
    assert reply["detail"] == "safety is a serial line; it carries no Modbus requests"


def test_health_counts_what_was_sent_and_says_when_the_line_is_down(world: World) -> None:
    world.pass_s(1.5)
    health = world.bus.health()
    assert health.requests == len(world.port.written)
    assert not health.down
    world.port.gone = True
    world.pass_s(0.1)
    assert world.bus.health().down


def station(tmp_path: Path, driver: str, kind: str) -> Config:
    """The demo file with one EVSE whose board is `driver` on a bus of `kind`."""
    config = load(DEMO)
    path = tmp_path / "station.toml"
    path.touch()
    device = next(one for one in config.device if one.name == config.evse[0].board)
    return replace(
        config,
        source=str(path),
        evse=(replace(config.evse[0], meter=""),),
        bus=(replace(config.bus[0], kind=kind, host="127.0.0.1", baud=115200),),
        device=(replace(device, driver=driver, map="", options={}),),
    )


def test_a_serial_safety_bus_is_wired(tmp_path: Path) -> None:
    wired = wire(station(tmp_path, "openevse", "serial"), "safety")
    assert isinstance(wired.bus, SerialSafetyBus)
    assert wired.warnings == ()
    wired.server.close()


def test_a_meter_on_the_board_s_serial_line_is_refused(tmp_path: Path) -> None:
    config = station(tmp_path, "openevse", "serial")
    config = replace(config, evse=(replace(config.evse[0], meter=config.evse[0].board),))
    with pytest.raises(ConfigurationError, match="is on the serial line `safety`"):
        wire(config, "safety")


@pytest.mark.parametrize(
    ("driver", "kind", "message"),
    [
        ("openevse", "modbus-rtu", "found a modbus-rtu bus, expected a serial bus"),
        ("simple-evse", "serial", "found a serial bus, expected a modbus bus"),
    ],
)
def test_a_board_on_a_bus_of_another_kind_is_refused(
    tmp_path: Path, driver: str, kind: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        wire(station(tmp_path, driver, kind), "safety")


def test_a_board_that_answers_to_every_unit_is_guarded_under_all_of_them(tmp_path: Path) -> None:
    """A technician's write to any unit of its connection is a write to the board."""
    config = station(tmp_path, "bender-cc6", "modbus-tcp")
    assert board_units(config, config.evse) == frozenset(EVERY_UNIT)
    config = station(tmp_path, "simple-evse", "modbus-rtu")
    assert board_units(config, config.evse) == frozenset({1})
    assert open_bus(config, config.bus[0]).health().requests == 0
