"""A second adapter on the safety line that only listens: commands and readings as they pass.

Sends nothing, ever. What it hears of the board of one EVSE becomes sightings: the duty and the
contactor commands from the registers that are written, each at the instant at which the request had
passed the line; and the readings that the board answers. A duty that the board reports and nobody
wrote (its watchdog, a restart) counts too, as a reading.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hal.bus.port import Line, Port, PortLost
from hal.register_map import Register, RegisterMap
from hil.instruments.sightings import Quantity, Sightings
from hil.instruments.sniffer import Exchange, Sniffer
from hil.instruments.worker import Worker

LISTEN_S = 0.1
SETTLED_S = 0.1
"""A board may take this long until it reports a duty that it was told."""
DUTY_STEP = 0.0005
ASKING_V = (1.5, 7.5)
"""Positive level of states C and D."""


@dataclass(frozen=True, slots=True)
class BoardReading:
    """What a board said of itself in one reply."""

    values: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)


class BoardListener:
    """From exchanges on the line to sightings of one board."""

    def __init__(
        self,
        unit: int,
        registers: RegisterMap,
        sightings: Sightings,
        doubt_s: float,
        judges_s2: bool = False,
    ) -> None:
        """`judges_s2`: a real vehicle is plugged in, and only the levels tell what it asks."""
        self._judges_s2 = judges_s2
        self._unit = unit
        self._map = registers
        self._sightings = sightings
        self._doubt_s = doubt_s
        self._written_s = -math.inf

    def hear(self, exchange: Exchange) -> None:
        """Take note of one exchange of any unit."""
        if exchange.unit != self._unit or not exchange.carried_out:
            return
        if exchange.write:
            for register, value in _values(self._map.command, exchange):
                self._told(register.name, value, exchange.asked_s)
        else:
            self._read(exchange)

    def _told(self, name: str, value: float, at_s: float) -> None:
        if name == "pilot":
            self._written_s = at_s
            self._sightings.happened(Quantity.OFFER, value, at_s, self._doubt_s)
        elif name == "contactor":
            self._sightings.happened(Quantity.TOLD, bool(value), at_s, self._doubt_s)
        elif name == "one_phase":
            phases = 1 if value else 3
            self._sightings.happened(Quantity.TOLD_PHASES, phases, at_s, self._doubt_s)
        elif name == "rcd_test" and value:
            # Each write is a test of its own, so that its instant is its value.
            self._sightings.happened(Quantity.TOLD_TEST, at_s, at_s, self._doubt_s)

    def _read(self, exchange: Exchange) -> None:
        values: dict[str, float] = {}
        flags: dict[str, bool] = {}
        for register, value in _values(self._map.reading, exchange):
            values[register.name] = value
            if register.bits and math.isfinite(value):
                flags |= register.flags(int(value))
        if not values:
            return
        # The board took its values before it answered.
        at_s = exchange.asked_s
        reading = BoardReading(values, flags)
        self._sightings.sampled(Quantity.READING, reading, at_s, self._doubt_s, every=True)
        if self._judges_s2 and "pilot_high" in values:
            asks = ASKING_V[0] < values["pilot_high"] < ASKING_V[1]
            self._sightings.sampled(Quantity.S2, asks, at_s, self._doubt_s)
        if "duty" in values and at_s - self._written_s > SETTLED_S:
            self._reported(values["duty"], at_s)

    def _reported(self, duty_ratio: float, at_s: float) -> None:
        latest = self._sightings.latest(Quantity.OFFER)
        same = latest is not None and abs(latest.value - duty_ratio) <= DUTY_STEP
        shown = latest.value if latest is not None and same else duty_ratio
        self._sightings.sampled(Quantity.OFFER, shown, at_s, self._doubt_s)


def _values(
    registers: Mapping[str, Register], exchange: Exchange
) -> Iterator[tuple[Register, float]]:
    """Registers that the exchange carries whole, decoded."""
    for register in registers.values():
        start = register.address - exchange.address
        if register.table != exchange.table or start < 0 or register.type == "text":
            continue
        words = exchange.values[start : start + register.count]
        if len(words) == register.count:
            yield register, register.decode(words)


class BusTap:
    """The thread that listens on a port."""

    def __init__(self, line: Line, sniffer: Sniffer, listener: BoardListener) -> None:
        self._line = line
        self.sniffer = sniffer
        self._listener = listener
        self._worker = Worker("bus tap", self._run)

    def start(self) -> None:
        """Begin to listen. Raises PortLost when the port cannot be had."""
        self._line.port()
        self._worker.start()

    def stop(self) -> None:
        self._worker.stop()
        self._line.close()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                port: Port = self._line.port()
                data = port.read(LISTEN_S)
            except PortLost as lost:
                self._line.lose(str(lost))
                stopping.wait(LISTEN_S)
                continue
            now_s = time.monotonic()
            if data:
                for exchange in self.sniffer.hear(data, now_s):
                    self._listener.hear(exchange)
