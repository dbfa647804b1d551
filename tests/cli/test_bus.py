"""`chargepoint bus read` and `write`: what is sent, what is shown, what is asked before."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chargepoint.ipc.care import BusAnswer, TransactBus
from chargepoint.ipc.service import Answered, Done, Request
from tests.cli.agents import Agent

WRITES = (5, 6, 15, 16)


class Registers:
    """A meter as unit 11 and a board as unit 1 on the bus `safety`."""

    def __init__(self) -> None:
        self.refusal = ""
        self.words = {
            (11, 4, 0): struct.unpack(">6H", struct.pack(">3f", 229.5, 230.25, 231.0)),
            (11, 4, 52): struct.unpack(">2H", struct.pack(">f", 7360.0)),
            (11, 4, 72): struct.unpack(">2H", struct.pack(">f", float("nan"))),
            (1, 4, 0): (0x0003,),
            (1, 3, 0): (0xFFFE, 2),
            (1, 1, 0): (1, 0),
        }

    def answer(self, request: Request) -> Sequence[Answered]:
        if not isinstance(request, TransactBus):
            return (Done(ok=False, detail="not served here"),)
        if self.refusal:
            return (Done(ok=False, detail=self.refusal),)
        if request.function in WRITES:
            return (BusAnswer(values=request.values, took_s=0.01),)
        held = self.words.get((request.unit, request.function, request.address))
        if held is None:
            return (Done(ok=False, detail="service: read input 7+1: no reply"),)
        return (BusAnswer(values=held[: request.count], took_s=0.01),)


@pytest.fixture
def registers() -> Registers:
    return Registers()


@pytest.fixture
def agent(tmp_path: Path, registers: Registers) -> Iterator[Agent]:
    with Agent(tmp_path, registers.answer) as made:
        yield made


def sent(agent: Agent) -> list[TransactBus]:
    return [request for request in agent.asked if isinstance(request, TransactBus)]


def test_values_are_read_in_their_type_and_named_by_the_map_of_the_device(agent: Agent) -> None:
    result = agent.call(
        "bus", "read", "safety", "meter1", "0:2", "--table", "input", "--as", "float"
    )
    assert result.exit_code == 0, result.output
    assert sent(agent) == [TransactBus(bus="safety", unit=11, function=4, address=0, count=4)]
    first, second = result.output.splitlines()
    assert first.split() == ["input", "0", "voltage_l1", "229.5", "[4365", "8000]"]
    assert second.split()[:4] == ["input", "2", "voltage_l2", "230.25"]


def test_a_register_is_read_by_its_name_in_its_unit(agent: Agent) -> None:
    result = agent.call(
        "bus", "read", "safety", "11", "--name", "power", "--name", "energy_import", "--json"
    )
    assert result.exit_code == 0, result.output
    power, energy = json.loads(result.output)
    assert (power["value"], power["unit"], power["address"]) == (7360.0, "W", 52)
    assert energy["value"] is None, "the meter says that it has none"


def test_named_bits_of_a_register_are_shown(agent: Agent) -> None:
    result = agent.call("bus", "read", "safety", "board1", "--name", "status")
    assert "(contactor_closed, contactor_commanded)" in result.output


@pytest.mark.parametrize(
    ("form", "shown"),
    [("u16", "65534"), ("s16", "-2"), ("hex", "0xFFFE"), ("bits", "1111111111111110")],
)
def test_one_register_reads_as_it_is_asked_for(agent: Agent, form: str, shown: str) -> None:
    result = agent.call("bus", "read", "safety", "1", "0", "--as", form)
    assert shown in result.output.split()


def test_words_of_a_long_value_may_come_in_either_order(agent: Agent) -> None:
    big = agent.call("bus", "read", "safety", "1", "0", "--as", "u32")
    little = agent.call("bus", "read", "safety", "1", "0", "--as", "u32", "--words", "little")
    assert str(0xFFFE0002) in big.output
    assert str(0x0002FFFE) in little.output


def test_a_device_that_does_not_answer_is_told_and_exits_with_1(agent: Agent) -> None:
    result = agent.call("bus", "read", "safety", "99", "7", "--table", "input")
    assert result.exit_code == 1
    assert "safety: unit 99: service: read input 7+1: no reply" in result.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nowhere", "1", "0"), "no bus `nowhere`; one of safety, rfid"),
        (("rfid", "1", "0"), "rfid is a serial line; it carries no Modbus requests"),
        (("safety", "nobody", "0"), "found `nobody`, expected a number or a device of safety"),
        (("safety", "0", "0"), "UNIT: found 0, expected 1 to 247"),
        (("safety", "1", "x"), "found `x`, expected ADDRESS or ADDRESS:COUNT"),
        (("safety", "1", "65535:2"), "found `65535:2`, expected addresses from 0 to 65535"),
        (("safety", "1", "0:126"), "found 126 addresses, expected at most 125"),
        (("safety", "1"), "give either an ADDRESS or --name"),
        (("safety", "99", "--name", "power"), "no device of the configuration has a register map"),
        (("safety", "11", "--name", "powr"), "found `powr`, expected one of voltage_l1"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_was_expected(
    agent: Agent, arguments: tuple[str, ...], expected: str
) -> None:
    result = agent.call("bus", "read", *arguments)
    assert result.exit_code == 2
    assert expected in " ".join(result.output.split())
    assert sent(agent) == []


def test_a_write_names_device_and_register_before_it_is_done(agent: Agent) -> None:
    result = agent.call("bus", "write", "safety", "1", "1", "2000", said="y\n")
    assert result.exit_code == 0, result.output
    assert "board1 (pilot-board, safety unit 1): holding 1 (watchdog) := 2000" in result.output
    assert sent(agent) == [
        TransactBus(bus="safety", unit=1, function=6, address=1, count=1, values=(2000,))
    ]


def test_nothing_is_written_when_the_person_says_no(agent: Agent) -> None:
    result = agent.call("bus", "write", "safety", "1", "1", "2000", said="n\n")
    assert result.exit_code == 1
    assert sent(agent) == []


@pytest.mark.parametrize(
    ("arguments", "function", "address", "values"),
    [
        (("0", "--coil", "1"), 5, 0, (1,)),
        (("0", "1", "0", "--coil"), 15, 0, (1, 0)),
        (("10", "1", "2"), 16, 10, (1, 2)),
        (("10", "-1", "--as", "s16"), 6, 10, (0xFFFF,)),
        (("10", "1.5", "--as", "float", "--words", "little"), 16, 10, (0, 0x3FC0)),
        (("--name", "watchdog", "0.5"), 6, 1, (500,)),
        (("--name", "contactor", "1"), 5, 0, (1,)),
    ],
)
def test_values_are_written_with_the_function_that_fits(
    agent: Agent, arguments: tuple[str, ...], function: int, address: int, values: tuple[int, ...]
) -> None:
    result = agent.call("bus", "write", "safety", "1", "--yes", *arguments)
    assert result.exit_code == 0, result.output
    [request] = sent(agent)
    assert (request.function, request.address, request.values) == (function, address, values)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("1",), "give an ADDRESS and at least one VALUE"),
        (("1", "--yesno"), "VALUE: found `--yesno`, expected a u16"),
        (("1", "70000"), "VALUE: found `70000`, expected a u16"),
        (("1", "2", "--coil"), "VALUE: found `2`, expected 0 or 1"),
        (("--name", "status", "1"), "status is an input register, read only"),
        (("--name", "watchdog", "1", "2"), "found 2 values, expected one for watchdog"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anybody_is_asked(
    agent: Agent, arguments: tuple[str, ...], expected: str
) -> None:
    result = agent.call("bus", "write", "safety", "1", "--yes", *arguments)
    assert result.exit_code == 2
    assert expected in " ".join(result.output.split())
    assert sent(agent) == []


def test_a_refusal_of_the_station_is_told_in_its_words(agent: Agent, registers: Registers) -> None:
    registers.refusal = "writing to a board is refused while a vehicle is connected"
    result = agent.call("bus", "write", "safety", "1", "1", "2000", "--yes")
    assert result.exit_code == 1
    assert "writing to a board is refused while a vehicle is connected" in result.output
