"""Modbus RTU slaves on one line: frames in, replies out, each when the line would have carried it.

A pty delivers a whole request at once. Here it counts as received when the last of its characters
would have passed; only then does the unit act. The reply begins after the turnaround and is handed
over when its last character would have passed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from hil.wire.line_time import LineTime
from hil.wire.modbus import (
    BROADCAST,
    READS,
    Unit,
    exception,
    response,
    rtu_frame,
    rtu_request_length,
    rtu_valid,
)
from hil.wire.talker import Outbox
from hil.wire.trouble import Trouble
from hil.world import World

TURNAROUND_S = 0.002
"""From the last character of a request to the first of the reply; includes the silence."""
SILENCE_MIN_S = 0.005
"""Least pause that ends a frame of unknown length: a sender may be preempted in between."""
BUFFER_MAX = 512


@dataclass(slots=True)
class Slave:
    """One unit on a bus, with its faults and counters."""

    device: str
    unit: Unit
    trouble: Trouble = field(default_factory=Trouble)
    requests: int = 0
    twin: dict[bytes, bytes] = field(default_factory=dict)
    """What a second device under this address answers: what this one did first, for ever."""


class RtuSlaves:
    """All units of one bus; satisfies `Talker`."""

    def __init__(
        self,
        world: World,
        slaves: Mapping[int, Slave],
        line: LineTime,
        *,
        turnaround_s: float = TURNAROUND_S,
        trouble: Trouble | None = None,
    ) -> None:
        self.slaves = slaves
        self.line = line
        self.trouble = Trouble() if trouble is None else trouble
        """Faults of the bus itself: they spoil every reply."""
        self.turnaround_s = turnaround_s
        self.discarded = 0
        """Bytes that were no frame."""
        self._world = world
        self._buffer = bytearray()
        self._first_s = 0.0
        self._last_s = 0.0
        self._free_s = 0.0
        """The line is busy until then."""
        self._received: deque[tuple[float, bytes]] = deque()
        self._outbox = Outbox()

    def hear(self, data: bytes, now_s: float) -> None:
        if not self._buffer:
            self._first_s = now_s
        self._buffer += data[:BUFFER_MAX]
        self._last_s = now_s
        while (frame := self._cut()) is not None:
            received_s = max(self._first_s, self._free_s) + self.line.duration_s(len(frame))
            self._free_s = received_s
            self._received.append((received_s, frame))

    def due(self, now_s: float) -> list[bytes]:
        while self._received and self._received[0][0] <= now_s:
            received_s, frame = self._received.popleft()
            self._handle(frame, received_s)
        if self._buffer and now_s >= self._silent_s():
            self._end_by_silence(now_s)
        return self._outbox.take(now_s)

    def next_s(self) -> float:
        received_s = self._received[0][0] if self._received else float("inf")
        silent_s = self._silent_s() if self._buffer else float("inf")
        return min(received_s, silent_s, self._outbox.next_s())

    def _silent_s(self) -> float:
        return self._last_s + max(self.line.silence_s, SILENCE_MIN_S)

    def _cut(self) -> bytes | None:
        """A whole request at the start of the buffer, taken out; None when there is none."""
        length = rtu_request_length(bytes(self._buffer[:8]))
        if not length or len(self._buffer) < length:
            return None
        frame = bytes(self._buffer[:length])
        if not rtu_valid(frame):
            return None
        del self._buffer[:length]
        return frame

    def _end_by_silence(self, now_s: float) -> None:
        """What stands in the buffer is all that comes: a frame of unknown function, or noise."""
        frame = bytes(self._buffer)
        self._buffer.clear()
        if rtu_valid(frame):
            self._handle(frame, now_s)
        else:
            self.discarded += len(frame)

    def _handle(self, frame: bytes, received_s: float) -> None:
        address, pdu = frame[0], frame[1:-2]
        if address == BROADCAST:
            for slave in self.slaves.values():
                self._act(slave, pdu, addressed=False)
            return
        found = self.slaves.get(address)
        if found is None or found.trouble.deaf(received_s) or self.trouble.deaf(received_s):
            return
        found.requests += 1
        code = found.trouble.exception_code
        reply = self._act(found, pdu) if code is None else exception(pdu[0], code)
        self._send(found, frame, rtu_frame(address, reply), received_s)

    def _act(self, slave: Slave, pdu: bytes, addressed: bool = True) -> bytes:
        with self._world as now_s:
            if addressed:
                slave.unit.hear(now_s)
            reply = response(slave.unit, pdu, now_s)
            if pdu[0] not in READS:
                self._world.plant.touch()
        return reply

    def _send(self, slave: Slave, request: bytes, reply: bytes, received_s: float) -> None:
        faults = slave.trouble.faults | self.trouble.faults
        if "echo" in faults:
            self._outbox.put(received_s, request)
        delay_s = slave.trouble.delay_s() + self.trouble.delay_s()
        at_s = received_s + self.turnaround_s + delay_s
        for late_s, answer in self._answers(slave, request, reply, "twin" in faults):
            at_s = self._put(slave, answer, at_s + late_s)
        if not delay_s:
            self._free_s = at_s

    def _answers(
        self, slave: Slave, request: bytes, reply: bytes, twin: bool
    ) -> list[tuple[float, bytes]]:
        """What is sent for one request, each with the time since the one before."""
        if not twin:
            slave.twin.clear()
            return [(0.0, reply)]
        other = slave.twin.setdefault(request, reply)
        return slave.trouble.twinned(reply, other)

    def _put(self, slave: Slave, frame: bytes, begin_s: float) -> float:
        """Send `frame` as device and line spoil it; the instant of its last character."""
        stuttering = slave.trouble if "stutter" in slave.trouble.faults else self.trouble
        spoiled = self.trouble.spoiled(slave.trouble.spoiled(frame))
        for pause_s, piece in stuttering.pieces(spoiled):
            begin_s += pause_s + self.line.duration_s(len(piece))
            self._outbox.put(begin_s, piece)
        return begin_s
