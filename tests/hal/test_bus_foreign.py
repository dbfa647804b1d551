"""The bus against pymodbus's own servers: a foreign implementation on a socket and on a pty."""

from __future__ import annotations

import asyncio
import os
import time
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hal.bus.modbus import ModbusBus, open_modbus_tcp, rtu_bus
from hal.bus.port import FdPort
from hal.errors import DeviceRefused

UNIT = 11


def device() -> SimDevice:
    """Coils, discrete inputs, holding and input registers from 0, in that order."""
    return SimDevice(
        id=UNIT,
        simdata=(
            [SimData(0, values=[True, False, True], datatype=DataType.BITS, count=2)],
            [SimData(0, values=[True, True, False], datatype=DataType.BITS, count=2)],
            [SimData(0, values=[10, 11, 12, 13], datatype=DataType.REGISTERS)],
            [SimData(0, values=[0x4366, 0x3333, 65535], datatype=DataType.REGISTERS)],
        ),
    )


@asynccontextmanager
async def tcp_bus() -> AsyncIterator[ModbusBus]:
    server = ModbusTcpServer(device(), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    assert server.transport is not None
    port = server.transport.sockets[0].getsockname()[1]
    bus = open_modbus_tcp("lan", "127.0.0.1", port, 1.0)
    try:
        yield bus
    finally:
        bus.close()
        await server.shutdown()


@asynccontextmanager
async def pty_bus() -> AsyncIterator[ModbusBus]:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    server = ModbusSerialServer(
        device(), framer=FramerType.RTU, port=os.ttyname(slave), baudrate=115200
    )
    await server.serve_forever(background=True)
    bus = rtu_bus(
        "safety",
        lambda: FdPort(master, lambda: os.close(master)),
        character_s=10 / 115200,
        timeout_max_s=1.0,
        now=time.monotonic,
    )
    try:
        yield bus
    finally:
        await server.shutdown()
        bus.close()
        os.close(slave)


@pytest.mark.parametrize("make", [tcp_bus, pty_bus])
async def test_a_foreign_server_is_read_and_written(make: object) -> None:
    async with make() as bus:  # type: ignore[operator]
        await asyncio.to_thread(_converse, bus)


def _converse(bus: ModbusBus) -> None:
    link = bus.link("meter1", UNIT)
    assert link.read_input_registers(0, 3).values == (0x4366, 0x3333, 65535)
    assert link.read_holding_registers(1, 2).values == (11, 12)
    link.write_register(1, 500)
    link.write_registers(2, (1, 65535))
    assert link.read_holding_registers(0, 4).values == (10, 500, 1, 65535)
    before = link.read_coils(0, 3).values
    link.write_coil(1, not before[1])
    assert link.read_coils(0, 3).values == (before[0], not before[1], before[2])
    assert len(link.read_discrete_inputs(0, 3).values) == 3
    assert bus.transact(UNIT, 15, 0, values=(1, 1, 0)) == (1, 1, 0)
    assert link.read_coils(0, 3).values == (True, True, False)
    with pytest.raises(DeviceRefused) as raised:
        link.read_holding_registers(1000, 1)
    assert raised.value.code == 2
    health = bus.health()
    assert (health.timeouts, health.bad_replies, health.refused) == (0, 0, 1)
