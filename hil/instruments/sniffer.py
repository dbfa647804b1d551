"""Modbus RTU as a listener sees it: requests paired with their replies, each with its instants.

Bytes come in chunks, long after they passed the line. The last byte of a chunk passed at the latest
when the chunk came; those before it one character time earlier each. Nothing here reads a clock.

A listener cannot tell the echo that confirms a write from the same write sent again: what follows a
request within `reply_max_s` and could be its answer is taken for it.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hil.wire.modbus import (
    BROADCAST,
    COIL_VALUES,
    READS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Table,
    rtu_request_length,
    rtu_valid,
)

REPLY_MAX_S = 1.0
PIECE_GAP_S = 0.1
"""A frame that is torn for longer than this is not completed any more."""
EXCEPTION = 0x80
REFUSAL_BYTES = 5
WRITE_REPLY_BYTES = 8
WRITE_TABLES: dict[int, Table] = {
    WRITE_COIL: "coil",
    WRITE_COILS: "coil",
    WRITE_REGISTER: "holding",
    WRITE_REGISTERS: "holding",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request, and what became of it."""

    unit: int
    function: int
    table: Table
    address: int
    count: int
    asked_s: float
    """When the last byte of the request had passed."""
    values: tuple[int, ...] = ()
    """Written, or read; empty when a read was not answered."""
    replied_s: float | None = None
    """When the last byte of the reply had passed; None: no reply."""
    refused: int | None = None
    """Exception code."""

    @property
    def write(self) -> bool:
        return self.function in WRITE_TABLES

    @property
    def carried_out(self) -> bool:
        return self.replied_s is not None and self.refused is None


class Sniffer:
    """Bytes in, exchanges out."""

    def __init__(self, character_s: float, reply_max_s: float = REPLY_MAX_S) -> None:
        """`character_s`: time of one byte on the line."""
        self.discarded = 0
        """Bytes that were part of no frame."""
        self.unanswered = 0
        self._character_s = character_s
        self._reply_max_s = reply_max_s
        self._buffer = bytearray()
        self._taken = 0
        """Bytes that have left the buffer since the beginning."""
        self._chunks: deque[tuple[int, float]] = deque()
        """Where each chunk ends, counted from the beginning, and when it came."""
        self._asked: Exchange | None = None

    def hear(self, data: bytes, now_s: float) -> list[Exchange]:
        """Exchanges that `data`, handed over at `now_s`, completes."""
        done: list[Exchange] = []
        if self._buffer and now_s - self._chunks[-1][1] > PIECE_GAP_S:
            self._discard(len(self._buffer))
        if self._asked is not None and now_s - self._asked.asked_s > self._reply_max_s:
            done += self._unanswered()
        self._buffer += data
        self._chunks.append((self._taken + len(self._buffer), now_s))
        while self._buffer:
            found = self._step()
            if found is None:
                break
            done += found
        return done

    # --- private ---------------------------------------------------------------------------------

    def _step(self) -> list[Exchange] | None:
        """What the head of the buffer completes; None when more bytes are needed to tell."""
        lengths = [self._reply_length(), rtu_request_length(bytes(self._buffer[:8]))]
        if lengths[0] and self._valid(lengths[0]):
            return self._answered(lengths[0])
        if lengths[1] and self._valid(lengths[1]):
            return self._request(lengths[1])
        if any(one is None or one > len(self._buffer) for one in lengths):
            return None
        self._discard(1)
        return []

    def _valid(self, length: int) -> bool:
        return length <= len(self._buffer) and rtu_valid(bytes(self._buffer[:length]))

    def _reply_length(self) -> int | None:
        """Bytes of the reply that the buffer may begin with; 0: it cannot be one."""
        asked, head = self._asked, self._buffer
        if asked is None or head[0] != asked.unit:
            return 0
        if len(head) < 2:
            return None
        if head[1] == asked.function | EXCEPTION:
            return REFUSAL_BYTES
        if head[1] != asked.function:
            return 0
        if asked.write:
            return WRITE_REPLY_BYTES
        size = (asked.count + 7) // 8 if asked.table in ("coil", "discrete") else 2 * asked.count
        if len(head) < 3:
            return None
        return 5 + size if head[2] == size else 0

    def _answered(self, length: int) -> list[Exchange]:
        asked, self._asked = self._asked, None
        assert asked is not None
        frame, at_s = self._cut(length)
        if frame[1] & EXCEPTION:
            return [replace(asked, replied_s=at_s, refused=frame[2])]
        if asked.write:
            return [replace(asked, replied_s=at_s)]
        return [replace(asked, replied_s=at_s, values=_read_values(asked, frame[3:-2]))]

    def _request(self, length: int) -> list[Exchange]:
        done = self._unanswered() if self._asked is not None else []
        frame, at_s = self._cut(length)
        asked = _request(frame, at_s)
        if asked is None:
            self.discarded += len(frame)
        elif asked.unit == BROADCAST:
            done.append(asked)
        else:
            self._asked = asked
        return done

    def _unanswered(self) -> list[Exchange]:
        asked, self._asked = self._asked, None
        self.unanswered += 1
        return [asked] if asked is not None else []

    def _cut(self, length: int) -> tuple[bytes, float]:
        """The frame at the head of the buffer, taken out, and when its last byte had passed."""
        frame = bytes(self._buffer[:length])
        end = self._taken + length
        chunk_end, came_s = next(one for one in self._chunks if one[0] >= end)
        self._drop(length)
        return frame, came_s - (chunk_end - end) * self._character_s

    def _discard(self, count: int) -> None:
        self.discarded += count
        self._drop(count)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._taken += count
        while len(self._chunks) > 1 and self._chunks[0][0] <= self._taken:
            self._chunks.popleft()


def _request(frame: bytes, at_s: float) -> Exchange | None:
    unit, function, address, second = struct.unpack_from(">BBHH", frame)
    values: tuple[int, ...] = ()
    count = second
    if function in READS:
        table = READS[function][0]
    elif function in WRITE_TABLES:
        table = WRITE_TABLES[function]
        if function in (WRITE_COIL, WRITE_REGISTER):
            count = 1
            values = (COIL_VALUES.get(second, second) if function == WRITE_COIL else second,)
        else:
            values = _written(function, count, frame[7:-2])
    else:
        return None
    return Exchange(
        unit=unit,
        function=function,
        table=table,
        address=address,
        count=count,
        values=values,
        asked_s=at_s,
    )


def _written(function: int, count: int, data: bytes) -> tuple[int, ...]:
    if function == WRITE_COILS:
        return tuple(_bits(data, count))
    return struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2])


def _read_values(asked: Exchange, data: bytes) -> tuple[int, ...]:
    if asked.table in ("coil", "discrete"):
        return tuple(_bits(data, asked.count))
    return struct.unpack(f">{asked.count}H", data)


def _bits(data: bytes, count: int) -> Iterator[int]:
    for number in range(min(count, 8 * len(data))):
        yield data[number // 8] >> (number % 8) & 1
