"""`chargepoint bus` with the station stopped: on the port itself, and only when nobody has it."""

from __future__ import annotations

import fcntl
import json
import os
import socketserver
import struct
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.cli.bus_listen import described, split
from hal.bus.frames import crc
from hal.register_map import load
from tests.cli.agents import call

METER = load("eastron_sdm630")
VALUES = {"voltage_l1": 230.5, "frequency": 50.0, "power": 1000.0}


class MeterServer(socketserver.ThreadingTCPServer):
    """A Modbus TCP meter as unit 3, and a board's recognition registers as unit 4."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.written: list[tuple[int, int, int]] = []
        super().__init__(("127.0.0.1", 0), MeterHandler)

    def reply(self, unit: int, function: int, address: int, count: int) -> bytes | None:
        """The PDU of the answer; None: nobody is there."""
        if unit not in (3, 4):
            return None
        if function == 6:
            self.written.append((unit, address, count))
            return struct.pack(">BHH", 6, address, count)
        words = self.words(unit)
        if function != 4 or any(one not in words for one in range(address, address + count)):
            return bytes((function | 0x80, 2))
        data = struct.pack(f">{count}H", *(words[one] for one in range(address, address + count)))
        return bytes((function, len(data))) + data

    def words(self, unit: int) -> dict[int, int]:
        if unit == 4:
            return {100: 0x4350, 101: 1}
        found: dict[int, int] = {}
        for name, value in VALUES.items():
            register = METER.reading[name]
            for at, word in enumerate(register.encode(value)):
                found[register.address + at] = word
        return found


class MeterHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, MeterServer)
        while len(asked := self.request.recv(12)) == 12:
            number, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", asked)
            pdu = server.reply(unit, function, address, count)
            if pdu is not None:
                self.request.sendall(struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu)


@pytest.fixture
def meters() -> Iterator[MeterServer]:
    with MeterServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def config(tmp_path: Path, meters: MeterServer) -> Path:
    (tmp_path / "state").mkdir()
    path = tmp_path / "station.toml"
    path.write_text(
        f"""
        [station]
        id = "CP"
        vendor = "v"
        model = "m"
        [paths]
        state_dir = "state"
        run_dir = "run"
        [[bus]]
        name = "lan"
        kind = "modbus-tcp"
        host = "127.0.0.1"
        tcp_port = {meters.server_address[1]}
        timeout_max_s = 0.05
        [[bus]]
        name = "line"
        kind = "modbus-rtu"
        port = "line.tty"
        [[device]]
        name = "board"
        driver = "pilot-board"
        map = "reference_pilot_board"
        bus = "lan"
        unit = 4
        [[device]]
        name = "meter"
        driver = "meter"
        map = "eastron_sdm630"
        bus = "lan"
        unit = 3
        [[evse]]
        id = 1
        board = "board"
        meter = "meter"
        """
    )
    return path


def test_with_the_station_stopped_a_register_is_read_on_the_port(config: Path) -> None:
    result = call(config, "bus", "read", "lan", "meter", "--name", "power")
    assert result.exit_code == 0, result.output
    assert "the station is not running" in result.output
    assert "1000 W" in result.output


def test_what_is_written_on_the_port_is_kept_in_the_audit_log(
    config: Path, meters: MeterServer
) -> None:
    result = call(config, "bus", "write", "lan", "meter", "7", "12", "--yes")
    assert result.exit_code == 0, result.output
    assert meters.written == [(3, 7, 12)]
    [line] = (config.parent / "state/audit.log").read_text().splitlines()
    noted = json.loads(line)
    assert (noted["action"], noted["ok"]) == ("TransactBus", True)
    assert "unit=3 function=6 address=7 values=(12,)" in noted["detail"]
    assert noted["outcome"] == "directly on the port"


def test_a_bus_that_a_safety_program_has_is_left_alone(config: Path, meters: MeterServer) -> None:
    lock = config.parent / "run/control-lan.lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = call(config, "bus", "write", "lan", "meter", "7", "12", "--yes")
    assert result.exit_code == 1
    assert "bus lan belongs to the safety program that runs" in result.output
    assert meters.written == []


def test_a_scan_finds_units_and_says_what_they_are(config: Path) -> None:
    result = call(config, "bus", "scan", "lan", "--units", "2-4", "--json")
    assert result.exit_code == 0, result.output
    meter, board = json.loads(result.output)
    assert (meter["unit"], meter["device"], meter["recognised"]) == (3, "meter", [])
    assert "eastron_sdm630" in meter["like"]
    assert (board["unit"], board["recognised"]) == (4, ["reference_pilot_board"])


@pytest.mark.parametrize("text", ["0-3", "248", "x", "3-1", ""])
def test_a_range_of_units_that_is_none_is_refused(config: Path, text: str) -> None:
    result = call(config, "bus", "scan", "lan", "--units", text)
    assert result.exit_code == 2
    assert f"found `{text}`, expected" in result.output


def test_a_list_without_the_station_shows_what_is_configured(config: Path) -> None:
    result = call(config, "bus", "list")
    assert result.exit_code == 0, result.output
    assert "The station is not running." in result.output
    assert "meter eastron_sdm630" in result.output
    assert "not known" in result.output


def test_frames_on_the_line_are_told_without_sending(config: Path) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    (config.parent / "run").mkdir()
    (config.parent / "run/line.tty").symlink_to(os.ttyname(slave))
    asked = bytes((11, 4, 0, 52, 0, 2))
    answer = bytes((11, 4, 4, 0x44, 0x7A, 0, 0))
    heard = threading.Event()

    def talk() -> None:
        """What was said before the port was opened is not heard: say it until it is over."""
        while not heard.wait(0.05):
            os.write(master, asked + crc(asked) + answer + crc(answer))

    talking = threading.Thread(target=talk)
    talking.start()
    result = call(config, "bus", "monitor", "line", "--for", "0.3")
    heard.set()
    talking.join()
    os.set_blocking(master, False)
    with pytest.raises(BlockingIOError):
        os.read(master, 1)
    os.close(master)
    os.close(slave)
    assert "unit 11 is asked: read input 52+2" in result.output
    assert "unit 11 answers: input [447A 0000]" in result.output


def frame(*body: int) -> bytes:
    return bytes(body) + crc(bytes(body))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (frame(1, 3, 0, 1, 0, 2), "unit 1 is asked: read holding 1+2"),
        (frame(1, 1, 1, 5), "unit 1 answers: coils [05]"),
        (frame(1, 5, 0, 0, 0xFF, 0), "unit 1 is told, or confirms: coil 0 := 65280"),
        (frame(1, 16, 0, 7, 0, 1, 2, 0, 9), "unit 1 is told: holding 7+1 := 00 09"),
        (frame(1, 16, 0, 7, 0, 1), "unit 1 confirms: holding 7+1"),
        (frame(1, 0x84, 2), "unit 1 refuses: exception 2 (illegal data address)"),
        (bytes((1, 3, 0, 1, 0, 2, 9, 9)), "not a frame: 01 03 00 01 00 02 09 09"),
    ],
)
def test_a_frame_is_told_in_words(said: bytes, told: str) -> None:
    assert [described(one) for one in split(said)] == [told]


def test_frames_are_found_between_noise() -> None:
    first, second = frame(1, 3, 0, 1, 0, 2), frame(2, 4, 2, 0, 7)
    assert list(split(b"\xff\x00" + first + second)) == [b"\xff\x00", first, second]
