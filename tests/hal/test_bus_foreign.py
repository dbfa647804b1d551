"""The bus against slaves of others: pymodbus on a socket and on a pty, libmodbus on a pty."""

from __future__ import annotations

import pytest

from hal.errors import DeviceRefused, NoReply
from tests.hal.foreign_slaves import (
    UNIT,
    Slave,
    Tables,
    libmodbus_rtu,
    pymodbus_rtu,
    pymodbus_tcp,
)

TABLES = Tables(
    coils=dict(enumerate([1, 0, 1] + [0] * 13)),
    discretes=dict(enumerate([1, 1, 0] + [0] * 13)),
    holdings={0: 10, 1: 11, 2: 12, 3: 13},
    inputs={0: 0x4366, 1: 0x3333, 2: 65535},
)
SLAVES = [pymodbus_tcp, pymodbus_rtu, libmodbus_rtu]


@pytest.mark.parametrize("slave", SLAVES)
def test_a_foreign_slave_is_read_and_written(slave: Slave) -> None:
    with slave(TABLES) as bus:
        link = bus.link("meter1", UNIT)
        assert link.read_input_registers(0, 3).values == (0x4366, 0x3333, 65535)
        assert link.read_holding_registers(1, 2).values == (11, 12)
        link.write_register(1, 500)
        link.write_registers(2, (1, 65535))
        assert link.read_holding_registers(0, 4).values == (10, 500, 1, 65535)
        assert link.read_coils(0, 3).values == (True, False, True)
        link.write_coil(1, True)
        assert link.read_coils(0, 3).values == (True, True, True)
        assert link.read_discrete_inputs(0, 3).values == (True, True, False)
        assert bus.transact(UNIT, 15, 0, values=(1, 1, 0)) == (1, 1, 0)
        assert link.read_coils(0, 3).values == (True, True, False)
        with pytest.raises(DeviceRefused) as raised:
            link.read_holding_registers(1000, 1)
        assert raised.value.code == 2
        health = bus.health()
        assert (health.timeouts, health.bad_replies, health.refused) == (0, 0, 1)


def test_a_foreign_slave_of_another_unit_stays_silent() -> None:
    """Of libmodbus only: pymodbus's server answers for every unit."""
    with libmodbus_rtu(TABLES) as bus:
        with pytest.raises(NoReply):
            bus.link("nobody", UNIT + 1).read_input_registers(0, 1)
        assert bus.link("meter1", UNIT).read_input_registers(0, 1).values == (0x4366,)
