"""`chargepoint bus list`, `stats`, `monitor` and `scan` while the station runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from chargepoint.cli.bus_survey import changes
from chargepoint.ipc.care import (
    BusAnswer,
    DeviceHealth,
    GetHealth,
    HealthStatus,
    HostHealth,
    LoopHealth,
    TransactBus,
)
from chargepoint.ipc.messages import BusHealth
from chargepoint.ipc.service import Answered, Done, GetStatus, Request
from tests.agent.samples import snapshot
from tests.cli.agents import Agent
from tests.cli.samples import status

HOST = HostHealth(
    model="",
    disk_free_bytes=None,
    disk_size_bytes=None,
    disk_written_bytes=None,
    disk_life_used=None,
    disk_read_only=None,
    memory_free_bytes=None,
    cpu_temperature_c=None,
    under_voltage=None,
    under_voltage_seen=None,
    throttled=None,
    load_1min=None,
    uptime_s=None,
    clock_synchronised=None,
)


def health(timeouts: int = 5, meter: bool = True, down: bool = False) -> HealthStatus:
    return HealthStatus(
        loops=(
            LoopHealth(
                bus="safety", connected=True, ticks=900, tick_p99_s=0.0183, tick_max_s=0.0214
            ),
        ),
        buses=(
            BusHealth(
                bus="safety",
                requests=1000,
                timeouts=timeouts,
                bad_replies=5,
                refused=2,
                down=down,
                latency_p99_s=0.0042,
            ),
        ),
        devices=(
            DeviceHealth(
                device="meter1",
                driver="meter",
                bus="safety",
                answers=meter,
                since_s=3.0,
                detail="" if meter else "no reply",
            ),
        ),
        host=HOST,
        agent_memory_bytes=1,
        loop_late_max_s=0.0,
        inbox_dropped=0,
        store_bytes=1,
        certificates=(),
    )


class Station:
    def __init__(self) -> None:
        self.connected = False
        self.there = {1: (0x4350, 1), 11: ()}

    def answer(self, request: Request) -> Sequence[Answered]:
        match request:
            case GetHealth():
                return (health(),)
            case GetStatus():
                return (status(replace(snapshot(1), connected=self.connected)),)
            case TransactBus(unit=1, function=4, address=100 | 101 as address):
                return (BusAnswer(values=(self.there[1][address - 100],), took_s=0.01),)
            case TransactBus(unit=unit) if unit in self.there:
                return (Done(ok=False, detail="service: read: exception 2 (illegal address)"),)
            case _:
                return (Done(ok=False, detail="service: read input 0+1: no reply"),)


@pytest.fixture
def station() -> Station:
    return Station()


@pytest.fixture
def agent(tmp_path: Path, station: Station) -> Iterator[Agent]:
    with Agent(tmp_path, station.answer) as made:
        yield made


def test_a_list_says_where_buses_are_and_which_devices_answer(agent: Agent) -> None:
    result = agent.call("bus", "list")
    assert result.exit_code == 0, result.output
    assert "safety  modbus-rtu" in result.output
    assert "115200 8N1, safety program" in result.output
    meter = next(line for line in result.output.splitlines() if "meter1" in line)
    assert meter.split() == ["meter1", "unit", "11", "meter", "eastron_sdm630", "answers"]


def test_stats_tell_the_share_of_errors_and_how_late_the_loop_is(agent: Agent) -> None:
    result = agent.call("bus", "stats")
    assert "1000 requests, 5 timeouts, 5 bad replies, 2 refused: 1.00 % errors" in result.output
    assert "latency p99 4.2 ms" in result.output
    assert "900 ticks, p99 18.3 ms, longest 21.4 ms" in result.output
    [found] = json.loads(agent.call("bus", "stats", "safety", "--json").output)
    assert found["error_share"] == 0.01


def test_a_bus_that_is_not_configured_is_refused(agent: Agent) -> None:
    result = agent.call("bus", "stats", "other")
    assert result.exit_code == 2
    assert "no bus `other`; one of safety, rfid" in result.output


def test_a_monitor_begins_with_what_there_is(agent: Agent) -> None:
    result = agent.call("bus", "monitor", "safety", "--for", "0")
    assert result.output.split(None, 1)[1] == "1000 requests so far\n"


def test_a_monitor_tells_errors_and_devices_that_come_and_go() -> None:
    assert list(changes(health(), health(timeouts=8, meter=False, down=True), "safety")) == [
        "3 more timeouts",
        "the port is lost",
        "meter1 silent: no reply",
    ]
    assert list(changes(health(meter=False), health(), "safety")) == ["meter1 answers"]
    assert list(changes(health(), health(), "safety")) == []


def test_units_are_found_by_any_answer_also_a_refusal(agent: Agent) -> None:
    result = agent.call("bus", "scan", "safety", "--units", "1,2,11")
    assert result.exit_code == 0, result.output
    first, second = result.output.splitlines()
    assert first.split() == ["unit", "1", "board1", "reference_pilot_board"]
    assert second.split() == ["unit", "11", "meter1", "not", "recognised"]


def test_a_bus_is_not_scanned_with_a_vehicle_connected_unless_wanted(
    agent: Agent, station: Station
) -> None:
    station.connected = True
    result = agent.call("bus", "scan", "safety", "--units", "1")
    assert result.exit_code == 2
    assert "a vehicle is connected at this bus" in result.output
    assert not any(isinstance(request, TransactBus) for request in agent.asked)
    assert agent.call("bus", "scan", "safety", "--units", "1", "--yes").exit_code == 0


def test_line_settings_cannot_be_tried_while_the_station_has_the_port(agent: Agent) -> None:
    result = agent.call("bus", "scan", "safety", "--baud", "9600")
    assert result.exit_code == 2
    assert "the station runs and owns the port" in result.output
