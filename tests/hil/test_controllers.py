"""Controllers that run the pilot themselves, simulated on their wires, under their own drivers.

Plug-in, charge, pause and unplug over a pty or TCP, judged by the plant's own contact and current.
The simulated boards are written from the makers' documents, apart from the drivers.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chargepoint.config import Config, parse
from hal.bus.modbus import open_modbus_tcp
from hal.bus.serial import open_serial
from hal.errors import DeviceError, NoReply
from hal.interfaces import PilotBoard
from hal.loader import build_board
from hal.values import SAFE_COMMAND, BoardCommand, BoardReading, PilotMode, PilotState
from hil.simulator import Simulator
from hil.stage import changed, example

PERIOD_S = 0.02
"""As often as the safety program asks."""
OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=13.0, duty_ratio=0.2166, closed=True)
RAMP_DOWN = BoardCommand(pilot=PilotMode.STEADY, closed=True)


@dataclass
class Desk:
    """One driver and the plant behind its wire."""

    simulator: Simulator
    board: PilotBoard
    command: BoardCommand = SAFE_COMMAND
    reading: BoardReading | None = None

    def until(self, condition: Callable[[], bool], within_s: float = 30.0) -> None:
        """Go on as the safety program does until it is so."""
        pace, until_s = threading.Event(), time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < until_s, self.reading
            with contextlib.suppress(NoReply):
                self.reading = self.board.read()
                self.board.command(self.command)
            pace.wait(PERIOD_S)

    def shows(self, state: PilotState) -> Callable[[], bool]:
        return lambda: self.reading is not None and self.reading.pilot is state

    @property
    def evse(self) -> dict[str, Any]:
        found: dict[str, Any] = self.simulator.state()["evse"]["1"]
        return found


def quick(simulator: Simulator) -> None:
    """A vehicle without its usual hesitation."""
    vehicle = simulator.plant.evses[1].vehicle
    vehicle.traits = replace(vehicle.traits, s2_delay_s=0.1, off_reaction_s=0.2)


def driver(config: Config, link: Any) -> PilotBoard:
    device = config.device_named("controller")
    return build_board(
        driver=device.driver,
        name=device.name,
        link=link,
        map_name="",
        options=device.options,
        current_max_a=config.evse[0].current_max_a,
        accept_no_watchdog=config.evse[0].accept_no_watchdog,
    )


@contextlib.contextmanager
def desk(name: str, directory: Path, **changes: Any) -> Iterator[Desk]:
    wanted = {"paths.run_dir": str(directory), **changes}
    raw = changed(example(f"{name}.toml"), wanted)
    if raw["bus"][0]["kind"] == "modbus-tcp":
        with socket.create_server(("127.0.0.1", 0)) as probe:
            raw["bus"][0]["tcp_port"] = probe.getsockname()[1]
    config = parse(raw, str(directory / "station.toml"))
    with Simulator(config, http=False) as simulator:
        quick(simulator)
        bus = config.bus[0]
        line: Any
        if bus.kind == "serial":
            line = open_serial("safety", config.port(bus), bus.baud, bus.parity, bus.stop_bits)
            link = line.link("controller")
        else:
            line = open_modbus_tcp("safety", bus.host, bus.tcp_port, 0.5)
            link = line.link("controller", 255)
        board = driver(config, link)
        board.prepare()
        yield Desk(simulator, board)
        line.close()


@pytest.mark.parametrize("name", ["openevse", "bender", "phoenix"])
def test_a_vehicle_is_charged_paused_and_let_go(name: str, tmp_path: Path) -> None:
    with desk(name, tmp_path) as one:
        one.until(one.shows(PilotState.A))
        one.simulator.operator.plug_in(1)
        one.until(one.shows(PilotState.B))
        assert not one.evse["contactor_closed"]
        one.command = OFFER
        one.until(one.shows(PilotState.C))
        one.until(lambda: one.evse["current_a"][0] > 12.9)
        assert one.evse["contactor_closed"]
        assert one.evse["offered_a"] == pytest.approx(13.0)
        one.command = RAMP_DOWN
        one.until(one.shows(PilotState.B))
        one.until(lambda: not one.evse["contactor_closed"])
        assert one.evse["offered_a"] == 0.0
        one.command = OFFER
        one.until(lambda: one.evse["contactor_closed"])
        one.simulator.operator.unplug(1)
        one.until(lambda: not one.evse["contactor_closed"])
        one.until(one.shows(PilotState.A))


# --- OpenEVSE -------------------------------------------------------------------------------------


def charging(one: Desk) -> None:
    one.simulator.operator.plug_in(1)
    one.command = OFFER
    one.until(lambda: bool(one.evse["contactor_closed"]))


def test_an_openevse_told_to_be_safe_opens_at_once(tmp_path: Path) -> None:
    with desk("openevse", tmp_path) as one:
        charging(one)
        one.command = SAFE_COMMAND
        began_s = time.monotonic()
        one.until(lambda: not one.evse["contactor_closed"])
        assert time.monotonic() - began_s < 0.5
        assert one.evse["pilot_mode"] in ("steady", "fault")


def test_a_residual_current_reaches_the_reading_of_an_openevse(tmp_path: Path) -> None:
    with desk("openevse", tmp_path) as one:
        charging(one)
        one.simulator.operator.fault(1, "rcd_tripped", True)
        one.until(lambda: one.reading is not None and one.reading.rcd_tripped is True)
        assert not one.evse["contactor_closed"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("contactor_welded", "contactor_welded"),
        ("pe_lost", "pe_lost"),
        ("over_temperature", "over_temperature"),
    ],
)
def test_faults_that_an_openevse_finds(fault: str, told: str, tmp_path: Path) -> None:
    with desk("openevse", tmp_path) as one:
        one.simulator.operator.plug_in(1)
        one.until(one.shows(PilotState.B))
        one.simulator.operator.fault(1, fault, True)
        one.until(lambda: one.reading is not None and told in one.reading.faults)


def test_a_disturbed_line_of_an_openevse_is_survived(tmp_path: Path) -> None:
    with desk("openevse", tmp_path) as one:
        for fault in ("stutter", "echo"):
            one.simulator.operator.device_fault("controller", fault, True)
            one.until(one.shows(PilotState.A))
            one.reading = None
            one.simulator.operator.device_fault("controller", fault, False)
        one.simulator.operator.device_fault("controller", "silent", True)
        with pytest.raises(DeviceError, match="no answer"):
            [one.board.read() for _ in range(100)]


# --- Bender ---------------------------------------------------------------------------------------


def test_a_bender_locks_its_socket_before_it_closes_and_pauses_when_nobody_speaks(
    tmp_path: Path,
) -> None:
    changes = {"device.0.options": {"timeout_s": 5, "safe_current_a": 0}}
    with desk("bender", tmp_path, **changes) as one:
        charging(one)
        assert one.evse["locked"]
        one.until(lambda: one.reading is not None and one.reading.locked is True)
        with one.simulator.world as now_s:
            board: Any = one.simulator.plant.evses[1].board
            board.hear(now_s - 5.1)
        one.simulator.plant.touch()
        assert board.silent
        assert one.evse["offered_a"] == 0.0
        one.until(lambda: one.evse["offered_a"] == 13.0)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("rcd_tripped", "rcd_tripped"),
        ("connector_not_locked", "connector_not_locked"),
        ("tilted", "tilted"),
        ("breaker_tripped", "breaker_tripped"),
        ("phase_rotation_wrong", "phase_rotation_wrong"),
    ],
)
def test_faults_that_a_bender_finds(fault: str, told: str, tmp_path: Path) -> None:
    with desk("bender", tmp_path) as one:
        one.simulator.operator.fault(1, fault, True)
        one.simulator.operator.plug_in(1)
        one.command = OFFER
        one.until(lambda: one.reading is not None and told in one.reading.faults)
        assert one.evse["current_a"][0] == 0.0


# --- Phoenix --------------------------------------------------------------------------------------


def test_a_phoenix_with_the_extended_firmware_counts_tenths(tmp_path: Path) -> None:
    with desk("phoenix", tmp_path, **{"device.0.options": {"current_unit": "0.1 A"}}) as one:
        one.simulator.operator.plug_in(1)
        one.command = replace(OFFER, current_a=9.5)
        one.until(lambda: one.evse["offered_a"] == pytest.approx(9.5))


def test_a_phoenix_keeps_charging_when_nobody_speaks(tmp_path: Path) -> None:
    with desk("phoenix", tmp_path) as one:
        charging(one)
        with one.simulator.world as now_s:
            one.simulator.plant.advance(now_s + 600.0)
        assert one.evse["contactor_closed"]


@pytest.mark.parametrize(
    ("fault", "told"), [("rcd_tripped", "rcd_tripped"), ("diode_missing", "diode_missing")]
)
def test_faults_that_a_phoenix_finds(fault: str, told: str, tmp_path: Path) -> None:
    with desk("phoenix", tmp_path) as one:
        one.simulator.operator.fault(1, fault, True)
        one.simulator.operator.plug_in(1)
        one.command = OFFER
        one.until(
            lambda: (
                one.reading is not None
                and (told in one.reading.faults or one.reading.rcd_tripped is True)
            )
        )
