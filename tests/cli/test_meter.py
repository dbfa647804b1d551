"""`chargepoint meter`: values with their age, what cannot be true, registers as they are."""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chargepoint.cli.meter import doubts
from chargepoint.ipc.care import BusAnswer, TransactBus
from chargepoint.ipc.service import Answered, Done, GetStatus, Request
from hal.register_map import load
from hal.values import MeterReading
from tests.agent.samples import snapshot
from tests.cli.agents import Agent
from tests.cli.samples import status

GOOD = MeterReading(
    taken_s=0.0,
    energy_import_wh=29_010.0,
    voltage_v=(230.0, 231.0, 229.0),
    current_a=(16.0, 16.0, 16.0),
    power_w=11_000.0,
    power_phase_w=(3_680.0, 3_690.0, 3_660.0),
    frequency_hz=50.01,
    phase_sequence_ok=True,
)
MAP = load("eastron_sdm630")


class Station:
    def __init__(self) -> None:
        self.reading: MeterReading | None = GOOD

    def answer(self, request: Request) -> Sequence[Answered]:
        match request:
            case GetStatus():
                return (status(snapshot(1), snapshot(2), meter=self.reading),)
            case TransactBus(unit=11, function=4, count=count):
                words = struct.unpack(">2H", struct.pack(">f", 231.5)) * 60
                return (BusAnswer(values=words[:count], took_s=0.01),)
            case TransactBus(unit=11):
                return (Done(ok=False, detail="meter1: read: exception 2 (illegal address)"),)
            case _:
                return (Done(ok=False, detail="service: no reply"),)


@pytest.fixture
def station() -> Station:
    return Station()


@pytest.fixture
def agent(tmp_path: Path, station: Station) -> Iterator[Agent]:
    with Agent(tmp_path, station.answer) as made:
        yield made


def now(**changed: object) -> MeterReading:
    return replace(GOOD, taken_s=time.monotonic(), **changed)  # type: ignore[arg-type]


def test_all_values_are_shown_with_age_and_quality(agent: Agent, station: Station) -> None:
    station.reading = now()
    result = agent.call("meter", "1")
    assert result.exit_code == 0, result.output
    assert re.search(r"meter1  EVSE 1  [0-4]\.\d s ago, good", result.output)
    assert "energy import    29.010 kWh" in result.output
    assert "voltage          230.0 / 231.0 / 229.0 V" in result.output
    assert "implausible" not in result.output


def test_a_reading_that_is_old_is_said_to_be(agent: Agent, station: Station) -> None:
    assert "implausible: it is" in agent.call("meter", "meter1").output
    station.reading = None
    assert "no reading" in agent.call("meter", "meter1").output


def test_every_meter_is_shown_unless_one_is_named(agent: Agent) -> None:
    found = json.loads(agent.call("meter", "--json").output)
    assert [(one["evse"], one["device"]) for one in found] == [(1, "meter1"), (2, "meter2")]


def test_the_registers_are_read_by_the_map_and_those_that_are_missing_left_out(
    agent: Agent,
) -> None:
    result = agent.call("meter", "meter1", "--raw", "--json")
    assert result.exit_code == 0, result.output
    [found] = json.loads(result.output)
    names = [register["name"] for register in found["registers"]]
    assert sorted(names) == sorted(MAP.reading), "the serial number is not there"
    voltage = next(r for r in found["registers"] if r["name"] == "voltage_l1")
    assert (voltage["value"], voltage["unit"]) == (231.5, "V")


def test_a_meter_that_does_not_answer_is_told(agent: Agent) -> None:
    result = agent.call("meter", "meter2", "--raw")
    assert result.exit_code == 1
    assert "meter2: service: no reply" in result.output


def test_a_meter_that_is_none_is_refused(agent: Agent) -> None:
    result = agent.call("meter", "board1")
    assert result.exit_code == 2
    assert "no meter of `board1`; meters: meter1, meter2" in result.output


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"voltage_v": (230.0, 12.0, 230.0)}, "L2 has 12 V, expected 184 to 264 V"),
        ({"frequency_hz": 0.0}, "0.0 Hz, expected about 50 or 60 Hz"),
        ({"phase_sequence_ok": False}, "the phases do not follow each other clockwise"),
        ({"power_phase_w": (3680.0, 0.0, 0.0)}, "its phases add up to 3680 W, not to 11000 W"),
        ({"current_a": (1.0, 1.0, 1.0)}, "11000 W are more than volts and amperes allow (690 VA)"),
        ({"power_w": -11_000.0, "power_phase_w": ()}, "-11000 W flow backwards"),
        ({"energy_import_wh": None}, "it gives no energy register"),
    ],
)
def test_what_cannot_be_true_is_named(changed: dict[str, object], expected: str) -> None:
    found = list(doubts(now(**changed), 0.5, 230.0))
    assert any(doubt.startswith(expected) for doubt in found), found


def test_a_good_reading_raises_no_doubt() -> None:
    assert list(doubts(GOOD, 0.5, 230.0)) == []
