"""A device of the plant under a driver without any wire: for whole-station runs in virtual time.

Satisfies `hal.interfaces.ModbusLink`. Each transaction takes the time that the line would take, by
moving the clock that it is given; what a bus owner would report as an error is raised as the same
error. There are no bytes here: noise and torn frames are a matter of the real wire.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from hal.errors import BadReply, DeviceRefused, NoReply
from hal.interfaces import Bits, Words
from hil.wire.line_time import LineTime
from hil.wire.modbus import READS, exception, response
from hil.wire.rtu import TURNAROUND_S, Slave
from hil.world import World

FRAME_BYTES = 3
"""Address and check sum around a PDU."""
TIMEOUT_S = 0.2
DAMAGED = ("crc", "truncated", "stranger")
REQUEST = struct.Struct(">BHH")


class DirectLink:
    """One unit; `pass_s` lets time pass for everybody."""

    def __init__(
        self,
        world: World,
        slave: Slave,
        line: LineTime,
        pass_s: Callable[[float], None],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._world = world
        self._slave = slave
        self._line = line
        self._pass_s = pass_s
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        return self._slave.device

    def read_coils(self, address: int, count: int) -> Bits:
        return self._bits(1, address, count)

    def read_discrete_inputs(self, address: int, count: int) -> Bits:
        return self._bits(2, address, count)

    def read_holding_registers(self, address: int, count: int) -> Words:
        return self._words(3, address, count)

    def read_input_registers(self, address: int, count: int) -> Words:
        return self._words(4, address, count)

    def write_coil(self, address: int, on: bool) -> float:
        return self._ask(REQUEST.pack(5, address, 0xFF00 if on else 0))[1]

    def write_coil_value(self, address: int, value: int) -> float:
        """Function 05 with a value that is neither on nor off (timed relays)."""
        return self._ask(REQUEST.pack(5, address, value))[1]

    def write_register(self, address: int, value: int) -> float:
        return self._ask(REQUEST.pack(6, address, value))[1]

    def write_registers(self, address: int, values: Sequence[int]) -> float:
        count = len(values)
        head = struct.pack(">BHHB", 16, address, count, 2 * count)
        return self._ask(head + struct.pack(f">{count}H", *values))[1]

    def _bits(self, function: int, address: int, count: int) -> Bits:
        data, taken_s = self._ask(REQUEST.pack(function, address, count))
        values = tuple(bool(data[2 + one // 8] >> one % 8 & 1) for one in range(count))
        return Bits(values=values, taken_s=taken_s)

    def _words(self, function: int, address: int, count: int) -> Words:
        data, taken_s = self._ask(REQUEST.pack(function, address, count))
        return Words(values=struct.unpack(f">{count}H", data[2:]), taken_s=taken_s)

    def _ask(self, pdu: bytes) -> tuple[bytes, float]:
        """The response PDU and the instant at which it was there. Raises DeviceError."""
        trouble = self._slave.trouble
        request = f"function {pdu[0]} {pdu[1:].hex()}"
        self._pass_s(self._line.duration_s(len(pdu) + FRAME_BYTES))
        if trouble.deaf(self._world.clock()) or trouble.delay_s() > self._timeout_s:
            self._pass_s(self._timeout_s)
            raise NoReply(self.name, request, "no reply")
        code = trouble.exception_code
        reply = self._act(pdu) if code is None else exception(pdu[0], code)
        answer_s = self._line.duration_s(len(reply) + FRAME_BYTES)
        self._pass_s(TURNAROUND_S + trouble.delay_s() + answer_s)
        whole = reply
        if "twin" in trouble.faults:
            other = self._slave.twin.setdefault(pdu, reply)
            reply = trouble.twinned(reply, other)[0][1]
        noisy = "noise" in trouble.faults and trouble.spoiled(whole) != whole
        collided = reply not in (whole, self._slave.twin.get(pdu))
        if noisy or collided or any(fault in trouble.faults for fault in DAMAGED):
            self._pass_s(self._timeout_s)
            raise BadReply(self.name, request, "damaged reply")
        if reply[0] & 0x80:
            raise DeviceRefused(self.name, request, f"exception {reply[1]}", reply[1])
        return reply, self._world.clock()

    def _act(self, pdu: bytes) -> bytes:
        with self._world as now_s:
            self._slave.unit.hear(now_s)
            reply = response(self._slave.unit, pdu, now_s)
            if pdu[0] not in READS:
                self._world.plant.touch()
        return reply
