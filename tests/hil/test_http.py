"""The simulator's HTTP interface, as the fixed interface says it, over loopback or in process."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chargepoint.config import parse
from hil.build import Built, build
from hil.event_stream import Hub
from hil.history import PowerHistory
from hil.http import application
from hil.operator import Operator
from hil.simulator import Simulator
from hil.stage import changed, example
from tests.hil.asgi import HOST, Client
from tests.hil.plants import Clock


class Rig:
    """The demo station's plant behind its routes; time stands until it is set."""

    def __init__(self, **changes: Any) -> None:
        self.clock = Clock()
        config = parse(changed(example(), changes), "demo.toml")
        self.built: Built = build(config, clock=self.clock)
        self.history = PowerHistory(self.built.world)
        operator = Operator(config, self.built)
        app = application(config, self.built, operator, self.history, Hub(self.built))
        self.client = Client(app)

    def pass_s(self, duration_s: float) -> None:
        self.clock.now_s += duration_s

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/state").json()
        return found

    def evse(self, number: int = 1) -> dict[str, Any]:
        found: dict[str, Any] = self.state()["evse"][str(number)]
        return found

    def post(self, path: str, body: object = None, status: int = 200) -> dict[str, Any]:
        answer = self.client.post(path, json.dumps({} if body is None else body).encode())
        assert answer.status == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_plug_in_is_state_b_at_9_v(rig: Rig) -> None:
    rig.pass_s(2.0)
    assert rig.post("/evse/1/plug_in")["at_s"] == 2.0
    evse = rig.evse()
    assert evse["plugged"] is True
    assert evse["pilot_state"] == "B"
    assert evse["pilot_high_v"] == pytest.approx(8.98, abs=0.01)
    assert evse["cable_a"] == 32


def test_plug_in_takes_no_body_or_a_cable(rig: Rig) -> None:
    assert rig.client.post("/evse/2/plug_in").status == 200
    rig.post("/evse/2/unplug")
    rig.post("/evse/2/plug_in", {"cable_a": 20})
    assert rig.evse(2)["proximity_ohm"] == 680.0


def test_plugging_in_twice_and_unplugging_nothing_change_nothing(rig: Rig) -> None:
    rig.post("/evse/1/unplug")
    rig.post("/evse/1/plug_in")
    rig.post("/evse/1/plug_in")
    types = [event.type for event in rig.built.world.plant.record.after(0)]
    assert types == ["plugged_in", "pilot_changed"]


def test_the_vehicle_does_what_it_is_told(rig: Rig) -> None:
    rig.post("/evse/1/ev", {"request": "pause", "current_a": 10, "phases": 1})
    evse = rig.evse()
    assert (evse["request"], evse["ev_current_max_a"], evse["ev_phases"]) == ("pause", 10.0, 1)
    rig.post("/evse/1/ev", {"request": "ventilation"})
    assert rig.evse()["request"] == "ventilation"
    assert rig.evse()["ev_current_max_a"] == 10.0


def test_a_card_lies_on_the_reader_for_its_time(rig: Rig) -> None:
    rig.post("/rfid/cards/present", {"token": "04A1B2C3", "hold_s": 0.5})
    assert rig.state()["reader"]["cards"]["token"] == "04A1B2C3"
    rig.pass_s(0.6)
    assert rig.state()["reader"]["cards"]["token"] is None


def test_faults_are_set_and_cleared(rig: Rig) -> None:
    rig.post("/evse/1/fault", {"fault": "pilot_shorted", "active": True})
    assert rig.evse()["pilot_state"] == "E"
    assert rig.evse()["faults"] == ["pilot_shorted"]
    rig.post("/evse/1/fault", {"fault": "pilot_shorted", "active": False})
    assert rig.evse()["pilot_state"] == "A"


@pytest.mark.parametrize("fault", ["silent", "crc", "slow", "exception", "frozen", "jump"])
def test_device_faults_of_the_interface_are_all_known(rig: Rig, fault: str) -> None:
    rig.post("/device/meter1/fault", {"fault": fault, "active": True})
    rig.post("/device/meter1/fault", {"fault": fault, "active": False})
    assert rig.state()["device"]["meter1"]["faults"] == []


def test_a_jump_moves_the_register_by_50_kwh(rig: Rig) -> None:
    before = rig.evse()["energy_wh"]
    rig.post("/device/meter1/fault", {"fault": "jump", "active": True})
    assert rig.evse()["energy_wh"] - before == pytest.approx(50_000.0, abs=0.1)


def test_a_board_lost_by_its_hazard_id_is_silent_on_the_wire(rig: Rig) -> None:
    rig.post("/evse/1/fault", {"fault": "board_lost", "active": True})
    assert rig.state()["device"]["board1"]["faults"] == ["silent"]


def test_the_grid_goes_off_and_sags(rig: Rig) -> None:
    rig.post("/grid", {"supply": "off"})
    rig.pass_s(0.1)
    assert rig.evse()["voltage_v"] == [0.0, 0.0, 0.0]
    rig.post("/grid", {"supply": "on", "voltage_v": [230, 180, 231.5]})
    rig.pass_s(0.1)
    assert rig.evse()["voltage_v"] == [230.0, 180.0, 231.5]


def test_every_fault_is_listed_with_the_catalogue_s_words(rig: Rig) -> None:
    found = rig.client.get("/faults").json()
    assert {one["id"] for one in found["evse"]} >= {"rcd_tripped", "over_current", "board_lost"}
    assert all(one["title"] and one["cause"] for one in found["evse"])
    assert "frozen" in found["device"]["meter1"]
    assert "unplugged" in found["device"]["safety"]


# fmt: off
REFUSALS = [  #  path, body, status, where
    ("/evse/9/plug_in",      {},                                     404, "evse"),
    ("/evse/x/plug_in",      {},                                     404, "evse"),
    ("/evse/1/plug_in",      {"cable_a": 16},                        422, "cable_a"),
    ("/evse/1/plug_in",      {"cable": 32},                          422, "body"),
    ("/evse/1/ev",           {"request": "fly"},                     422, "request"),
    ("/evse/1/ev",           {"current_a": "16"},                    422, "current_a"),
    ("/evse/1/ev",           {"current_a": -1},                      422, "current_a"),
    ("/evse/1/ev",           {"phases": 4},                          422, "phases"),
    ("/evse/1/fault",        {"fault": "gremlins", "active": True},  422, "fault"),
    ("/evse/1/fault",        {"active": True},                       422, "body"),
    ("/evse/1/fault",        [1],                                    422, "body"),
    ("/rfid/door/present",   {"token": "04A1B2C3"},                  404, "reader"),
    ("/rfid/cards/present",  {"token": ""},                          422, "token"),
    ("/rfid/cards/present",  {"token": "ä"},                         422, "token"),
    ("/rfid/cards/present",  {"token": "04", "hold_s": 0},           422, "hold_s"),
    ("/device/toaster/fault", {"fault": "silent", "active": True},   404, "device"),
    ("/device/cards/fault",  {"fault": "frozen", "active": True},    422, "fault"),
    ("/grid",                {"supply": "maybe"},                    422, "supply"),
    ("/grid",                {"voltage_v": [230, 230]},              422, "voltage_v"),
    ("/grid",                {"voltage_v": [230, 230, 2300]},        422, "voltage_v"),
    ("/nowhere",             {},                                     404, "path"),
    ("/state",               {},                                     405, "/state"),
]
# fmt: on


@pytest.mark.parametrize(("path", "body", "status", "where"), REFUSALS)
def test_a_refusal_says_what_where_found_and_expected(
    rig: Rig, path: str, body: object, status: int, where: str
) -> None:
    before = rig.built.world.plant.record.last_id
    error = rig.post(path, body, status)["error"]
    assert error["where"] == where
    assert error["what"]
    assert error["expected"]
    assert "found" in error
    assert rig.built.world.plant.record.last_id == before


def test_an_unknown_fault_is_answered_with_the_known_ones(rig: Rig) -> None:
    error = rig.post("/evse/1/fault", {"fault": "gremlins"}, 422)["error"]
    assert "pilot_shorted" in error["expected"]
    assert error["found"] == "gremlins"


def test_what_is_no_json_is_a_bad_request(rig: Rig) -> None:
    answer = rig.client.post("/evse/1/ev", b"{oops")
    assert answer.status == 400


def test_a_body_without_end_is_refused(rig: Rig) -> None:
    assert rig.client.post("/evse/1/ev", b" " * 100_000).status == 422


def test_a_page_of_another_site_cannot_drive_the_plant(rig: Rig) -> None:
    foreign = {"Origin": "http://elsewhere.example"}
    assert rig.client.post("/evse/1/plug_in", headers=foreign).status == 422
    own = {"Origin": f"http://{HOST}"}
    assert rig.client.post("/evse/1/plug_in", headers=own).status == 200


@pytest.mark.parametrize("name", ["/", "/page.css", "/page.js"])
def test_the_page_comes_from_this_server_alone(rig: Rig, name: str) -> None:
    answer = rig.client.get(name)
    assert answer.status == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_the_history_holds_three_minutes_of_power(rig: Rig) -> None:
    for _ in range(400):
        rig.pass_s(0.5)
        with rig.built.world:
            rig.history.sample()
    points = rig.client.get("/history").json()["1"]
    assert len(points) == 360
    assert points[-1] == [200.0, 0.0]


@pytest.mark.parametrize(
    ("options", "token", "status"),
    [
        ({"format": "em4100"}, "3C00CE754C", 200),
        ({"format": "em4100"}, "04A1B2C3", 422),
        ({}, "anything goes", 200),
    ],
)
def test_a_reader_takes_only_what_it_could_read(
    options: dict[str, str], token: str, status: int
) -> None:
    rig = Rig(**{"device.4.options": options})
    rig.post("/rfid/cards/present", {"token": token}, status)


def test_a_pn532_takes_hexadecimal_uids_of_4_7_or_10_bytes() -> None:
    rig = Rig(**{"device.4.driver": "pn532"})
    rig.post("/rfid/cards/present", {"token": "04A1B2C3D4E5F6"})
    rig.post("/rfid/cards/present", {"token": "04A1B2"}, 422)
    rig.post("/rfid/cards/present", {"token": "04A1B2CX"}, 422)


# --- Over a real socket ---------------------------------------------------------------------------


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    wanted = {"paths.run_dir": str(tmp_path), "simulator.http": "127.0.0.1:0"}
    config = parse(changed(example(), wanted), str(tmp_path / "station.toml"))
    with Simulator(config) as running:
        yield running


class Stream:
    """A reader of `GET /events`."""

    def __init__(self, simulator: Simulator, last_event_id: int | None = None) -> None:
        host, _, port = simulator.http_url.removeprefix("http://").partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=5.0)
        headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        self._connection.request("GET", "/events", headers=headers)
        self.answer = self._connection.getresponse()
        if self.answer.status == 200:
            assert self.answer.readline() == b"retry: 1000\n"

    def next(self) -> dict[str, Any]:
        for line in self.answer:
            if line.startswith(b"data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found
        raise EOFError

    def close(self) -> None:
        self._connection.close()


def test_changes_arrive_as_events_with_their_instant(simulator: Simulator) -> None:
    stream = Stream(simulator)
    at_s = simulator.operator.plug_in(1)
    first = stream.next()
    assert (first["type"], first["evse"], first["at_s"]) == ("plugged_in", 1, at_s)
    assert stream.next()["type"] == "pilot_changed"
    stream.close()


def test_a_stream_goes_on_after_the_last_event_that_was_seen(simulator: Simulator) -> None:
    simulator.operator.plug_in(1)
    simulator.operator.unplug(1)
    stream = Stream(simulator, last_event_id=2)
    assert [stream.next()["id"], stream.next()["id"]] == [3, 4]
    simulator.operator.plug_in(2)
    assert stream.next()["evse"] == 2
    stream.close()


def test_the_number_of_streams_is_bounded(simulator: Simulator) -> None:
    streams = [Stream(simulator) for _ in range(16)]
    refused = Stream(simulator)
    assert refused.answer.status == 503
    for stream in streams:
        stream.close()


def test_stopping_ends_the_streams(simulator: Simulator) -> None:
    stream = Stream(simulator)
    simulator.stop()
    with pytest.raises((EOFError, http.client.IncompleteRead, ConnectionError)):
        stream.next()


def test_a_held_temperature_is_shown_until_it_is_let_go(rig: Rig) -> None:
    rig.post("/evse/1/temperature", {"celsius": 66})
    assert rig.evse()["temperature_c"] == 66.0
    assert rig.evse()["temperature_held"] is True
    rig.post("/evse/1/temperature", {"celsius": None})
    assert rig.evse()["temperature_c"] == 22.0
    error = rig.post("/evse/1/temperature", {"celsius": 400}, status=422)["error"]
    assert error["expected"] == "-40 to 150, or null"


def test_frequency_and_rotation_of_the_grid(rig: Rig) -> None:
    rig.post("/grid", {"frequency_hz": 47.1, "rotation": "anticlockwise"})
    grid = rig.state()["grid"]
    assert (grid["frequency_hz"], grid["rotation"]) == (47.1, "anticlockwise")
    assert rig.built.meters["meter1"].values.frequency_hz == 47.1
    assert rig.post("/grid", {"rotation": "left"}, status=422)["error"]["where"] == "rotation"
    assert rig.post("/grid", {"frequency_hz": 5}, status=422)["error"]["where"] == "frequency_hz"


def test_noise_and_silences_take_their_measure(rig: Rig) -> None:
    rig.post("/device/board1/fault", {"fault": "noise", "ratio": 0.05})
    rig.post("/device/safety/fault", {"fault": "silences", "silent_s": 2, "every_s": 30})
    assert rig.built.troubles["board1"].noise_ratio == 0.05
    bus = rig.built.troubles["safety"]
    assert (bus.silence_s, bus.silence_every_s) == (2.0, 30.0)
    error = rig.post("/device/board1/fault", {"fault": "noise", "ratio": 5}, status=422)["error"]
    assert (error["where"], error["expected"]) == ("ratio", "above 0, to 1")
    rig.post("/device/board1/fault", {"fault": "noise"})
    assert rig.built.troubles["board1"].noise_ratio is None


def test_every_fault_of_a_wire_has_its_heading_on_the_page(rig: Rig) -> None:
    answer = rig.client.get("/faults").json()
    headed = [one for group in answer["wire_groups"].values() for one in group]
    assert sorted(headed) == sorted(answer["words"])
    offered = {one for ids in answer["device"].values() for one in ids}
    assert offered <= set(headed)
