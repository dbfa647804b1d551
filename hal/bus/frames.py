"""Modbus requests and replies as bytes: PDU, RTU frame (CRC-16) and TCP frame (MBAP).

Implements the Modbus Application Protocol V1.1b3, clause 6 (functions 1 to 6, 15, 16), and Modbus
over Serial Line V1.02. A reply counts only if it can be nothing but the answer: unit, function and
length match, the CRC is right, and a write is confirmed by the same address and value or count.

Why not pymodbus's framers: `FramerRTU.decode` returns the first frame that parses, whatever was
asked, and throws away the whole buffer when noise stands in front or a CRC is wrong. Here the
expected reply is known before the request is sent, so finding it at any offset is a search for its
first three bytes and one check sum. The tests hold both codecs against each other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

READ_COILS = 1
READ_DISCRETE_INPUTS = 2
READ_HOLDING_REGISTERS = 3
READ_INPUT_REGISTERS = 4
WRITE_COIL = 5
WRITE_REGISTER = 6
WRITE_COILS = 15
WRITE_REGISTERS = 16

BIT_READS = frozenset({READ_COILS, READ_DISCRETE_INPUTS})
WORD_READS = frozenset({READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS})
READS = BIT_READS | WORD_READS
SINGLE_WRITES = frozenset({WRITE_COIL, WRITE_REGISTER})
"""Their reply is the request itself, byte for byte."""

# fmt: off
COUNT_MAX = {                        # Application Protocol V1.1b3, clauses 6.1 to 6.12
    READ_COILS:             2000,
    READ_DISCRETE_INPUTS:   2000,
    READ_HOLDING_REGISTERS: 125,
    READ_INPUT_REGISTERS:   125,
    WRITE_COIL:             1,
    WRITE_REGISTER:         1,
    WRITE_COILS:            1968,
    WRITE_REGISTERS:        123,
}
NAMES = {
    READ_COILS:             "read coils",
    READ_DISCRETE_INPUTS:   "read discrete inputs",
    READ_HOLDING_REGISTERS: "read holding",
    READ_INPUT_REGISTERS:   "read input",
    WRITE_COIL:             "write coil",
    WRITE_REGISTER:         "write register",
    WRITE_COILS:            "write coils",
    WRITE_REGISTERS:        "write registers",
}
REFUSALS = {                         # clause 7, exception codes
    1:  "illegal function",
    2:  "illegal data address",
    3:  "illegal data value",
    4:  "device failure",
    5:  "acknowledge",
    6:  "device busy",
    8:  "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not respond",
}
# fmt: on

COIL_ON = 0xFF00
EXCEPTION_FLAG = 0x80
MBAP = struct.Struct(">HHHB")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one unit; build it with `request`, which checks it."""

    unit: int
    function: int
    address: int
    count: int
    values: tuple[int, ...] = ()

    def __str__(self) -> str:
        name = NAMES[self.function]
        if self.function in SINGLE_WRITES:
            return f"{name} {self.address}={self.values[0]}"
        return f"{name} {self.address}+{self.count}"


def request(
    unit: int, function: int, address: int, count: int = 1, values: Sequence[int] = ()
) -> Request:
    """A checked request. Raises ValueError when Modbus has no such request.

    `values` belong to writes and set their count. A coil is 0 or 1; function 5 takes any other
    16-bit value as it is (relay boards use it for timed pulses).
    """
    if function not in COUNT_MAX:
        raise ValueError(f"function {function}: expected one of {sorted(COUNT_MAX)}")
    if not 0 <= unit <= 255:
        raise ValueError(f"unit {unit}: expected 0 to 255")
    if function in READS:
        if values:
            raise ValueError(f"{NAMES[function]}: takes no values")
    else:
        count = len(values)
    if not 1 <= count <= COUNT_MAX[function]:
        raise ValueError(f"{NAMES[function]}: count {count}: expected 1 to {COUNT_MAX[function]}")
    if address < 0 or address + count > 0x10000:
        raise ValueError(f"{NAMES[function]}: addresses {address}+{count}: expected 0 to 65535")
    if any(not 0 <= value <= 0xFFFF for value in values):
        raise ValueError(f"{NAMES[function]}: values {tuple(values)}: expected 0 to 65535")
    return Request(unit, function, address, count, tuple(values))


@dataclass(frozen=True, slots=True)
class Refusal:
    """The device answered with this exception code."""

    code: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The values of an intact answer, or the device's refusal, and when it was complete."""

    values: tuple[int, ...] | Refusal
    taken_s: float


@dataclass(frozen=True, slots=True)
class Silence:
    """No intact answer before the deadline; what was received instead."""

    received: bytes


@lru_cache(maxsize=1024)
def request_pdu(asked: Request) -> bytes:
    """The protocol data unit that asks for `asked`."""
    head = struct.pack(">BH", asked.function, asked.address)
    if asked.function in READS:
        return head + struct.pack(">H", asked.count)
    if asked.function == WRITE_COIL:
        value = COIL_ON if asked.values[0] == 1 else asked.values[0]
        return head + struct.pack(">H", value)
    if asked.function == WRITE_REGISTER:
        return head + struct.pack(">H", asked.values[0])
    if asked.function == WRITE_COILS:
        data = _packed_bits(asked.values)
    else:
        data = struct.pack(f">{asked.count}H", *asked.values)
    return head + struct.pack(">HB", asked.count, len(data)) + data


def reply_size(asked: Request) -> int:
    """Bytes of the PDU of a good reply."""
    return 2 + _data_size(asked) if asked.function in READS else 5


def reply_values(asked: Request, pdu: bytes) -> tuple[int, ...] | Refusal | None:
    """What `pdu` answers to `asked`: values read, or values written; None: not its answer.

    Bits come as 0 and 1, registers as 0 to 65535.
    """
    if len(pdu) == 2 and pdu[0] == asked.function | EXCEPTION_FLAG:
        return Refusal(pdu[1])
    if len(pdu) != reply_size(asked) or pdu[0] != asked.function:
        return None
    if asked.function not in READS:
        return asked.values if pdu == request_pdu(asked)[:5] else None
    if pdu[1] != len(pdu) - 2:
        return None
    if asked.function in WORD_READS:
        return struct.unpack_from(f">{asked.count}H", pdu, 2)
    return tuple(pdu[2 + bit // 8] >> bit % 8 & 1 for bit in range(asked.count))


# --- RTU ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def rtu_request(asked: Request) -> bytes:
    """The RTU frame that asks for `asked`."""
    body = bytes((asked.unit,)) + request_pdu(asked)
    return body + crc(body)


def rtu_reply_size(asked: Request) -> int:
    """Bytes of the RTU frame of a good reply."""
    return reply_size(asked) + 3


@dataclass(frozen=True, slots=True)
class Found:
    """The answer, and where its frame ends in the bytes that were searched."""

    answer: tuple[int, ...] | Refusal
    end: int


def rtu_find(asked: Request, received: bytes | bytearray, start: int = 0) -> Found | None:
    """The first intact answer to `asked` at or after `start`, whatever stands around it.

    An exception frame inside an answer that is still arriving is not taken for one.
    """
    head, size = _rtu_expected(asked)
    at = _find_intact(received, head, size, start)
    if at >= 0:
        values = reply_values(asked, bytes(received[at + 1 : at + size - 2]))
        if values is not None:
            return Found(values, at + size)
    refused = _find_intact(received, _refusal_head(asked), 5, start)
    if refused < 0:
        return None
    begun = received.find(head, start)
    if 0 <= begun < refused and begun + size > len(received):
        return None
    return Found(Refusal(received[refused + 2]), refused + 5)


def looks_like_reply(asked: Request, received: bytes | bytearray) -> bool:
    """Whether something in `received` could have been meant as the answer to `asked`."""
    good = bytes((asked.unit, asked.function))
    return good in received or _refusal_head(asked) in received


def crc(data: bytes | bytearray) -> bytes:
    """Check sum of an RTU frame, in the order in which it is sent (low byte first)."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return bytes((value & 0xFF, value >> 8))


# --- TCP ----------------------------------------------------------------------------------------


class StreamBroken(Exception):
    """The TCP stream no longer consists of Modbus frames."""


def tcp_request(asked: Request, transaction: int) -> bytes:
    """The TCP frame that asks for `asked` under the given transaction id."""
    pdu = request_pdu(asked)
    return MBAP.pack(transaction, 0, len(pdu) + 1, asked.unit) + pdu


def tcp_take(received: bytearray) -> tuple[int, int, bytes] | None:
    """Remove the first whole frame: transaction id, unit, PDU; None when it is not all there.

    Raises StreamBroken when the header cannot be one.
    """
    if len(received) < MBAP.size:
        return None
    transaction, protocol, length, unit = MBAP.unpack_from(received)
    if protocol != 0 or not 3 <= length <= 254:
        raise StreamBroken(f"protocol {protocol}, length {length}")
    end = 6 + length
    if len(received) < end:
        return None
    pdu = bytes(received[MBAP.size : end])
    del received[:end]
    return transaction, unit, pdu


# --- Private ------------------------------------------------------------------------------------


def _data_size(asked: Request) -> int:
    return (asked.count + 7) // 8 if asked.function in BIT_READS else 2 * asked.count


def _packed_bits(values: tuple[int, ...]) -> bytes:
    packed = bytearray((len(values) + 7) // 8)
    for bit, value in enumerate(values):
        packed[bit // 8] |= (value != 0) << bit % 8
    return bytes(packed)


@lru_cache(maxsize=1024)
def _rtu_expected(asked: Request) -> tuple[bytes, int]:
    """Bytes with which a good reply begins, and the size of its frame."""
    if asked.function in READS:
        return bytes((asked.unit, asked.function, _data_size(asked))), rtu_reply_size(asked)
    return bytes((asked.unit,)) + request_pdu(asked)[:5], rtu_reply_size(asked)


def _refusal_head(asked: Request) -> bytes:
    return bytes((asked.unit, asked.function | EXCEPTION_FLAG))


def _find_intact(received: bytes | bytearray, head: bytes, size: int, start: int) -> int:
    at = received.find(head, start)
    while 0 <= at <= len(received) - size:
        if crc(received[at : at + size - 2]) == received[at + size - 2 : at + size]:
            return at
        at = received.find(head, at + 1)
    return -1


def _crc_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0xA001 * (byte & 1)
    return byte


_CRC_TABLE = tuple(map(_crc_entry, range(256)))
