"""Modbus slaves that we have not written: libmodbus through ctypes, and pymodbus's servers.

Each runs in a thread of its own and holds the tables that it is given; a test talks to it through
our bus. `Tables` are what a slave holds at first, by zero-based address.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hal.bus.modbus import ModbusBus, open_modbus_tcp, rtu_bus
from hal.bus.port import FdPort

UNIT = 11
BAUD = 115200
TIMEOUT_MAX_S = 0.3
LISTEN_S = 0.05
"""How long the libmodbus slave waits for a request before it looks whether it is to end."""
FLASH_ON = 0x0200


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What a slave holds at first."""

    coils: Mapping[int, int] = field(default_factory=dict)
    discretes: Mapping[int, int] = field(default_factory=dict)
    holdings: Mapping[int, int] = field(default_factory=dict)
    inputs: Mapping[int, int] = field(default_factory=dict)


Slave = Callable[[Tables], AbstractContextManager[ModbusBus]]
"""Starts a slave of unit UNIT and gives the bus that reaches it."""


# --- libmodbus ------------------------------------------------------------------------------------


class _Mapping(ctypes.Structure):
    """`modbus_mapping_t` of modbus.h."""

    _fields_ = (
        ("nb_bits", ctypes.c_int),
        ("start_bits", ctypes.c_int),
        ("nb_input_bits", ctypes.c_int),
        ("start_input_bits", ctypes.c_int),
        ("nb_input_registers", ctypes.c_int),
        ("start_input_registers", ctypes.c_int),
        ("nb_registers", ctypes.c_int),
        ("start_registers", ctypes.c_int),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    )


def _library() -> Any:
    """libmodbus 3.1 or newer; skips the test where there is none."""
    try:
        lib = ctypes.CDLL("libmodbus.so.5", use_errno=True)
    except OSError:
        pytest.skip("libmodbus.so.5 is not installed (Debian: apt-get install libmodbus5)")
    pointer = ctypes.c_void_p
    lib.modbus_new_rtu.restype = pointer
    lib.modbus_new_rtu.argtypes = (
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char,
        ctypes.c_int,
        ctypes.c_int,
    )
    lib.modbus_mapping_new.restype = ctypes.POINTER(_Mapping)
    lib.modbus_mapping_free.argtypes = (ctypes.POINTER(_Mapping),)
    lib.modbus_set_slave.argtypes = (pointer, ctypes.c_int)
    lib.modbus_set_indication_timeout.argtypes = (pointer, ctypes.c_uint32, ctypes.c_uint32)
    for name in ("modbus_connect", "modbus_close", "modbus_free"):
        getattr(lib, name).argtypes = (pointer,)
    lib.modbus_receive.argtypes = (pointer, ctypes.c_char_p)
    lib.modbus_send_raw_request.argtypes = (pointer, ctypes.c_char_p, ctypes.c_int)
    lib.modbus_reply.argtypes = (
        pointer,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.POINTER(_Mapping),
    )
    return lib


class _LibmodbusSlave(threading.Thread):
    """One unit on a serial line, answered by libmodbus."""

    def __init__(self, lib: Any, path: str, tables: Tables) -> None:
        super().__init__(daemon=True)
        self._lib = lib
        self._ending = threading.Event()
        self._context = lib.modbus_new_rtu(path.encode(), BAUD, b"N", 8, 1)
        assert self._context
        assert lib.modbus_set_slave(self._context, UNIT) == 0
        assert lib.modbus_set_indication_timeout(self._context, 0, int(LISTEN_S * 1e6)) == 0
        assert lib.modbus_connect(self._context) == 0, os.strerror(ctypes.get_errno())
        sizes = (tables.coils, tables.discretes, tables.holdings, tables.inputs)
        self._mapping = lib.modbus_mapping_new(*(max(one, default=-1) + 1 for one in sizes))
        assert self._mapping
        held = self._mapping.contents
        for table, start in (
            (held.tab_bits, tables.coils),
            (held.tab_input_bits, tables.discretes),
            (held.tab_registers, tables.holdings),
            (held.tab_input_registers, tables.inputs),
        ):
            for address, value in start.items():
                table[address] = value

    def run(self) -> None:
        buffer = ctypes.create_string_buffer(260)
        while not self._ending.is_set():
            length = self._lib.modbus_receive(self._context, buffer)
            if length <= 0:
                continue  # nothing, a damaged frame, or a frame of another unit
            request = buffer.raw[:length]
            if request[1] == 5 and request[2:4] >= FLASH_ON.to_bytes(2, "big"):
                self._flash(request)
            else:
                self._lib.modbus_reply(self._context, buffer, length, self._mapping)

    def _flash(self, request: bytes) -> None:
        """The Waveshare extension, which libmodbus does not know: relay on, request echoed."""
        relay = int.from_bytes(request[2:4], "big") - FLASH_ON
        self._mapping.contents.tab_bits[relay] = 1
        self._lib.modbus_send_raw_request(self._context, request[:-2], len(request) - 2)

    def end(self) -> None:
        self._ending.set()
        self.join(5.0)
        self._lib.modbus_close(self._context)
        self._lib.modbus_mapping_free(self._mapping)
        self._lib.modbus_free(self._context)


@contextmanager
def libmodbus_rtu(tables: Tables) -> Iterator[ModbusBus]:
    """libmodbus as an RTU slave on a pty pair."""
    lib = _library()
    master, slave = _pty()
    device = _LibmodbusSlave(lib, os.ttyname(slave), tables)
    device.start()
    bus = _bus_on(master)
    try:
        yield bus
    finally:
        device.end()
        bus.close()
        os.close(slave)


# --- pymodbus -------------------------------------------------------------------------------------


@contextmanager
def pymodbus_rtu(tables: Tables) -> Iterator[ModbusBus]:
    """pymodbus's server as an RTU slave on a pty pair."""
    master, slave = _pty()

    async def serve(device: SimDevice) -> ModbusSerialServer:
        server = ModbusSerialServer(
            device, framer=FramerType.RTU, port=os.ttyname(slave), baudrate=BAUD
        )
        await server.serve_forever(background=True)
        return server

    bus = _bus_on(master)
    try:
        with _served(tables, serve):
            yield bus
    finally:
        bus.close()
        os.close(slave)


@contextmanager
def pymodbus_tcp(tables: Tables) -> Iterator[ModbusBus]:
    """pymodbus's server on a loopback socket."""

    async def serve(device: SimDevice) -> ModbusTcpServer:
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        return server

    with _served(tables, serve) as server:
        assert server.transport is not None
        port = server.transport.sockets[0].getsockname()[1]
        bus = open_modbus_tcp("lan", "127.0.0.1", port, 1.0)
        try:
            yield bus
        finally:
            bus.close()


@contextmanager
def _served(tables: Tables, serve: Callable[[SimDevice], Any]) -> Iterator[Any]:
    """A pymodbus server in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def done(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(5.0)

    server = done(serve(_device(tables)))
    try:
        yield server
    finally:
        done(server.shutdown())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5.0)
        loop.close()


def _device(tables: Tables) -> SimDevice:
    bits, words = DataType.BITS, DataType.REGISTERS
    return SimDevice(
        id=UNIT,
        simdata=(
            _blocks({one: bool(value) for one, value in tables.coils.items()}, bits),
            _blocks({one: bool(value) for one, value in tables.discretes.items()}, bits),
            _blocks(tables.holdings, words),
            _blocks(tables.inputs, words),
        ),
    )


def _blocks(table: Mapping[int, int], datatype: DataType) -> list[SimData]:
    """Adjacent addresses together; pymodbus wants at least one block in each table."""
    found = []
    for _, run in groupby(enumerate(sorted(table or {0: 0})), key=lambda one: one[1] - one[0]):
        addresses = [address for _, address in run]
        values: list[Any] = [table.get(address, 0) for address in addresses]
        if datatype is DataType.BITS:
            values = [bool(value) for value in values] + [False] * (-len(values) % 16)
        found.append(SimData(addresses[0], values=values, datatype=datatype))
    return found


# --- Lines ----------------------------------------------------------------------------------------


def _pty() -> tuple[int, int]:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave


def _bus_on(master: int) -> ModbusBus:
    return rtu_bus(
        "safety",
        lambda: FdPort(master, lambda: os.close(master)),
        character_s=10 / BAUD,
        timeout_max_s=TIMEOUT_MAX_S,
        now=time.monotonic,
    )
