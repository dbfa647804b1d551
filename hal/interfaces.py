"""The Protocols between devices, buses and everything above.

A device has `read()` and at most one command method; both block, bounded by the bus, and raise
`hal.errors.DeviceError`. Devices never open a port, sleep, read a clock or start a thread: they are
handed a link (one device's view of a bus) and get the instant of a reply from it. One class may
satisfy several Protocols; there is no base class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    DeviceIdentity,
    MeterReading,
    RelayReading,
    TokenReading,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Registers as they came, 0 to 65535 each, with the instant of the reply."""

    values: tuple[int, ...]
    taken_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bits:
    """Coils or discrete inputs as they came, with the instant of the reply."""

    values: tuple[bool, ...]
    taken_s: float


class ModbusLink(Protocol):
    """One unit on a Modbus bus. Each call is one transaction and raises DeviceError.

    Addresses are zero-based protocol addresses. Writes return the instant of the echo.
    """

    @property
    def name(self) -> str: ...
    def read_coils(self, address: int, count: int) -> Bits: ...
    def read_discrete_inputs(self, address: int, count: int) -> Bits: ...
    def read_holding_registers(self, address: int, count: int) -> Words: ...
    def read_input_registers(self, address: int, count: int) -> Words: ...
    def write_coil(self, address: int, on: bool) -> float: ...
    def write_register(self, address: int, value: int) -> float: ...
    def write_registers(self, address: int, values: Sequence[int]) -> float: ...


class SerialLink(Protocol):
    """A serial line with one device on it."""

    @property
    def name(self) -> str: ...
    def write(self, data: bytes) -> None: ...

    def read(self, within_s: float) -> tuple[bytes, float]:
        """Bytes that arrived, waiting at most `within_s` for the first; (b"", now) when none."""
        ...

    def discard(self) -> None:
        """Drop whatever has arrived and was not read."""
        ...


@runtime_checkable
class PilotBoard(Protocol):
    """Control pilot, contactor and the safety inputs of one EVSE."""

    @property
    def name(self) -> str: ...
    @property
    def traits(self) -> BoardTraits: ...
    def read(self) -> BoardReading: ...

    def command(self, command: BoardCommand) -> None:
        """Make the board follow `command`, opening first, writing only what differs.

        What the board was told before is remembered per field and forgotten after any error, so
        that the next call writes everything again.
        """
        ...

    def prepare(self) -> DeviceIdentity:
        """Identify the board, set its watchdog and verify it; once, before the first command."""
        ...


@runtime_checkable
class Meter(Protocol):
    """An electricity meter."""

    @property
    def name(self) -> str: ...
    def read(self) -> MeterReading:
        """One whole reading; may take several transactions."""
        ...

    def read_part(self) -> MeterReading | None:
        """Do one transaction of a reading; the reading when this one completed it, else None.

        A bus that carries a safety device is never held longer than one small transaction.
        """
        ...

    def identify(self) -> DeviceIdentity: ...


@runtime_checkable
class TokenReader(Protocol):
    """An RFID reader or keypad."""

    @property
    def name(self) -> str: ...
    def read(self) -> TokenReading | None:
        """A newly presented token, or None; waits at most one poll of the reader."""
        ...


@runtime_checkable
class RelayBoard(Protocol):
    """Relay outputs and digital inputs."""

    @property
    def name(self) -> str: ...
    def read(self) -> RelayReading: ...
    def command(self, outputs: Sequence[bool]) -> None: ...
