"""Modbus TCP: replies carry a transaction id, so that nothing late can be mistaken.

Implements Modbus Messaging on TCP/IP V1.0b. Frames of other transactions are skipped; a stream that
no longer parses, or a peer that has been silent for several requests, is closed and connected anew.
"""

from __future__ import annotations

from collections.abc import Callable

from hal.bus.frames import (
    Answer,
    Request,
    Silence,
    StreamBroken,
    reply_values,
    tcp_request,
    tcp_take,
)
from hal.bus.latency import Latencies
from hal.bus.port import Line, Port, PortLost

SILENT_MAX = 3
"""Requests in a row without a single byte before the connection is thought dead."""


class TcpWire:
    """Performs transactions on one TCP connection."""

    def __init__(self, line: Line, latencies: Latencies, now: Callable[[], float]) -> None:
        self._line = line
        self._latencies = latencies
        self._now = now
        self._received = bytearray()
        self._opening = 0
        self._transaction = 0
        self._silent = 0
        self._unit_used_s: dict[int, float] = {}

    def exchange(self, asked: Request, gap_s: float) -> Answer | Silence:
        """Ask and listen until the deadline. Raises PortLost.

        `gap_s` is the pause that this unit wants since it was last talked to.
        """
        port = self._line.port()
        if self._opening != self._line.openings:
            self._opening = self._line.openings
            self._received.clear()
            self._silent = 0
        try:
            return self._transact(port, asked, gap_s)
        except StreamBroken as broken:
            raise PortLost(f"not Modbus TCP: {broken}") from broken

    def _transact(self, port: Port, asked: Request, gap_s: float) -> Answer | Silence:
        self._settle(port, self._unit_used_s.get(asked.unit, float("-inf")) + gap_s)
        self._transaction = self._transaction % 0xFFFF + 1
        sent_s = self._now()
        port.write(tcp_request(asked, self._transaction))
        outcome = self._listen(port, asked, sent_s + self._latencies.allowance_s(asked.unit))
        at_s = self._unit_used_s[asked.unit] = self._now()
        if isinstance(outcome, Answer):
            self._silent = 0
            self._latencies.answered(asked.unit, at_s - sent_s)
            return outcome
        self._latencies.missed(asked.unit)
        self._silent = 0 if outcome.received else self._silent + 1
        if self._silent >= SILENT_MAX:
            self._line.close()
        return outcome

    def _listen(self, port: Port, asked: Request, deadline_s: float) -> Answer | Silence:
        others = bytearray()
        while True:
            remaining_s = deadline_s - self._now()
            self._received += port.read(max(0.0, remaining_s))
            while (frame := tcp_take(self._received)) is not None:
                transaction, unit, pdu = frame
                if transaction != self._transaction:
                    continue
                if unit == asked.unit:
                    values = reply_values(asked, pdu)
                    if values is not None:
                        return Answer(values, self._now())
                others += bytes((unit,)) + pdu
            if remaining_s <= 0.0:
                return Silence(bytes(others))

    def _settle(self, port: Port, ready_s: float) -> None:
        """Take in what has arrived meanwhile, and give the unit its pause."""
        while True:
            remaining_s = ready_s - self._now()
            data = port.read(max(0.0, remaining_s))
            self._received += data
            while tcp_take(self._received) is not None:
                pass
            if remaining_s <= 0.0:
                return
