"""Modbus TCP against a foreign client: pymodbus reads and writes the plant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymodbus.client import ModbusTcpClient

from hal.register_map import load
from hil.wire.board_unit import BoardUnit
from hil.wire.meter_unit import MeterUnit
from hil.wire.rtu import Slave
from hil.wire.tcp import NotLoopback, TcpSlaves
from tests.hil.plants import Outlet


class Served:
    def __init__(self) -> None:
        self.outlet = Outlet()
        self.outlet.pass_s(1.0)
        record = self.outlet.plant.record
        registers = load("reference_pilot_board")
        board = BoardUnit(self.outlet.board, registers, record=record, evse=1, device="board1")
        meter = MeterUnit(self.outlet.meter, load("eastron_sdm630"), 7)
        self.slaves = {1: Slave("board1", board), 11: Slave("meter1", meter)}
        self.server = TcpSlaves(self.outlet.world, self.slaves, "127.0.0.1", 0)


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    one.server.start()
    yield one
    one.server.stop()


@pytest.fixture
def client(served: Served) -> Iterator[ModbusTcpClient]:
    one = ModbusTcpClient("127.0.0.1", port=served.server.port, timeout=1.0, retries=0)
    assert one.connect()
    yield one
    one.close()


def test_a_foreign_client_reads_floats_of_the_meter(client: ModbusTcpClient) -> None:
    answer = client.read_input_registers(0, count=6, device_id=11)
    volts = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
    assert volts == [230.0, 230.0, 230.0]


def test_a_foreign_client_reads_and_writes_the_board(
    served: Served, client: ModbusTcpClient
) -> None:
    assert not client.write_register(0, 2666, device_id=1).isError()
    assert not client.write_coil(1, True, device_id=1).isError()
    assert served.outlet.board.duty_ratio == pytest.approx(0.2666)
    assert client.read_coils(0, count=3, device_id=1).bits[:3] == [False, True, False]
    assert client.read_holding_registers(0, count=2, device_id=1).registers == [2666, 1000]
    assert client.read_input_registers(100, count=1, device_id=1).registers == [0x4350]


def test_a_foreign_client_sees_exceptions(client: ModbusTcpClient) -> None:
    answer = client.read_input_registers(0x7000, count=2, device_id=11)
    assert answer.isError()
    assert answer.exception_code == 2


def test_an_exception_fault_is_seen_as_exception_4(served: Served, client: ModbusTcpClient) -> None:
    served.slaves[11].trouble.faults.add("exception")
    assert client.read_input_registers(0, count=2, device_id=11).exception_code == 4


def test_several_clients_are_served_at_once(served: Served, client: ModbusTcpClient) -> None:
    with ModbusTcpClient("127.0.0.1", port=served.server.port, timeout=1.0) as other:
        assert not other.read_input_registers(0, count=2, device_id=11).isError()
        assert not client.read_input_registers(0, count=2, device_id=11).isError()


def test_an_address_outside_loopback_is_not_served() -> None:
    with pytest.raises(NotLoopback):
        TcpSlaves(Outlet().world, {}, "192.0.2.1", 5020).start()
