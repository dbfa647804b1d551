"""Links without a bus, for tests of drivers: recorded frames, registers in memory, a serial line.

They keep their own instants: `now_s` is set by the test, and replies carry it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from hal.errors import BadReply, DeviceError, DeviceRefused, NoReply
from hal.interfaces import Bits, Words

ILLEGAL_ADDRESS = 2


def crc16(data: bytes) -> bytes:
    """The two check bytes of a Modbus RTU frame, as sent (Modbus over Serial Line V1.02, 6.2.2)."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


class RecordedModbusLink:
    """Plays recorded or documented RTU frames: a request must match byte for byte.

    Frames are hexadecimal text with their CRC. An unknown request gets no reply.
    """

    def __init__(self, frames: Mapping[str, str], *, unit: int = 1, name: str = "device") -> None:
        """Raises ValueError for a frame with a wrong CRC: then it is not what a device sent."""
        self.name = name
        self.now_s = 0.0
        self.sent: list[str] = []
        self._unit = unit
        self._replies = {bytes.fromhex(one): bytes.fromhex(other) for one, other in frames.items()}
        for one in (*self._replies, *self._replies.values()):
            if crc16(one[:-2]) != one[-2:]:
                raise ValueError(f"{one.hex(' ')}: CRC should be {crc16(one[:-2]).hex(' ')}")

    def read_coils(self, address: int, count: int) -> Bits:
        return self._bits(1, address, count)

    def read_discrete_inputs(self, address: int, count: int) -> Bits:
        return self._bits(2, address, count)

    def read_holding_registers(self, address: int, count: int) -> Words:
        return self._words(3, address, count)

    def read_input_registers(self, address: int, count: int) -> Words:
        return self._words(4, address, count)

    def write_coil(self, address: int, on: bool) -> float:
        return self.write_coil_value(address, 0xFF00 if on else 0)

    def write_coil_value(self, address: int, value: int) -> float:
        return self._write(5, address, value)

    def write_register(self, address: int, value: int) -> float:
        return self._write(6, address, value)

    def write_registers(self, address: int, values: Sequence[int]) -> float:
        data = b"".join(value.to_bytes(2, "big") for value in values)
        head = address.to_bytes(2, "big") + len(values).to_bytes(2, "big")
        self._transact(16, head + bytes((len(data),)) + data)
        return self.now_s

    def _words(self, function: int, address: int, count: int) -> Words:
        data = self._transact(function, address.to_bytes(2, "big") + count.to_bytes(2, "big"))
        body = data[1:]
        words = tuple(int.from_bytes(body[i : i + 2], "big") for i in range(0, len(body), 2))
        return Words(values=words, taken_s=self.now_s)

    def _bits(self, function: int, address: int, count: int) -> Bits:
        data = self._transact(function, address.to_bytes(2, "big") + count.to_bytes(2, "big"))
        number = int.from_bytes(data[1:], "little")
        return Bits(values=tuple(bool(number >> i & 1) for i in range(count)), taken_s=self.now_s)

    def _write(self, function: int, address: int, value: int) -> float:
        request = address.to_bytes(2, "big") + value.to_bytes(2, "big")
        if self._transact(function, request) != request:
            raise BadReply(self.name, request.hex(" "), "the echo differs")
        return self.now_s

    def _transact(self, function: int, data: bytes) -> bytes:
        request = bytes((self._unit, function)) + data
        request += crc16(request)
        text = request.hex(" ").upper()
        self.sent.append(text)
        reply = self._replies.get(request)
        if reply is None:
            raise NoReply(self.name, text, "nothing was recorded for this request")
        if reply[1] & 0x80:
            raise DeviceRefused(self.name, text, f"exception {reply[2]}", reply[2])
        return reply[2:-2]


class MemoryModbusLink:
    """Registers in memory; an address that was not set is refused like a real device does.

    `log` holds every write as (table, address, value); `failures` are raised one per transaction.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[int, int] | None = None,
        holdings: Mapping[int, int] | None = None,
        coils: Mapping[int, bool] | None = None,
        discretes: Mapping[int, bool] | None = None,
        name: str = "device",
    ) -> None:
        self.name = name
        self.now_s = 0.0
        self.inputs = dict(inputs or {})
        self.holdings = dict(holdings or {})
        self.coils = dict(coils or {})
        self.discretes = dict(discretes or {})
        self.reads: list[tuple[str, int, int]] = []
        self.log: list[tuple[str, int, int]] = []
        self.failures: deque[DeviceError | None] = deque()

    def read_coils(self, address: int, count: int) -> Bits:
        values = self._read("coil", self.coils, address, count)
        return Bits(values=tuple(map(bool, values)), taken_s=self.now_s)

    def read_discrete_inputs(self, address: int, count: int) -> Bits:
        values = self._read("discrete", self.discretes, address, count)
        return Bits(values=tuple(map(bool, values)), taken_s=self.now_s)

    def read_holding_registers(self, address: int, count: int) -> Words:
        values = self._read("holding", self.holdings, address, count)
        return Words(values=values, taken_s=self.now_s)

    def read_input_registers(self, address: int, count: int) -> Words:
        return Words(values=self._read("input", self.inputs, address, count), taken_s=self.now_s)

    def write_coil(self, address: int, on: bool) -> float:
        self._write("coil", address, int(on))
        self.coils[address] = on
        return self.now_s

    def write_coil_value(self, address: int, value: int) -> float:
        self._write("pulse", address, value)
        return self.now_s

    def write_register(self, address: int, value: int) -> float:
        self._write("holding", address, value)
        self.holdings[address] = value
        return self.now_s

    def write_registers(self, address: int, values: Sequence[int]) -> float:
        for offset, value in enumerate(values):
            self.write_register(address + offset, value)
        return self.now_s

    def _read(
        self, table: str, memory: Mapping[int, int], address: int, count: int
    ) -> tuple[int, ...]:
        self.reads.append((table, address, count))
        self._fail()
        wanted = range(address, address + count)
        if any(one not in memory for one in wanted):
            request = f"read {table} {address}+{count}"
            raise DeviceRefused(self.name, request, "illegal data address", ILLEGAL_ADDRESS)
        return tuple(memory[one] for one in wanted)

    def _write(self, table: str, address: int, value: int) -> None:
        self.log.append((table, address, value))
        self._fail()

    def _fail(self) -> None:
        failure = self.failures.popleft() if self.failures else None
        if failure is not None:
            raise failure


class ScriptedSerialLink:
    """A serial line whose other end is a list of chunks, or a function that answers each write.

    A `read` that finds nothing advances `now_s` by the whole wait, as a real one would.
    """

    def __init__(
        self, *, answer: Callable[[bytes], Sequence[bytes]] | None = None, name: str = "reader"
    ) -> None:
        self.name = name
        self.now_s = 0.0
        self.written: list[bytes] = []
        self.waited_s: list[float] = []
        self._answer = answer
        self._chunks: deque[bytes] = deque()

    def arrive(self, *chunks: bytes) -> None:
        """Let `chunks` arrive, one per `read`."""
        self._chunks.extend(chunks)

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if self._answer is not None:
            self._chunks.extend(self._answer(data))

    def read(self, within_s: float) -> tuple[bytes, float]:
        self.waited_s.append(within_s)
        if self._chunks:
            return self._chunks.popleft(), self.now_s
        self.now_s += within_s
        return b"", self.now_s

    def discard(self) -> None:
        self._chunks.clear()
