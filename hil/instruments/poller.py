"""Reads the inputs and the analyser of a rig, again and again, and notes what they show.

One thread for each line. The contact of the station is closed when voltage stands at the outlet:
seen by an input if there is one, else by the analyser.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hal.bus.modbus import DeviceLink
from hal.drivers.registers import read_block
from hal.errors import DeviceError
from hal.register_map import RegisterMap
from hil.bench import LIVE_V
from hil.instruments.sightings import Quantity, Sightings
from hil.instruments.worker import Worker

PAUSE_S = 0.002
PHASES = ("l1", "l2", "l3")

Read = Callable[[], None]
"""Reads one thing and notes it. Raises DeviceError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPin:
    """One discrete input (from 0) and what it stands for."""

    quantity: Quantity
    channel: int
    inverted: bool
    doubt_s: float


def inputs_of(link: DeviceLink, pins: Sequence[InputPin], sightings: Sightings) -> Read:
    """Reads the inputs of one relay board."""
    count = max(pin.channel for pin in pins) + 1

    def read() -> None:
        bits = link.read_discrete_inputs(0, count)
        for pin in pins:
            value = bits.values[pin.channel] != pin.inverted
            sightings.sampled(pin.quantity, value, bits.taken_s, pin.doubt_s)

    return read


def analyser_of(
    link: DeviceLink,
    registers: RegisterMap,
    sightings: Sightings,
    doubt_s: float,
    judges_contact: bool,
) -> Read:
    """Reads currents and voltages; `judges_contact`: no input sees the outlet sooner."""
    wanted = [f"{name}_{phase}" for name in ("current", "voltage") for phase in PHASES]
    reading = {name: one for name, one in registers.reading.items() if name in wanted}
    blocks = replace(registers, reading=reading).blocks("reading")

    def read() -> None:
        values: dict[str, float] = {}
        taken_s = math.inf
        for block in blocks:
            words = read_block(link, block)
            taken_s = min(taken_s, words.taken_s)
            for register in block.registers:
                values[register.name] = register.decode(block.words(register, words.values))
        current_a = tuple(_phases(values, "current"))
        sightings.sampled(Quantity.CURRENT, current_a, taken_s, doubt_s, every=True)
        voltage_v = tuple(_phases(values, "voltage"))
        sightings.sampled(Quantity.OUTLET, voltage_v, taken_s, doubt_s, every=True)
        if judges_contact:
            live = max(voltage_v, default=0.0) > LIVE_V
            sightings.sampled(Quantity.CONTACT, live, taken_s, doubt_s)

    return read


def _phases(values: Mapping[str, float], name: str) -> list[float]:
    """Phases that the meter has; what is not available counts as nothing."""
    found = [values[f"{name}_{phase}"] for phase in PHASES if f"{name}_{phase}" in values]
    return [0.0 if math.isnan(value) else value for value in found]


class Poller:
    """The thread of one line."""

    def __init__(
        self,
        lock: threading.Lock,
        reads: Mapping[Quantity, Read],
        sightings: Sightings,
    ) -> None:
        """`reads`: by the quantity that is lost when the reading fails."""
        self._lock = lock
        self._reads = reads
        self._sightings = sightings
        self._worker = Worker("poller", self._run)

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        self._worker.stop()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            for quantity, read in self._reads.items():
                try:
                    with self._lock:
                        read()
                except DeviceError as error:
                    self._sightings.failed(quantity, str(error))
                # Without a pause a switching output would never get the line.
                stopping.wait(PAUSE_S)
