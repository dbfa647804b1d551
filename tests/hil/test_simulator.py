"""The plant on real ptys, driven by the station's own buses and drivers."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import serial

from chargepoint.config import Config, parse
from hal.bus.modbus import open_modbus_rtu, open_modbus_tcp
from hal.bus.serial import open_serial
from hal.errors import BusDown, ConfigurationError, DeviceRefused, NoReply
from hal.interfaces import TokenReader
from hal.loader import build_board, build_meter, build_reader, build_relay_board
from hal.values import BoardCommand, PilotLevels, PilotMode, PilotState
from hil.plant.board import BoardOptions
from hil.simulator import Simulator
from hil.stage import changed, example
from hil.wire.tcp import NotLoopback


def configured(directory: Path, **changes: Any) -> Config:
    wanted = {"paths.run_dir": str(directory), "simulator.http": "127.0.0.1:0", **changes}
    return parse(changed(example(), wanted), str(directory / "station.toml"))


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(configured(tmp_path), http=False) as running:
        yield running


def rtu(simulator: Simulator, timeout_max_s: float = 3.0) -> Any:
    """The line, with patience: both ends share a busy machine."""
    bus = simulator.config.bus_named("safety")
    return open_modbus_rtu(
        "safety", simulator.config.port(bus), bus.baud, bus.parity, bus.stop_bits, timeout_max_s
    )


def board(bus: Any, number: int = 1) -> Any:
    name = f"board{number}"
    return build_board(
        driver="pilot-board",
        name=name,
        link=bus.link(name, number),
        map_name="reference_pilot_board",
        options={},
        current_max_a=16.0,
        accept_no_watchdog=False,
    )


def until(condition: Callable[[], bool], tries: int = 400) -> bool:
    """Ask the wire until it is so; each try takes the line's own time."""
    return any(condition() for _ in range(tries))


def test_the_board_s_driver_finds_the_board_it_expects(simulator: Simulator) -> None:
    bus = rtu(simulator)
    one, two = board(bus, 1), board(bus, 2)
    assert one.prepare().firmware == "1.0"
    two.prepare()
    assert one.traits.opens_alone
    assert one.traits.has_lock is False
    assert two.traits.has_lock is True
    reading = one.read()
    assert reading.pilot == PilotLevels(high_v=12.0, low_v=12.0)
    assert reading.contactor_closed is False
    bus.close()


def test_a_plug_in_is_seen_through_the_wire(simulator: Simulator) -> None:
    bus = rtu(simulator)
    one = board(bus)
    one.prepare()
    simulator.operator.plug_in(1)
    assert one.read().pilot.high_v == pytest.approx(8.98, abs=0.01)
    one.command(BoardCommand(pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=0.2666))
    assert until(lambda: one.read().pilot.high_v < 7.0)
    assert one.read().pilot.low_v == -12.0
    closed = BoardCommand(pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=0.2666, closed=True)
    one.command(closed)
    assert until(lambda: one.read().contactor_closed)
    bus.close()


def test_the_meter_s_driver_reads_what_the_plant_measured(simulator: Simulator) -> None:
    bus = rtu(simulator)
    meter = build_meter(
        driver="meter",
        name="meter1",
        link=bus.link("meter1", 11),
        map_name="eastron_sdm630",
        options={},
    )
    reading = meter.read()
    assert reading.voltage_v == (230.0, 230.0, 230.0)
    assert reading.energy_import_wh == simulator.state()["evse"]["1"]["energy_wh"]
    bus.close()


def test_faults_on_the_wire_become_device_errors(simulator: Simulator) -> None:
    bus = rtu(simulator, 0.5)
    one = board(bus)
    one.prepare()
    simulator.operator.device_fault("board1", "exception", True)
    with pytest.raises(DeviceRefused):
        one.read()
    simulator.operator.device_fault("board1", "exception", False)
    simulator.operator.device_fault("board1", "crc", True)
    with pytest.raises(Exception, match="board1"):
        one.read()
    simulator.operator.device_fault("board1", "crc", False)
    assert one.read().pilot == PilotLevels(high_v=12.0, low_v=12.0)
    bus.close()


def test_an_unplugged_adapter_is_a_bus_that_is_down(simulator: Simulator) -> None:
    bus = rtu(simulator)
    one = board(bus)
    one.prepare()
    link = Path(simulator.config.port(simulator.config.bus_named("safety")))
    simulator.operator.device_fault("safety", "unplugged", True)
    assert not os.path.lexists(link)
    with pytest.raises(BusDown):
        one.read()
    simulator.operator.device_fault("safety", "unplugged", False)
    assert link.is_symlink()
    bus.close()


@pytest.mark.parametrize(
    ("driver", "options", "token"),
    [
        ("rfid-text", {}, "04A1B2C3D4E5F6"),
        ("rfid-text", {"format": "em4100"}, "3C00CE754C"),
        ("pn532", {}, "04A1B2C3D4E5F6"),
    ],
)
def test_a_presented_card_reaches_the_reader_s_driver(
    tmp_path: Path, driver: str, options: dict[str, object], token: str
) -> None:
    config = configured(
        tmp_path, **{"device.4.driver": driver, "device.4.options": options, "bus.1.baud": 115200}
    )
    with Simulator(config, http=False) as running:
        line = open_serial("rfid", config.port(config.bus_named("rfid")), 115200, "none", 1)
        reader: TokenReader = build_reader(
            driver=driver, name="cards", link=line.link("cards"), options=options
        )
        reader.read()
        running.operator.present("cards", token, hold_s=1.5)
        found = next(one for _ in range(40) if (one := reader.read()) is not None)
        assert found.token == token
        line.close()


def test_a_silent_board_does_not_answer(simulator: Simulator) -> None:
    simulator.operator.fault(1, "board_lost", True)
    bus = rtu(simulator, 0.5)
    with pytest.raises(NoReply):
        bus.link("board1", 1).read_input_registers(0, 8)
    bus.close()


def test_a_board_can_lack_what_the_test_says(tmp_path: Path) -> None:
    options = {"board1": BoardOptions(opens_alone=False, has_rcd=False)}
    with Simulator(configured(tmp_path), boards=options, http=False) as running:
        bus = rtu(running)
        one = board(bus)
        one.prepare()
        assert not one.traits.opens_alone
        assert not one.traits.has_rcd
        bus.close()


def test_a_modbus_tcp_bus_is_served_on_its_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    tcp = {"name": "safety", "kind": "modbus-tcp", "host": "127.0.0.1", "tcp_port": port}
    raw = changed(example(), {"paths.run_dir": str(tmp_path)})
    raw["bus"][0] = tcp
    with Simulator(parse(raw, str(tmp_path / "station.toml")), http=False) as running:
        assert running.built.servers["safety"].port == port
        bus = open_modbus_tcp("safety", "127.0.0.1", port, 0.5)
        one = board(bus)
        assert one.prepare().firmware == "1.0"
        bus.close()


def test_a_simple_controller_and_a_relay_board_answer_their_drivers(tmp_path: Path) -> None:
    relays = {"name": "lamps", "driver": "relay-board", "bus": "safety", "unit": 30}
    raw = changed(example(), {"paths.run_dir": str(tmp_path)})
    raw["device"][0] = {"name": "board1", "driver": "simple-evse", "bus": "safety"}
    raw["device"].append(relays)
    with Simulator(parse(raw, str(tmp_path / "station.toml")), http=False) as running:
        bus = rtu(running)
        simple = build_board(
            driver="simple-evse",
            name="board1",
            link=bus.link("board1", 1),
            map_name="",
            options={},
            current_max_a=16.0,
            accept_no_watchdog=False,
        )
        simple.prepare()
        assert simple.read().pilot is PilotState.A
        simple.command(BoardCommand(pilot=PilotMode.OFFER, current_a=10.0, duty_ratio=1 / 6))
        running.operator.plug_in(1)
        assert until(lambda: simple.read().pilot is PilotState.C)
        lamps = build_relay_board(
            driver="relay-board", name="lamps", link=bus.link("lamps", 30), options={}
        )
        lamps.command([True] + [False] * 7)
        assert lamps.read().outputs[:2] == (True, False)
        assert running.plant.relays["lamps"].outputs[0] is True
        bus.close()


def test_a_board_that_cannot_be_simulated_is_named_with_those_that_can(tmp_path: Path) -> None:
    config = configured(tmp_path)
    first = msgspec.structs.replace(config.device[0], driver="relay-board")
    config = msgspec.structs.replace(config, device=(first, *config.device[1:]))
    with pytest.raises(ConfigurationError, match="board1: driver: the simulator has no `relay-bo"):
        Simulator(config, http=False)


def test_a_foreign_serial_library_opens_the_line(simulator: Simulator) -> None:
    """Input register 100 of unit 1, with check sums computed by pymodbus."""
    port = simulator.config.port(simulator.config.bus_named("safety"))
    with serial.Serial(port, 115200, timeout=1.0, exclusive=True) as tty:
        tty.write(bytes.fromhex("01 04 0064 0001 7015"))
        assert tty.read(7) == bytes.fromhex("01 04 02 4350 883C")


def test_a_link_that_a_killed_simulator_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "safety.tty").symlink_to("/nonexistent")
    with Simulator(configured(tmp_path), http=False):
        assert (tmp_path / "safety.tty").exists()
    assert not os.path.lexists(tmp_path / "safety.tty")


def test_a_file_in_the_place_of_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "safety.tty").write_text("precious")
    with pytest.raises(FileExistsError):
        Simulator(configured(tmp_path), http=False).start()
    assert (tmp_path / "safety.tty").read_text() == "precious"


def test_a_bus_outside_loopback_is_not_simulated(tmp_path: Path) -> None:
    changes = {"bus.0.kind": "modbus-tcp", "bus.0.host": "192.0.2.1"}
    with pytest.raises(NotLoopback):
        Simulator(configured(tmp_path, **changes), http=False).start()


def test_an_unknown_driver_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cards: driver: found `rfid-txt`"):
        Simulator(configured(tmp_path, **{"device.4.driver": "rfid-txt"}))


def test_the_same_seed_gives_the_same_plant(tmp_path: Path) -> None:
    def individuals(seed: int) -> list[object]:
        one = Simulator(configured(tmp_path, **{"simulator.seed": seed}), http=False)
        return [(e.vehicle.traits, e.meter.values) for e in one.plant.evses.values()]

    assert individuals(1) == individuals(1)
    assert individuals(1) != individuals(2)
