"""hal.bus.frames: against vendor-documented frames and against pymodbus as a foreign codec."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, bit_message, register_message

from hal.bus import frames
from hal.bus.frames import Found, Refusal, Request, request, rtu_find, rtu_request

WORDS = st.integers(0, 0xFFFF)
UNITS = st.integers(1, 247)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    function = draw(st.sampled_from(sorted(frames.COUNT_MAX)))
    count = draw(st.integers(1, min(frames.COUNT_MAX[function], 130)))
    address = draw(st.integers(0, 0x10000 - count))
    bit = function in (frames.WRITE_COIL, frames.WRITE_COILS)
    value = st.integers(0, 1) if bit else WORDS
    values = st.lists(value, min_size=count, max_size=count)
    written = () if function in frames.READS else draw(values)
    return request(draw(UNITS), function, address, count, written)


# Waveshare Modbus RTU Relay, examples of the manufacturer's documentation.
# fmt: off
RELAY_EXAMPLES = (
    (request(1, 5, 0x0000, values=(1,)),    "01 05 00 00 FF 00 8C 3A"),
    (request(1, 5, 0x00FF, values=(0,)),    "01 05 00 FF 00 00 FD FA"),
    (request(1, 1, 0x0000, 8),              "01 01 00 00 00 08 3D CC"),
    (request(1, 5, 0x0200, values=(7,)),    "01 05 02 00 00 07 8D B0"),
)
# fmt: on


@pytest.mark.parametrize(("asked", "expected"), RELAY_EXAMPLES)
def test_encodes_the_examples_of_a_relay_board_manual(asked: Request, expected: str) -> None:
    """Including a coil value that is neither on nor off: a pulse of 0.7 s."""
    assert rtu_request(asked).hex(" ").upper() == expected


def test_decodes_the_read_example_of_the_application_protocol() -> None:
    """Modbus Application Protocol V1.1b3, clause 6.3: registers 108 to 110."""
    asked = request(17, 3, 107, 3)
    pdu = bytes.fromhex("03 06 02 2B 00 00 00 64")
    assert frames.reply_values(asked, pdu) == (555, 0, 100)


def test_decodes_the_coil_example_of_the_application_protocol() -> None:
    """Clause 6.1: coils 20 to 38, the least significant bit first."""
    values = frames.reply_values(request(17, 1, 19, 19), bytes.fromhex("01 03 CD 6B 05"))
    assert values == (1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1)


@given(requests())
@settings(max_examples=200, deadline=None)
def test_pymodbus_reads_our_requests_as_we_meant_them(asked: Request) -> None:
    foreign = DecodePDU(is_server=True)
    _, unit, _, pdu = FramerRTU(foreign).decode(rtu_request(asked))
    heard = foreign.decode(pdu)
    assert heard is not None
    assert (unit, heard.function_code, heard.address) == (
        asked.unit,
        asked.function,
        asked.address,
    )
    if asked.function in frames.READS:
        assert heard.count == asked.count
    elif asked.function in (frames.WRITE_COIL, frames.WRITE_COILS):
        assert tuple(map(int, heard.bits[: asked.count])) == asked.values
    else:
        assert tuple(heard.registers) == asked.values


@given(requests(), st.data())
@settings(max_examples=200, deadline=None)
def test_reads_the_replies_that_pymodbus_makes(asked: Request, data: st.DataObject) -> None:
    pdu, expected = _foreign_reply(asked, data)
    frame = FramerRTU(DecodePDU(is_server=True)).encode(pdu, asked.unit, 0)
    assert rtu_find(asked, frame) == Found(expected, len(frame))
    assert rtu_find(asked, frame[:-1]) is None


@given(requests(), st.integers(0, 0xFFFF))
@settings(max_examples=50, deadline=None)
def test_pymodbus_reads_our_tcp_frames(asked: Request, transaction: int) -> None:
    framer = FramerSocket(DecodePDU(is_server=True))
    used, unit, heard, pdu = framer.decode(frames.tcp_request(asked, transaction))
    assert (unit, heard, pdu) == (asked.unit, transaction, frames.request_pdu(asked))
    assert used == 7 + len(pdu)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_the_check_sum_is_the_one_of_pymodbus(data: bytes) -> None:
    assert frames.crc(data) == FramerRTU.compute_CRC(data).to_bytes(2, "big")


def test_finds_the_answer_behind_noise_and_before_junk() -> None:
    asked = request(1, 4, 0, 2)
    good = bytes.fromhex("01 04 04 00 01 00 02")
    good += frames.crc(good)
    assert rtu_find(asked, b"\x00\xff" + good + b"\x55") == Found((1, 2), 2 + len(good))


def test_takes_a_false_start_for_what_it_is() -> None:
    """The head of a reply that stands in the noise does not hide the real one."""
    asked = request(1, 4, 0, 2)
    good = bytes.fromhex("01 04 04 00 01 00 02")
    good += frames.crc(good)
    noise = b"\x01\x04\x04\x99"
    assert rtu_find(asked, noise + good) == Found((1, 2), len(noise + good))


def test_an_exception_frame_inside_an_unfinished_answer_is_data() -> None:
    asked = request(1, 3, 0, 20)
    refusal = b"\x01\x83\x02"
    inside = b"\x01\x03\x28" + refusal + frames.crc(refusal)
    assert rtu_find(asked, inside) is None
    assert rtu_find(asked, inside[3:]) == Found(Refusal(2), 5)


@pytest.mark.parametrize(
    "pdu",
    [
        "03 02 00 01",  # one register instead of two
        "04 04 00 01 00 02",  # another function
        "03 06 00 01 00 02",  # byte count and length differ
        "03 04 00 01 00 02 00",  # one byte too many
        "84 02",  # a refusal of another function
        "03",
        "",
    ],
)
def test_refuses_pdus_that_are_not_the_answer(pdu: str) -> None:
    assert frames.reply_values(request(1, 3, 0, 2), bytes.fromhex(pdu)) is None


@pytest.mark.parametrize(
    "pdu",
    [
        "06 00 05 00 08",  # another value
        "06 00 06 00 07",  # another address
        "10 00 05 00 07",  # another function
    ],
)
def test_refuses_an_echo_of_another_write(pdu: str) -> None:
    assert frames.reply_values(request(1, 6, 5, values=(7,)), bytes.fromhex(pdu)) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 7, 0, 1, ()), "function 7"),
        ((256, 3, 0, 1, ()), "unit 256"),
        ((1, 3, 0, 126, ()), "count 126"),
        ((1, 3, 0, 0, ()), "count 0"),
        ((1, 3, 0xFFFF, 2, ()), "addresses 65535"),
        ((1, 3, -1, 2, ()), "addresses -1"),
        ((1, 6, 0, 1, (65536,)), "values"),
        ((1, 6, 0, 1, ()), "count 0"),
        ((1, 16, 0, 1, (0,) * 124), "count 124"),
        ((1, 3, 0, 1, (5,)), "takes no values"),
    ],
)
def test_refuses_requests_that_modbus_does_not_have(
    arguments: tuple[int, int, int, int, tuple[int, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        request(*arguments)


def test_waits_for_the_rest_of_a_tcp_frame() -> None:
    frame = bytes.fromhex("00 07 00 00 00 05 01 03 02 00 2A")
    received = bytearray(frame[:-1])
    assert frames.tcp_take(received) is None
    received += frame[-1:] + b"\x00"
    assert frames.tcp_take(received) == (7, 1, bytes.fromhex("03 02 00 2A"))
    assert received == b"\x00"


def _foreign_reply(asked: Request, data: st.DataObject) -> tuple[bytes, tuple[int, ...]]:
    """PDU of a reply as pymodbus encodes it, and the values that it carries."""
    function, address, count = asked.function, asked.address, asked.count
    bits = [bool(value) for value in asked.values]
    match function:
        case 1 | 2:
            bits = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
            read = bit_message.ReadCoilsResponse if function == 1 else None
            reply = (read or bit_message.ReadDiscreteInputsResponse)(bits=bits)
            return bytes((function,)) + reply.encode(), tuple(map(int, bits))
        case 3 | 4:
            words = data.draw(st.lists(WORDS, min_size=count, max_size=count))
            kind = (
                register_message.ReadHoldingRegistersResponse
                if function == 3
                else register_message.ReadInputRegistersResponse
            )
            return bytes((function,)) + kind(registers=words).encode(), tuple(words)
        case 5:
            coil = bit_message.WriteSingleCoilResponse(address=address, bits=bits)
            return bytes((function,)) + coil.encode(), asked.values
        case 6:
            word = register_message.WriteSingleRegisterResponse(
                address=address, registers=list(asked.values)
            )
            return bytes((function,)) + word.encode(), asked.values
        case 15:
            coils = bit_message.WriteMultipleCoilsResponse(address=address, count=count)
            return bytes((function,)) + coils.encode(), asked.values
        case _:
            many = register_message.WriteMultipleRegistersResponse(address=address, count=count)
            return bytes((function,)) + many.encode(), asked.values
