"""What is looked at, and how: ports and their traps, devices, files, units, the way to the CSMS."""

from __future__ import annotations

import os
import socket
import sqlite3
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.config import Bus, Config, parse
from chargepoint.doctor import gather
from chargepoint.doctor.evidence import Way
from chargepoint.doctor.gathering import (
    certificates,
    drivers,
    files,
    ports,
    probing,
    services,
    ways,
)
from chargepoint.doctor.gathering.links import ReadingLink
from hal.errors import BadReply, DeviceError, DeviceRefused, NoReply
from tests.agent import authorities
from tests.doctor.samples import RAW, wrongs


def config(**raw: Any) -> Config:
    return parse({**RAW, **raw}, "")


def bus(**changes: Any) -> Bus:
    raw: dict[str, Any] = {"name": "safety", "kind": "modbus-rtu", "port": "x", **changes}
    return config(bus=[raw, *RAW["bus"][1:]]).bus[0]


def tree(root: Path, texts: Mapping[str, str]) -> Path:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


# --- Ports ----------------------------------------------------------------------------------------


@contextmanager
def pty(directory: Path) -> Iterator[str]:
    master, slave = os.openpty()
    link = directory / "line.tty"
    link.symlink_to(os.ttyname(slave))
    try:
        yield str(link)
    finally:
        link.unlink()
        os.close(master)
        os.close(slave)


def test_a_port_that_is_there_and_free_is_told_with_its_owner(tmp_path: Path) -> None:
    with pty(tmp_path) as path:
        found = ports.look(config(), bus(port=path), tmp_path, try_open=True)
    assert (found.exists, found.usable, found.pty, found.problem) == (True, True, True, "")
    assert found.owner.count(":") == 1
    assert ports.free(found)


def test_a_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = ports.look(config(), bus(port=str(tmp_path / "no")), tmp_path, try_open=True)
    assert not found.exists
    assert not ports.free(found)


def test_a_port_that_another_program_has_is_told(tmp_path: Path) -> None:
    from hal.bus.port import open_serial_port

    with pty(tmp_path) as path:
        other = open_serial_port(path, 9600, "none", 1)
        found = ports.look(config(), bus(port=path), tmp_path, try_open=True)
        other.close()
    assert found.holders == ("another program",)
    assert not ports.free(found)


def test_the_traps_of_a_serial_port_are_read_from_the_kernel(tmp_path: Path) -> None:
    """On a tree like that of a Raspberry Pi; the port itself is a file."""
    port = tmp_path / "dev" / "ttyS0"
    tree(
        tmp_path,
        {
            "dev/ttyS0": "",
            "sys/class/tty/ttyS0/device/latency_timer": "16\n",
            "sys/bus/drivers/bcm2835-aux-uart/x": "",
            "proc/cmdline": "root=/dev/mmcblk0p2 console=ttyS0,115200 quiet",
            "proc/77/comm": "minicom\n",
            "proc/77/cmdline": "minicom\0-D\0/dev/ttyS0\0",
        },
    )
    (tmp_path / "sys/class/tty/ttyS0/device/driver").symlink_to(
        tmp_path / "sys/bus/drivers/bcm2835-aux-uart"
    )
    (tmp_path / "proc/77/fd").mkdir()
    (tmp_path / "proc/77/fd/3").symlink_to(port)
    found = ports.look(config(), bus(port=str(port)), tmp_path, try_open=False)
    assert (found.driver, found.mini_uart) == ("bcm2835-aux-uart", True)
    assert found.latency_ms == 16
    assert found.console == "kernel command line: console=ttyS0,115200"
    assert found.holders == ("minicom (77)",)


def test_a_login_on_the_port_is_told(tmp_path: Path) -> None:
    command = "/sbin/agetty\0-o\0-p\0--keep-baud\0" + "115200\0ttyAMA0\0vt220\0"
    port = tmp_path / "dev" / "ttyAMA0"
    tree(tmp_path, {"dev/ttyAMA0": "", "proc/12/cmdline": command, "proc/12/comm": "agetty"})
    found = ports.look(config(), bus(port=str(port)), tmp_path, try_open=False)
    assert found.console.startswith("/sbin/agetty")
    assert not found.mini_uart


@pytest.mark.parametrize(("rule", "told"), [("", True), ("E:ID_MM_DEVICE_IGNORE=1\n", False)])
def test_modem_manager_is_told_unless_it_ignores_the_port(
    tmp_path: Path, rule: str, told: bool
) -> None:
    port = tree(tmp_path, {"dev/ttyUSB0": "", "proc/5/comm": "ModemManager\n"}) / "dev/ttyUSB0"
    number = os.stat(port).st_rdev
    about = f"run/udev/data/c{os.major(number)}:{os.minor(number)}"
    tree(tmp_path, {about: f"E:ID_BUS=usb\n{rule}"})
    found = ports.look(config(), bus(port=str(port)), tmp_path, try_open=False)
    assert found.modem_manager is told


def test_a_network_path_that_refuses_is_told(tmp_path: Path) -> None:
    refused = bus(kind="modbus-tcp", host="127.0.0.1", tcp_port=_free_port())
    assert "refused" in ports.look(config(), refused, tmp_path, try_open=True).problem


# --- Devices --------------------------------------------------------------------------------------


class Line:
    """A bus on which one unit answers every read with zeros, at one speed."""

    def __init__(self, answering: Mapping[int, DeviceError | None], opened: Bus) -> None:
        self.answering = answering
        self.bus = opened
        self.asked: list[tuple[int, int]] = []

    def transact(self, unit: int, function: int, address: int, count: int = 1) -> tuple[int, ...]:
        self.asked.append((unit, function))
        if unit not in self.answering:
            raise NoReply("x", "read", "no reply")
        error = self.answering[unit]
        if error is not None:
            raise error
        if address == 100:
            return (0x4350, 1, 0x0102, 0, 16)[:count]
        if address == 0 and count == 8:
            return (0, 12_000, 12_000, 10_000, 0, 250, 1, 0)
        return (0,) * count

    def close(self) -> None:
        self.asked.append((0, 0))


def lines(
    answering: Mapping[int, DeviceError | None], baud: int = 115200
) -> tuple[list[Line], probing.Opener]:
    opened: list[Line] = []

    def opener(config: Config, bus: Bus) -> Line:
        line = Line(answering if bus.baud == baud and bus.parity == "none" else {}, bus)
        opened.append(line)
        return line

    return opened, opener


def probed(answering: Mapping[int, DeviceError | None], baud: int = 115200) -> dict[str, Any]:
    opened, opener = lines(answering, baud)
    found = probing.probes(config(), {"safety"}, 0.0, opener)
    for line in opened:
        assert line.asked[-1] == (0, 0), "a bus that is left must be closed"
        assert {function for _, function in line.asked} <= {0, 1, 2, 3, 4}, "only reads go out"
    return {probe.device: probe for probe in found}


def test_a_board_is_asked_who_it_is_and_what_it_sees() -> None:
    board = probed({1: None, 2: None})["board"]
    assert (board.trouble, board.identity.firmware) == ("", "1.2")
    assert board.board is not None
    assert board.board.pilot.high_v == 12.0


def test_a_device_at_another_address_is_found_there() -> None:
    found = probed({1: None, 5: None})
    assert (found["meter"].trouble, found["meter"].elsewhere) == ("silent", "unit 5")
    assert found["board"].trouble == ""


def test_a_silent_bus_is_tried_at_other_speeds() -> None:
    found = probed({1: None, 2: None}, baud=9600)
    assert {probe.elsewhere for probe in found.values()} == {"9600 baud, parity none"}


def test_a_bus_on_which_nothing_ever_answers_is_silent() -> None:
    found = probed({})
    assert {(probe.trouble, probe.elsewhere) for probe in found.values()} == {("silent", "")}


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (BadReply("x", "identify", "magic is 1"), "wrong"),
        (DeviceRefused("x", "read", "exception 2", 2), "refused"),
        (NoReply("x", "read", "no reply"), "silent"),
    ],
)
def test_how_a_device_fails_is_told_apart(error: DeviceError, trouble: str) -> None:
    found = probed({1: error, 2: None})["board"]
    assert found.trouble == trouble
    assert error.detail in found.detail


def test_the_doctor_never_writes() -> None:
    sent: list[int] = []

    def read(unit: int, function: int, address: int, count: int) -> tuple[int, ...]:
        sent.append(function)
        return (0,) * count

    link = ReadingLink("board", 1, read)
    with pytest.raises(DeviceRefused, match="only reads"):
        link.write_coil(0, True)
    with pytest.raises(DeviceRefused, match="only reads"):
        link.write_register(0, 1)
    with pytest.raises(DeviceRefused, match="only reads"):
        link.write_registers(0, (1,))
    assert sent == []


def test_what_a_driver_does_not_take_is_told() -> None:
    slow = [{**RAW["bus"][0], "baud": 9600}, *RAW["bus"][1:]]
    [refusal] = drivers.refusals(config(bus=slow))
    assert "19200" in refusal
    assert drivers.refusals(config()) == ()


# --- Files, units ---------------------------------------------------------------------------------


def station(tmp_path: Path, **raw: Any) -> Config:
    path = tmp_path / "station.toml"
    path.write_text("", "utf-8")
    paths = {"state_dir": str(tmp_path / "state"), "run_dir": str(tmp_path / "run")}
    return parse({**RAW, "paths": paths, **raw}, str(path))


def test_the_mode_of_each_file_of_ours_is_told(tmp_path: Path) -> None:
    found = station(tmp_path)
    (tmp_path / "state").mkdir(mode=0o750)
    key = tmp_path / "state" / "station_key.pem"
    key.write_text("x", "ascii")
    key.chmod(0o640)
    (tmp_path / "station.toml").chmod(0o644)
    told = {file.use: file for file in files.look(found)}
    assert (told["configuration"].mode, told["configuration"].secret) == (0o644, True)
    assert (told["state"].mode, told["state"].exists) == (0o750, True)
    assert not told["run"].exists
    assert (told["key"].mode, told["key"].secret) == (0o640, True)


def test_a_file_without_passwords_holds_no_secret(tmp_path: Path) -> None:
    assert not files.has_secret(station(tmp_path, csms={"url": "ws://csms.example/"}))
    assert files.has_secret(station(tmp_path))


def test_a_whole_ledger_and_a_damaged_one_are_told_apart(tmp_path: Path) -> None:
    found = station(tmp_path)
    assert files.store_problem(found) is None
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "ledger.sqlite"
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("CREATE TABLE t (a INTEGER, b TEXT)")
        store.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 100) for n in range(500)])
    store.close()
    assert files.store_problem(found) == ""
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)
    assert files.store_problem(found)


def test_units_are_told_as_systemd_shows_them(tmp_path: Path) -> None:
    shown = {
        "chargepoint-control@safety.service": (
            "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nResult=success\n"
            "NRestarts=3\nWatchdogUSec=3s\n"
        ),
        "chargepoint-agent.service": "LoadState=loaded\nActiveState=failed\nResult=exit-code\n",
        "chargepoint-web.service": "LoadState=not-found\nActiveState=inactive\n",
    }
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    told = services.look(config(), tmp_path, lambda command: shown[command[2]])
    assert told is not None
    control, agent, web = told
    assert (control.active, control.restarts, control.watchdog) == ("active", 3, True)
    assert (agent.active, agent.result, agent.watchdog) == ("failed", "exit-code", False)
    assert not web.installed


def test_without_systemd_no_unit_is_looked_for(tmp_path: Path) -> None:
    assert services.look(config(), tmp_path) is None


# --- The way to the CSMS --------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def way(url: str, **csms: Any) -> Way:
    [found] = ways.look(config(csms={"url": url, **csms}))
    return found


def test_a_port_at_which_nobody_listens_is_told() -> None:
    assert "refused" in way(f"ws://127.0.0.1:{_free_port()}/ocpp").tcp_problem


def test_a_name_that_cannot_be_resolved_is_told() -> None:
    """Longer than a label of a name may be: no name server is asked."""
    found = way(f"ws://{'x' * 64}/ocpp")
    assert found.dns_problem
    assert found.addresses == ()


@contextmanager
def tls_server(tmp_path: Path, root: authorities.Party, host: str) -> Iterator[int]:
    chain, key = authorities.server(root, host).files(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
                with connection, context.wrap_socket(connection, server_side=True):
                    pass
            except OSError:
                return  # a client that does not trust us leaves

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    ("host", "trusted", "problem"),
    [
        ("127.0.0.1", True, ""),
        ("127.0.0.1", False, "certificate"),
        ("csms.example", True, "mismatch"),
    ],
)
def test_the_certificate_of_the_csms_is_judged(
    tmp_path: Path, host: str, trusted: bool, problem: str
) -> None:
    root, other = authorities.authority(), authorities.authority("Other")
    ca_file, _ = (root if trusted else other).files(tmp_path, "root")
    with tls_server(tmp_path, root, host) as port:
        found = way(f"wss://127.0.0.1:{port}/ocpp", ca_file=ca_file)
    assert (problem in found.tls_problem) if problem else (found.tls_problem == "")
    assert found.tls


def test_behind_a_proxy_the_way_is_not_tried() -> None:
    behind = {"url": "ws://csms.example/", "proxy": "http://proxy.example:3128"}
    assert ways.look(config(csms=behind)) == ()


# --- Certificates of files ------------------------------------------------------------------------


def test_certificates_of_files_are_told_with_the_days_that_are_left(tmp_path: Path) -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    path, _ = authorities.authority(ends=end).files(tmp_path, "root")
    found = config(csms={"url": "wss://csms.example/", "ca_file": path})
    [told] = certificates.look(found, end - timedelta(days=12))
    assert (told.use, told.expires_at, told.days_left) == ("csms_root", "2027-01-01T00:00:00Z", 12)
    [untold] = certificates.look(found, datetime(1970, 1, 2, tzinfo=UTC))
    assert untold.days_left is None


def test_a_file_that_is_no_certificate_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("nonsense", "ascii")
    for name in ("root.pem", "missing.pem"):
        found = config(csms={"url": "wss://csms.example/", "ca_file": str(tmp_path / name)})
        assert certificates.look(found, datetime.now(UTC)) == ()


# --- The whole ------------------------------------------------------------------------------------


def test_a_station_that_was_never_started_is_looked_at_without_raising(tmp_path: Path) -> None:
    missing = [{**one, "port": "no.tty"} for one in RAW["bus"][:2]]
    found = station(tmp_path, bus=missing, device=RAW["device"][:3])
    (tmp_path / "station.toml").chmod(0o640)
    told = gather(found, root=tree(tmp_path / "root", {}), network=False, pause_s=0.0)
    assert not told.running
    fails = [problem for level, problem, _ in wrongs(told) if level == "fail"]
    assert fails == ["doctor.port_missing", "doctor.port_missing"]
