"""The slave's codec against frames printed in the Modbus documents and in manufacturers' ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hil.plant.record import Record
from hil.plant.relay import RelayBank
from hil.wire.memory import ReadOnlyCoils
from hil.wire.modbus import (
    ILLEGAL_ADDRESS,
    Refusal,
    Table,
    crc,
    response,
    rtu_frame,
    rtu_request_length,
    rtu_valid,
)
from hil.wire.relay_unit import RelayUnit


class Memory(ReadOnlyCoils):
    """A unit that holds what the examples of the specification hold."""

    def __init__(self, cells: dict[tuple[Table, int], int]) -> None:
        self.cells = cells
        self.written: list[tuple[Table, int, tuple[int, ...]]] = []

    def hear(self, now_s: float) -> None:
        """Nothing watches here."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        try:
            return [self.cells[table, one] for one in range(address, address + count)]
        except KeyError:
            raise Refusal(ILLEGAL_ADDRESS) from None

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        self.written.append((table, address, tuple(values)))


def bits(text: str) -> list[int]:
    return [int(one) for one in text.replace(" ", "")]


def words(table: Table, address: int, values: Sequence[int]) -> dict[tuple[Table, int], int]:
    return {(table, address + number): value for number, value in enumerate(values)}


# Modbus Application Protocol V1.1b3, examples of clauses 6.1 to 6.12. Bits in the order of the
# addresses; the specification prints them the other way round within each byte.
COILS = words("coil", 0x13, bits("1011 0011 1101 0110 101"))
INPUTS = words("discrete", 0xC4, bits("0011 0101 1101 1011 1010 11"))
HOLDING = words("holding", 0x6B, [0x022B, 0x0000, 0x0064])
INPUT = words("input", 0x08, [0x000A])
# fmt: off
EXAMPLES = [  #  clause, request, response
    ("6.1",  "01 0013 0013",                  "01 03 CD 6B 05"),
    ("6.2",  "02 00C4 0016",                  "02 03 AC DB 35"),
    ("6.3",  "03 006B 0003",                  "03 06 022B 0000 0064"),
    ("6.4",  "04 0008 0001",                  "04 02 000A"),
    ("6.5",  "05 00AC FF00",                  "05 00AC FF00"),
    ("6.6",  "06 0001 0003",                  "06 0001 0003"),
    ("6.11", "0F 0013 000A 02 CD01",          "0F 0013 000A"),
    ("6.12", "10 0001 0002 04 000A 0102",     "10 0001 0002"),
    ("7",    "01 04A1 0001",                  "81 02"),
    ("7",    "2B 0E01 00",                    "AB 01"),
    ("6.3",  "03 006B 0000",                  "83 03"),
    ("6.3",  "03 006B 007E",                  "83 03"),
    ("6.5",  "05 00AC 1234",                  "85 03"),
    ("6.12", "10 0001 0002 03 000A 01",       "90 03"),
]
LENGTHS = [
    ("01",                     None),
    ("01 03",                  8),
    ("01 06 00 01",            8),
    ("01 10 00 01 00 02",      None),
    ("01 10 00 01 00 02 04",   13),
    ("01 2B",                  0),
]
# fmt: on


@pytest.fixture
def memory() -> Memory:
    return Memory(COILS | INPUTS | HOLDING | INPUT)


@pytest.mark.parametrize(("clause", "request_hex", "response_hex"), EXAMPLES)
def test_answers_as_the_specification_prints_it(
    clause: str, request_hex: str, response_hex: str, memory: Memory
) -> None:
    assert response(memory, bytes.fromhex(request_hex), 5.0) == bytes.fromhex(response_hex)


def test_hands_over_what_was_written(memory: Memory) -> None:
    response(memory, bytes.fromhex("0F 0013 000A 02 CD01"), 0.0)
    response(memory, bytes.fromhex("10 0001 0002 04 000A 0102"), 0.0)
    response(memory, bytes.fromhex("05 00AC FF00"), 0.0)
    assert memory.written == [
        ("coil", 0x13, (1, 0, 1, 1, 0, 0, 1, 1, 1, 0)),
        ("holding", 1, (0x000A, 0x0102)),
        ("coil", 0xAC, (1,)),
    ]


def test_crc_of_the_example_in_the_serial_line_document() -> None:
    """Modbus over Serial Line V1.02, appendix B: 02 07 gives 1241, sent low byte first."""
    assert crc(bytes.fromhex("0207")) == 0x1241
    assert rtu_frame(2, b"\x07") == bytes.fromhex("0207 4112")


# Waveshare Modbus RTU Relay, manufacturer's documentation: request and answer are the same bytes
# but for the reading.
# fmt: off
RELAY_FRAMES = [
    ("01 05 00 00 FF 00 8C 3A", "01 05 00 00 FF 00 8C 3A"),
    ("01 05 00 FF 00 00 FD FA", "01 05 00 FF 00 00 FD FA"),
    ("01 05 02 00 00 07 8D B0", "01 05 02 00 00 07 8D B0"),
    ("01 01 00 00 00 08 3D CC", "01 01 01 00 51 88"),
]
# fmt: on


@pytest.mark.parametrize(("asked", "answered"), RELAY_FRAMES)
def test_a_relay_board_answers_the_frames_of_its_manual(asked: str, answered: str) -> None:
    unit = RelayUnit(RelayBank(), record=Record(), device="relays")
    request = bytes.fromhex(asked)
    assert rtu_valid(request)
    assert rtu_frame(1, response(unit, request[1:-2], 0.0)) == bytes.fromhex(answered)


def test_a_flashed_relay_lets_go_after_its_time() -> None:
    bank = RelayBank()
    unit = RelayUnit(bank, record=Record(), device="relays")
    response(unit, bytes.fromhex("05 0200 0007"), 10.0)
    bank.step(10.69)
    assert bank.outputs[0]
    bank.step(10.71)
    assert not bank.outputs[0]


@pytest.mark.parametrize(("head", "length"), LENGTHS)
def test_the_length_of_a_request_follows_from_its_head(head: str, length: int | None) -> None:
    assert rtu_request_length(bytes.fromhex(head)) == length
