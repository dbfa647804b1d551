"""The doctor at real serial lines: planted defects, each found by its cause and alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from chargepoint.config import Config, parse
from chargepoint.doctor import Evidence, gather, judge
from chargepoint.ipc.client import ServiceClient
from chargepoint.ipc.service import GetStatus, StationStatus
from hal.bus.port import open_serial_port
from hil.stage import Stage, changed, example, free_port
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

Faults = set[tuple[str, str]]
PAUSE_S = 0.05


def faults(evidence: Evidence) -> Faults:
    """What has failed: catalogue id and subject."""
    found = judge(evidence)
    return {(f.catalogue[0], f.subject) for f in found if f.level == "fail"}


# --- Before the first start -----------------------------------------------------------------------


class Site:
    """A charger on the wire whose programs were never started."""

    def __init__(self, stage: Stage, raw: dict[str, Any] | None = None) -> None:
        self.stage = stage
        self.raw: dict[str, Any] = raw or changed(
            example(),
            {
                "paths.state_dir": "state",
                "paths.run_dir": "run",
                "csms": None,
                "bus.0.timeout_max_s": 0.06,
            },
        )

    def config(self, **changes: Any) -> Config:
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        return parse(changed(self.raw, dotted), str(self.stage.config_path))

    def faults(self, **changes: Any) -> Faults:
        return faults(gather(self.config(**changes), pause_s=PAUSE_S))

    @contextmanager
    def broken(self, path: str, fault: str) -> Iterator[None]:
        self.stage.post(path, {"fault": fault, "active": True})
        try:
            yield
        finally:
            self.stage.post(path, {"fault": fault, "active": False})


def swapped_map(directory: Path) -> str:
    """The map of an Eastron SDM630, with the words of each value the wrong way round."""
    text = files("hal").joinpath("devices", "eastron_sdm630.toml").read_text("utf-8")
    target = directory / "swapped.toml"
    target.write_text(text.replace("[device]", '[device]\nwords = "little"'), "utf-8")
    return str(target)


def test_defects_of_a_charger_that_was_never_started_are_found_by_their_cause(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        stage.start_simulator()
        site = Site(stage)
        assert site.faults() == set()

        assert site.faults(device__1__unit=7) == {("doctor.device_elsewhere", "board2")}
        assert site.faults(bus__0__port="other.tty") == {("doctor.port_missing", "safety")}
        assert site.faults(bus__0__baud=9600) >= {("doctor.device_refused_by_driver", "")}
        swapped = {"device__2__map": swapped_map(tmp_path)}
        assert site.faults(**swapped) == {("doctor.meter_values_impossible", "meter1")}

        other = open_serial_port(str(stage.config.run_dir / "safety.tty"), 115200, "none", 1)
        assert site.faults() == {("doctor.port_taken", "safety")}
        other.close()

        with site.broken("/device/board1/fault", "silent"):
            assert site.faults() == {("doctor.device_silent", "board1")}
        with site.broken("/evse/1/fault", "board_refused"):
            assert site.faults() == {("doctor.device_wrong", "board1")}
        with site.broken("/device/meter1/fault", "exception"):
            assert site.faults() == {("doctor.device_refuses", "meter1")}
        with site.broken("/device/safety/fault", "silent"):
            assert site.faults() == {("doctor.bus_silent", "safety")}
        with site.broken("/evse/1/fault", "pilot_out_of_range"):
            assert site.faults() == {("doctor.pilot_level_wrong", "EVSE 1")}
        with site.broken("/evse/2/fault", "rcd_tripped"):
            assert site.faults() == {("rcd_tripped", "EVSE 2")}
        with site.broken("/evse/1/fault", "contactor_welded"):
            assert site.faults() == {("contactor_welded", "EVSE 1")}

        stage.config_path.chmod(0o644)
        nobody = {"url": f"ws://127.0.0.1:{free_port()}/"}
        assert site.faults(csms=nobody) == {("doctor.csms_unreachable", "")}
        nobody["password"] = "0123456789abcdef"
        assert site.faults(csms=nobody) == {
            ("doctor.csms_unreachable", ""),
            ("doctor.secret_readable", str(stage.config_path)),
        }


def test_devices_with_a_line_of_their_own_are_asked_too(tmp_path: Path) -> None:
    reader = {"name": "nfc", "kind": "serial", "port": "nfc.tty", "baud": 115200}
    raw = example("openevse.toml")
    raw["bus"].append(reader)
    raw["device"].append({"name": "pn532", "driver": "pn532", "bus": "nfc"})
    raw["evse"][0]["reader"] = "pn532"
    with Stage(tmp_path, raw=raw) as stage:
        stage.start_simulator()
        site = Site(stage, changed(raw, {"paths.state_dir": "state", "paths.run_dir": "run"}))
        evidence = gather(site.config(csms=None), network=False, pause_s=PAUSE_S)
        assert faults(evidence) == set()
        assert {probe.device: probe.trouble for probe in evidence.probes}["pn532"] == ""
        boards = [probe for probe in evidence.probes if probe.board is not None]
        assert len(boards) == 1
        board = f"/device/{boards[0].device}/fault"
        with site.broken("/device/pn532/fault", "silent"), site.broken(board, "silent"):
            silent = site.faults(csms=None)
        assert silent == {
            ("doctor.device_silent", "pn532"),
            ("doctor.device_silent", boards[0].device),
        }


# --- While it runs --------------------------------------------------------------------------------


async def found(world: Scene) -> Faults:
    evidence = await world.do(gather, world.stage.config, pause_s=PAUSE_S)
    return faults(evidence)


async def until_found(world: Scene, wanted: Faults, within_s: float = 60.0) -> None:
    """Look until exactly that is found: the station takes its time to notice."""
    deadline_s = asyncio.get_running_loop().time() + within_s
    while (told := await found(world)) != wanted:
        assert asyncio.get_running_loop().time() < deadline_s, (told, wanted)


async def break_(world: Scene, path: str, fault: str, active: bool = True) -> None:
    await world.do(world.stage.post, path, {"fault": fault, "active": active})


def status_of(world: Scene) -> StationStatus:
    answer = next(iter(ServiceClient(world.stage.config.agent_socket()).ask(GetStatus())))
    assert isinstance(answer, StationStatus)
    return answer


async def test_defects_of_a_running_station_are_found_without_disturbing_a_charge(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, strict=False) as world:
        await world.start()
        await until_found(world, set())
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        transaction = await world.started()
        await world.sampled(transaction)
        await until_found(world, set())

        await break_(world, "/evse/2/fault", "pilot_shorted")
        await break_(world, "/device/meter2/fault", "silent")
        await until_found(world, {("pilot_shorted", "EVSE 2"), ("doctor.device_silent", "meter2")})
        [evse, _] = status_of(world).evses
        assert evse.control is not None
        assert (evse.state, evse.control.hazards) == ("Charging", ())
        assert transaction.stop is None

        await break_(world, "/device/board1/fault", "silent")
        await until_found(
            world,
            {
                ("pilot_shorted", "EVSE 2"),
                ("doctor.device_silent", "meter2"),
                ("doctor.device_silent", "board1"),
            },
        )
