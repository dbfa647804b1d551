"""The slave's side of Modbus: what a unit must offer, and from request PDU to response PDU.

Modbus Application Protocol V1.1b3, functions 1 to 6, 15 and 16; CRC and frame lengths from Modbus
over Serial Line V1.02. Written apart from `hal.bus`, so that neither is tested against itself.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Literal, Protocol

Table = Literal["coil", "discrete", "holding", "input"]

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
DEVICE_FAILURE = 4

BROADCAST = 0
PDU_MAX_BYTES = 253
# fmt: off
READS: dict[int, tuple[Table, int]] = {  #  function: table, most values (clauses 6.1 to 6.4)
    1: ("coil",     2000),
    2: ("discrete", 2000),
    3: ("holding",   125),
    4: ("input",     125),
}
# fmt: on
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16
COIL_VALUES = {0xFF00: 1, 0x0000: 0}


class Refusal(Exception):
    """The unit answers with a Modbus exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code}")
        self.code = code


class Unit(Protocol):
    """One device on a Modbus bus. Values are 0 or 1 in the bit tables, else 16-bit words."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """`count` values. Raises Refusal."""
        ...

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        """Take over `values`, which arrived at `now_s`. Raises Refusal."""
        ...

    def write_coil_value(self, address: int, value: int, now_s: float) -> None:
        """Function 05 with a value that is neither on nor off. Raises Refusal."""
        ...

    def hear(self, now_s: float) -> None:
        """A correct frame addressed to this unit arrived; a broadcast is none."""
        ...


def response(unit: Unit, pdu: bytes, now_s: float) -> bytes:
    """What `unit` answers to a request that arrived at `now_s`: data or an exception."""
    function = pdu[0]
    try:
        return bytes([function]) + _carried_out(unit, function, pdu[1:], now_s)
    except Refusal as refusal:
        return exception(function, refusal.code)


def exception(function: int, code: int) -> bytes:
    """An exception response."""
    return bytes([function | 0x80, code])


def _carried_out(unit: Unit, function: int, body: bytes, now_s: float) -> bytes:
    if function in READS:
        return _read(unit, function, body)
    if function in (WRITE_COIL, WRITE_REGISTER):
        return _write_one(unit, function, body, now_s)
    if function in (WRITE_COILS, WRITE_REGISTERS):
        return _write_many(unit, function, body, now_s)
    raise Refusal(ILLEGAL_FUNCTION)


def _read(unit: Unit, function: int, body: bytes) -> bytes:
    table, most = READS[function]
    address, count = _two(body)
    if not 1 <= count <= most:
        raise Refusal(ILLEGAL_VALUE)
    if address + count > 0x10000:
        raise Refusal(ILLEGAL_ADDRESS)
    values = unit.read(table, address, count)
    data = _bits(values) if function <= 2 else struct.pack(f">{count}H", *values)
    return bytes([len(data)]) + data


def _write_one(unit: Unit, function: int, body: bytes, now_s: float) -> bytes:
    address, value = _two(body)
    if function == WRITE_REGISTER:
        unit.write("holding", address, (value,), now_s)
    elif value in COIL_VALUES:
        unit.write("coil", address, (COIL_VALUES[value],), now_s)
    else:
        unit.write_coil_value(address, value, now_s)
    return body


def _write_many(unit: Unit, function: int, body: bytes, now_s: float) -> bytes:
    if len(body) < 5:
        raise Refusal(ILLEGAL_VALUE)
    address, count, size = struct.unpack_from(">HHB", body)
    data = body[5:]
    bits = function == WRITE_COILS
    expected = (count + 7) // 8 if bits else count * 2
    if not 1 <= count <= (1968 if bits else 123) or size != expected or len(data) != expected:
        raise Refusal(ILLEGAL_VALUE)
    if address + count > 0x10000:
        raise Refusal(ILLEGAL_ADDRESS)
    if bits:
        values = tuple(data[i // 8] >> (i % 8) & 1 for i in range(count))
        unit.write("coil", address, values, now_s)
    else:
        unit.write("holding", address, struct.unpack(f">{count}H", data), now_s)
    return body[:4]


def _two(body: bytes) -> tuple[int, int]:
    if len(body) != 4:
        raise Refusal(ILLEGAL_VALUE)
    first, second = struct.unpack(">HH", body)
    return first, second


def _bits(values: Sequence[int]) -> bytes:
    data = bytearray((len(values) + 7) // 8)
    for number, value in enumerate(values):
        data[number // 8] |= bool(value) << (number % 8)
    return bytes(data)


# --- RTU frames -----------------------------------------------------------------------------------


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


CRC_TABLE = _crc_table()


def crc(data: bytes) -> int:
    """CRC-16 of Modbus over Serial Line, clause 6.2.2."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ CRC_TABLE[(value ^ byte) & 0xFF]
    return value


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """`pdu` with address in front and CRC, low byte first, behind."""
    body = bytes([unit]) + pdu
    return body + struct.pack("<H", crc(body))


def rtu_valid(frame: bytes) -> bool:
    """Whether the check sum of a whole frame is right."""
    return len(frame) >= 4 and crc(frame[:-2]) == struct.unpack("<H", frame[-2:])[0]


def rtu_request_length(head: bytes) -> int | None:
    """Bytes of the request that begins with `head`; None when more is needed to tell.

    0 for a function whose length is not known: such a frame ends with silence.
    """
    if len(head) < 2:
        return None
    function = head[1]
    if function in READS or function in (WRITE_COIL, WRITE_REGISTER):
        return 8
    if function in (WRITE_COILS, WRITE_REGISTERS):
        return None if len(head) < 7 else 9 + head[6]
    return 0
