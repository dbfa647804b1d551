"""A device's registers, to be read and never written, whichever way the requests go."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from hal.errors import DeviceRefused
from hal.interfaces import Bits, Words

COILS, DISCRETE, HOLDING, INPUT = 1, 2, 3, 4
Read = Callable[[int, int, int, int], tuple[int, ...]]
"""unit, function, address, count -> values. Raises DeviceError."""


class ReadingLink:
    """Satisfies `hal.interfaces.ModbusLink`; every write is refused before it is sent."""

    def __init__(
        self,
        name: str,
        unit: int,
        read: Read,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._unit = unit
        self._read = read
        self._now = now

    @property
    def name(self) -> str:
        return self._name

    def read_coils(self, address: int, count: int) -> Bits:
        return self._bits(COILS, address, count)

    def read_discrete_inputs(self, address: int, count: int) -> Bits:
        return self._bits(DISCRETE, address, count)

    def read_holding_registers(self, address: int, count: int) -> Words:
        return self._words(HOLDING, address, count)

    def read_input_registers(self, address: int, count: int) -> Words:
        return self._words(INPUT, address, count)

    def write_coil(self, address: int, on: bool) -> float:
        self._refuse("write coil", address)

    def write_register(self, address: int, value: int) -> float:
        self._refuse("write register", address)

    def write_registers(self, address: int, values: Sequence[int]) -> float:
        self._refuse("write registers", address)

    def _bits(self, function: int, address: int, count: int) -> Bits:
        values = self._read(self._unit, function, address, count)
        return Bits(values=tuple(map(bool, values)), taken_s=self._now())

    def _words(self, function: int, address: int, count: int) -> Words:
        values = self._read(self._unit, function, address, count)
        return Words(values=tuple(values), taken_s=self._now())

    def _refuse(self, request: str, address: int) -> NoReturn:
        raise DeviceRefused(self._name, f"{request} {address}", "the doctor only reads", 0)
