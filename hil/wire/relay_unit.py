"""A Waveshare Modbus RTU Relay (8 channels) as a Modbus unit.

Function 05 at 0x0200 + n and 0x0400 + n is "flash on" and "flash off" for value x 100 ms
(manufacturer's documentation).
"""

from __future__ import annotations

from collections.abc import Sequence

from hil.plant.record import Record
from hil.plant.relay import RelayBank
from hil.wire.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refusal, Table

FLASH_ON = 0x0200
FLASH_OFF = 0x0400
FLASH_STEP_S = 0.1
FLASH_MAX = 0x7FFF
ALL_RELAYS = 0x00FF


class RelayUnit:
    """A Waveshare Modbus RTU Relay: coils, flash-on, discrete inputs."""

    def __init__(self, bank: RelayBank, *, record: Record, device: str) -> None:
        self._bank = bank
        self._record = record
        self._device = device

    def hear(self, now_s: float) -> None:
        """There is no watchdog."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        values = {"coil": self._bank.outputs, "discrete": self._bank.inputs}.get(table, [])
        if address + count > len(values):
            raise Refusal(ILLEGAL_ADDRESS)
        return values[address : address + count]

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        channels = range(address, address + len(values))
        if (table, address, len(values)) == ("coil", ALL_RELAYS, 1):
            channels = range(len(self._bank.outputs))
            values = [values[0]] * len(channels)
        if table != "coil" or channels.stop > len(self._bank.outputs):
            raise Refusal(ILLEGAL_ADDRESS)
        for channel, value in zip(channels, values, strict=True):
            self._bank.switch(channel, bool(value))
        self._tell(now_s)

    def write_coil_value(self, address: int, value: int, now_s: float) -> None:
        """Flash on or off: the value is the time in steps of 100 ms."""
        base = address & 0xFF00
        channel = address & 0x00FF
        if base not in (FLASH_ON, FLASH_OFF) or channel >= len(self._bank.outputs):
            raise Refusal(ILLEGAL_ADDRESS)
        if not 1 <= value <= FLASH_MAX:
            raise Refusal(ILLEGAL_VALUE)
        self._bank.flash(channel, base == FLASH_ON, now_s + value * FLASH_STEP_S)
        self._tell(now_s)

    def _tell(self, now_s: float) -> None:
        outputs = list(self._bank.outputs)
        self._record.add(now_s, "relays_commanded", device=self._device, outputs=outputs)
